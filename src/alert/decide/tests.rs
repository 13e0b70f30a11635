use super::*;
use crate::model::Binds;
use crate::store::HitRow;

fn finding(category: Category, severity: Severity) -> Finding {
    Finding {
        category,
        rule: "r".to_owned(),
        rule_version: 1,
        severity,
        score: 1.0,
        clauses: Vec::new(),
        binds: Binds::Anyone,
        origin: None,
        child: false,
        writer: None,
        at_risk: None,
        spans: Vec::new(),
        reason: String::new(),
    }
}

const NOW: i64 = 1_800_000_000_000;

fn item(findings: Vec<Finding>) -> OutboxItem {
    let hit = HitRow {
        id: 1,
        version: 1,
        organisation: "solent".to_owned(),
        source: "paper".to_owned(),
        kind: "news".to_owned(),
        url: "https://paper.example/a".to_owned(),
        linkable: 1,
        title: "t".to_owned(),
        published_at: None,
        first_seen_at: NOW,
        at: NOW,
        backlog: 0,
        withheld: 0,
        restricted: 0,
        story: 1,
        copies: 1,
        story_told: 0,
        page_told: 0,
    };
    OutboxItem { hit, findings }
}

fn decided(item: &OutboxItem, earlier: &Earlier) -> Vec<(Group, Reason)> {
    decide(item, earlier, crate::clock::from_ms(NOW))
        .into_iter()
        .map(|decision| (decision.group, decision.reason))
        .collect()
}

#[test]
fn severity_decides_between_now_and_the_digest() {
    let none = Earlier::default();
    let grave = item(vec![finding(Category::Scam, Severity::High)]);
    assert_eq!(decided(&grave, &none), [(Group::Communications, Reason::First)]);
    let mild = item(vec![finding(Category::NameMisuse, Severity::Medium)]);
    assert_eq!(decided(&mild, &none), [(Group::Communications, Reason::Digest)]);
    assert_eq!(decided(&item(Vec::new()), &none), [(Group::Communications, Reason::Digest)]);
}

#[test]
fn a_disclosure_goes_to_the_restricted_group_alone() {
    let none = Earlier::default();
    let disclosure = item(vec![finding(Category::Safety, Severity::High)]);
    assert_eq!(decided(&disclosure, &none), [(Group::Restricted, Reason::First)]);
    let mixed = item(vec![
        finding(Category::Safety, Severity::High),
        finding(Category::NhsNumber, Severity::Critical),
    ]);
    assert_eq!(
        decided(&mixed, &none),
        [(Group::Restricted, Reason::First), (Group::Communications, Reason::First)]
    );
}

#[test]
fn danger_goes_to_the_crisis_contact_at_once_and_conduct_to_nobody() {
    let none = Earlier::default();
    let danger = item(vec![finding(Category::Welfare, Severity::Critical)]);
    assert_eq!(decided(&danger, &none), [(Group::Crisis, Reason::First)]);
    let conduct = item(vec![finding(Category::Disrepute, Severity::Info)]);
    assert_eq!(decided(&conduct, &none), [(Group::Communications, Reason::Quiet)]);
}

#[test]
fn a_first_pass_is_backlog_unless_critical_and_fresh() {
    let none = Earlier::default();
    let mut old = item(vec![finding(Category::NhsNumber, Severity::Critical)]);
    old.hit.backlog = 1;
    assert_eq!(decided(&old, &none), [(Group::Communications, Reason::First)]);
    old.hit.at = NOW - 8 * 86_400_000;
    assert_eq!(decided(&old, &none), [(Group::Communications, Reason::Backlog)]);
    let mut high = item(vec![finding(Category::Scam, Severity::High)]);
    high.hit.backlog = 1;
    assert_eq!(decided(&high, &none), [(Group::Communications, Reason::Backlog)]);
}

#[test]
fn what_was_told_is_a_line_and_what_got_graver_an_alarm() {
    let told = |group: &str, severity| Earlier {
        told_at_once: vec![(group.to_owned(), severity)],
        ..Earlier::default()
    };
    let grave = item(vec![finding(Category::Scam, Severity::High)]);
    assert_eq!(
        decided(&grave, &told("communications", Severity::High)),
        [(Group::Communications, Reason::Digest)]
    );
    let critical = item(vec![finding(Category::NhsNumber, Severity::Critical)]);
    for before in [Severity::High, Severity::Critical] {
        let decided = decided(&critical, &told("communications", before));
        assert_eq!(
            decided,
            [(Group::Communications, Reason::Escalated)],
            "another number is another patient"
        );
    }
    let danger = item(vec![finding(Category::Welfare, Severity::Critical)]);
    assert_eq!(decided(&danger, &told("crisis", Severity::Critical)), [(Group::Crisis, Reason::Escalated)]);
    let later = Earlier { told_later: vec!["communications".to_owned()], ..Earlier::default() };
    assert_eq!(decided(&grave, &later), [(Group::Communications, Reason::Escalated)]);
}

#[test]
fn the_same_page_from_another_source_is_told_once_however_grave() {
    let told = Earlier { page_told: true, ..Earlier::default() };
    let critical = item(vec![finding(Category::NhsNumber, Severity::Critical)]);
    assert_eq!(decided(&critical, &told), [(Group::Communications, Reason::NewInStory)]);
}

#[test]
fn another_copy_of_a_story_waits_unless_critical() {
    let told = Earlier { story_told: true, ..Earlier::default() };
    let grave = item(vec![finding(Category::Scam, Severity::High)]);
    assert_eq!(decided(&grave, &told), [(Group::Communications, Reason::NewInStory)]);
    let critical = item(vec![finding(Category::NhsNumber, Severity::Critical)]);
    assert_eq!(decided(&critical, &told), [(Group::Communications, Reason::First)]);
}
