//! A source that cannot be read: recorded with its reason, while the others go on and nothing that was
//! seen is forgotten.

use super::bed::{Machine, NEWS, NOTHING, World, source};
use super::server::{Answer, Item, rss};

const ITEM: Item<'_> = Item { id: "scanner", title: "New scanner", text: NEWS };

fn feed(host: &str) -> Answer {
    Answer::feed(rss(host, &[ITEM]))
}

/// A first look that went well, then `answer`, then the feed again with one entry more.
async fn seen_then(answer: Answer) -> (World, Machine) {
    let world = World::new().await;
    let more = Item {
        id: "matron",
        title: "Matron retires",
        text: "Northmere Valley NHS Foundation Trust said goodbye.",
    };
    let again = Answer::feed(rss("paper.example", &[more, ITEM]));
    world.server.put("paper.example", "/feed", [feed("paper.example"), answer, again]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    assert_eq!(machine.titles().await, ["New scanner"]);
    machine.look_after(30).await;
    (world, machine)
}

/// The failure has this reason and is a gap; then the source recovers, and only what is new is new.
async fn recovers(machine: Machine, reason: &str) {
    let row = machine.source("paper").await;
    assert_eq!(row.last_outcome, reason, "{}", row.last_detail);
    assert!(!row.last_detail.is_empty() && row.failures > 0);
    assert_eq!(machine.numbers("SELECT COUNT(*) FROM gap WHERE until_at IS NULL").await, [1]);
    assert_eq!(machine.titles().await, ["New scanner"]);
    machine.look_after(24 * 60).await;
    assert_eq!(machine.titles().await, ["New scanner", "Matron retires"]);
    assert_eq!(machine.numbers("SELECT version FROM hit ORDER BY id").await, [1, 1]);
    assert_eq!(machine.numbers("SELECT backlog FROM hit ORDER BY id").await, [1, 0]);
    assert_eq!(machine.numbers("SELECT COUNT(*) FROM gap WHERE until_at IS NULL").await, [0]);
    machine.close().await;
}

#[tokio::test]
async fn one_source_that_fails_does_not_hold_up_another() {
    let world = World::new().await;
    world.server.put("paper.example", "/feed", [Answer::text(503, "busy")]);
    world.server.put("forum.example", "/feed", [feed("forum.example")]);
    let sources = source("paper", "paper.example", "") + source("forum", "forum.example", "").as_str();
    let machine = world.machine(&sources).await;
    machine.look().await;
    let failed = machine.source("paper").await;
    assert_eq!(
        (failed.last_outcome.as_str(), failed.last_detail.as_str()),
        ("status", "the server answered 503")
    );
    assert_eq!(machine.numbers("SELECT status FROM poll WHERE source = 'paper'").await, [503]);
    assert_eq!(machine.source("forum").await.last_outcome, "read");
    assert_eq!(machine.titles().await, ["New scanner"]);
    machine.close().await;
}

#[tokio::test]
async fn a_web_page_where_the_feed_was_keeps_what_was_seen() {
    let page = Answer::page("<!doctype html><html><body><h1>We have moved</h1></body></html>");
    let (_world, machine) = seen_then(page).await;
    recovers(machine, "not_a_feed").await;
}

#[tokio::test]
async fn an_empty_body_keeps_what_was_seen() {
    let (_world, machine) = seen_then(Answer::feed("")).await;
    recovers(machine, "empty").await;
}

#[tokio::test]
async fn a_body_of_nonsense_keeps_what_was_seen() {
    let (_world, machine) = seen_then(Answer::feed(vec![0, 159, 146, 150, b'<', b'<', b'&'])).await;
    recovers(machine, "unreadable").await;
}

#[tokio::test]
async fn a_refusal_of_the_server_keeps_what_was_seen() {
    let (_world, machine) = seen_then(Answer::text(403, "no")).await;
    recovers(machine, "status").await;
}

#[tokio::test]
async fn a_feed_without_entries_is_read_and_keeps_what_was_seen() {
    let (_world, machine) = seen_then(Answer::feed(rss("paper.example", &[]))).await;
    assert_eq!(machine.source("paper").await.last_outcome, "read");
    machine.look_after(30).await;
    assert_eq!(machine.titles().await, ["New scanner", "Matron retires"]);
    machine.close().await;
}

#[tokio::test]
async fn a_server_that_asks_for_patience_is_left_alone_so_long() {
    let (world, machine) = seen_then(Answer::text(429, "slow down").header("Retry-After", "36000")).await;
    machine.look_after(599).await;
    assert_eq!(world.server.asked_for("paper.example", "/feed").len(), 2, "ten hours less a minute");
    machine.look_after(1).await;
    assert_eq!(world.server.asked_for("paper.example", "/feed").len(), 3);
    machine.close().await;
}

#[tokio::test]
async fn failures_in_a_row_are_asked_about_less_and_less_often() {
    let world = World::new().await;
    world.server.put("paper.example", "/feed", [Answer::text(404, "no")]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    let mut waits = Vec::new();
    for _ in 0..4 {
        machine.look().await;
        let row = machine.source("paper").await;
        waits.push((row.next_due_at - row.last_polled_at.unwrap()) / 60_000);
        machine.clock.set(trustwatch::clock::from_ms(row.next_due_at));
    }
    assert_eq!(waits, [60, 90, 120, 150], "one interval more for each");
    machine.close().await;
}

#[tokio::test]
async fn what_robots_txt_disallows_is_not_fetched() {
    let world = World::new().await;
    world.server.put("paper.example", "/feed", [feed("paper.example")]);
    let rules = "User-agent: Trustwatch\nDisallow: /feed\n\nUser-agent: *\nAllow: /\n";
    world.server.put("paper.example", "/robots.txt", [Answer::text(200, rules)]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    let row = machine.source("paper").await;
    assert_eq!(row.last_outcome, "robots");
    assert!(
        row.last_detail.contains("Disallow: /feed") && row.last_detail.contains("line 2"),
        "{}",
        row.last_detail
    );
    assert!(world.server.asked_for("paper.example", "/feed").is_empty());
    machine.close().await;
}

#[tokio::test]
async fn a_robots_txt_that_cannot_be_read_counts_as_a_no() {
    let world = World::new().await;
    world.server.put("paper.example", "/feed", [feed("paper.example")]);
    world.server.put("paper.example", "/robots.txt", [Answer::text(500, "oops")]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    assert_eq!(machine.source("paper").await.last_outcome, "robots_unreachable");
    assert!(world.server.asked_for("paper.example", "/feed").is_empty());
    machine.close().await;
}

#[tokio::test]
async fn a_source_whose_review_lapsed_is_a_gap_and_is_not_fetched() {
    let world = World::new().await;
    world.server.put("paper.example", "/feed", [feed("paper.example")]);
    world.server.put("forum.example", "/feed", [feed("forum.example")]);
    let lapsed = source("paper", "paper.example", "review = 2026-06-16");
    let grace = source("forum", "forum.example", "review = 2026-06-17");
    let machine = world.machine(&(lapsed + grace.as_str())).await;
    machine.look().await;
    assert!(world.server.asked().iter().all(|asked| asked.host == "forum.example"), "not even robots.txt");
    let row = machine.source("paper").await;
    assert_eq!(row.last_outcome, "review_lapsed");
    assert!(row.last_detail.contains("2026-06-16"), "{}", row.last_detail);
    assert_eq!(
        machine.numbers("SELECT COUNT(*) FROM gap WHERE source = 'paper' AND until_at IS NULL").await,
        [1]
    );
    assert_eq!(machine.source("forum").await.last_outcome, "read", "fourteen days of grace");
    machine.close().await;
}

#[tokio::test]
async fn a_redirect_is_followed_and_a_circle_is_a_failure() {
    let world = World::new().await;
    let to = |place: &str| Answer::text(302, "").header("Location", place);
    world.server.put("paper.example", "/feed", [to("http://forum.example/feed")]);
    world.server.put("forum.example", "/feed", [feed("forum.example"), to("/there")]);
    world.server.put("forum.example", "/there", [to("/feed")]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    assert_eq!(
        (machine.source("paper").await.last_outcome.as_str(), machine.hits().await.len()),
        ("read", 1)
    );
    machine.look_after(30).await;
    let row = machine.source("paper").await;
    assert_eq!((row.last_outcome.as_str(), row.last_detail.as_str()), ("redirect", "redirected in a circle"));
    machine.close().await;
}

#[tokio::test]
async fn a_feed_that_had_to_be_repaired_is_read_and_says_so() {
    let world = World::new().await;
    let broken = rss("paper.example", &[ITEM, Item { id: "swan", title: "Swan & co", text: NOTHING }]);
    world.server.put("paper.example", "/feed", [Answer::feed(broken)]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    let row = machine.source("paper").await;
    assert_eq!((row.last_outcome.as_str(), row.reader.as_str()), ("read", "repair"), "{}", row.last_detail);
    assert_eq!(machine.titles().await, ["New scanner"]);
    machine.close().await;
}

#[tokio::test]
async fn what_goes_blind_while_the_service_goes_round_is_told_of_within_seconds() {
    let world = World::new().await;
    world.server.put("paper.example", "/feed", [feed("paper.example"), Answer::text(410, "gone")]);
    let machine = world.machine(&source("paper", "paper.example", "")).await;
    machine.look().await;
    // The service decides every second, and looks for the blind less often than that.
    let seconds = async |n: i64| {
        let mut subjects = Vec::new();
        for _ in 0..n {
            machine.clock.advance(chrono::Duration::seconds(1));
            subjects = machine.tell().await;
        }
        subjects.retain(|subject| subject.contains("cannot see"));
        subjects.len()
    };
    machine.clock.advance(chrono::Duration::minutes(60));
    assert_eq!(seconds(15).await, 0);
    machine.look().await;
    assert_eq!(machine.source("paper").await.last_outcome, "gone");
    assert_eq!(seconds(15).await, 1);
    machine.close().await;
}
