//! Bad manners of feed servers, as data (`tests/fixtures/manners`): each case scripts what a server does from visit
//! to visit, and says what the right outcome of each visit is. Read, polled and stored by the real parts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use serde::Deserialize;

use super::bed::{Machine, World};
use crate::fetch::limits::packed;
use crate::fetch::server::{Asked, Server, Step, answer, head};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    manner: String,
    #[serde(default)]
    kind: Kind,
    /// Polled in its own rhythm, not every half hour.
    #[serde(default)]
    adaptive: bool,
    visit: Vec<Visit>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Feed,
    Page,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Visit {
    wait: Option<String>,
    at: Option<String>,
    #[serde(flatten)]
    said: Said,
    #[serde(default)]
    also: Vec<Also>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Also {
    at: String,
    #[serde(flatten)]
    said: Said,
}

/// What a server answers.
#[derive(Deserialize)]
struct Said {
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    body_hex: Option<String>,
    stories: Option<Vec<String>>,
    compress: Option<String>,
    #[serde(default)]
    transport: Transport,
    raw: Option<String>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Transport {
    #[default]
    Whole,
    Short,
    Cut,
    Reset,
    Silence,
    Drip,
    Endless,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    #[serde(default = "yes")]
    asked: bool,
    outcome: Option<String>,
    listed: Option<i64>,
    hits: Option<i64>,
    edited: Option<i64>,
    gone: Option<i64>,
    #[serde(default)]
    sent: BTreeMap<String, String>,
    due_in: Option<String>,
    due_min: Option<String>,
    due_max: Option<String>,
    url: Option<String>,
    blind: Option<bool>,
    warned: Option<bool>,
}

fn yes() -> bool {
    true
}

/// How many cases are tried beside each other.
const AT_ONCE: usize = 8;
/// The source's own address.
const HOME: &str = "http://paper.example/feed";
const LIMITS: &str = "first_byte_timeout_s = 1\ntotal_timeout_s = 2\nmax_wire_bytes = 65536\nmax_body_bytes = 262144\n\
                      [feed]\nmax_entries = 50";

/// `37m30s` in milliseconds.
fn milliseconds(text: &str) -> i64 {
    let mut sum = 0;
    let mut number = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c {
            's' => 1000,
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            other => panic!("{text}: {other} is no unit"),
        };
        sum += number.parse::<i64>().unwrap() * unit;
        number.clear();
    }
    assert!(number.is_empty(), "{text} has no unit");
    sum
}

/// A plain feed, newest first, or a page; each story names the Trust.
fn told(kind: Kind, stories: &[String]) -> String {
    let sentence = |name: &str| {
        format!(
            "Northmere Valley NHS Foundation Trust said of {name} that it would say more about {name} in good time."
        )
    };
    match kind {
        Kind::Page => {
            let paragraphs: String = stories
                .iter()
                .fold(String::new(), |all, name| all + format!("<p>{}</p>", sentence(name)).as_str());
            format!(
                "<!doctype html><html><head><title>News</title></head><body><main><h1>News</h1>{paragraphs}</main></body></html>"
            )
        }
        Kind::Feed => {
            let item = |(index, name): (usize, &String)| {
                let hour = 8 - index.min(8);
                format!(
                    "<item><guid isPermaLink=\"false\">{name}</guid><link>http://paper.example/{name}</link><title>Story {name}</title>\
                     <pubDate>Wed, 01 Jul 2026 {hour:02}:00:00 GMT</pubDate><description>{}</description></item>",
                    sentence(name)
                )
            };
            let items: String = stories.iter().enumerate().map(item).collect();
            format!(
                "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Paper</title>{items}</channel></rss>"
            )
        }
    }
}

impl Said {
    async fn steps(&self, kind: Kind) -> Vec<Step> {
        if let Some(raw) = &self.raw {
            return vec![Step::Send(raw.clone().into_bytes())];
        }
        let mut body = match (&self.body, &self.body_hex, &self.stories) {
            (Some(body), None, None) => body.clone().into_bytes(),
            (None, Some(hex), None) => {
                let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
                let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
                digits.chunks(2).map(byte).collect()
            }
            (None, None, Some(stories)) => told(kind, stories).into_bytes(),
            (None, None, None) => Vec::new(),
            _ => panic!("one of body, body_hex and stories"),
        };
        let named = |name: &str| self.headers.keys().any(|known| known.eq_ignore_ascii_case(name));
        let mut headers = String::new();
        if !named("content-type") {
            let kind = if kind == Kind::Feed { "application/rss+xml" } else { "text/html" };
            headers.push_str(&format!("Content-Type: {kind}\r\n"));
        }
        if let Some(encoding) = &self.compress {
            body = packed(encoding, &body).await;
            if !named("content-encoding") {
                headers.push_str(&format!("Content-Encoding: {encoding}\r\n"));
            }
        }
        for (name, value) in &self.headers {
            headers.push_str(&format!("{name}: {value}\r\n"));
        }
        let status = format!("{} Said", self.status.unwrap_or(200));
        let start = |more: &str| Step::Send(head(&status, &format!("{headers}{more}")));
        let chunk = |body: &[u8]| [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat();
        match self.transport {
            Transport::Whole => answer(&status, &headers, body),
            Transport::Short => {
                vec![start(&format!("Content-Length: {}\r\n", body.len() + 500)), Step::Send(body)]
            }
            Transport::Cut => vec![start("Transfer-Encoding: chunked\r\n"), Step::Send(chunk(&body))],
            Transport::Reset => Vec::new(),
            Transport::Silence => vec![Step::Silence],
            Transport::Drip => vec![start(""), Step::Forever(b" ".to_vec(), Duration::from_millis(50))],
            Transport::Endless => {
                vec![start("Transfer-Encoding: chunked\r\n"), Step::Forever(chunk(&body), Duration::ZERO)]
            }
        }
    }
}

/// What is answered at each address, until the next visit.
type Script = Arc<Mutex<BTreeMap<String, Vec<Step>>>>;

fn address(asked: &Asked) -> String {
    format!("http://{}{}", asked.header("host").unwrap_or_default(), asked.path)
}

fn absolute(at: &str) -> String {
    if at.starts_with('/') { format!("http://paper.example{at}") } else { at.to_owned() }
}

/// Tries one case; what was not as it should be.
async fn tried(case: &Case) -> Vec<String> {
    let script: Script = Arc::default();
    let shared = script.clone();
    let server = Server::start(move |asked| {
        let known = shared.lock().unwrap().get(&address(asked)).cloned();
        known.unwrap_or_else(|| answer("404 Not Found", "Content-Type: text/plain\r\n", "nothing here"))
    })
    .await;
    let world = World::at(server.address.to_string(), LIMITS).await;
    let kind = if case.kind == Kind::Feed { "feed" } else { "page" };
    let every = if case.adaptive { "" } else { "every = \"30m\"" };
    let source = format!(
        "[[source]]\nid = \"paper\"\nkind = \"{kind}\"\nurl = \"{HOME}\"\ndocument_kind = \"news\"\n{every}\n"
    );
    let machine = world.machine(&source).await;
    let mut wrong = Vec::new();
    for (index, visit) in case.visit.iter().enumerate() {
        if index > 0 {
            let wait = milliseconds(visit.wait.as_deref().unwrap_or("30m"));
            machine.clock.advance(chrono::Duration::milliseconds(wait));
        }
        let at = absolute(visit.at.as_deref().unwrap_or("/feed"));
        let mut answers = BTreeMap::from([(at, visit.said.steps(case.kind).await)]);
        for also in &visit.also {
            answers.insert(absolute(&also.at), also.said.steps(case.kind).await);
        }
        *script.lock().unwrap() = answers;
        let before = server.asked().len();
        machine.look().await;
        machine.tell().await;
        let asked: Vec<Asked> =
            server.asked().into_iter().skip(before).filter(|asked| asked.path != "/robots.txt").collect();
        let found = differences(&machine, &visit.expect, &asked).await;
        wrong.extend(
            found
                .into_iter()
                .map(|what| format!("{} | {} | visit {}: {what}", case.manner, case.name, index + 1)),
        );
    }
    machine.close().await;
    wrong
}

async fn differences(machine: &Machine, expect: &Expect, asked: &[Asked]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut same = |what: &str, found: String, wanted: String| {
        if found != wanted {
            wrong.push(format!("{what} is {found}, not {wanted}"));
        }
    };
    let row = machine.source("paper").await;
    // What the guard refuses is asked for in vain before a socket is opened.
    if row.last_outcome != "refused" {
        same("asked", (!asked.is_empty()).to_string(), expect.asked.to_string());
    }
    if let Some(outcome) = &expect.outcome {
        same("outcome", format!("{} ({})", row.last_outcome, row.last_detail), {
            if row.last_outcome == *outcome {
                format!("{outcome} ({})", row.last_detail)
            } else {
                outcome.clone()
            }
        });
    }
    let count = async |sql: &'static str| machine.numbers(sql).await.first().copied().unwrap_or_default();
    let counted = [
        ("hits", expect.hits, "SELECT COUNT(*) FROM hit"),
        ("edited", expect.edited, "SELECT COUNT(*) FROM entry WHERE edited_at IS NOT NULL"),
        ("gone", expect.gone, "SELECT COUNT(*) FROM entry WHERE gone_at IS NOT NULL"),
        ("blind", expect.blind.map(i64::from), "SELECT COUNT(*) FROM gap WHERE until_at IS NULL"),
        ("warned", expect.warned.map(i64::from), "SELECT COUNT(*) > 0 FROM alert WHERE kind = 'sources'"),
    ];
    for (what, wanted, sql) in counted {
        if let Some(wanted) = wanted {
            same(what, count(sql).await.to_string(), wanted.to_string());
        }
    }
    if let Some(listed) = expect.listed {
        let said = row.last_detail.split(' ').next().unwrap_or_default().to_owned();
        same("listed", said, listed.to_string());
    }
    for (name, value) in &expect.sent {
        let sent = asked.last().and_then(|asked| asked.header(name)).unwrap_or_default();
        same(&format!("header {name}"), sent.to_owned(), value.clone());
    }
    let now = machine.now_ms();
    let due = row.next_due_at - now;
    let shown = |ms: i64| format!("{} s", ms / 1000);
    if let Some(wanted) = &expect.due_in {
        same("due in", shown(due), shown(milliseconds(wanted)));
    }
    if expect.due_min.as_deref().is_some_and(|least| due < milliseconds(least))
        || expect.due_max.as_deref().is_some_and(|most| due > milliseconds(most))
    {
        same("due in", shown(due), format!("{:?} to {:?}", expect.due_min, expect.due_max));
    }
    if let Some(url) = &expect.url {
        same("address", row.moved_to.clone().unwrap_or_else(|| row.url.clone()), url.clone());
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_manner_of_a_server_has_its_right_outcome() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/manners");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let mut cases = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let read: Cases = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        cases.extend(read.case);
    }
    let only = std::env::var("TRUSTWATCH_MANNER").unwrap_or_default();
    assert!(cases.len() >= 150, "{}", cases.len());
    cases.retain(|case| case.name.contains(&only) || case.manner.contains(&only));
    let wrong: Vec<Vec<String>> =
        futures_util::stream::iter(&cases).map(tried).buffer_unordered(AT_ONCE).collect().await;
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} of {} cases: {wrong:#?}", wrong.len(), cases.len());
}
