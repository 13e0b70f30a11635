//! The first look at a source and what comes after: backlog and its summary, the digest, what is grave
//! at once, and nothing kept of what mentions nobody.

use trustwatch::clock::{Clock, SystemClock, london_day};
use trustwatch::daemon::{App, Wishes};
use trustwatch::store::{GroupBy, TrendQuery};

use super::bed::{LEAK, NEWS, NOTHING, World, source};
use super::server::{Answer, Item, PUBLISHED, rss};

const NEWS_ITEM: Item<'_> = Item { id: "scanner", title: "New scanner", text: NEWS };
const LEAK_ITEM: Item<'_> = Item { id: "list", title: "Found on the 7 bus", text: LEAK };
const LAKE_ITEM: Item<'_> = Item { id: "swan", title: "Swan stays", text: NOTHING };

fn contains(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

#[tokio::test]
async fn a_feed_becomes_a_hit_a_mail_in_the_maildir_and_a_trend() {
    let world = World::new().await;
    // The daemon's own clock is the machine's.
    let published = SystemClock::default().now() - chrono::Duration::hours(1);
    let feed = rss("paper.example", &[LEAK_ITEM, LAKE_ITEM]).replace(PUBLISHED, &published.to_rfc2822());
    world.server.put("paper.example", "/feed", [Answer::feed(feed)]);
    let config = world.config(&source("paper", "paper.example", ""));
    let app = App::build(config, Wishes::default()).await.unwrap();
    app.pipeline.run_until_idle().await.unwrap();
    assert_eq!(app.alert_round().await.unwrap(), 1);
    let day = london_day(published).to_string();
    let query = TrendQuery { from: day.clone(), to: day, group_by: GroupBy::Category };
    let trend = app.store.trend(&query).await.unwrap();
    let counted: Vec<(&str, i64)> = trend.iter().map(|row| (row.name.as_str(), row.hits)).collect();
    assert_eq!(counted, [("confidentiality.nhs_number", 1), ("press.coverage", 1)]);
    app.close().await;
    let mails = std::fs::read_dir(world.state_dir().join("maildir/new")).unwrap();
    let mails: Vec<String> =
        mails.map(|mail| std::fs::read_to_string(mail.unwrap().path()).unwrap()).collect();
    assert_eq!(mails.len(), 1);
    assert!(
        mails[0].contains("To: comms@northmerevalley.nhs.uk") && mails[0].contains("TW-1"),
        "{}",
        mails[0]
    );
    assert!(!mails[0].contains("5123456783") && !mails[0].contains("bed 4"), "{}", mails[0]);
}

#[tokio::test]
async fn what_is_grave_and_fresh_is_told_at_once_and_masked() {
    let world = World::new().await;
    world.server.put("paper.example", "/feed", [Answer::feed(rss("paper.example", &[LEAK_ITEM]))]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    let hits = machine.hits().await;
    assert_eq!((hits.len(), hits[0].severity.as_str(), hits[0].source.as_str()), (1, "critical", "paper"));
    assert_eq!((hits[0].day.as_str(), hits[0].backlog), ("2026-07-01", 1));
    let subjects = machine.tell().await;
    assert_eq!(subjects.len(), 1, "{subjects:?}");
    assert!(subjects[0].contains("Critical") && subjects[0].contains("TW-1"), "{subjects:?}");
    let mail = machine.mails.lock().unwrap()[0].clone();
    for part in [&mail.subject, &mail.text, &mail.html] {
        assert!(!part.contains("5123456783") && !part.contains("bed 4"), "{part}");
    }
    assert_eq!(machine.tell().await.len(), 1, "told once");
    machine.close().await;
}

#[tokio::test]
async fn the_first_pass_is_summed_up_and_later_entries_come_in_the_digest() {
    let world = World::new().await;
    world.server.put("paper.example", "/feed", [Answer::feed(rss("paper.example", &[NEWS_ITEM, LAKE_ITEM]))]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    assert!(machine.tell().await.is_empty(), "the summary waits until nothing more comes");
    machine.clock.advance(chrono::Duration::seconds(61));
    assert_eq!(machine.tell().await.len(), 1);
    assert_eq!(machine.store.alerts(9).await.unwrap()[0].kind, "backlog");
    let later = Item {
        id: "matron",
        title: "Matron retires",
        text: "Northmere Valley NHS Foundation Trust said goodbye to her.",
    };
    let feed = rss("paper.example", &[later, NEWS_ITEM, LAKE_ITEM]);
    world.server.put("paper.example", "/feed", [Answer::feed(feed)]);
    machine.look_after(30).await;
    assert_eq!(machine.hits().await.iter().map(|hit| hit.backlog).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(machine.tell().await.len(), 1, "the digest waits for its time");
    machine.set_clock("2026-07-02T06:29:59Z");
    assert_eq!(machine.tell().await.len(), 1);
    machine.set_clock("2026-07-02T06:30:00Z");
    assert_eq!(machine.tell().await.len(), 2, "half past seven in London");
    let digest = machine.store.alerts(9).await.unwrap().remove(0);
    assert_eq!(digest.kind, "digest");
    assert!(digest.text.contains("TW-2") && !digest.text.contains("TW-1"), "{}", digest.text);
    machine.set_clock("2026-07-03T06:30:00Z");
    assert_eq!(machine.tell().await.len(), 2, "nothing new, no digest");
    machine.close().await;
}

#[tokio::test]
async fn nothing_is_kept_of_an_entry_that_mentions_nobody() {
    let world = World::new().await;
    world.server.put("paper.example", "/feed", [Answer::feed(rss("paper.example", &[NEWS_ITEM, LAKE_ITEM]))]);
    world.server.put("forum.example", "/feed", [Answer::feed(rss("forum.example", &[LAKE_ITEM]))]);
    let page = format!(
        "<html><body><article><h1>Swan stays</h1><p>{NOTHING} It looked well.</p></article></body></html>"
    );
    world.server.put("forum.example", "/swan", [Answer::page(page)]);
    let sources =
        source("paper", "paper.example", "") + source("forum", "forum.example", "follow = true").as_str();
    let machine = world.machine(&sources).await;
    machine.look().await;
    assert_eq!(machine.hits().await.len(), 1);
    assert_eq!(
        machine.numbers("SELECT COUNT(*) FROM entry WHERE state = 'done'").await,
        [3],
        "all were read"
    );
    let hosts = machine.numbers("SELECT COUNT(*) FROM entry WHERE host IS NOT NULL").await;
    assert_eq!(hosts, [0], "nor where it pointed");
    let open = world.stored_bytes();
    machine.close().await;
    for bytes in [open, world.stored_bytes()] {
        assert!(contains(&bytes, "New scanner"), "what does mention somebody stands there, masked");
        for word in ["Kettlewick", "boating lake", "Swan stays", "swan", "looked well"] {
            assert!(!contains(&bytes, word), "{word} was kept");
        }
    }
}

#[tokio::test]
async fn the_text_of_a_hit_stands_nowhere_in_the_clear() {
    let world = World::new().await;
    world.server.put("paper.example", "/feed", [Answer::feed(rss("paper.example", &[LEAK_ITEM]))]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    machine.tell().await;
    machine.close().await;
    let bytes = world.stored_bytes();
    assert!(contains(&bytes, "Found on the 7 bus"), "its headline does, masked");
    for word in ["5123456783", "512 345 6783", "bed 4, "] {
        assert!(!contains(&bytes, word), "{word} stands in the clear");
    }
}

#[tokio::test]
async fn a_copy_on_another_site_is_the_same_story() {
    let world = World::new().await;
    for host in ["paper.example", "forum.example"] {
        world.server.put(host, "/feed", [Answer::feed(rss(host, &[NEWS_ITEM]))]);
    }
    let sources = source("paper", "paper.example", "") + source("forum", "forum.example", "").as_str();
    let machine = world.machine(&sources).await;
    machine.look().await;
    let hits = machine.hits().await;
    assert_eq!((hits.len(), hits[0].story == hits[1].story), (2, true));
    let query =
        TrendQuery { from: "2026-07-01".into(), to: "2026-07-01".into(), group_by: GroupBy::Organisation };
    let trend = machine.store.trend(&query).await.unwrap();
    assert_eq!((trend[0].hits, trend[0].stories), (2, 1));
    machine.close().await;
}
