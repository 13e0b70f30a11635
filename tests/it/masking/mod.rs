//! No identifier in clear: ten thousand of them, written as people write them, in text, title, author and
//! address, through the classifier and the masker. The Trust's own numbers and mailboxes are spared.

use trustwatch::classify::{Classifier, RuleSet};
use trustwatch::config::{SHIPPED_PROFILES, shipped_profiles};
use trustwatch::model::{Document, DocumentKind, Profile};

pub(crate) mod generated;
mod outputs;

use generated::{Identifier, Seeded};

const IDENTIFIERS: usize = 10_000;

fn profiles() -> Vec<Profile> {
    let (_, demo) = SHIPPED_PROFILES.iter().find(|(id, _)| *id == "northmere").unwrap();
    let mut profiles = shipped_profiles().unwrap();
    profiles.push(toml::from_str(demo).unwrap());
    profiles
}

fn classifier() -> Classifier {
    Classifier::new(profiles(), RuleSet::shipped().unwrap()).unwrap()
}

/// Letters and digits alone, so that no spacing hides what is left of an identifier.
fn compact(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_uppercase()
}

/// Asserts that nothing of what must be hidden stands in `shown`.
#[track_caller]
fn assert_hidden(shown: &str, identifiers: &[Identifier]) {
    let bare = compact(shown);
    for identifier in identifiers {
        let (written, secret) = (&identifier.written, &identifier.secret);
        assert!(!shown.contains(written.as_str()), "{identifier:?} in {shown}");
        assert!(!bare.contains(&compact(secret)), "{identifier:?} in {shown}");
    }
}

#[test]
fn ten_thousand_identifiers_are_hidden_in_text_title_author_and_address() {
    let classifier = classifier();
    let masker = classifier.masker();
    let mut seeded = Seeded::new(20_261_122);
    let (mut made, mut fired) = (0, 0);
    while made < IDENTIFIERS {
        let in_text: Vec<Identifier> = (0..7).map(|_| Identifier::any(&mut seeded, masker)).collect();
        let [title, author, url] = std::array::from_fn(|_| Identifier::any(&mut seeded, masker));
        made += in_text.len() + 3;
        let lines: Vec<String> = in_text
            .iter()
            .map(|identifier| format!("The sheet said {identifier}, then went on.\n"))
            .collect();
        let document = Document {
            kind: DocumentKind::Forum,
            text: format!("Found outside Solent NHS Trust, a patient's list.\n{}", lines.concat()),
            title: format!("Solent NHS Trust: {title} left on a bus"),
            author: format!("jo {author}"),
            author_handle: "@jo".to_owned(),
            url: format!("https://forum.example/t/{}?page=2", url.in_address()),
            ..Document::default()
        };
        let hits = classifier.classify(&document);
        assert!(!hits.is_empty());
        fired += hits.iter().map(|hit| hit.findings.len()).sum::<usize>();
        let all: Vec<Identifier> = in_text.iter().cloned().chain([title, author, url]).collect();
        assert_hidden(&serde_json::to_string(&hits).unwrap(), &all);
        let text = masker.mask(&document.text);
        assert_hidden(text.as_str(), &all);
        assert_eq!(masker.mask(text.as_str()), text, "masked twice is masked once");
        assert!(text.as_str().starts_with("Found outside Solent NHS Trust, a patient's list.\n"));
        assert_eq!(text.as_str().matches("then went on.").count(), 7, "the words around stay: {text}");
        for line in [&document.title, &document.author] {
            let masked = masker.mask_line(line);
            assert_hidden(masked.as_str(), &all);
            assert_eq!(masker.mask_line(masked.as_str()), masked);
        }
        let address = masker.mask_url(&document.url);
        assert_eq!(
            (address.text.as_str(), address.linkable),
            ("forum.example/[masked]", false),
            "{}",
            document.url
        );
    }
    assert!(fired > IDENTIFIERS / 20, "the documents are such that findings fire: {fired}");
}

#[test]
fn identifiers_in_one_row_of_a_sheet_hide_one_another_nowhere() {
    let classifier = classifier();
    let mut seeded = Seeded::new(7);
    for round in 0..600 {
        let row: Vec<Identifier> =
            (0..4).map(|_| Identifier::any(&mut seeded, classifier.masker())).collect();
        let separator = [" | ", "\t", ", ", "; "][round % 4];
        let text = row.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator);
        let masked = classifier.masker().mask(&text);
        assert_hidden(masked.as_str(), &row);
        assert_eq!(classifier.masker().mask(masked.as_str()), masked, "{text}");
    }
}

#[test]
fn underscores_and_file_names_hide_nothing_from_the_masker() {
    let classifier = classifier();
    let mask = |text: &str| classifier.masker().mask(text).to_string();
    assert_eq!(mask("letter_SO19_4RT_scan.pdf"), "letter_SO19 ***_scan.pdf");
    assert_eq!(mask("KETTLE_943_476_5919.txt"), "KETTLE_*** *** **19.txt");
    assert_eq!(mask("note_AB123456C_final"), "note_** ** ** ** C_final");
    assert_eq!(mask("dob_12_03_1951_x"), "dob_**/**/1951_x");
    assert_eq!(mask("cam_AB12CDE_1.jpg"), "cam_[number plate]_1.jpg");
    assert_eq!(mask("jo_bloggs@mail.example"), "[e-mail]");
}

#[test]
fn what_a_trust_publishes_about_itself_is_spared_however_it_is_written() {
    for profile in profiles() {
        let classifier = Classifier::new(vec![profile.clone()], RuleSet::shipped().unwrap()).unwrap();
        let masker = classifier.masker();
        let mut own: Vec<String> = profile.contact.mailboxes.clone();
        for postcode in profile.sites.iter().flat_map(|site| &site.postcodes) {
            own.extend([postcode.clone(), postcode.to_lowercase(), postcode.replace(' ', "")]);
        }
        for phone in &profile.contact.phones {
            own.extend([phone.clone(), phone.replace(' ', ""), phone.replacen('0', "+44 ", 1)]);
        }
        for domain in &profile.domains {
            own.extend([format!("first.last@{domain}"), format!("PALS@mail.{domain}")]);
        }
        assert!(own.len() >= 5, "{}: {own:?}", profile.id);
        for text in own.iter().map(|own| format!("Write or ring: {own} (open all day)")) {
            assert_eq!(masker.mask(&text).as_str(), text, "{}", profile.id);
        }
        // The same words around something that is not the Trust's.
        let mut seeded = Seeded::new(3);
        let other = Identifier::any(&mut seeded, masker);
        assert_hidden(masker.mask(&format!("Write or ring: {other} (open all day)")).as_str(), &[other]);
    }
}

#[test]
fn what_is_no_identifier_is_left_alone() {
    let classifier = classifier();
    for text in [
        "The trust treated 1,234,567 people in 2025/26 and spent £48.7m on 12 wards.",
        "Open 09:00 to 17:00 from Monday 23 November 2026; room B12 on level 3.",
        "Order 5012345678900, version 10.15.7, flight BA2490, the M27 at junction 8.",
        "Band 5 nurses, CQC rating 2, COVID-19, A&E, SO19 and PO1 alike.",
    ] {
        assert_eq!(classifier.masker().mask(text).as_str(), text);
    }
}
