//! A day over a thousand hosts, by a manual clock and with scripted answers: nothing is asked that a robots.txt refuses,
//! nearly every repeated request is conditional, and no host is asked more often than its pacing allows, though the
//! service is killed a hundred times in between, in the middle of its requests too.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use tokio::sync::Notify;
use trustwatch::classify::Classifier;
use trustwatch::clock::{Clock, SystemClock, from_ms};
use trustwatch::config::{Config, load};
use trustwatch::daemon::open_store;
use trustwatch::fetch::{FetchError, Fetcher, NameServers, Response, Wire, host_of};
use trustwatch::pipeline::{Ingredients, Options, Pipeline};
use trustwatch::store::Gatherer;
use url::Url;

const HOSTS: usize = 1000;
const RESTARTS: usize = 100;
/// Between two requests to one registrable domain.
const GAP: Duration = Duration::from_secs(5);

/// A clock that moves itself on when somebody sleeps.
#[derive(Debug)]
struct SimulatedClock(AtomicI64);

impl Clock for SimulatedClock {
    fn now(&self) -> DateTime<Utc> {
        from_ms(self.0.load(Ordering::SeqCst))
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        self.0.fetch_add(i64::try_from(wait.as_millis()).unwrap(), Ordering::SeqCst);
        std::future::ready(()).boxed()
    }
}

/// One request, as the other side saw it.
#[derive(Debug, Clone)]
struct Asked {
    at: i64,
    url: Url,
    is_conditional: bool,
}

/// Thousand sites, each with its own manners.
#[derive(Debug)]
struct Script {
    clock: Arc<SimulatedClock>,
    asked: Mutex<Vec<Asked>>,
    /// The request after which the process is killed, before it has its answer.
    dies_at: Mutex<Option<usize>>,
    died: Notify,
}

impl Wire for Script {
    fn get(&self, url: Url, headers: HeaderMap) -> BoxFuture<'static, Result<Response, FetchError>> {
        let at = self.clock.now().timestamp_millis();
        let is_conditional =
            headers.contains_key("if-none-match") || headers.contains_key("if-modified-since");
        let mut asked = self.asked.lock().unwrap();
        asked.push(Asked { at, url: url.clone(), is_conditional });
        let mut dies_at = self.dies_at.lock().unwrap();
        if dies_at.is_some_and(|n| asked.len() >= n) {
            *dies_at = None;
            self.died.notify_one();
            return std::future::pending().boxed();
        }
        std::future::ready(Ok(answer(&url, at, is_conditional).map(Vec::from).into())).boxed()
    }
}

/// The number of a site, told from its name.
fn site(url: &Url) -> usize {
    let host = url.host_str().unwrap();
    host.trim_start_matches("www.")
        .trim_start_matches("site")
        .trim_end_matches(".com")
        .parse()
        .unwrap_or(HOSTS)
}

fn answer(url: &Url, at: i64, is_conditional: bool) -> http::Response<String> {
    let response = |status: u16, headers: &[(&str, &str)], body: String| {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(body).unwrap()
    };
    let n = site(url);
    let hour = at / 3_600_000;
    match (url.path(), n % 10) {
        ("/robots.txt", 0) => response(200, &[], "User-agent: *\nDisallow: /feed\n".to_owned()),
        ("/robots.txt", 1) => response(404, &[], String::new()),
        // Out of order in the morning.
        ("/robots.txt", 2) if hour % 24 < 8 => response(503, &[], String::new()),
        ("/robots.txt", _) => response(200, &[], "User-agent: *\nDisallow: /private\nAllow: /\n".to_owned()),
        // Moved to its other name, which has rules of its own.
        ("/feed", 3) if url.host_str().is_some_and(|host| !host.starts_with("www.")) => {
            response(301, &[("location", &format!("http://www.site{n}.com/feed"))], String::new())
        }
        // A hundred sites whose feeds stand with one provider.
        ("/feed", 4) => response(302, &[("location", &format!("http://feeds.com/{n}"))], String::new()),
        ("/feed", 5) if hour % 6 == 0 => response(429, &[("retry-after", "5400")], String::new()),
        // Leads to what its owner does not want read.
        ("/feed", 6) if n % 20 == 6 => response(302, &[("location", "/private/feed")], String::new()),
        (path, kind) if path == "/feed" || n == HOSTS => {
            // Every fourth site has something new every six hours.
            let edition = if n.is_multiple_of(4) { hour / 6 } else { 0 };
            let etag = format!("\"{edition}\"");
            if is_conditional && edition == 0 {
                return response(304, &[("etag", &etag)], String::new());
            }
            let items = (0..3)
                .map(|item| format!("<item><guid>{edition}-{item}</guid><title>Notice {item} of edition {edition}</title><link>http://{}/page/{edition}-{item}</link></item>", url.host_str().unwrap()))
                .collect::<Vec<String>>()
                .concat();
            let body = format!(
                "<rss version=\"2.0\"><channel><title>Site {n} {kind}</title>{items}</channel></rss>"
            );
            response(200, &[("content-type", "application/rss+xml"), ("etag", &etag)], body)
        }
        _ => response(
            200,
            &[("content-type", "text/html")],
            "<p>The Kettlewick swan was seen again on the boating lake.</p>".to_owned(),
        ),
    }
}

fn config(folder: &std::path::Path) -> Config {
    let mut text = format!(
        "[service]\nstate_dir = {:?}\n[store]\nlease_s = 180\n[fetch]\nrequests_per_second = 1000000\n[mail]\nfrom = \"Trustwatch <watch@trust.example>\"\n\
         [alert.recipients]\ncommunications = [\"a@trust.example\"]\n[web]\nlisten = \"\"\n[[organisation]]\nprofile = \"northmere\"\n\
         purpose = \"test\"\nbasis = \"test\"\nowner = \"test\"\nlicence = \"none\"\nreview = 2099-01-01\n",
        folder.join("state").display().to_string()
    );
    for n in 0..HOSTS {
        // Some follow links; some share a host with another source.
        let more = if n % 10 == 7 { "follow = true\n" } else { "" };
        text.push_str(&format!(
            "[[source]]\nid = \"s{n}\"\nurl = \"http://site{n}.com/feed\"\nevery = \"5h\"\n{more}"
        ));
        if n % 10 == 8 {
            text.push_str(&format!(
                "[[source]]\nid = \"s{n}-too\"\nurl = \"http://www.site{n}.com/feed\"\nevery = \"7h\"\n"
            ));
        }
    }
    let file = folder.join("trustwatch.toml");
    std::fs::write(&file, text).unwrap();
    load(&file).unwrap()
}

/// Runs one life of the service, to its death or to the end of the day.
async fn live(
    config: &Config,
    classifier: &Classifier,
    clock: &Arc<SimulatedClock>,
    script: &Arc<Script>,
    end: i64,
) {
    let store = open_store(config, &SystemClock::default()).await.unwrap();
    let (gatherer, gathering) = Gatherer::new(store.clone());
    let gathering = tokio::spawn(gathering);
    let pipeline = Pipeline::new(Ingredients {
        store: store.clone(),
        gatherer,
        fetcher: Fetcher::over(config.fetch.clone(), script.clone(), clock.clone()),
        registry: Arc::new(NameServers::new(&["127.0.0.1:9".parse().unwrap()]).unwrap()),
        classifier: classifier.clone(),
        planned: config.planned.clone(),
        options: Options {
            // One after the other: a sleep of one must not move the clock for another.
            concurrency: 1,
            lease: Duration::from_secs(config.store.lease_s),
            host_gap: GAP,
            source: config.source.clone(),
            extract: config.extract.clone(),
        },
        clock: clock.clone(),
        worker: "day".to_owned(),
        only: None,
        progress: None,
    });
    let names: Vec<_> =
        config.profiles.iter().map(|profile| (profile.id.clone(), profile.name.clone())).collect();
    store.sync_sources(&names, &pipeline.specs(), clock.now().timestamp_millis()).await.unwrap();
    let day = async {
        while clock.now().timestamp_millis() < end {
            pipeline.run_until_idle().await.unwrap();
            let next = store.next_due("").await.unwrap().unwrap_or(end);
            clock.0.fetch_max(next.min(end), Ordering::SeqCst);
        }
    };
    tokio::select! {
        () = day => {}
        // Killed: whatever is in memory is gone, whatever was not committed too.
        () = script.died.notified() => {}
    }
    drop(pipeline);
    gathering.await.unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_over_a_thousand_hosts_is_polite_through_a_hundred_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let classifier = Classifier::new(config.profiles.clone(), config.rules.clone()).unwrap();
    std::fs::create_dir(&config.service.state_dir).unwrap();
    let start = "2026-07-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap().timestamp_millis();
    let end = start + 24 * 3_600_000;
    let clock = Arc::new(SimulatedClock(AtomicI64::new(start)));
    let script = Arc::new(Script {
        clock: clock.clone(),
        asked: Mutex::default(),
        dies_at: Mutex::default(),
        died: Notify::new(),
    });
    let mut restarts = 0;
    while clock.now().timestamp_millis() < end {
        if restarts < RESTARTS {
            // Unevenly spread: some lives are a few requests long.
            let soon = [3, 20, 50, 80, 100][restarts % 5];
            *script.dies_at.lock().unwrap() = Some(script.asked.lock().unwrap().len() + soon);
        }
        live(&config, &classifier, &clock, &script, end).await;
        restarts += 1;
    }
    assert!(restarts > RESTARTS, "{restarts}");
    let asked = script.asked.lock().unwrap().clone();
    let mut last: HashMap<String, i64> = HashMap::new();
    let mut seen: HashMap<Url, usize> = HashMap::new();
    let (mut repeats, mut conditional) = (0, 0);
    for Asked { at, url, is_conditional } in &asked {
        let n = site(url);
        let refused =
            n.is_multiple_of(10) && n != HOSTS && url.path() == "/feed" || url.path().starts_with("/private");
        assert!(!refused, "{url} was asked though its robots.txt refuses that");
        if let Some(before) = last.insert(host_of(url), *at) {
            assert!(at - before >= 5000, "{url} came {} ms after another request to its host", at - before);
        }
        let times = seen.entry(url.clone()).or_default();
        *times += 1;
        if *times > 1 && url.path() != "/robots.txt" {
            repeats += 1;
            conditional += usize::from(*is_conditional);
        }
    }
    let robots = asked.iter().filter(|asked| asked.url.path() == "/robots.txt").count();
    println!(
        "{} requests to {} hosts, {restarts} lives; {conditional} of {repeats} repeats conditional; {robots} for robots.txt",
        asked.len(),
        last.len()
    );
    assert!(last.len() >= HOSTS, "{}", last.len());
    assert!(repeats > 2000, "{repeats}");
    assert!(conditional * 100 >= repeats * 95, "{conditional} of {repeats} repeats were conditional");
}
