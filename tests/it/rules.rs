//! Every rule earns its place: dropped, or with its threshold moved by a fifth, some example turns.

use trustwatch::classify::{Classifier, Rule, RuleSet};
use trustwatch::config::{SHIPPED_PROFILES, read_profile_text};
use trustwatch::model::Profile;

fn profiles() -> Vec<Profile> {
    SHIPPED_PROFILES.iter().map(|(id, text)| read_profile_text(id, text).unwrap()).collect()
}

/// How many examples are wrong with `rule` in place of the shipped one of its id.
fn wrong_with(rule: Option<&Rule>) -> usize {
    let file =
        toml::Table::from_iter(rule.map(|rule| ("rule".to_owned(), toml::Value::try_from([rule]).unwrap())));
    let rules = RuleSet::overlaid(&[("changed.toml".to_owned(), file.to_string())])
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    let tried = Classifier::new(profiles(), rules).unwrap().try_examples();
    tried.iter().filter(|tried| tried.wrong.is_some()).count()
}

#[test]
fn all_examples_are_right_as_shipped() {
    assert_eq!(wrong_with(None), 0);
}

#[test]
fn a_rule_that_is_dropped_is_missed() {
    let rules = RuleSet::shipped().unwrap();
    assert!(rules.iter().count() >= 35);
    let mut unnoticed = Vec::new();
    for rule in rules.iter() {
        // No document is of two kinds: the rule is never asked.
        let mut dropped = rule.clone();
        dropped.when = Some("kind:domain AND kind:news".to_owned());
        if wrong_with(Some(&dropped)) == 0 {
            unnoticed.push(&rule.id);
        }
    }
    assert!(unnoticed.is_empty(), "no example misses {unnoticed:?}");
}

#[test]
fn a_threshold_that_moves_by_a_fifth_is_noticed() {
    let rules = RuleSet::shipped().unwrap();
    let mut unnoticed = Vec::new();
    for rule in rules.iter() {
        for factor in [0.8, 1.2] {
            let mut moved = rule.clone();
            // No score is above 1: beyond it a rule would never fire, and the test would prove less.
            moved.threshold = (rule.threshold * factor).min(0.99);
            if wrong_with(Some(&moved)) == 0 {
                unnoticed.push(format!("{} at {:.2}", rule.id, moved.threshold));
            }
        }
    }
    assert!(unnoticed.is_empty(), "no example minds {unnoticed:?}");
}
