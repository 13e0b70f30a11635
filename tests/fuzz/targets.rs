//! The fuzz targets: what strangers send, given to the code that reads it, and what must hold of the answer whatever
//! was sent. A target panics where it does not hold. The fuzzer beside this file runs them, and so do the ordinary
//! tests (tests/it/fuzz.rs) with the saved inputs.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use trustwatch::cli;
use trustwatch::clock::{from_ms, london_day, london_text};
use trustwatch::extract::{self, Wall, canonical_url, decode, document_of_entry, document_of_page};
use trustwatch::fetch::{
    MAX_RETRY_AFTER, Policy, Robots, Ruling, host_of, is_public, parse_target, retry_after,
};
use trustwatch::markup;
use trustwatch::model::{DateDoubt, Document, DocumentKind, Entry};
use trustwatch::source::{
    FeedError, Hints, MAX_INTERVAL, Options, Pace, PageOptions, ParsedFeed, linked_pages, named_in,
    page_entry, parse_date, parse_feed, read_page, usual_places,
};
use url::{Host, Url};

/// One target.
pub(crate) type Target = fn(&[u8]);

/// Every target by its name, which is also that of its folders.
pub(crate) const TARGETS: [(&str, Target); 6] =
    [("dates", dates), ("feed", feed), ("opml", opml), ("page", page), ("robots", robots), ("url", url)];

/// 22 November 2026, noon.
const NOW_MS: i64 = 1_795_348_800_000;
/// Entries of one feed that become documents: telling their language takes longer than all the rest.
const MAX_DOCUMENTS: usize = 4;
/// In a saved page: what follows stood there at the next visit.
const NEXT_VISIT: &str = "<!--next visit-->";
/// Visits to one page.
const MAX_VISITS: usize = 8;
/// Of so many pages one is read twice: to read one takes longer than all the rest.
const READ_AGAIN: u8 = 8;
/// Elements inside elements of any tree that is built.
const MAX_TREE_DEPTH: usize = 256;
/// Lines of a robots.txt whose own path is asked for.
const MAX_ASKED: usize = 16;

fn address(text: &str) -> Url {
    Url::parse(text).expect("a constant address is read")
}

/// A body as every reader gets it.
fn decoded(bytes: &[u8]) -> String {
    let decoded = decode(bytes, None);
    let is_control = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r' | '\u{c}');
    assert!(!decoded.text.contains(is_control), "control characters are gone");
    if !decoded.text.starts_with('\u{feff}') {
        let again = decode(decoded.text.as_bytes(), Some("text/html; charset=utf-8"));
        assert_eq!(again.text, decoded.text, "text that is UTF-8 by now is read as it is");
        assert!(!again.lossy);
    }
    decoded.text
}

fn feed(bytes: &[u8]) {
    let text = decoded(bytes);
    let base = address("https://feeds.example.org/news/feed.xml");
    let now = from_ms(NOW_MS);
    let options = Options::default();
    let feed = match parse_feed(&text, &base, now, &options) {
        Ok(feed) => feed,
        Err(error) => {
            assert_eq!(error == FeedError::Empty, text.trim().is_empty(), "{error}");
            return;
        }
    };
    assert_entries(&feed, now);
    assert!(feed.entries.len() <= options.max_entries);
    let again = parse_feed(&text, &base, now, &options);
    assert_eq!(again.as_ref(), Ok(&feed), "the same at every poll");
    let few = Options { max_entries: 2 };
    let few = parse_feed(&text, &base, now, &few).expect("a limit makes no feed unreadable");
    assert!(few.entries.len() <= 2);
    assert_pace(&feed, now);
    for entry in feed.entries.iter().take(MAX_DOCUMENTS) {
        assert_document(&document_of_entry(entry, DocumentKind::News, &extract::Options::default()));
    }
}

fn assert_entries(feed: &ParsedFeed, now: DateTime<Utc>) {
    let mut keys = HashSet::new();
    for Entry { key, url, published, doubt, .. } in &feed.entries {
        assert!(!key.is_empty(), "every entry has a key");
        assert!(keys.insert(key), "{key:?} stands for one entry");
        assert!(url.is_empty() || is_web(&Url::parse(url).expect("an entry's address is absolute")), "{url}");
        let expected = match published {
            None => Some(DateDoubt::Missing),
            Some(at) if *at > now + chrono::Duration::days(1) => Some(DateDoubt::Future),
            Some(_) => None,
        };
        assert_eq!(*doubt, expected);
        if let Some(at) = published {
            assert_instant(*at);
        }
    }
    let Hints { interval_s, skip_hours, skip_days } = feed.hints;
    assert!(interval_s.is_none_or(|seconds| (1..=366 * 86_400).contains(&seconds)), "{interval_s:?}");
    assert!(skip_hours < (1 << 24) - 1, "an hour is left: {skip_hours:b}");
    assert!(skip_days < (1 << 7) - 1, "a day is left: {skip_days:b}");
}

/// Whatever a feed says of its rhythm, its next poll lies within a day.
fn assert_pace(feed: &ParsedFeed, now: DateTime<Utc>) {
    let mut pace = Pace { hints: feed.hints, ..Pace::default() };
    for now in [now, now + chrono::Duration::days(2)] {
        pace.learn(&feed.entries, now);
        let due = pace.next_after(now, Duration::from_secs(900));
        assert!(now < due && due <= now + MAX_INTERVAL, "{due}");
        assert_eq!(Pace::from_stored(&pace.to_stored()), pace);
    }
}

fn assert_document(document: &Document) {
    let options = extract::Options::default();
    assert!(document.text.chars().count() <= options.max_text_chars);
    assert!(!document.title.contains('\n') && !document.author.contains('\n'));
    assert!(document.language.as_ref().is_none_or(|code| (2..=3).contains(&code.len())));
    if !document.url.is_empty() {
        let url = Url::parse(&document.url).expect("a document's address is absolute");
        assert!(is_web(&url), "{url}");
        assert_eq!(canonical_url(&url, &options), url);
    }
    if let Some(at) = document.published {
        assert_instant(at);
    }
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

fn page(bytes: &[u8]) {
    let html = decoded(bytes);
    for tree in [markup::document(&html), markup::fragment(&html)] {
        let depth = tree.tree.root().descendants().map(|node| node.ancestors().count()).max();
        assert!(depth.unwrap_or_default() <= MAX_TREE_DEPTH, "{depth:?} elements deep");
    }
    let url = address("https://www.paper.example.org/news/");
    assert_page(&html, &url);
    // Each tree of what is not borne costs what is allowed before its words are taken: here they are taken once.
    let is_borne = markup::bearable_document(&html).is_some() && markup::bearable_article(&html).is_some();
    let html = if is_borne { html } else { markup::without_tags(&html) };
    assert_wall(&html);
    assert_links(&html, &url);
    for diff in [false, true] {
        let parts = vec!["main, .news".to_owned(), "p".to_owned()];
        let ignore = vec![".ad, time".to_owned(), "nav".to_owned()];
        assert_visits(&html, &url, &PageOptions { diff, ..PageOptions::default() });
        assert_visits(&html, &url, &PageOptions { select: parts, ignore, diff });
    }
}

/// Whatever stands on it, a page that says much is no wall.
fn assert_wall(html: &str) {
    let wall = Wall::of(html);
    assert_eq!(Wall::of(html), wall);
    let prose = "The ward reopened on Monday, the trust said, and the tea was hot. ".repeat(64);
    assert_eq!(Wall::of(&format!("<p>{prose}</p>{html}")), None);
}

fn assert_page(html: &str, url: &Url) {
    let entry = page_entry(url.as_str(), url.as_str(), html.to_owned());
    let read = || document_of_page(html, url, &entry, DocumentKind::Web, &extract::Options::default());
    let document = read();
    assert_document(&document);
    let is_plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ") == line;
    assert!(document.text.lines().all(|line| !line.is_empty() && is_plain(line)), "{:?}", document.text);
    let host = address(&document.url).host_str().unwrap_or_default().to_owned();
    assert!(host == "example.org" || host.ends_with(".example.org"), "{host} is another site");
    if print(html)[0].is_multiple_of(READ_AGAIN) {
        assert_eq!(read(), document, "an unchanged page is no edit");
    }
}

fn assert_links(html: &str, url: &Url) {
    let links = linked_pages(url, html, &PageOptions::default());
    assert!(links.entries.len() <= 200);
    let mut seen = HashSet::new();
    for entry in &links.entries {
        let target = address(&entry.url);
        assert!(is_web(&target) && target.fragment().is_none() && target != *url, "{target}");
        assert_eq!(host_of(&target), host_of(url), "on the same site");
        assert_eq!(entry.key, entry.url);
        assert!(!entry.title.is_empty() && seen.insert(target));
    }
    let named = named_in(html, url);
    assert!(named.len() <= 20);
    let mut seen = HashSet::new();
    for candidate in named {
        assert!(is_web(&candidate.url), "{}", candidate.url);
        assert!(usual_places(&candidate.url).iter().all(|place| is_web(&place.url)));
        assert!(seen.insert(candidate.url));
    }
}

/// What was told of a page once is never told again, and no difference takes another's place.
fn assert_visits(html: &str, url: &Url, options: &PageOptions) {
    let (mut blocks, mut told, mut keys) = (Vec::new(), HashSet::new(), HashSet::new());
    for visit in html.split(NEXT_VISIT).take(MAX_VISITS) {
        let read = read_page("key", url, visit, options, &blocks, print);
        assert_eq!(read.blocks.len() % 8, 0);
        assert!(read.found || read.entries.is_empty() && !options.select.is_empty());
        assert!(read.entries.len() <= 1);
        let again = read_page("key", url, visit, options, &read.blocks, print);
        assert_eq!(again.blocks, read.blocks);
        if options.diff {
            assert!(again.entries.is_empty(), "nothing is new at once: {:?}", again.entries);
        } else {
            assert_eq!(again, read, "a page that is read whole is read as it is");
            told.clear();
            keys.clear();
        }
        for entry in read.entries {
            assert!(keys.insert(entry.key));
            assert!(!entry.content.as_str().is_empty());
            for line in entry.content.as_str().lines() {
                assert!(told.insert(line.to_owned()), "{line:?} was told before");
            }
        }
        blocks = read.blocks;
    }
}

fn print(block: &str) -> [u8; 8] {
    let mut hasher = DefaultHasher::new();
    block.hash(&mut hasher);
    hasher.finish().to_le_bytes()
}

fn robots(bytes: &[u8]) {
    let file = Robots::read(bytes, "Trustwatch");
    assert!(file.sitemaps().len() <= 50);
    // The same file by other means, none of which the standard tells apart.
    let loud = Robots::read(bytes, "TRUSTWATCH/1.0 (+https://paper.example.org/about)");
    let windows = (!bytes.contains(&b'\r')).then(|| Robots::read(&with_crlf(bytes), "Trustwatch"));
    let stricter = [bytes, b"\nUser-agent: Trustwatch\nDisallow: /\n"].concat();
    let stricter = Robots::read(&stricter, "Trustwatch");
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches(['\u{feff}', '\u{fffd}']).replace("\r\n", "\n");
    let lines: Vec<&str> = text.split(['\n', '\r']).collect();
    let own = lines.iter().filter_map(|line| line.split_once(':')).map(|(_, path)| path.trim());
    let own = own.filter(|path| path.starts_with('/')).take(MAX_ASKED);
    let fixed =
        ["/", "/robots.txt", "/news/2026/ward-reopens.html", "/search?q=a:b&u=http://c/", "/*/a$", "/A~b.c"];
    for path in fixed.into_iter().chain(own) {
        let Ok(url) = Url::parse(&format!("https://www.paper.example.org{path}")) else { continue };
        let ruling = file.ruling(&url);
        assert_ruling(&ruling, &lines);
        assert_eq!(loud.ruling(&url), ruling, "a name is the same in capitals and with a version");
        assert!(windows.as_ref().is_none_or(|windows| windows.ruling(&url) == ruling), "{path}");
        let strict = stricter.ruling(&url);
        assert!(ruling.allowed || !strict.allowed, "{path}: one no more makes no yes");
        let spoken: Vec<u8> = url::form_urlencoded::parse(url.path().replace('+', "%2B").as_bytes())
            .flat_map(|(name, _)| name.into_owned().into_bytes())
            .collect();
        let is_robots = spoken == b"/robots.txt";
        assert!(strict.line > 0 || is_robots, "{path}: every path is spoken of");
        if fixed.contains(&path) {
            let escaped = address(&format!("https://www.paper.example.org{}", escaped(path)));
            assert_eq!(file.ruling(&escaped), ruling, "{path} is the same, escaped or not");
        }
    }
    assert!(file.ruling(&address("https://www.paper.example.org/robots.txt")).allowed);
}

/// A person who is refused is told the line that refuses.
fn assert_ruling(ruling: &Ruling, lines: &[&str]) {
    if ruling.line == 0 {
        assert!(ruling.allowed && ruling.rule.is_empty());
        return;
    }
    let line = lines.get(ruling.line - 1).expect("the line is in the file");
    let first = line.chars().find(|c| !c.is_whitespace() && !matches!(c, '-' | '_'));
    let (word, letter) = if ruling.allowed { ("Allow: ", 'a') } else { ("Disallow: ", 'd') };
    assert!(ruling.rule.starts_with(word), "{ruling:?}");
    assert!(first.is_some_and(|first| first.eq_ignore_ascii_case(&letter)), "{ruling:?} from {line:?}");
}

fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let crlf = |byte: &u8| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] };
    bytes.iter().flat_map(crlf).collect()
}

/// The path with each letter and digit percent-encoded.
fn escaped(path: &str) -> String {
    path.chars().fold(String::new(), |mut escaped, c| {
        if c.is_ascii_alphanumeric() {
            let _ = write!(escaped, "%{:02x}", u32::from(c));
        } else {
            escaped.push(c);
        }
        escaped
    })
}

fn dates(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let found = parse_date(&text);
    assert_eq!(parse_date(&format!("\t{text} \n")), found, "white space around a date says nothing");
    let text = text.trim();
    let with_weekday = format!("Mon, {text}");
    if text.starts_with(|c: char| c.is_ascii_digit()) && with_weekday.len() <= 64 {
        assert_eq!(parse_date(&with_weekday), found, "the day of the week says nothing");
    }
    if let Some(at) = found {
        assert_instant(at);
        let written = at.to_rfc3339();
        // Beyond four digits a year is no RFC 3339 any more.
        if !written.starts_with(['-', '+']) {
            // As it is stored: chrono holds a leap second in more ways than one.
            let again = parse_date(&written).map(|at| at.timestamp_millis());
            assert_eq!(again, Some(at.timestamp_millis()), "{written}");
        }
    }
    let now = from_ms(NOW_MS);
    let wait = retry_after(text, now);
    let later = retry_after(text, now + chrono::Duration::hours(1));
    assert!(wait.is_none_or(|wait| wait <= MAX_RETRY_AFTER), "{wait:?}");
    assert_eq!(wait.is_some(), later.is_some());
    assert!(later <= wait, "who waited waits no longer");
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        assert_eq!(wait, later, "a number of seconds knows no clock");
        assert!(wait.is_some());
    }
}

/// A time that can be stored, compared, and told to people.
fn assert_instant(at: DateTime<Utc>) {
    let ms = at.timestamp_millis();
    let stored = from_ms(ms);
    assert_eq!(stored.timestamp_millis(), ms, "{at:?} is in range");
    assert!(!london_text(stored).is_empty());
    let _ = london_day(stored);
}

fn opml(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(lines) = cli::from_opml(&text) {
        assert!(lines.len() <= text.matches('<').count());
        assert_lines(&lines);
        assert_eq!(named(&cli::from_opml(&as_opml(&lines)).expect("what we write we read")), named(&lines));
    }
    if let Ok(mut lines) = cli::from_csv(&text) {
        assert!(lines.len() <= text.lines().count() + text.matches('\r').count());
        // Lines without an address are kept to be told of.
        lines.retain(|line| !line.url.is_empty());
        assert_lines(&lines);
        assert_eq!(named(&cli::from_csv(&as_csv(&lines)).expect("what we write we read")), named(&lines));
    }
}

fn assert_lines(lines: &[cli::Line]) {
    for line in lines {
        assert!(!line.url.is_empty(), "a line without an address is none");
        assert_eq!(line.url.trim(), line.url);
    }
}

fn named(lines: &[cli::Line]) -> Vec<(&str, &str)> {
    lines.iter().map(|line| (line.id.as_str(), line.url.as_str())).collect()
}

fn as_opml(lines: &[cli::Line]) -> String {
    let outlines = lines.iter().fold(String::new(), |mut outlines, line| {
        let (id, url) = (quick_xml::escape::escape(&line.id), quick_xml::escape::escape(&line.url));
        let _ = write!(outlines, "<outline text=\"{id}\" xmlUrl=\"{url}\"/>");
        outlines
    });
    format!("<opml version=\"2.0\"><body>{outlines}</body></opml>")
}

fn as_csv(lines: &[cli::Line]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["id", "url"]).expect("memory takes everything");
    for (id, url) in named(lines) {
        writer.write_record([id, url]).expect("memory takes everything");
    }
    let bytes = writer.into_inner().expect("memory takes everything");
    String::from_utf8(bytes).expect("text stays text")
}

fn url(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let base = address("https://www.paper.example.org/news/?page=2");
    // As a person writes it, as a redirect gives it, and as a link on a page.
    let joined = base.join(&text).map(String::from).unwrap_or_default();
    for text in [&*text, joined.as_str()] {
        if let Ok(url) = Url::parse(text) {
            assert_canonical(&url);
        }
        if let Ok(url) = parse_target(text, &Policy::default()) {
            assert_target(&url);
            assert_eq!(parse_target(url.as_str(), &Policy::default()), Ok(url.clone()), "read as written");
            let canonical = canonical_url(&url, &extract::Options::default());
            assert_target(&canonical);
            assert!(parse_target(canonical.as_str(), &Policy::default()).is_ok(), "{canonical}");
            let host = host_of(&url);
            assert!(!host.is_empty());
            assert_eq!(host_of(&address(&format!("http://{host}/"))), host, "paced as what it belongs to");
        }
    }
}

fn assert_canonical(url: &Url) {
    let options = extract::Options::default();
    let once = canonical_url(url, &options);
    assert_eq!(canonical_url(&once, &options), once, "twice is once");
    assert_eq!(once.fragment(), None);
    if is_web(url) {
        assert_eq!((once.host(), once.port(), once.path()), (url.host(), url.port(), url.path()));
        assert_eq!(Url::parse(once.as_str()).as_ref(), Ok(&once), "read as written");
    }
}

/// Only the public web, and nothing that another program may read as something else.
fn assert_target(url: &Url) {
    assert!(is_web(url), "{url}");
    assert!(url.username().is_empty() && url.password().is_none(), "{url}");
    assert!(matches!(url.port_or_known_default(), Some(80 | 443)), "{url}");
    match url.host().expect("a web address has a host") {
        Host::Ipv4(ip) => assert!(is_public(ip.into()), "{ip}"),
        Host::Ipv6(ip) => assert!(is_public(ip.into()), "{ip}"),
        Host::Domain(name) => {
            let bare = name.trim_matches('.');
            let last = bare.rsplit_once('.').map_or("localhost", |(_, last)| last);
            assert!(!["local", "localhost", "internal", "lan", "onion"].contains(&last), "{name}");
            assert!(bare.parse::<IpAddr>().is_ok_and(is_public) || bare.parse::<IpAddr>().is_err(), "{name}");
        }
    }
}
