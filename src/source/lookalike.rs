//! Names that somebody may register to be taken for the Trust: its own label with words of health, pay, jobs and log-in,
//! under other endings, and with the slips and tricks that the permutation crate knows, likeliest first.

use std::collections::HashSet;

use serde::Deserialize;
use twistrs::filter::Permissive;
use twistrs::permutate::Domain;

use crate::problem::Problem;

/// How look-alike domains are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LookalikeOptions {
    /// Names looked up a day (each takes one to four questions).
    pub daily_lookups: u32,
    /// Words added to the shipped ones.
    pub words: Vec<String>,
    /// Domains whose look-alikes are looked for; the profile's own where there is none.
    pub domains: Vec<String>,
    /// Whether icons and logos of those that serve a page are compared with the Trust's own.
    pub pictures: bool,
}

impl Default for LookalikeOptions {
    fn default() -> Self {
        Self { daily_lookups: 500, words: Vec::new(), domains: Vec::new(), pictures: true }
    }
}

impl LookalikeOptions {
    /// What is wrong with these options.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !(24..=10_000).contains(&self.daily_lookups) {
            problems.push(Problem::at("daily_lookups", "write a number from 24 to 10000"));
        }
        let is_label = |word: &String| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        for (n, word) in self.words.iter().enumerate().filter(|(_, word)| !is_label(word)) {
            problems.push(Problem::at(
                format!("words[{n}]"),
                format!("{word:?}: use lower-case letters and digits"),
            ));
        }
        problems
    }
}

/// Words that registrants add.
const WORDS: [&str; 40] = [
    "nhs",
    "nhstrust",
    "trust",
    "nhsft",
    "nhsuk",
    "hospital",
    "hospitals",
    "health",
    "healthcare",
    "clinic",
    "careers",
    "jobs",
    "recruitment",
    "recruit",
    "vacancies",
    "apply",
    "appointment",
    "appointments",
    "booking",
    "referral",
    "referrals",
    "login",
    "signin",
    "portal",
    "account",
    "secure",
    "staff",
    "staffbank",
    "payroll",
    "payslip",
    "pay",
    "payments",
    "refund",
    "invoice",
    "pension",
    "patient",
    "patients",
    "myhealth",
    "charity",
    "donate",
];
/// Endings under which a name with a word is looked for.
const WORD_ENDINGS: [&str; 6] = ["co.uk", "org.uk", "uk", "com", "org", "net"];
/// Endings under which a slip is looked for.
const SLIP_ENDINGS: [&str; 4] = ["co.uk", "org.uk", "uk", "com"];
/// Endings under which the label itself is looked for.
const ENDINGS: [&str; 22] = [
    "co.uk", "org.uk", "uk", "com", "org", "net", "me.uk", "info", "online", "health", "care", "site", "co",
    "eu", "biz", "app", "website", "live", "support", "jobs", "careers", "uk.com",
];

/// Names that resemble `domain`, likeliest first, each once, in ASCII (punycode).
pub fn variants(domain: &str, more: &[String]) -> Vec<String> {
    let registrable = psl::domain_str(domain).unwrap_or(domain);
    let Some((label, suffix)) = registrable.split_once('.') else { return Vec::new() };
    let mut seen = HashSet::from([registrable.to_owned(), domain.to_owned()]);
    let mut found: Vec<String> = Vec::new();
    let mut add = |name: String| {
        if let Ok(name) = idna::domain_to_ascii(&name)
            && name.len() <= 253
            && seen.insert(name.clone())
        {
            found.push(name);
        }
    };
    let glued = suffix.replace('.', "");
    let hyphened = suffix.replace('.', "-");
    for ending in SLIP_ENDINGS.iter().chain(&["org", "net"]) {
        for joined in [format!("{label}-{hyphened}"), format!("{label}{glued}"), format!("{label}-{glued}")] {
            add(format!("{joined}.{ending}"));
        }
    }
    for ending in ENDINGS {
        add(format!("{label}.{ending}"));
    }
    let own: Vec<&str> = more.iter().map(String::as_str).collect();
    for word in own.iter().chain(&WORDS) {
        for ending in WORD_ENDINGS {
            for joined in [
                format!("{label}-{word}"),
                format!("{label}{word}"),
                format!("{word}-{label}"),
                format!("{word}{label}"),
            ] {
                add(format!("{joined}.{ending}"));
            }
        }
    }
    for slip in slips(label) {
        add(format!("{slip}.{suffix}"));
        for ending in SLIP_ENDINGS {
            add(format!("{slip}.{ending}"));
        }
    }
    found
}

/// Labels one slip or one trick away, by kind: those that deceive the eye first.
fn slips(label: &str) -> Vec<String> {
    let Ok(domain) = Domain::new(&format!("{label}.com")) else { return Vec::new() };
    let all = &Permissive;
    let mut names: Vec<String> = Vec::new();
    names.extend(domain.omission(all).map(|made| made.domain.fqdn));
    names.extend(domain.transposition(all).map(|made| made.domain.fqdn));
    names.extend(domain.repetition(all).map(|made| made.domain.fqdn));
    names.extend(domain.hyphenation(all).map(|made| made.domain.fqdn));
    names.extend(domain.vowel_swap(all).map(|made| made.domain.fqdn));
    names.extend(domain.homoglyph(all).map(|made| made.domain.fqdn));
    names.extend(domain.replacement(all).map(|made| made.domain.fqdn));
    names.extend(domain.insertion(all).map(|made| made.domain.fqdn));
    names.extend(domain.bitsquatting(all).map(|made| made.domain.fqdn));
    names.extend(domain.addition(all).map(|made| made.domain.fqdn));
    let labels = names.into_iter().filter_map(|name| name.strip_suffix(".com").map(str::to_owned));
    labels.filter(|label| !label.contains('.')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_names_come_first_and_none_twice() {
        let names = variants("www.northmerevalley.nhs.uk", &["payday".to_owned()]);
        let place = |name: &str| {
            names.iter().position(|known| known == name).unwrap_or_else(|| panic!("{name} is missing"))
        };
        for name in [
            "northmerevalley-nhs-uk.com",
            "northmerevalley.org.uk",
            "northmerevalley-careers.co.uk",
            "nhsnorthmerevalley.com",
            "northmerevalley-payday.com",
            "northmerevaley.nhs.uk",
            "northmervealley.com",
        ] {
            place(name);
        }
        assert!(place("northmerevalley-nhs-uk.com") < place("northmerevalley-careers.co.uk"));
        assert!(place("northmerevalley-careers.co.uk") < place("northmerevaley.nhs.uk"));
        assert!(
            names.iter().collect::<HashSet<_>>().len() == names.len() && names.len() > 2000,
            "{}",
            names.len()
        );
        assert!(names.iter().any(|name| name.starts_with("xn--")), "letters of other scripts");
        assert!(names.iter().all(|name| name.is_ascii() && name != "northmerevalley.nhs.uk"));
    }

    #[test]
    fn limits_and_words_are_checked() {
        let wrong = LookalikeOptions {
            daily_lookups: 5,
            words: vec!["Pay Day".to_owned()],
            ..LookalikeOptions::default()
        };
        let keys: Vec<String> = wrong.check().into_iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["daily_lookups", "words[0]"]);
    }
}
