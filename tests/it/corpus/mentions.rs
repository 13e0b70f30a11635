//! Real input, real hits: what is stored and told equals what a plain search of the same entries finds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use trustwatch::alert::{self, Enqueuer, Recipients};
use trustwatch::clock::{Clock, ManualClock, SystemClock};
use trustwatch::extract::{decode, plain_text};
use trustwatch::model::{Entry, EntryContent};
use trustwatch::source::{Options, parse_feed};
use trustwatch::store::{HitFilter, Scope};
use url::Url;

use super::daemon::{Feeds, NAMES, World, read, url};

/// Sources whose hits differ from what the plain search finds, with the reason. None at present.
const DIFFERENT: [(&str, &str); 0] = [];

/// The entries of a feed as the poll of source `n` reads them.
fn entries(n: usize, bytes: &[u8]) -> Vec<Entry> {
    let text = decode(bytes, Some("text/xml")).text;
    let now = SystemClock::default().now();
    let feed = parse_feed(&text, &Url::parse(&url(n)).unwrap(), now, &Options::default());
    feed.map(|feed| feed.entries).unwrap_or_default()
}

/// Whether one of the names stands in `text` as a word, in any case.
fn is_named(text: &str) -> bool {
    let lower = text.to_lowercase();
    let outside = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
    NAMES.map(str::to_lowercase).iter().any(|name| {
        lower.match_indices(name.as_str()).any(|(start, _)| {
            outside(lower[..start].chars().next_back()) && outside(lower[start + name.len()..].chars().next())
        })
    })
}

/// What a person sees of an entry.
fn mentions(entry: &Entry) -> bool {
    let body = match &entry.content {
        EntryContent::Html(html) => plain_text(html),
        EntryContent::Text(text) => text.clone(),
    };
    [plain_text(&entry.title), plain_text(&entry.author), body].iter().any(|text| is_named(text))
}

/// Stored hits by source.
async fn hits(world: &World) -> BTreeMap<String, usize> {
    let filter = HitFilter { limit: 1_000_000, ..HitFilter::default() };
    let mut found = BTreeMap::new();
    for hit in world.app.store.hits(&Scope::OPEN, &filter).await.unwrap() {
        *found.entry(hit.source).or_default() += 1;
    }
    found
}

/// The newest summary's subject.
async fn summary(world: &World) -> Option<String> {
    let alerts = world.app.store.alerts(1000).await.unwrap();
    let mut told = alerts.into_iter().filter(|alert| alert.kind == "backlog");
    let first = told.next().map(|alert| alert.subject);
    assert!(told.next().is_none(), "one summary for the first pass");
    first
}

/// Hits that wait for the digest.
async fn digest(world: &World) -> Vec<String> {
    let waiting = world.app.store.waiting_decisions("digest", i64::MAX).await.unwrap();
    waiting.into_iter().map(|item| item.hit.title).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hits_and_the_first_summary_equal_a_plain_search_and_later_entries_come_one_by_one() {
    let Some(folder) = super::data("feeds/files") else { return };
    let feeds: Feeds = read(&folder);
    let mut world = World::build(&feeds).await;
    world.poll().await;
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for (n, (_, bytes)) in feeds.iter().enumerate() {
        let found = entries(n, bytes).iter().filter(|entry| mentions(entry)).count();
        if found > 0 {
            expected.insert(format!("f{n}"), found);
        }
    }
    let total: usize = expected.values().sum();
    assert!(total >= 50, "the name stands in {total} entries: too few to show anything");
    let stored = hits(&world).await;
    let name = |source: &str| feeds[source[1..].parse::<usize>().unwrap()].0.as_str();
    let different: Vec<String> = stored
        .keys()
        .chain(expected.keys())
        .filter(|source| stored.get(*source) != expected.get(*source))
        .map(|source| name(source).to_owned())
        .collect();
    println!("{} feeds, {total} entries with the name in {} of them", feeds.len(), expected.len());
    for (source, found) in &expected {
        println!("{:<70} {found:>4} {:>4}", name(source), stored.get(source).copied().unwrap_or_default());
    }
    let reasons: Vec<&str> = DIFFERENT.iter().map(|(name, _)| *name).collect();
    assert_eq!(different, reasons, "every difference has its reason");
    world.app.alert_round().await.unwrap();
    let told =
        world.app.store.alerts(1000).await.unwrap().iter().filter(|alert| alert.kind == "immediate").count();
    assert_eq!(told, 0, "nothing of a first pass of old feeds is told by itself");
    let subject = summary(&world).await.expect("the first pass is summed up");
    assert_eq!(subject, format!("[Mozilla] First look at new sources: {total} mentions"));
    assert_eq!(world.mails(), [subject], "one mail, in the maildir");
    assert!(digest(&world).await.is_empty(), "a first pass is not told twice");
    later_entries(&mut world, &feeds, total).await;
    world.app.close().await;
}

/// What decides about mails, a day later.
fn next_morning(world: &World) -> Enqueuer {
    let recipients =
        Recipients { communications: vec!["comms@trust.example".to_owned()], ..Recipients::default() };
    let options = alert::Options { recipients, ..alert::Options::default() };
    let name = ("mozilla".parse().unwrap(), ("Mozilla".to_owned(), "Mozilla".to_owned()));
    let clock = ManualClock::new(SystemClock::default().now() + chrono::Duration::days(1));
    let origin = ("trust.example".to_owned(), false);
    let (store, names) = (world.app.store.clone(), [name].into_iter().collect());
    Enqueuer::new(store, options, names, HashMap::new(), origin, Arc::new(clock)).unwrap()
}

/// New entries in one feed, one poll after the other: each waits for the digest by itself.
async fn later_entries(world: &mut World, feeds: &Feeds, before: usize) {
    let (n, text) = feeds
        .iter()
        .enumerate()
        .find_map(|(n, (_, bytes))| {
            let text = std::str::from_utf8(bytes).ok()?;
            let usable = text.contains("<rss") && text.contains("<item>") && !entries(n, bytes).is_empty();
            usable.then(|| (n, text.to_owned()))
        })
        .expect("a plain RSS feed");
    let source = format!("f{n}").parse().unwrap();
    let mut items = String::new();
    let mut titles: Vec<String> = Vec::new();
    for (round, day) in ["garden", "harbour", "library"].into_iter().enumerate() {
        let title = format!("Mozilla opens a {day}, and the {day} keeper is delighted with it");
        items.insert_str(0, &format!("<item><guid isPermaLink=\"false\">later-{round}</guid><title>{title}</title><description>Nobody had asked for a {day} in this town before.</description></item>"));
        let other = format!(
            "<item><guid isPermaLink=\"false\">other-{round}</guid><title>Rain over the {day}</title></item>"
        );
        items.insert_str(0, &other);
        titles.push(title);
        world.serve(n, text.replacen("<item>", &format!("{items}<item>"), 1).into_bytes());
        world.app.store.make_due(&source, SystemClock::default().now().timestamp_millis()).await.unwrap();
        let outcomes = world.poll().await;
        assert_eq!(outcomes.len(), 1, "one source was due");
        assert_eq!(outcomes[&n].hits, 1, "round {round}: {:?}", outcomes[&n]);
        assert_eq!(hits(world).await.values().sum::<usize>(), before + round + 1);
        world.app.alert_round().await.unwrap();
        let mut waiting = digest(world).await;
        waiting.sort();
        let mut wanted = titles.clone();
        wanted.sort();
        assert_eq!(waiting, wanted, "each new entry waits for the digest, once");
    }
    assert!(summary(world).await.is_some(), "and no second summary");
    next_morning(world).round().await.unwrap();
    let alerts = world.app.store.alerts(10).await.unwrap();
    let newest = alerts.into_iter().find(|alert| alert.kind == "digest").unwrap();
    assert_eq!(newest.subject, "[Mozilla] Digest: 3 mentions");
    assert!(digest(world).await.is_empty(), "told, once");
}
