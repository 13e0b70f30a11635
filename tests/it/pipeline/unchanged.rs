//! A source looked at again: validators go back as they came, what is unchanged is not stored, what
//! changed is judged anew.

use super::bed::{LEAK, NEWS, NOTHING, World, source};
use super::server::{Answer, Item, rss};

const ITEM: Item<'_> = Item { id: "scanner", title: "New scanner", text: NEWS };

#[tokio::test]
async fn validators_go_back_verbatim_and_304_stores_nothing() {
    let world = World::new().await;
    let (tag, date) = ("W/\"odd  tag--gzip\"", "wed, 1 Jul 2026 08:00:00 +0000");
    let answer =
        Answer::feed(rss("paper.example", &[ITEM])).header("ETag", tag).header("Last-Modified", date);
    world.server.put("paper.example", "/feed", [answer]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    machine.look_after(30).await;
    let asked = world.server.asked_for("paper.example", "/feed");
    assert_eq!(asked.len(), 2);
    assert_eq!((asked[0].header("if-none-match"), asked[0].header("if-modified-since")), (None, None));
    assert_eq!(asked[1].header("if-none-match"), Some(tag));
    assert_eq!(asked[1].header("if-modified-since"), Some(date));
    assert!(asked[0].header("user-agent").unwrap().contains("tests@northmerevalley.nhs.uk"));
    assert_eq!(machine.source("paper").await.last_outcome, "unchanged");
    assert_eq!(
        (machine.hits().await.len(), machine.numbers("SELECT COUNT(*) FROM entry").await),
        (1, vec![1])
    );
    assert_eq!(machine.numbers("SELECT entries FROM poll ORDER BY id").await, [1]);
    assert_eq!(machine.numbers("SELECT calm FROM source").await, [1]);
    assert_eq!(
        world.server.asked_for("paper.example", "/robots.txt").len(),
        1,
        "robots.txt is believed for a day"
    );
    machine.close().await;
}

#[tokio::test]
async fn the_same_bytes_again_are_unchanged_though_the_server_says_200() {
    let world = World::new().await;
    let answer = |tag: &str| Answer::feed(rss("paper.example", &[ITEM])).header("ETag", tag);
    world.server.put("paper.example", "/feed", [answer("\"1\""), answer("\"2\"")]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    machine.look_after(30).await;
    assert_eq!(world.server.asked_for("paper.example", "/feed").len(), 2);
    assert_eq!(machine.source("paper").await.last_outcome, "unchanged");
    machine.close().await;
}

#[tokio::test]
async fn a_feed_that_only_reordered_its_entries_tells_of_none_again() {
    let world = World::new().await;
    let other = Item { id: "swan", title: "Swan stays", text: NOTHING };
    let orders = [[ITEM, other], [other, ITEM]].map(|items| Answer::feed(rss("paper.example", &items)));
    world.server.put("paper.example", "/feed", orders);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    machine.look_after(30).await;
    assert_eq!(machine.source("paper").await.last_outcome, "read");
    assert_eq!(machine.numbers("SELECT entries FROM poll ORDER BY id").await, [2, 0]);
    assert_eq!((machine.hits().await.len(), machine.numbers("SELECT version FROM hit").await), (1, vec![1]));
    machine.close().await;
}

#[tokio::test]
async fn an_edited_entry_is_judged_anew_under_its_old_number() {
    let world = World::new().await;
    let versions = [NEWS, LEAK].map(|text| Answer::feed(rss("paper.example", &[Item { text, ..ITEM }])));
    world.server.put("paper.example", "/feed", versions);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    let first = machine.hits().await;
    assert_eq!(first[0].categories, ["press.coverage"]);
    assert!(machine.tell().await.is_empty(), "backlog");
    machine.look_after(30).await;
    let second = machine.hits().await;
    assert_eq!((second.len(), second[0].id, second[0].severity.as_str()), (1, first[0].id, "critical"));
    assert!(
        second[0].categories.contains(&"confidentiality.nhs_number".to_owned()),
        "{:?}",
        second[0].categories
    );
    let subjects = machine.tell().await;
    assert!(subjects.iter().any(|subject| subject.contains("Critical")), "{subjects:?}");
    machine.close().await;
}

#[tokio::test]
async fn an_edit_that_takes_the_name_away_keeps_the_hit() {
    let world = World::new().await;
    let versions = [NEWS, NOTHING].map(|text| Answer::feed(rss("paper.example", &[Item { text, ..ITEM }])));
    world.server.put("paper.example", "/feed", versions);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    machine.look_after(30).await;
    assert_eq!(machine.hits().await.len(), 1, "what was found was there");
    assert!(machine.store.check().await.unwrap().is_empty());
    machine.close().await;
}

#[tokio::test]
async fn a_new_watch_reads_everything_listed_again_as_backlog() {
    let world = World::new().await;
    let swan = Item { id: "swan", title: "Swan stays", text: NOTHING };
    let answer = Answer::feed(rss("paper.example", &[ITEM, swan])).header("ETag", "\"same\"");
    world.server.put("paper.example", "/feed", [answer]);
    let sources = source("paper", "paper.example", "");
    let machine = world.machine(&sources).await;
    machine.look().await;
    assert!(machine.tell().await.is_empty(), "more may come");
    machine.clock.advance(chrono::Duration::minutes(2));
    assert_eq!(machine.tell().await.len(), 1, "the summary of the first pass");
    machine.close().await;
    world.write_profile("[[watch]]\nid = \"swan\"\nterms = [\"Kettlewick swan\"]\n");
    let machine = world.machine(&sources).await;
    machine.look_after(30).await;
    let asked = world.server.asked_for("paper.example", "/feed");
    assert_eq!((asked.len(), asked[1].header("if-none-match")), (2, None), "304 would hide it");
    let hits = machine.hits().await;
    assert_eq!(
        hits.iter().map(|hit| (hit.title.as_str(), hit.backlog)).collect::<Vec<_>>(),
        [("New scanner", 1), ("Swan stays", 1)]
    );
    assert_eq!(
        machine.numbers("SELECT version FROM hit ORDER BY id").await,
        [1, 1],
        "what was known is not told again"
    );
    assert!(machine.tell().await.is_empty(), "more may come");
    machine.clock.advance(chrono::Duration::minutes(2));
    assert_eq!(machine.tell().await.len(), 1, "one summary for what is new");
    let summary = machine.store.alerts(9).await.unwrap().remove(0);
    assert_eq!(summary.kind, "backlog");
    assert!(summary.text.contains("TW-2") && !summary.text.contains("TW-1"), "{}", summary.text);
    machine.look_after(30).await;
    let asked = world.server.asked_for("paper.example", "/feed");
    assert_eq!(asked[2].header("if-none-match"), Some("\"same\""), "from then on as before");
    machine.close().await;
}

#[tokio::test]
async fn a_restart_reads_nothing_again() {
    let world = World::new().await;
    let answer = Answer::feed(rss("paper.example", &[ITEM])).header("ETag", "\"same\"");
    world.server.put("paper.example", "/feed", [answer]);
    let sources = source("paper", "paper.example", "");
    for round in 0..3 {
        let machine = world.machine(&sources).await;
        machine.look_after(30 * round).await;
        assert_eq!(
            (machine.hits().await.len(), machine.numbers("SELECT COUNT(*) FROM outbox").await),
            (1, vec![1])
        );
        machine.close().await;
    }
    let tags: Vec<Option<String>> = world
        .server
        .asked_for("paper.example", "/feed")
        .iter()
        .map(|asked| asked.header("if-none-match").map(str::to_owned))
        .collect();
    assert_eq!(tags, [None, Some("\"same\"".to_owned()), Some("\"same\"".to_owned())]);
}
