use super::*;
use crate::model::{Origin, Severity};

fn classifier() -> Classifier {
    let profile: Profile = toml::from_str(include_str!("../../config/profiles/northmere.toml")).unwrap();
    Classifier::new(vec![profile], RuleSet::shipped().unwrap()).unwrap()
}

fn findings(document: &Document) -> Vec<Finding> {
    classifier().classify(document).into_iter().flat_map(|hit| hit.findings).collect()
}

#[test]
fn every_example_of_every_rule_holds() {
    let classifier = classifier();
    let rules = RuleSet::shipped().unwrap();
    let mut wrong = Vec::new();
    for rule in rules.iter() {
        assert!(rule.examples.iter().filter(|example| example.fires).count() >= 3, "{}", rule.id);
        assert!(rule.examples.iter().filter(|example| !example.fires).count() >= 3, "{}", rule.id);
        for example in &rule.examples {
            let document = Document {
                kind: example.kind,
                url: example.url.clone(),
                title: example.title.clone(),
                text: example.text.clone(),
                author: example.author.clone(),
                author_handle: example.author_handle.clone(),
                ..Document::default()
            };
            let hits = classifier.classify(&document);
            assert!(!hits.is_empty(), "{}: no mention in {:?}", rule.id, example.text);
            let fired = hits.iter().flat_map(|hit| &hit.findings).any(|finding| finding.rule == rule.id);
            if fired != example.fires {
                wrong.push(format!("{}: fires = {fired} on {:?}", rule.id, example.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_finding_says_where_why_and_nothing_in_clear() {
    let text = "Look what I found outside Northmere General: NHS number 523 476 5912, and more".to_owned();
    // 523 476 591x: find the check digit that holds.
    let text = (0..10)
        .map(|digit| text.replace("5912", &format!("591{digit}")))
        .find(|text| crate::mask::Masker::default().finds(text))
        .unwrap();
    let found = findings(&Document {
        text: text.clone(),
        kind: crate::model::DocumentKind::Forum,
        ..Document::default()
    });
    let finding = &found[0];
    assert_eq!(finding.category, Category::NhsNumber);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(finding.origin, Some(Origin::ThirdParty));
    let span = &finding.spans[0];
    let given: String = text.chars().skip(span.start).take(span.end - span.start).collect();
    assert!(given.starts_with("523 476"));
    assert!(span.masked.starts_with("*** *** **"));
    assert!(!finding.reason.contains("523"), "{}", finding.reason);
}

#[test]
fn what_people_say_of_themselves_is_capped() {
    let number = "943 476 5919";
    let own = Document {
        kind: crate::model::DocumentKind::Forum,
        text: format!("Northmere General, my NHS number is {number}, call me"),
        ..Document::default()
    };
    let found = findings(&own);
    assert_eq!(
        (found[0].origin, found[0].severity),
        (Some(Origin::Own), Severity::Low),
        "and 900 to 999 is low anyway"
    );
}
