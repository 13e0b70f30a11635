//! Sources that are neither feed nor page: sitemaps, JSON interfaces, mails in a maildir, saved links, the Trust's own
//! places.

use super::bed::{LEAK, NEWS, NOTHING, World};
use super::server::{Answer, Item, rss};

fn article(title: &str, text: &str) -> Answer {
    Answer::page(format!(
        "<html><head><title>{title}</title></head><body><article><h1>{title}</h1><p>{text}</p></article></body></html>"
    ))
}

fn xml(body: String) -> Answer {
    Answer::new(200, "application/xml", body)
}

fn json(body: &str) -> Answer {
    Answer::new(200, "application/json", body)
}

fn plain(id: &str, kind: &str, more: &str) -> String {
    format!(
        "[[source]]\nid = \"{id}\"\nkind = \"{kind}\"\ndocument_kind = \"news\"\nevery = \"30m\"\n{more}\n"
    )
}

#[tokio::test]
async fn pages_that_a_sitemap_lists_anew_are_read_and_old_ones_only_noted() {
    let world = World::new().await;
    let url = |path: &str, date: &str| {
        let date = if date.is_empty() { String::new() } else { format!("<lastmod>{date}</lastmod>") };
        format!("<url><loc>http://paper.example{path}</loc>{date}</url>")
    };
    let list = |urls: &[String]| xml(format!("<urlset>{}</urlset>", urls.concat()));
    let index =
        xml("<sitemapindex><sitemap><loc>http://paper.example/news.xml</loc></sitemap></sitemapindex>"
            .to_owned());
    world.server.put("paper.example", "/sitemap.xml", [index]);
    let (undated, dated) = (url("/undated", ""), url("/fresh", "2026-06-30"));
    let old = url("/old", "2025-01-01");
    world.server.put(
        "paper.example",
        "/news.xml",
        [
            list(&[undated.clone(), dated.clone(), old.clone()]),
            list(&[url("/later", ""), undated.clone(), dated, old.clone()]),
            list(&[url("/later", ""), undated, url("/fresh", "2026-07-01"), old]),
        ],
    );
    for path in ["/undated", "/old"] {
        world.server.put("paper.example", path, [article("Not to be read", NEWS)]);
    }
    world.server.put("paper.example", "/fresh", [article("Fresh", NOTHING), article("Fresh again", LEAK)]);
    world.server.put("paper.example", "/later", [article("Later", NEWS)]);
    let machine = world.machine(&plain("map", "sitemap", "url = \"http://paper.example/sitemap.xml\"")).await;
    machine.look().await;
    assert_eq!(machine.titles().await, [] as [&str; 0]);
    assert_eq!(world.server.asked_for("paper.example", "/fresh").len(), 1);
    machine.look_after(30).await;
    assert_eq!(machine.titles().await, ["Later"]);
    machine.look_after(30).await;
    assert_eq!(machine.titles().await, ["Later", "Fresh again"], "changed, its sitemap says");
    for path in ["/undated", "/old"] {
        assert_eq!(world.server.asked_for("paper.example", path).len(), 0, "{path}");
    }
    machine.look_after(30).await;
    assert_eq!(machine.source("map").await.last_outcome, "unchanged");
    machine.close().await;
}

#[tokio::test]
async fn an_interface_is_read_page_by_page_with_its_key_in_a_header() {
    let world = World::new().await;
    let item = |n: usize, text: &str| {
        format!(r#"{{"id":{n},"head":"Item {n}","body":{text:?},"link":"/item/{n}"}}"#)
    };
    let page = |items: &[String]| json(&format!(r#"{{"results":[{}]}}"#, items.join(",")));
    let first = page(&[item(1, NOTHING), item(2, NEWS)]);
    world.server.put("paper.example", "/api?q=northmere", [first]);
    world.server.put(
        "paper.example",
        "/api?q=northmere&skip=2",
        [page(&[item(3, LEAK)]), page(&[item(4, NEWS)])],
    );
    world.server.put("paper.example", "/api?q=northmere&skip=4", [page(&[])]);
    let key = world.state_dir().parent().unwrap().join("key");
    std::fs::write(&key, "s3cr3t\n").unwrap();
    let machine = world
        .machine(&plain(
            "api",
            "api",
            "url = \"http://paper.example/api?q=northmere\"\nsecret_file = \"key\"\n[source.api]\nitems = \"/results\"\nid = \"/id\"\ntitle = \"/head\"\ntext = \"/body\"\nurl = \"/link\"\n\
             header = \"Authorization\"\nprefix = \"Bearer \"\npage_parameter = \"skip\"\npage_step = 2\nmax_pages = 5",
        ))
        .await;
    machine.look().await;
    assert_eq!(machine.titles().await, ["Item 2", "Item 3"]);
    let asked = world.server.asked_for("paper.example", "/api?q=northmere&skip=2");
    assert_eq!(asked[0].header("authorization"), Some("Bearer s3cr3t"));
    let robots = world.server.asked_for("paper.example", "/robots.txt");
    assert!(
        robots.iter().all(|asked| asked.header("authorization").is_none()),
        "the key went with robots.txt"
    );
    machine.look_after(30).await;
    assert_eq!(machine.titles().await, ["Item 2", "Item 3", "Item 4"], "its second page had changed");
    machine.look_after(30).await;
    assert_eq!(machine.source("api").await.last_outcome, "unchanged");
    let stored = world.stored_bytes();
    assert!(!stored.windows(6).any(|bytes| bytes == b"s3cr3t"), "the key was stored");
    machine.close().await;
}

#[tokio::test]
async fn a_key_does_not_follow_to_another_site() {
    let world = World::new().await;
    let moved = Answer::text(302, "").header("Location", "http://other.example/api");
    world.server.put("paper.example", "/api", [moved]);
    world.server.put("other.example", "/api", [json(r#"[{"id":1,"text":"words"}]"#)]);
    std::fs::write(world.state_dir().parent().unwrap().join("key"), "s3cr3t").unwrap();
    let machine = world
        .machine(&plain("api", "api", "url = \"http://paper.example/api\"\nsecret_file = \"key\"\n[source.api]\nid = \"/id\"\ntext = \"/text\"\nheader = \"X-Key\""))
        .await;
    machine.look().await;
    assert_eq!(world.server.asked_for("paper.example", "/api")[0].header("x-key"), Some("s3cr3t"));
    assert_eq!(world.server.asked_for("other.example", "/api")[0].header("x-key"), None);
    machine.close().await;
}

#[tokio::test]
async fn a_site_that_repeats_the_key_gets_it_stored_nowhere() {
    let world = World::new().await;
    let item = Item {
        id: "http://paper.example/echo?k=s3cr3t-key",
        title: "Asked with s3cr3t-key",
        text: "Northmere Valley NHS Foundation Trust answered what was asked at /feed?k=s3cr3t-key today.",
    };
    world.server.put("paper.example", "/feed?k=s3cr3t-key", [Answer::feed(rss("paper.example", &[item]))]);
    std::fs::write(world.state_dir().parent().unwrap().join("key"), "s3cr3t-key").unwrap();
    let keyed =
        plain("keyed", "feed", "url = \"http://paper.example/feed?k={secret}\"\nsecret_file = \"key\"");
    let machine = world.machine(&keyed).await;
    machine.look().await;
    assert_eq!(machine.titles().await, ["Asked with {secret}"]);
    let stored = world.stored_bytes();
    assert!(!stored.windows(10).any(|bytes| bytes == b"s3cr3t-key"), "the key was stored");
    machine.close().await;
}

#[tokio::test]
async fn mails_of_a_service_are_read_once_and_their_headlines_followed() {
    let world = World::new().await;
    let maildir = world.state_dir().parent().unwrap().join("alerts");
    for part in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(maildir.join(part)).unwrap();
    }
    let mail = |id: &str, links: &str| {
        format!(
            "Message-ID: <{id}@alerts.example>\r\nDate: Wed, 1 Jul 2026 08:00:00 +0000\r\nSubject: Alert\r\nContent-Type: text/html\r\n\r\n{links}"
        )
    };
    let link = |path: &str, title: &str| {
        format!(
            "<p><a href=\"https://alerts.example/url?url=http://paper.example{path}\">{title}</a> Paper, today</p>"
        )
    };
    std::fs::write(maildir.join("new/1.a.host"), mail("1", &link("/ward", "A new ward opens"))).unwrap();
    std::fs::write(maildir.join("cur/2.b.host:2,S"), mail("2", &link("/ward", "A new ward opens"))).unwrap();
    std::fs::write(maildir.join("new/3.c.host"), [0xff_u8, 0, 1]).unwrap();
    world.server.put("paper.example", "/ward", [article("A new ward opens", NEWS)]);
    world.server.put("paper.example", "/scanner", [article("A scanner comes", LEAK)]);
    let machine = world.machine(&plain("cuttings", "mailbox", "follow = true\nmaildir = \"alerts\"")).await;
    machine.look().await;
    assert_eq!(machine.titles().await, ["A new ward opens"], "{:?}", machine.source("cuttings").await);
    // Whoever reads the mailbox too marks it as seen: its name changes, the mail does not.
    std::fs::rename(maildir.join("new/1.a.host"), maildir.join("cur/1.a.host:2,S")).unwrap();
    std::fs::write(maildir.join("new/4.d.host"), mail("4", &link("/scanner", "A scanner comes here")))
        .unwrap();
    machine.look_after(30).await;
    assert_eq!(machine.titles().await, ["A new ward opens", "A scanner comes here"]);
    assert_eq!(world.server.asked_for("paper.example", "/ward").len(), 1, "read once");
    std::fs::remove_dir_all(&maildir).unwrap();
    machine.look_after(30).await;
    assert_eq!(machine.source("cuttings").await.last_outcome, "maildir");
    machine.close().await;
}

#[tokio::test]
async fn what_is_added_below_a_saved_link_is_read() {
    let world = World::new().await;
    let thread = |comments: &[&str]| {
        let comments = comments.iter().map(|text| format!("<div class=comment><p>{text}</p></div>"));
        let comments = comments.collect::<Vec<_>>().concat();
        Answer::page(format!("<html><body><article><p>{NOTHING}</p></article>{comments}</body></html>"))
    };
    world.server.put(
        "forum.example",
        "/thread/7",
        [thread(&["First one here, hello."]), thread(&["First one here, hello.", LEAK])],
    );
    let list = world.state_dir().parent().unwrap().join("links.txt");
    std::fs::write(&list, "# Saved by Communications\nhttp://forum.example/thread/7\n\n").unwrap();
    let machine = world
        .machine(&plain(
            "saved",
            "links",
            "links_file = \"links.txt\"\nlinks = [\"http://other.example/gone\"]",
        ))
        .await;
    machine.look().await;
    let ids: Vec<String> = machine.store.sources().await.unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert!(ids.iter().any(|id| id.starts_with("saved-forum-example-thread-7-")), "{ids:?}");
    assert_eq!(machine.hits().await.len(), 0);
    machine.look_after(30).await;
    let hits = machine.hits().await;
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].severity, "critical", "{hits:?}");
    machine.close().await;
}

#[tokio::test]
async fn own_places_tell_when_they_are_lost() {
    let world = World::new().await;
    world.write_profile(
        "[[register]]\nkind = \"site\"\nname = \"http://paper.example/kept\"\n[[register]]\nkind = \"site\"\nname = \"http://forum.example/lost\"\n\
         [[register]]\nkind = \"site\"\nname = \"http://other.example/drifted\"\n",
    );
    world.server.put("paper.example", "/kept", [article("Northmere Valley NHS Foundation Trust", NEWS)]);
    let away = Answer::text(302, "").header("Location", "http://other.example/casino");
    world.server.put(
        "forum.example",
        "/lost",
        [article("Northmere Valley NHS Foundation Trust", NEWS), away],
    );
    world.server.put(
        "other.example",
        "/casino",
        [article("Win now", "Play the best slots here and win every day.")],
    );
    world.server.put("other.example", "/drifted", [article("Gardening", NOTHING)]);
    let sources = plain("own", "own", "[source.own]\nstale_days = 30");
    let machine = world.machine(&sources).await;
    let outcome = async |part: &str| {
        let rows = machine.store.sources().await.unwrap();
        rows.into_iter().find(|row| row.url.contains(part)).unwrap().last_outcome
    };
    machine.look().await;
    assert_eq!(outcome("/kept").await, "read");
    assert_eq!(outcome("/lost").await, "read");
    assert_eq!(outcome("/drifted").await, "drifted");
    assert_eq!(machine.hits().await.len(), 0, "a Trust's own words are no mention of it");
    machine.look_after(30).await;
    assert_eq!(outcome("/lost").await, "hijacked");
    machine.look_after(31 * 24 * 60).await;
    assert_eq!(outcome("/kept").await, "stale");
    machine.close().await;
}

#[tokio::test]
async fn comments_below_pages_are_documents_of_their_own() {
    let world = World::new().await;
    let page = |comments: &[(&str, &str)]| {
        let comments = comments
            .iter()
            .map(|(id, text)| {
                format!("<li class='comment' id='{id}'><b class='fn'>Jo</b><div class='comment-content'><p>{text}</p></div></li>")
            })
            .collect::<Vec<_>>()
            .concat();
        Answer::page(format!(
            "<html><head><title>Swans</title></head><body><article><p>{NOTHING}</p></article><ol>{comments}</ol></body></html>"
        ))
    };
    let leak = ("comment-2", LEAK);
    let plain_one = ("comment-1", "Lovely birds, all of them.");
    world.server.put(
        "forum.example",
        "/swans",
        [page(&[plain_one]), page(&[plain_one, leak]), page(&[leak, plain_one])],
    );
    let feed = "<rss version=\"2.0\"><channel><title>P</title><item><guid>1</guid><title>Swans</title><link>http://paper.example/swans</link></item></channel></rss>";
    world.server.put("paper.example", "/feed", [Answer::feed(feed)]);
    world.server.put("paper.example", "/swans", [page(&[("comment-9", NEWS)])]);
    let sources = plain("thread", "page", "url = \"http://forum.example/swans\"")
        + &plain("paper", "feed", "follow = true\nurl = \"http://paper.example/feed\"")[..];
    let machine = world.machine(&sources).await;
    machine.look().await;
    let hits = machine.hits().await;
    assert_eq!(hits.len(), 1, "{hits:?}");
    assert!(hits[0].url.ends_with("/swans"), "{}", hits[0].url);
    let kinds = async || machine.numbers("SELECT COUNT(*) FROM document WHERE kind = 'comment'").await[0];
    assert_eq!(kinds().await, 1);
    machine.look_after(30).await;
    assert_eq!((machine.hits().await.len(), kinds().await), (2, 2));
    machine.look_after(30).await;
    assert_eq!(machine.hits().await.len(), 2, "the order of comments is no news");
    machine.close().await;
}
