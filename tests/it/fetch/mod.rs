//! The one door to the web, tried from outside: what the guard refuses, what servers answer, what they
//! send too much of, and what their robots.txt says.

mod answers;
mod guard;
pub(crate) mod limits;
mod outside;
mod process;
mod redirects;
mod robots;
pub(crate) mod server;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use trustwatch::clock::{ManualClock, SharedClock};
use trustwatch::fetch::{FetchError, Fetched, Fetcher, Options, Page, Request, Resolve};
use url::Url;

use self::server::Server;

/// The host name under which the scripted server stands.
const HOST: &str = "paper.example.com";

/// A resolver that counts, and answers by a script: the name and how often it was asked before.
struct Scripted<F> {
    asked: Mutex<Vec<String>>,
    script: F,
    count: AtomicUsize,
}

impl<F> std::fmt::Debug for Scripted<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripted").field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl<F: Fn(&str, usize) -> std::io::Result<Vec<IpAddr>> + Send + Sync> Scripted<F> {
    fn new(script: F) -> Arc<Self> {
        Arc::new(Self { asked: Mutex::default(), script, count: AtomicUsize::new(0) })
    }

    /// How often anything was asked.
    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl<F: Fn(&str, usize) -> std::io::Result<Vec<IpAddr>> + Send + Sync> Resolve for Scripted<F> {
    fn resolve(&self, name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        self.count.fetch_add(1, Ordering::SeqCst);
        let mut asked = self.asked.lock().unwrap();
        let before = asked.iter().filter(|known| **known == name).count();
        let found = (self.script)(&name, before);
        asked.push(name);
        Box::pin(async move { found })
    }
}

/// A resolver that knows nobody.
fn nobody() -> Arc<dyn Resolve> {
    Scripted::new(|name, _| Err(std::io::Error::other(format!("{name} is not known"))))
}

/// Options under which `HOST` and its sub-domains are dialled at `server`.
fn options(server: &Server) -> Options {
    let address = server.address.to_string();
    let hosts = [HOST, "other.example.com"].map(|name| (name.to_owned(), address.clone()));
    Options {
        contact: "watch@trust.example".to_owned(),
        loopback: vec![address.clone()],
        hosts: hosts.into_iter().collect(),
        requests_per_second: 10_000,
        ..Options::default()
    }
}

fn clock() -> SharedClock {
    Arc::new(ManualClock::new("2026-11-22T12:00:00Z".parse().unwrap()))
}

/// A fetcher that knows `server` and nobody else.
fn fetcher(server: &Server) -> Fetcher {
    fetcher_with(options(server))
}

fn fetcher_with(options: Options) -> Fetcher {
    Fetcher::new(options, nobody(), clock()).unwrap()
}

/// The address of a page on the scripted server.
fn at(path: &str) -> Request {
    Request::new(Url::parse(&format!("http://{HOST}{path}")).unwrap())
}

async fn page(fetcher: &Fetcher, path: &str) -> Page {
    match fetcher.fetch(at(path)).await {
        Ok(Fetched::Page(page)) => page,
        other => panic!("{path}: no page but {other:?}"),
    }
}

async fn error(fetcher: &Fetcher, path: &str) -> FetchError {
    fetcher.fetch(at(path)).await.err().unwrap_or_else(|| panic!("{path} was fetched"))
}

/// The lines of a list of the guard's fixtures, comments left out, nothing trimmed.
fn lines(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(fixture(&format!("guard/{file}"))).unwrap();
    let wanted = |line: &&str| !line.is_empty() && !line.starts_with('#');
    text.split('\n').filter(wanted).map(str::to_owned).collect()
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}
