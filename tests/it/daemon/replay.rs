//! A rule tried on what the service has found, before it goes live; then live, and applied.

use serde_json::Value;

use super::feeds::Feeds;
use super::process::{Setup, now, until};
use crate::kill::items::Item;
use crate::smtp::sink::Sink;

/// A rule of one's own that fires on the words of every plain item.
const OWN: &str = r#"
[[rule]]
id = "own-mention"
version = 1
category = "press.enquiry"
base = 0.1
threshold = 0.5
clauses = ["Own 1"]
binds = "staff"
because = "our own rule"
[[rule.evidence]]
weight = 0.8
when = "kind:news OR kind:web OR kind:blog"
because = "always"
"#;

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_tried_on_stored_hits_and_applied_once_it_is_live() {
    let (feeds, sink) = (Feeds::start().await, Sink::start().await);
    for n in 0..3 {
        feeds.add("paper.example", Item::plain(n, "paper.example", now()));
    }
    let setup = Setup::new(&feeds, sink.port).source("paper", "paper.example", "every = \"1s\"");
    let service = setup.run();
    until("the summary", || !sink.received().is_empty()).await;
    service.stop().await;

    let unchanged = json(&setup.done("rules", &["replay", "--json"]));
    assert_eq!(
        (&unchanged["hits"], &unchanged["changed"]),
        (&Value::from(3), &Value::from(Vec::<Value>::new()))
    );

    let rules = setup.folder.path().join("tried");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(rules.join("own.toml"), OWN).unwrap();
    let folder = rules.display().to_string();
    let tried = json(&setup.done("rules", &["replay", "--json", "--rules", &folder]));
    assert_eq!(tried["rules"]["own-mention"]["added"], 3, "{tried}");
    assert_eq!(tried["changed"].as_array().unwrap().len(), 3);
    assert_eq!(tried["written"], 0);
    let table = String::from_utf8(setup.done("rules", &["replay", "--rules", &folder]).stdout).unwrap();
    assert!(table.contains("own-mention") && table.contains("3 hits judged anew, 3 would change"), "{table}");

    // What is not in force is not written.
    let refused = setup.done("rules", &["replay", "--apply", "--purpose", "to try", "--rules", &folder]);
    assert_eq!(refused.status.code(), Some(2));
    let stored = |setup: &Setup| {
        let hits = json(&setup.done("hits", &["list", "--json"]));
        let categories = hits.as_array().unwrap().iter().map(|hit| hit["categories"].to_string());
        categories.filter(|categories| categories.contains("press.enquiry")).count()
    };
    assert_eq!(stored(&setup), 0);

    let setup = setup.rules(&rules);
    let applied =
        json(&setup.done("rules", &["replay", "--apply", "--purpose", "our rule is live", "--json"]));
    assert_eq!((&applied["written"], &applied["told"]), (&Value::from(3), &Value::from(3)), "{applied}");
    assert_eq!(stored(&setup), 3);
    let again = json(&setup.done("rules", &["replay", "--apply", "--purpose", "our rule is live", "--json"]));
    assert_eq!(again["changed"].as_array().unwrap().len(), 0, "{again}");
    let other = setup.done("rules", &["replay", "--organisation", "solent"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&other.stderr).contains("it watches northmere"));
}
