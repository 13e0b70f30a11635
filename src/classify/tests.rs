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
    let tried = classifier().try_examples();
    let wrong: Vec<String> = tried
        .iter()
        .filter_map(|tried| Some(format!("{} {}: {}", tried.rule, tried.number, tried.wrong.as_ref()?)))
        .collect();
    assert!(tried.len() > 200);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_shipped_rules_have_nothing_odd() {
    let odd = RuleSet::shipped()
        .unwrap()
        .lint(&[toml::from_str(include_str!("../../config/profiles/solent.toml")).unwrap()]);
    assert!(odd.is_empty(), "{odd:#?}");
}

#[test]
fn every_category_has_a_rule() {
    let rules = RuleSet::shipped().unwrap();
    let missing: Vec<_> = Category::ALL
        .iter()
        .filter(|category| rules.iter().all(|rule| rule.category != **category))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// A file of one's own.
fn own(text: &str) -> Result<RuleSet, Vec<crate::problem::Problem>> {
    RuleSet::overlaid(&[("mine.toml".to_owned(), text.to_owned())])
}

const PARKING: &str = r#"
[[rule]]
id = "parking"
version = 1
category = "feedback.complaint"
threshold = 0.5
clauses = ["SOL 3.4"]
binds = "anyone"
because = "somebody complains of the car park"
[[rule.evidence]]
weight = 0.6
when = '"car park" NEAR/5 {grumble}'
because = "words of parking"
[[list]]
name = "grumble"
any = ["rip off", "too dear"]
"#;

#[test]
fn rules_of_ones_own_stand_over_the_shipped_ones() {
    let profile: Profile = toml::from_str(include_str!("../../config/profiles/northmere.toml")).unwrap();
    let rules = own(PARKING).unwrap();
    assert_eq!(rules.iter().count(), RuleSet::shipped().unwrap().iter().count() + 1);
    let classifier = Classifier::new(vec![profile], rules).unwrap();
    let document =
        Document { text: "The car park at Northmere General is too dear".to_owned(), ..Document::default() };
    let findings = classifier.classify(&document).remove(0).findings;
    assert!(findings.iter().any(|finding| finding.rule == "parking"), "{findings:?}");

    let louder = PARKING.replace("\"parking\"", "\"complaint\"");
    let rules = own(&louder).unwrap();
    let complaint: Vec<_> = rules.iter().filter(|rule| rule.id == "complaint").collect();
    assert_eq!((complaint.len(), complaint[0].because_words()), (1, "somebody complains of the car park"));
}

#[test]
fn every_problem_of_a_rule_file_is_told_with_its_line() {
    let text = r#"
[[list]]
name = "person"
any = ["x"]
[[list]]
name = "circle"
queries = ["{circle}"]
[[rule]]
id = "one"
version = 1
category = "feedback.query"
threshold = 2.0
clauses = []
binds = "anyone"
because = "x"
when = "rude staff"
[[rule.evidence]]
weight = 0.5
when = "{relatoin} AND is:sunny AND found:feedback.query"
because = "y"
"#;
    let problems = own(text).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(
        told.iter().any(|told| told.contains("mine.toml:3: list person: this name belongs to a detector")),
        "{told:#?}"
    );
    assert!(
        told.iter().any(|told| told.contains("mine.toml:6: list circle:") && told.contains("needs itself")),
        "{told:#?}"
    );

    let text = text.replace("{circle}", "{relation}").replace("\"person\"", "\"persons\"");
    let told: Vec<String> = own(&text).unwrap_err().iter().map(ToString::to_string).collect();
    for expected in
        ["threshold must be", "name at least one policy clause", "when: column 6", "is:sunny is not known"]
    {
        assert!(
            told.iter().any(|told| told.contains("mine.toml:9: rule one:") && told.contains(expected)),
            "{expected}: {told:#?}"
        );
    }
}

#[test]
fn a_private_name_is_told_as_initials_everywhere() {
    let text =
        "Northmere General still has no bed for my sister Dora Kettle, pneumonia, day three on a trolley";
    let found = findings(&Document {
        text: text.to_owned(),
        kind: crate::model::DocumentKind::Social,
        ..Document::default()
    });
    let named = found.iter().find(|finding| finding.category == Category::NamedPerson).expect("she is named");
    assert_eq!(named.spans[0].masked, "D. K.");
    let told = serde_json::to_string(&found).unwrap();
    assert!(!told.contains("Dora") && !told.contains("Kettle"), "{told}");
}

#[test]
fn a_rule_that_costs_too_much_is_named() {
    let rules = own(&PARKING
        .replace("\"car park\" NEAR/5 {grumble}", "(a, b) NEAR/200 (a, b) NEAR/200 (a, b) NEAR/200 (a, b)"))
    .unwrap();
    let profile: Profile = toml::from_str(include_str!("../../config/profiles/northmere.toml")).unwrap();
    let classifier = Classifier::new(vec![profile], rules).unwrap();
    let document =
        Document { text: format!("Northmere General {}", "a b ".repeat(30_000)), ..Document::default() };
    let hit = classifier.classify(&document).remove(0);
    assert!(hit.overran.contains(&"parking".to_owned()), "{:?}", hit.overran);
    assert_eq!(classifier.classify(&document).remove(0), hit, "the same input gives the same answer");
}

#[test]
fn the_reasoning_can_be_read_whole() {
    let document = Document {
        text: "Ward list from Northmere General: bed 4, 943 476 5919, hip".to_owned(),
        ..Document::default()
    };
    let (hit, told) = classifier().explain(&document).remove(0);
    let number = told.iter().find(|told| told.rule == "nhs-number").expect("the rule had something to judge");
    assert!(number.fired && number.score.unwrap() >= number.threshold);
    assert!(number.items.iter().any(|held| held.because.contains("words of care")), "{number:?}");
    assert!(hit.findings.iter().any(|finding| finding.rule == "nhs-number"));
    assert!(!format!("{told:?}").contains("943 476"), "{told:?}");
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

#[test]
fn a_registered_name_registers_nobody_who_has_another_handle() {
    let profile: Profile = toml::from_str(include_str!("../../config/profiles/solent.toml")).unwrap();
    let classifier = Classifier::new(vec![profile], RuleSet::shipped().unwrap()).unwrap();
    let scam = "Official account of Solent NHS Trust. Click here to claim your refund, card details please";
    let findings = |author_handle: &str| {
        let document = Document {
            kind: DocumentKind::Social,
            author: "@SolentNHSTrust".to_owned(),
            author_handle: author_handle.to_owned(),
            text: scam.to_owned(),
            ..Document::default()
        };
        let hits = classifier.classify(&document);
        hits.iter().flat_map(|hit| &hit.findings).map(|finding| finding.category).collect::<Vec<_>>()
    };
    assert!(findings("@solent_gifts99").contains(&Category::Impersonation));
    assert_eq!(findings(""), []);
}

#[test]
fn a_sea_of_names_does_not_hide_the_trust() {
    let profile: Profile = toml::from_str(include_str!("../../config/profiles/solent.toml")).unwrap();
    let classifier = Classifier::new(vec![profile], RuleSet::shipped().unwrap()).unwrap();
    let text = format!(
        "{}{}a rude nurse sent from Solent",
        "We sailed from Solent to Solent again by boat. ".repeat(110),
        "The patient saw somebody on the ward. ".repeat(1_300)
    );
    let hits = classifier.classify(&Document { text, ..Document::default() });
    assert_eq!(hits.len(), 1);
}

#[test]
fn a_rule_without_evidence_asks_in_when_alone() {
    let text = r#"
        [[rule]]
        id = "wobble"
        version = 1
        category = "feedback.query"
        base = 0.9
        threshold = 0.5
        clauses = ["EPUT 7.1"]
        binds = "anyone"
        because = "wobbles"
        when = "wobble"
    "#;
    let rules = RuleSet::overlaid(&[("mine.toml".to_owned(), text.to_owned())]).unwrap();
    let profile: Profile = toml::from_str(include_str!("../../config/profiles/solent.toml")).unwrap();
    let classifier = Classifier::new(vec![profile], rules).unwrap();
    let document = Document { text: "Solent NHS Trust, wobble".to_owned(), ..Document::default() };
    assert!(classifier.classify(&document)[0].findings.iter().any(|finding| finding.rule == "wobble"));
}

#[test]
fn the_board_is_named_in_office_and_nobody_else_of_that_name() {
    let named = |text: &str| {
        let hits = classifier().classify(&Document {
            kind: DocumentKind::Forum,
            text: text.to_owned(),
            ..Document::default()
        });
        let found = hits.iter().flat_map(|hit| &hit.findings);
        (hits.len(), found.filter(|finding| finding.category == Category::NamedPerson).count())
    };
    let ill = "was admitted with pneumonia and is very poorly on the ward";
    let told = "I work for Northmere Valley NHS Trust. Our chief executive Harriet Oakshott was a patient on our \
        ward, she is diagnosed with bipolar disorder.";
    assert_eq!(named(told).1, 1, "an office has no diagnosis");
    assert_eq!(
        named("Chief executive Harriet Oakshott opened the fete."),
        (1, 0),
        "beside the role it is the Trust"
    );
    assert_eq!(named("Harriet Oakshott opened the fete."), (0, 0), "elsewhere it is nobody of ours");
    assert_eq!(named(&format!("Northmere General: Harriet Oakshott {ill}.")).1, 1);
    assert_eq!(named(&format!("Northmere General: Mrs Wilma Oakshott {ill}.")).1, 1);
}
