//! Look-alike domains: the permutations of another program, and ordinary hosts that must be left alone.

use trustwatch::config::shipped_profiles;
use trustwatch::matching::lookalike;
use trustwatch::model::Profile;

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
