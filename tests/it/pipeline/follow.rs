//! Entries whose pages are fetched: under the same rules as everything else, and with the feed's own
//! words where a page cannot be had.

use super::bed::{NEWS, NOTHING, World, source};
use super::server::{Answer, Item, PUBLISHED, rss};

const STUB: Item<'_> = Item { id: "scanner", title: "New scanner for the valley", text: "" };
const TOLD: Item<'_> = Item { id: "scanner", title: "New scanner for the valley", text: NEWS };

fn page(text: &str) -> Answer {
    Answer::page(format!(
        "<html lang=\"en\"><head><title>x</title></head><body><nav>Sport Weather Jobs</nav><article><h1>New scanner</h1>\
         <p>{text}</p><p>It has been a long wait for everybody in the valley, and the builders were thanked.</p></article></body></html>"
    ))
}

async fn world(item: Item<'_>, answers: impl IntoIterator<Item = Answer>) -> World {
    let world = World::new().await;
    world.server.put("paper.example", "/feed", [Answer::feed(rss("paper.example", &[item]))]);
    world.server.put("paper.example", "/scanner", answers);
    world
}

fn followed() -> String {
    source("paper", "paper.example", "follow = true")
}

#[tokio::test]
async fn the_page_of_an_entry_is_fetched_and_judged() {
    let world = world(STUB, [page(NEWS)]).await;
    let machine = world.machine(&followed()).await;
    machine.look().await;
    let hits = machine.hits().await;
    assert_eq!((hits.len(), hits[0].title.as_str(), hits[0].backlog), (1, STUB.title, 1));
    assert_eq!(world.server.asked_for("paper.example", "/scanner").len(), 1);
    let text = machine
        .store
        .unseal(trustwatch::model::HitId(hits[0].id), "test", "test", 0)
        .await
        .unwrap()
        .unwrap()
        .text;
    assert!(text.contains(NEWS) && text.contains("a long wait") && !text.contains("Weather"), "{text}");
    machine.look_after(60).await;
    assert_eq!(world.server.asked_for("paper.example", "/scanner").len(), 1, "once");
    machine.close().await;
}

#[tokio::test]
async fn a_page_that_robots_txt_disallows_is_not_fetched_and_the_feeds_words_are_judged() {
    let world = world(TOLD, [page(NOTHING)]).await;
    world.server.put(
        "paper.example",
        "/robots.txt",
        [Answer::text(200, "User-agent: *\nDisallow: /scanner\n")],
    );
    let machine = world.machine(&followed()).await;
    machine.look().await;
    assert!(world.server.asked_for("paper.example", "/scanner").is_empty());
    assert_eq!(machine.titles().await, [TOLD.title]);
    assert_eq!(machine.numbers("SELECT COUNT(*) FROM entry WHERE state = 'done'").await, [1]);
    machine.close().await;
}

#[tokio::test]
async fn a_page_that_fails_for_now_is_tried_again_later() {
    let world = world(STUB, [Answer::text(500, "oops"), page(NEWS)]).await;
    let machine = world.machine(&followed()).await;
    machine.look().await;
    assert!(machine.hits().await.is_empty());
    machine.look_after(14).await;
    assert_eq!(
        world.server.asked_for("paper.example", "/scanner").len(),
        1,
        "not before a quarter of an hour"
    );
    machine.look_after(1).await;
    assert_eq!(world.server.asked_for("paper.example", "/scanner").len(), 2);
    assert_eq!(machine.titles().await, [STUB.title]);
    machine.close().await;
}

#[tokio::test]
async fn a_page_that_asks_for_patience_gets_it() {
    let busy = Answer::text(503, "busy").header("Retry-After", "7200");
    let world = world(STUB, [busy, page(NEWS)]).await;
    let machine = world.machine(&followed()).await;
    machine.look().await;
    machine.look_after(119).await;
    assert_eq!(world.server.asked_for("paper.example", "/scanner").len(), 1);
    machine.look_after(1).await;
    assert_eq!(world.server.asked_for("paper.example", "/scanner").len(), 2);
    machine.close().await;
}

#[tokio::test]
async fn a_page_that_never_comes_leaves_the_feeds_words_after_four_tries() {
    let world = world(TOLD, [Answer::text(500, "oops")]).await;
    let machine = world.machine(&followed()).await;
    machine.look().await;
    for minutes in [15, 30, 60] {
        assert!(machine.hits().await.is_empty());
        machine.look_after(minutes).await;
    }
    assert_eq!(world.server.asked_for("paper.example", "/scanner").len(), 4);
    assert_eq!(machine.titles().await, [TOLD.title], "nothing is lost");
    machine.close().await;
}

#[tokio::test]
async fn a_page_that_is_gone_ends_its_entry_or_leaves_the_feeds_words() {
    for (item, hits, state) in [(STUB, 0, "gone"), (TOLD, 1, "done")] {
        let world = world(item, [Answer::text(410, "gone")]).await;
        let machine = world.machine(&followed()).await;
        machine.look().await;
        machine.look_after(24 * 60).await;
        assert_eq!(machine.hits().await.len(), hits);
        assert_eq!(world.server.asked_for("paper.example", "/scanner").len(), 1, "{state} is for good");
        let ended = machine
            .numbers("SELECT COUNT(*) FROM entry WHERE state IN ('gone', 'done') AND sealed IS NULL")
            .await;
        assert_eq!(ended, [1]);
        let gone = machine.numbers("SELECT COUNT(*) FROM entry WHERE state = 'gone'").await;
        assert_eq!(gone, [i64::from(state == "gone")]);
        machine.close().await;
    }
}

#[tokio::test]
async fn an_edited_entry_is_followed_again() {
    let world = world(STUB, [page(NOTHING), page(NEWS)]).await;
    let edited = Item { title: "New scanner for the valley, at last", ..STUB };
    let machine = world.machine(&followed()).await;
    machine.look().await;
    assert!(machine.hits().await.is_empty());
    world.server.put("paper.example", "/feed", [Answer::feed(rss("paper.example", &[edited]))]);
    machine.look_after(30).await;
    assert_eq!(world.server.asked_for("paper.example", "/scanner").len(), 2);
    assert_eq!(machine.titles().await, [edited.title]);
    machine.close().await;
}

#[tokio::test]
async fn a_link_to_a_private_address_is_never_dialled() {
    let world = World::new().await;
    let address = world.server.address();
    let feed =
        rss("paper.example", &[TOLD]).replace("http://paper.example/scanner", "http://10.0.0.1/scanner");
    world.server.put("paper.example", "/feed", [Answer::feed(feed)]);
    let machine = world.machine(&followed()).await;
    machine.look().await;
    assert_eq!(machine.titles().await, [TOLD.title], "the feed's own words are judged");
    let hosts: Vec<String> = world.server.asked().into_iter().map(|asked| asked.host).collect();
    assert!(hosts.iter().all(|host| host == "paper.example"), "{address}: {hosts:?}");
    machine.close().await;
}

#[tokio::test]
async fn a_source_that_was_removed_while_its_pages_waited_holds_nobody_up() {
    let world = world(STUB, [Answer::text(500, "oops")]).await;
    let machine = world.machine(&followed()).await;
    machine.look().await;
    machine.close().await;
    world.server.put("forum.example", "/feed", [Answer::feed(rss("forum.example", &[TOLD]))]);
    let machine = world.machine(&source("forum", "forum.example", "")).await;
    let looked = tokio::time::timeout(std::time::Duration::from_secs(20), machine.look_after(60)).await;
    assert!(looked.is_ok(), "the look never ended");
    assert_eq!(world.server.asked_for("paper.example", "/scanner").len(), 1);
    assert!(machine.tell().await.is_empty());
    machine.clock.advance(chrono::Duration::minutes(2));
    assert_eq!(machine.tell().await.len(), 1, "the summary of the first pass does not wait for it");
    machine.close().await;
}

#[tokio::test]
async fn where_the_feeds_date_is_doubtful_the_pages_own_counts() {
    let dated = Answer::page(format!(
        "<html><head><meta property=\"article:published_time\" content=\"2026-06-29T10:00:00Z\"></head><body><article><p>{NEWS}</p></article></body></html>"
    ));
    let (future, trusted) = ("Thu, 01 Jul 2027 08:00:00 GMT", "Sun, 28 Jun 2026 08:00:00 GMT");
    let cases = [
        (future, dated.clone(), "2026-06-29"),
        (future, page(NEWS), "2026-07-01"),
        (trusted, dated, "2026-06-28"),
        (trusted, page(NEWS), "2026-06-28"),
    ];
    for (date, answer, day) in cases {
        let world = world(STUB, [answer]).await;
        let feed = rss("paper.example", &[STUB]).replace(PUBLISHED, date);
        world.server.put("paper.example", "/feed", [Answer::feed(feed)]);
        let machine = world.machine(&followed()).await;
        machine.look().await;
        let days: Vec<String> = machine.hits().await.into_iter().map(|hit| hit.day).collect();
        assert_eq!(days, [day]);
        machine.close().await;
    }
}
