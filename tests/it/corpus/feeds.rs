//! Which real feeds are accepted, repaired or refused, beside what feed-rs alone takes of them.

use std::collections::{BTreeMap, BTreeSet};

use super::daemon::{World, read};

/// Feeds that feed-rs takes from the raw bytes and we do not, each with its reason. None at present.
const TAKEN_BY_FEED_RS_ALONE: [(&str, &str); 0] = [];

/// Feeds of which we list fewer entries than feed-rs: each holds the same entry twice, word for word.
const WITH_DOUBLES: [&str; 4] = [
    "fp-wellformed__atom10__entry_link_no_href_link_priority.xml",
    "fp-wellformed__node_precedence__atom10_arbitrary_element.xml",
    "rome__rome-modules__src__test__resources__os__sample1.xml",
    "rssrs__rss092.xml",
];

/// How many entries a poll listed, by what it says of itself.
fn listed(detail: &str) -> usize {
    detail.split_once(" entr").and_then(|(n, _)| n.parse().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_feeds_are_polled_without_a_panic_and_none_is_lost_that_feed_rs_reads() {
    let Some(folder) = super::data("feeds/files") else { return };
    let feeds = read(&folder);
    let mut world = World::build(&feeds).await;
    let outcomes = world.poll().await;
    world.app.close().await;
    assert_eq!(outcomes.len(), feeds.len(), "every feed came to something");
    let (mut accepted, mut repaired, mut rescued) = (BTreeSet::new(), 0, 0);
    let mut refused: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut plain = BTreeSet::new();
    let (mut entries, mut plain_entries, mut fewer) = (0, 0, Vec::new());
    for (n, (name, bytes)) in feeds.iter().enumerate() {
        let name = name.as_str();
        // feed-rs panics on some encodings that a file only claims: that counts as not accepted.
        let alone = std::panic::catch_unwind(|| feed_rs::parser::parse(bytes.as_slice()).ok());
        let progress = &outcomes[&n];
        if let Some(feed) = alone.unwrap_or_default() {
            plain.insert(name);
            let (theirs, ours) = (feed.entries.len(), listed(&progress.detail));
            plain_entries += theirs;
            if ours < theirs {
                println!("{name}: {ours} entries of {theirs}");
                fewer.push(name);
            }
        }
        entries += listed(&progress.detail);
        assert!(!progress.detail.contains("the parser failed"), "{name}: {}", progress.detail);
        if progress.outcome == "read" {
            accepted.insert(name);
            if progress.detail.ends_with("after repair") {
                repaired += 1;
                rescued += usize::from(!plain.contains(name));
            }
        } else {
            refused.entry(progress.outcome).or_default().push(name);
        }
    }
    println!("{:<28} {:>5}", "feeds", feeds.len());
    println!("{:<28} {:>5}", "feed-rs alone accepts", plain.len());
    println!("{:<28} {:>5}", "accepted", accepted.len());
    println!("{:<28} {:>5}", "  of them after repair", repaired);
    println!("{:<28} {:>5}", "  of them rescued by it", rescued);
    println!("{:<28} {entries:>5}  (feed-rs alone {plain_entries})", "entries listed");
    for (reason, names) in &refused {
        println!("{:<28} {:>5}  {}", format!("refused: {reason}"), names.len(), names.join(" "));
    }
    let only_plain: Vec<&str> = plain.difference(&accepted).copied().collect();
    println!("feed-rs takes and we do not: {only_plain:?}");
    assert_eq!(fewer, WITH_DOUBLES, "no entry is lost but doubles");
    let explained: Vec<&str> = TAKEN_BY_FEED_RS_ALONE.iter().map(|(name, _)| *name).collect();
    assert_eq!(only_plain, explained, "every one has its reason");
    assert!(
        accepted.len() >= plain.len() - explained.len() + rescued,
        "{} accepted, {} by feed-rs, {rescued} rescued",
        accepted.len(),
        plain.len()
    );
    assert!(refused.values().map(Vec::len).sum::<usize>() < feeds.len() / 10, "{refused:?}");
}
