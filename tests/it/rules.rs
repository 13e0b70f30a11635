//! Every rule earns its place: dropped, some example turns.

use std::fmt::Write as _;
use std::path::Path;

use trustwatch::classify::{Classifier, RuleSet};
use trustwatch::config::{SHIPPED_PROFILES, read_profile_text};
use trustwatch::model::Profile;

fn profiles() -> Vec<Profile> {
    SHIPPED_PROFILES.iter().map(|(id, text)| read_profile_text(id, text).unwrap()).collect()
}

/// Every shipped rule file as text, by name.
fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules");
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// The text of one rule, from its `[[rule]]` to the next rule or list.
fn rule_text(id: &str) -> String {
    let quoted = format!("id = \"{id}\"\n");
    let text = files().into_iter().map(|(_, text)| text).find(|text| text.contains(&quoted)).unwrap();
    let at = text.find(&quoted).unwrap();
    let start = text[..at].rfind("[[rule]]").unwrap();
    let mut rule = String::new();
    // A list may stand between a rule and its evidence; it is shipped already.
    let mut inside = true;
    for (number, line) in text[start..].lines().enumerate() {
        match line {
            "[[rule]]" if number > 0 => break,
            "[[list]]" => inside = false,
            line if line.starts_with("[[rule") => inside = true,
            _ => {}
        }
        if inside {
            writeln!(rule, "{line}").unwrap();
        }
    }
    rule
}

/// How many examples are wrong where `text` takes the place of a shipped rule.
fn wrong_with(text: &str) -> usize {
    let rules = RuleSet::overlaid(&[("changed.toml".to_owned(), text.to_owned())])
        .unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
    let tried = Classifier::new(profiles(), rules).unwrap().try_examples();
    tried.iter().filter(|tried| tried.wrong.is_some()).count()
}

#[test]
fn all_examples_are_right_as_shipped() {
    assert_eq!(wrong_with(""), 0);
}

#[test]
fn a_rule_that_is_dropped_is_missed() {
    let ids: Vec<String> = RuleSet::shipped().unwrap().iter().map(|rule| rule.id.clone()).collect();
    assert!(ids.len() >= 35);
    let (as_shipped, mut unnoticed) = (wrong_with(""), Vec::new());
    for id in &ids {
        let text = rule_text(id);
        // A rule that is never asked is a rule dropped.
        let dropped = text.replacen("threshold", "when = \"kind:domain AND kind:news\"\nthreshold", 1);
        let dropped = if text.contains("\nwhen = ") && text.find("\nwhen = ") < text.find("[[rule.evidence]]")
        {
            let first = text.find("\nwhen = ").unwrap() + 1;
            let end = text[first..].find('\n').unwrap() + first;
            format!("{}when = \"kind:domain AND kind:news\"{}", &text[..first], &text[end..])
        } else {
            dropped
        };
        if wrong_with(&dropped) == as_shipped {
            unnoticed.push(id);
        }
    }
    assert!(unnoticed.is_empty(), "no example misses {unnoticed:?}");
}
