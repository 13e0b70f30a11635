//! `trustwatch extract`: files or JSON Lines in, one line a page out.

use serde_json::{Value, json};

use crate::program::{fixture, trustwatch};

const PAGE: &str = "<!doctype html><html lang=\"en-GB\"><head><title>Ward reopens – Weekly</title>\
  <meta name=\"author\" content=\"Beth Arkwell\"><link rel=\"canonical\" href=\"/news/ward?utm_source=x\">\
  <meta property=\"article:published_time\" content=\"2026-03-04T09:30:00Z\"></head><body><nav>Home Sport Weather</nav>\
  <article><h1>Ward reopens</h1><p>The ward at Northmere General Hospital opened again on Monday after six weeks of \
  building work, and the first patients moved back in before lunch, the matron said.</p><p>Visitors may use the new \
  entrance on Weir Street from the morning on; the old one stays shut until the scaffolding has gone.</p></article>\
  <footer>© Weekly</footer></body></html>";

fn line(value: &Value) -> String {
    format!("{value}\n")
}

#[test]
fn a_page_gives_its_text_and_who_wrote_it_when_and_where() {
    let input = line(&json!({"html": PAGE, "url": "https://weekly.example/x?utm_source=feed", "other": 1}));
    let ran = trustwatch(&["extract"]).input(input).run().ended(0);
    let pages = ran.json_lines();
    let [page] = &pages[..] else { panic!("{}", ran.out) };
    let keys: Vec<&str> = page.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["author", "canonical_url", "language", "published", "text", "title", "url"]);
    assert_eq!(page["url"], "https://weekly.example/x?utm_source=feed");
    assert_eq!(page["author"], "Beth Arkwell");
    assert_eq!(page["canonical_url"], "https://weekly.example/news/ward");
    assert_eq!(page["language"], "en");
    assert!(page["published"].as_str().unwrap().starts_with("2026-03-04T09:30:00"));
    assert!(page["title"].as_str().unwrap().contains("Ward reopens"));
    let text = page["text"].as_str().unwrap();
    assert!(text.contains("the matron said.") && text.contains("scaffolding has gone"), "{text}");
    assert!(!text.contains("Weather") && !text.contains("© Weekly"), "furniture is left out: {text}");
}

#[test]
fn files_are_read_in_their_order_and_a_missing_one_does_not_stop_the_rest() {
    let pages = fixture("page");
    let args = ["extract", "article_mention.html", "no_such.html", "iso_8859_1_meta.html"];
    let ran = trustwatch(&args).within(&pages).run().ended(1);
    let lines = ran.json_lines();
    assert_eq!(lines.len(), 3, "{}", ran.out);
    assert_eq!(lines[1]["file"], "no_such.html");
    assert!(lines[1]["error"].as_str().unwrap().contains("No such file"));
    for page in [&lines[0], &lines[2]] {
        assert!(!page["text"].as_str().unwrap().is_empty());
        assert_eq!((&page["url"], page.get("error")), (&Value::Null, None));
    }
    assert!(!lines[2]["text"].as_str().unwrap().contains('\u{fffd}'), "its charset was read from the page");
    trustwatch(&args[..2]).within(&pages).run().ended(0);
}

#[test]
fn a_broken_line_is_told_by_its_number_and_the_rest_goes_on() {
    let good = line(&json!({"html": "<p>one</p>"}));
    let mut input = format!("{good}\n{{\"html\": \n[]\n{{\"url\": \"https://x.example/\"}}\n").into_bytes();
    input.extend_from_slice(b"{\"html\":\"\xff\"}\r\n");
    input.extend_from_slice(good.replace("one", "two").trim_end().as_bytes());
    let ran = trustwatch(&["extract"]).input(input).run().ended(1);
    let lines = ran.json_lines();
    let broken: Vec<u64> = lines
        .iter()
        .filter(|line| line.get("error").is_some())
        .map(|line| line["line"].as_u64().unwrap())
        .collect();
    assert_eq!(broken, [3, 4, 5, 6], "{}", ran.out);
    let texts: Vec<&str> = lines.iter().filter_map(|line| line["text"].as_str()).collect();
    assert_eq!(texts, ["one", "two"]);
}

#[test]
fn nothing_in_nothing_out() {
    let ran = trustwatch(&["extract"]).run().ended(0);
    assert_eq!((ran.out, ran.err), (String::new(), String::new()));
    let marked = format!("\u{feff}{}", json!({"html": "<p>marked</p>"}));
    assert_eq!(trustwatch(&["extract"]).input(marked).run().ended(0).json_lines()[0]["text"], "marked");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    use std::io::Read;
    use std::process::{Command, Stdio};
    let pages = fixture("page").join("article_mention.html");
    let mut child = Command::new(env!("CARGO_BIN_EXE_trustwatch"))
        .arg("extract")
        .args(vec![pages; 200])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 1]).unwrap();
    drop(out);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    assert_eq!(ended.status.code(), Some(0));
}
