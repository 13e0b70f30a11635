//! Look-alike domains: the permutations of another program, and ordinary hosts that must be left alone.

use trustwatch::classify::{Classifier, RuleSet};
use trustwatch::config::shipped_profiles;
use trustwatch::matching::lookalike;
use trustwatch::model::{Category, Document, DocumentKind, Profile};

const LABELS: [(&str, &str); 4] = [
    ("solent", "solent"),
    ("heartofengland", "heart-of-england"),
    ("eput", "essex-partnership"),
    ("secamb", "secamb"),
];

fn profiles() -> Vec<Profile> {
    shipped_profiles().unwrap()
}

#[test]
fn nearly_every_permutation_that_a_stranger_could_register_is_flagged() {
    let profiles = profiles();
    let lines = include_str!("../fixtures/lookalikes/permutations.csv");
    let (mut all, mut missed) = (0, Vec::new());
    for line in lines.lines() {
        let (label, host) = line.split_once(',').unwrap();
        let id = LABELS.iter().find(|(known, _)| *known == label).unwrap().1;
        let profile = profiles.iter().find(|profile| profile.id.as_str() == id).unwrap();
        all += 1;
        if lookalike(host, profile).is_none() {
            missed.push(host);
        }
    }
    println!("{all} permutations, missed: {missed:?}");
    assert!(all > 3_000 && missed.len() * 50 <= all, "{} of {all} missed: {missed:?}", missed.len());
}

#[test]
fn hardly_any_ordinary_host_is_flagged() {
    let hosts = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/hosts.txt");
    let Ok(hosts) = std::fs::read_to_string(&hosts) else {
        println!("skipped: hosts.txt of the shared data is not here");
        return;
    };
    let profiles = profiles();
    let flagged: Vec<&str> = hosts
        .lines()
        .filter(|host| profiles.iter().any(|profile| lookalike(host, profile).is_some()))
        .collect();
    println!("{} hosts, flagged: {flagged:?}", hosts.lines().count());
    assert!(flagged.len() * 1_000 <= hosts.lines().count(), "{flagged:?}");
}

#[test]
fn what_belongs_to_somebody_else_or_to_the_trust_is_left_alone() {
    let profiles = profiles();
    for host in [
        "solent.nhs.uk",
        "jobs.solent.nhs.uk",
        "solent.ac.uk",
        "solentmind.org.uk",
        "uhb.nhs.uk",
        "essex.gov.uk",
        "www.secamb.nhs.uk",
    ] {
        for profile in &profiles {
            assert_eq!(lookalike(host, profile), None, "{host} for {}", profile.id);
        }
    }
    let solent = profiles.iter().find(|profile| profile.id.as_str() == "solent").unwrap();
    for host in [
        "solent-nhs-jobs.example",
        "heftnhs-payslip.com",
        "solnet.nhs.uk.patient-letters.net",
        "xn--slent-jua.co.uk",
        "solent.nhs.uk.login.example",
    ] {
        let somebody = profiles.iter().any(|profile| lookalike(host, profile).is_some());
        assert!(somebody, "{host}");
    }
    assert_eq!(lookalike("solentsailing.example", solent), None);
}

#[test]
fn a_page_counts_by_its_address_only_where_that_is_no_chance() {
    let classifier = Classifier::new(profiles(), RuleSet::shipped().unwrap()).unwrap();
    let hits = |url: &str, title: &str, text: &str| {
        let (url, title, text) = (url.to_owned(), title.to_owned(), text.to_owned());
        classifier.classify(&Document { kind: DocumentKind::Web, url, title, text, ..Document::default() })
    };
    let is_lookalike = |url: &str, title: &str, text: &str| {
        let hits = hits(url, title, text);
        hits.iter().flat_map(|hit| &hit.findings).any(|finding| finding.category == Category::LookalikeDomain)
    };
    for host in ["silent.com", "solents.co.uk", "talent.com", "input.example"] {
        assert_eq!(hits(&format!("https://{host}/"), "", "Boats and words."), [], "{host}");
    }
    assert!(!is_lookalike("https://silent.com/news", "", "Solent NHS Trust opens a ward"));
    assert!(is_lookalike("https://solnet.example/", "Solent NHS Trust", "Confirm your card"));
    assert!(is_lookalike("https://solent-nhs-jobs.example/", "", "Apply here"));
}

#[test]
fn an_address_of_any_length_is_judged_at_once() {
    let profiles = profiles();
    let long = format!("{}solentx.example", "my.".repeat(20_000));
    let many = format!("{}solentx.example", "my.".repeat(70));
    let somebody = |host: &str| profiles.iter().any(|profile| lookalike(host, profile).is_some());
    assert!(!somebody(&long), "no name is so long");
    assert!(somebody(&many), "one letter more below any number of parts");
}
