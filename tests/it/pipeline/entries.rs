//! What entries say of themselves: dates, addresses, ids that are no good, and pages watched as such.

use super::bed::{NEWS, World, source};
use super::server::Answer;

fn dated(id: &str, date: &str) -> String {
    format!(
        "<item><guid isPermaLink=\"false\">{id}</guid><link>http://paper.example/{id}</link><title>{id}</title>{date}\
         <description>{id}: {NEWS}</description></item>"
    )
}

fn feed(items: &str) -> Answer {
    Answer::feed(format!("<rss version=\"2.0\"><channel><title>Paper</title>{items}</channel></rss>"))
}

#[tokio::test]
async fn doubtful_dates_give_way_to_when_an_entry_was_first_seen() {
    let world = World::new().await;
    let items = [
        ("good", "<pubDate>Mon, 29 Jun 2026 23:30:00 GMT</pubDate>"),
        ("future", "<pubDate>Thu, 01 Jul 2027 08:00:00 GMT</pubDate>"),
        ("soon", "<pubDate>Wed, 01 Jul 2026 10:00:00 GMT</pubDate>"),
        ("ancient", "<pubDate>Thu, 01 Jan 1970 00:00:00 GMT</pubDate>"),
        ("none", ""),
        ("nonsense", "<pubDate>yesterday-ish</pubDate>"),
    ];
    let body: String = items.iter().map(|(id, date)| dated(id, date)).collect();
    world.server.put("paper.example", "/feed", [feed(&body)]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    let days: Vec<(String, String)> =
        machine.hits().await.into_iter().map(|hit| (hit.title, hit.day)).collect();
    let expected = items.map(|(id, _)| {
        let day = if id == "good" { "2026-06-30" } else { "2026-07-01" };
        (id.to_owned(), day.to_owned())
    });
    assert_eq!(days, expected);
    machine.close().await;
}

#[tokio::test]
async fn entries_without_ids_stay_the_same_entries() {
    let world = World::new().await;
    let bare = format!("<item><title>Bare</title><description>{NEWS}</description></item>");
    let more = format!("<item><title>Other</title><description>Again, {NEWS}</description></item>");
    world.server.put("paper.example", "/feed", [feed(&bare), feed(&format!("{more}{bare}"))]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    machine.look_after(30).await;
    assert_eq!(machine.titles().await, ["Bare", "Other"]);
    assert_eq!(machine.numbers("SELECT entries FROM poll ORDER BY id").await, [1, 1]);
    machine.close().await;
}

#[tokio::test]
async fn one_id_for_two_stories_loses_neither() {
    let world = World::new().await;
    let twin = |text: &str| {
        format!(
            "<item><guid isPermaLink=\"false\">same</guid><title>{text}</title><description>{text}: {NEWS}</description></item>"
        )
    };
    let body = twin("one") + twin("two").as_str();
    world.server.put("paper.example", "/feed", [feed(&body), feed(&(body.clone() + "<!-- again -->"))]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    machine.look_after(30).await;
    assert_eq!(machine.source("paper").await.last_outcome, "read");
    assert_eq!(machine.titles().await, ["one", "two"]);
    assert_eq!(machine.numbers("SELECT version FROM hit").await, [1, 1]);
    machine.close().await;
}

#[tokio::test]
async fn a_watched_page_is_one_entry_that_is_judged_when_it_changes() {
    let world = World::new().await;
    let page = |text: &str| {
        Answer::page(format!(
            "<html><head><title>Notice</title></head><body><article><h1>Notice</h1><p>{text}</p></article></body></html>"
        ))
    };
    let nothing = page("The library opens at nine on every day of the week, as it always has.");
    world.server.put("paper.example", "/feed", [nothing, page(NEWS)]);
    let watched = source("notice", "paper.example", "").replace("kind = \"feed\"", "kind = \"page\"");
    let machine = world.machine(&watched).await;
    machine.look().await;
    assert!(machine.hits().await.is_empty());
    machine.look_after(30).await;
    let hits = machine.hits().await;
    assert_eq!((hits.len(), hits[0].url.as_str(), hits[0].backlog), (1, "http://paper.example/feed", 0));
    assert_eq!(machine.numbers("SELECT COUNT(*) FROM entry").await, [1]);
    machine.close().await;
}
