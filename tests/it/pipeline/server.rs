//! A small web on loopback, by script: each host and path has its answers, given one after the other,
//! the last one for ever. It keeps what it was asked.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into(), delay: Duration::ZERO }
    }

    pub(crate) fn feed(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "application/rss+xml; charset=utf-8", body)
    }

    pub(crate) fn page(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "text/html; charset=utf-8", body)
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::new(status, "text/plain", body)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) host: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Default)]
struct Script {
    answers: HashMap<(String, String), VecDeque<Answer>>,
    asked: Vec<Asked>,
}

/// Serves until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    accepting: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, script) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Script::default())));
        let shared = script.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that hangs up is its own business.
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { address, script, accepting }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on `host` answers `path` with these, the last one for ever. Anything else is 404.
    pub(crate) fn put(&self, host: &str, path: &str, answers: impl IntoIterator<Item = Answer>) {
        let key = (host.to_owned(), path.to_owned());
        self.script.lock().unwrap().answers.insert(key, answers.into_iter().collect());
    }

    /// Everything that was asked so far, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.lock().unwrap().asked.clone()
    }

    /// What was asked of one path.
    pub(crate) fn asked_for(&self, host: &str, path: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.host == host && asked.path == path).collect()
    }
}

async fn serve(stream: TcpStream, script: Arc<Mutex<Script>>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if read.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if line.trim().is_empty() {
                break;
            }
            lines.push(line.trim().to_owned());
        }
        let Some((first, rest)) = lines.split_first() else { continue };
        let headers: Vec<(String, String)> = rest
            .iter()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let host = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = host.map(|(_, value)| value.clone()).unwrap_or_default();
        let answer = taken(&script, Asked { host, path, headers });
        tokio::time::sleep(answer.delay).await;
        let mut head =
            format!("HTTP/1.1 {} Said\r\nContent-Length: {}\r\n", answer.status, answer.body.len());
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        write.write_all(&[head.as_bytes(), b"\r\n", &answer.body].concat()).await?;
    }
}

/// The next answer, 304 where the asker has it already; what was asked is kept.
fn taken(script: &Mutex<Script>, asked: Asked) -> Answer {
    let mut script = script.lock().unwrap();
    let answers = script.answers.get_mut(&(asked.host.clone(), asked.path.clone()));
    let answer = answers
        .and_then(|answers| if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() });
    let answer = answer.unwrap_or_else(|| Answer::text(404, "there is nothing here"));
    let known = asked.header("if-none-match").map(str::to_owned);
    script.asked.push(asked);
    let tag = answer.headers.iter().find(|(name, _)| name == "ETag").map(|(_, value)| value.clone());
    if tag.is_some() && known == tag {
        return Answer { status: 304, body: Vec::new(), ..answer };
    }
    answer
}

/// An item of a feed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) text: &'a str,
}

/// When every item says that it was published.
pub(crate) const PUBLISHED: &str = "Wed, 01 Jul 2026 08:00:00 GMT";

/// An RSS feed of `host`; item `x` points at `/x`.
pub(crate) fn rss(host: &str, items: &[Item<'_>]) -> String {
    let mut feed = "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Paper</title>".to_owned();
    for Item { id, title, text } in items {
        feed.push_str(&format!(
            "<item><guid isPermaLink=\"false\">{id}</guid><link>http://{host}/{id}</link><title>{title}</title>\
             <pubDate>{PUBLISHED}</pubDate><description>{text}</description></item>"
        ));
    }
    feed + "</channel></rss>"
}
