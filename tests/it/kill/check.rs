//! What must hold after a series: every item is one hit, every critical one was told at once and once,
//! every other one stands in one summary or waits for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use trustwatch::model::HitId;
use trustwatch::store::{HitFilter, Scope, Store};

use super::items::Item;
use crate::daemon::process::{Setup, now};
use crate::smtp::sink::Sink;

const ALL: i64 = 1_000_000;

async fn open(setup: &Setup, url: Option<&str>) -> Store {
    Store::open_existing(&setup.store_options(url), now().timestamp_millis()).await.unwrap()
}

/// Whether as many hits are stored as are `expected`, all are decided on and every mail has left.
pub(super) async fn is_quiet(setup: &Setup, url: Option<&str>, expected: usize) -> bool {
    let store = open(setup, url).await;
    let hits = store.hits(&Scope::OPEN, &HitFilter { limit: ALL, ..HitFilter::default() }).await.unwrap();
    let undecided = store.outbox(1).await.unwrap();
    let waiting = store.deliveries_waiting(0).await.unwrap();
    let now = now().timestamp_millis();
    let backlog = store.waiting_decisions("backlog", now).await.unwrap();
    store.close().await;
    hits.len() >= expected && undecided.is_empty() && waiting.waiting == 0 && backlog.is_empty()
}

/// The hit numbers that stand in a text.
fn numbers(text: &str) -> BTreeSet<i64> {
    let numbers = text.split("TW-").skip(1);
    numbers.filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()).collect()
}

/// Asserts all of it; answers with a summary in figures.
pub(super) async fn everything(items: &[Item], sink: &Sink, setup: &Setup, url: Option<&str>) -> String {
    let store = open(setup, url).await;
    let hits = store.hits(&Scope::OPEN, &HitFilter { limit: ALL, ..HitFilter::default() }).await.unwrap();

    // Every item is exactly one hit, and nothing else is.
    let mut found: Vec<&str> = hits.iter().map(|hit| hit.url.as_str()).collect();
    let mut expected: Vec<&str> = items.iter().map(|item| item.url.as_str()).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "lost or doubled hits");
    let stories: BTreeSet<i64> = hits.iter().map(|hit| hit.story).collect();
    assert_eq!(stories.len(), hits.len(), "the generated items resemble each other: the test is at fault");
    let number_of: HashMap<&str, i64> = hits.iter().map(|hit| (hit.url.as_str(), hit.id)).collect();

    // A repeated mail is the same message.
    let mut messages: BTreeMap<String, (String, String, String)> = BTreeMap::new();
    let accepted = sink.accepted();
    let received = sink.received();
    for message in &received {
        let said = (message.header("Date"), message.subject(), message.text());
        let first = messages.entry(message.message_id()).or_insert_with(|| said.clone());
        assert_eq!(first, &said, "two messages under one Message-ID");
    }

    // Who was told of which hit, by which message.
    let mut at_once: HashMap<i64, BTreeSet<String>> = HashMap::new();
    let mut in_summary: HashMap<i64, BTreeSet<String>> = HashMap::new();
    for message in &accepted {
        let told = match message.header("X-Trustwatch-Kind").as_str() {
            "immediate" => &mut at_once,
            "digest" | "backlog" => &mut in_summary,
            other => panic!("a mail of kind {other:?}"),
        };
        let text = message.text();
        assert!(
            !text.contains("more are stored"),
            "too long to name all, the test is at fault: {}",
            message.subject()
        );
        for number in numbers(&text) {
            told.entry(number).or_default().insert(message.message_id());
        }
    }
    let later = (now() + chrono::Duration::days(2)).timestamp_millis();
    let waiting = store.waiting_decisions("digest", later).await.unwrap();
    let waiting: BTreeSet<i64> = waiting.iter().map(|item| item.hit.id).collect();
    for item in items {
        let number = number_of[item.url.as_str()];
        let decisions = store.decisions_of(HitId(number)).await.unwrap();
        assert_eq!(decisions.len(), 1, "TW-{number}: {decisions:?}");
        let (alone, summary) = (at_once.get(&number), in_summary.get(&number));
        if item.critical {
            assert_eq!(alone.map(BTreeSet::len), Some(1), "TW-{number} told at once by {alone:?}");
            assert_eq!(summary, None, "TW-{number} told again");
        } else {
            assert_eq!(
                alone, None,
                "TW-{number} is not urgent: {} | {} | {}",
                item.url, item.title, item.text
            );
            let told = summary.map_or(0, BTreeSet::len) + usize::from(waiting.contains(&number));
            assert_eq!(told, 1, "TW-{number}: in {summary:?}, waiting: {}", waiting.contains(&number));
        }
    }
    assert_eq!(store.deliveries_waiting(0).await.unwrap().failed, 0);
    assert_eq!(store.check().await.unwrap(), [""; 0]);
    store.close().await;
    let critical = items.iter().filter(|item| item.critical).count();
    format!(
        "{} items ({critical} critical), {} mails of which {} were repeats",
        items.len(),
        received.len(),
        received.len() - messages.len()
    )
}
