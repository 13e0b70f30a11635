use super::*;
use crate::model::DateDoubt;
use chrono::Duration;

fn parse(text: &str) -> Result<ParsedFeed, FeedError> {
    let base = Url::parse("https://paper.example/feed").unwrap();
    parse_feed(text, &base, "2026-11-22T12:00:00Z".parse().unwrap(), &Options::default())
}

fn rss(items: &str) -> String {
    format!("<rss version=\"2.0\"><channel><title>Paper</title>{items}</channel></rss>")
}

#[test]
fn an_entry_without_id_and_link_keeps_its_key() {
    let text = rss("<item><title>A</title><description>x</description></item>");
    let first = parse(&text).unwrap();
    assert_eq!(first.entries[0].key, parse(&text).unwrap().entries[0].key);
    assert!(!first.entries[0].key.is_empty());
}

#[test]
fn one_id_for_two_stories_keeps_both_and_a_true_double_once() {
    let item =
        |title: &str| format!("<item><guid isPermaLink=\"false\">g</guid><title>{title}</title></item>");
    let feed = parse(&rss(&[item("A"), item("B"), item("A")].concat())).unwrap();
    let titles: Vec<&str> = feed.entries.iter().map(|entry| entry.title.as_str()).collect();
    assert_eq!(titles, ["A", "B"]);
}

#[test]
fn items_alike_in_id_link_and_headline_are_told_apart_by_their_words() {
    let item = |text: &str| {
        format!(
            "<item><guid>https://s.example/</guid><link>https://s.example/</link><title>Update</title><description>{text}</description></item>"
        )
    };
    let texts = |feed: ParsedFeed| {
        feed.entries.iter().map(|entry| entry.content.as_str().to_owned()).collect::<Vec<_>>()
    };
    let feed = parse(&rss(&[item("one"), item("two"), item("one"), item("three")].concat())).unwrap();
    let keys: std::collections::HashSet<String> =
        feed.entries.iter().map(|entry| entry.key.clone()).collect();
    assert_eq!((keys.len(), texts(feed)), (3, vec!["one".to_owned(), "two".to_owned(), "three".to_owned()]));
}

#[test]
fn dates_that_cannot_be_trusted_are_flagged() {
    let item =
        |date: &str| format!("<item><guid>{date}x</guid><title>t</title><pubDate>{date}</pubDate></item>");
    let feed = parse(&rss(&[
        item("Fri, 20 Nov 2026 10:00:00 GMT"),
        item("whenever"),
        item("Fri, 20 Nov 2031 10:00:00 GMT"),
    ]
    .concat()));
    let doubts: Vec<_> = feed.unwrap().entries.iter().map(|entry| entry.doubt).collect();
    assert_eq!(doubts, [None, Some(DateDoubt::Missing), Some(DateDoubt::Future)]);
}

#[test]
fn one_bare_ampersand_does_not_lose_the_feed() {
    let feed =
        parse(&rss("<item><title>Fish & Chips</title><link>https://paper.example/a?x=1&y=2</link></item>"))
            .unwrap();
    assert_eq!(feed.reader, Reader::Repair);
    assert_eq!(feed.entries[0].title, "Fish & Chips");
    assert_eq!(feed.entries[0].url, "https://paper.example/a?x=1&y=2");
}

#[test]
fn a_truncated_feed_gives_its_whole_items() {
    let text = rss("<item><title>A</title></item><item><title>B</title></item><item><title>C");
    let cut = text.split("C</channel>").next().unwrap();
    let feed = parse(cut).unwrap();
    assert_eq!(feed.reader, Reader::Repair);
    assert_eq!(feed.entries.len(), 2);
}

#[test]
fn what_is_no_feed_says_so() {
    assert_eq!(parse(" \n"), Err(FeedError::Empty));
    assert_eq!(parse("<!DOCTYPE html><html><body>Sign in</body></html>"), Err(FeedError::WebPage));
    assert!(matches!(parse("hello"), Err(FeedError::Unreadable(_))));
}

#[test]
fn entries_beyond_the_limit_are_counted() {
    let base = Url::parse("https://paper.example/feed").unwrap();
    let text = rss(&(0..5)
        .map(|n| format!("<item><guid>{n}</guid><title>{n}</title></item>"))
        .collect::<Vec<_>>()
        .concat());
    let feed =
        parse_feed(&text, &base, DateTime::<Utc>::MAX_UTC - Duration::days(2), &Options { max_entries: 3 })
            .unwrap();
    assert_eq!((feed.entries.len(), feed.dropped), (3, 2));
}

#[test]
fn a_declaration_where_none_may_stand_changes_no_letter() {
    let item = "<item><title>Caf\u{e9} \u{201c}Nightingale\u{201d}</title><description><![CDATA[write <?xml encoding=\"x\"?> first]]></description></item>";
    for text in [
        format!("\n<!-- made by hand --><?xml version=\"1.0\" encoding=\"iso-8859-1\"?>{}", rss(item)),
        format!("<?xml version=\"1.0\"?><?xml version=\"1.0\" encoding=\"windows-1252\"?>{}", rss(item)),
        rss(&format!("<?xml encoding=\"windows-1252\"?>{item}")),
    ] {
        let feed = parse(&text).unwrap();
        assert_eq!(feed.entries.len(), 1, "{text}");
        assert_eq!(feed.entries[0].title, "Caf\u{e9} \u{201c}Nightingale\u{201d}", "{text}");
        assert!(feed.entries[0].content.as_str().contains("encoding=\"x\""), "{text}");
    }
}

#[test]
fn an_id_made_to_look_like_a_told_apart_one_takes_no_place() {
    let item = |id: &str, title: &str| {
        format!("<item><guid isPermaLink=\"false\">{id}</guid><title>{title}</title></item>")
    };
    let plain = parse(&rss(&[item("g", "A"), item("g", "B")].concat())).unwrap();
    let crafted = item(&plain.entries[0].key, "C");
    for items in
        [[crafted.clone(), item("g", "A"), item("g", "B")], [item("g", "A"), item("g", "B"), crafted]]
    {
        let feed = parse(&rss(&items.concat())).unwrap();
        let keys: std::collections::HashSet<_> = feed.entries.iter().map(|entry| &entry.key).collect();
        assert_eq!((feed.entries.len(), keys.len()), (3, 3));
    }
}

#[test]
fn declarations_that_never_end_cost_no_time() {
    for part in ["<?xml ", "<![CDATA["] {
        let text = format!("<rss><!-- --><?xml version=\"1.0\"?>{}", part.repeat(200_000));
        let started = std::time::Instant::now();
        assert!(parse(&text).is_err() || parse(&text).is_ok_and(|feed| feed.entries.is_empty()));
        assert!(started.elapsed() < std::time::Duration::from_secs(60), "{part}: {:?}", started.elapsed());
    }
}
