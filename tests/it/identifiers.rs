//! The four identifiers, each against generated values: a hundred thousand written and spoilt ones for the shapes,
//! and sentences with hard negatives, made by a program that knows nothing of the rules, for the findings.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use trustwatch::classify::{Classifier, RuleSet};
use trustwatch::config::shipped_profiles;
use trustwatch::mask::{ShapeKind, is_nhs_number, is_postcode, shapes};
use trustwatch::model::{Category, Document, DocumentKind, Folded};

use crate::masking::generated::{MONTHS, Seeded};

const VALUES: usize = 100_000;
const KINDS: [(&str, Category); 4] = [
    ("nhs_number", Category::NhsNumber),
    ("ni_number", Category::NiNumber),
    ("postcode", Category::Postcode),
    ("date_of_birth", Category::DateOfBirth),
];

fn kinds_of(text: &str) -> BTreeSet<ShapeKind> {
    shapes(text).into_iter().map(|shape| shape.kind).collect()
}

fn ten(digits: &str) -> [u8; 10] {
    let digits: Vec<u8> = digits.bytes().map(|b| b - b'0').collect();
    digits.try_into().unwrap()
}

#[test]
fn ten_digits_are_an_nhs_number_where_the_check_digit_says_so() {
    let mut seeded = Seeded::new(1);
    let (mut valid, mut spoilt) = (0, 0);
    for _ in 0..VALUES / 4 {
        let digits = seeded.digits(10);
        // The check in its other form: the weighted sum of all ten, the check digit with weight 1, is a multiple of 11.
        let sum: u32 =
            digits.bytes().zip((1..=10).rev()).map(|(b, weight)| u32::from(b - b'0') * weight).sum();
        let run = digits.bytes().all(|b| b == digits.as_bytes()[0]);
        let expected = sum.is_multiple_of(11) && !run;
        assert_eq!(is_nhs_number(&ten(&digits)), expected, "{digits}");
        let separator = seeded.pick(&["", " ", "-", ".", "\u{a0}"]);
        let written = format!("{}{separator}{}{separator}{}", &digits[..3], &digits[3..6], &digits[6..]);
        // Folded, as every text is before anybody looks for shapes.
        let folded = Folded::new(&written);
        assert_eq!(kinds_of(folded.text()).contains(&ShapeKind::NhsNumber), expected, "{written}");
        if expected { valid += 1 } else { spoilt += 1 }
    }
    assert!(valid > 1_000 && spoilt > 10_000, "{valid} {spoilt}");
}

#[test]
fn a_national_insurance_number_has_letters_that_are_issued() {
    let mut seeded = Seeded::new(2);
    let (mut valid, mut spoilt) = (0, 0);
    for _ in 0..VALUES / 4 {
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let (first, second, suffix) =
            (seeded.letter(letters), seeded.letter(letters), seeded.letter("ABCDEFM"));
        let issued = !"DFIQUV".contains(first)
            && !"DFIOQUV".contains(second)
            && !["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"].contains(&format!("{first}{second}").as_str())
            && "ABCD".contains(suffix);
        let digits = seeded.digits(6);
        let written = match seeded.below(4) {
            0 => format!("{first}{second}{digits}{suffix}"),
            1 => format!("{first}{second} {} {} {} {suffix}", &digits[..2], &digits[2..4], &digits[4..]),
            2 => format!("{first}{second}-{digits}-{suffix}"),
            _ => format!("{first}{second} {digits} {suffix}").to_lowercase(),
        };
        assert_eq!(kinds_of(&written).contains(&ShapeKind::NiNumber), issued, "{written}");
        if issued { valid += 1 } else { spoilt += 1 }
    }
    assert!(valid > 5_000 && spoilt > 5_000, "{valid} {spoilt}");
}

#[test]
fn a_postcode_has_an_area_a_district_and_a_unit() {
    const AREAS: [&str; 8] = ["B", "E", "SO", "CM", "RH", "W", "SS", "PO"];
    const STRANGE: [&str; 8] = ["Q", "X", "V", "QX", "F", "J", "U", "VA"];
    let mut seeded = Seeded::new(3);
    for _ in 0..VALUES / 8 {
        let area = seeded.pick(&AREAS);
        let district = 1 + seeded.below(20);
        let unit = [seeded.letter("ABDEFGHJLNPQRSTUWXYZ"), seeded.letter("ABDEFGHJLNPQRSTUWXYZ")];
        let inward = format!("{}{}{}", seeded.below(10), unit[0], unit[1]);
        let gap = seeded.pick(&["", " ", "  ", "-"]);
        let written = format!("{area}{district}{gap}{inward}");
        let written = if seeded.below(3) == 0 { written.to_lowercase() } else { written };
        assert!(kinds_of(&written).contains(&ShapeKind::Postcode), "{written}");
        assert!(is_postcode(&written), "{written}");
        // A space inside the unit hides nothing from the mask.
        let apart = format!("{area}{district} {} {}{}", &inward[..1], unit[0], unit[1]);
        assert!(kinds_of(&apart).contains(&ShapeKind::Postcode), "{apart}");
        // Letters that stand in no unit, and areas that Royal Mail does not use.
        let bad = format!("{area}{district} {}{}{}", seeded.below(10), seeded.letter("CIKMOV"), unit[1]);
        assert!(!kinds_of(&bad).contains(&ShapeKind::Postcode), "{bad}");
        assert!(!is_postcode(&format!("{}{district} {inward}", seeded.pick(&STRANGE))));
    }
}

#[test]
fn a_full_date_is_one_of_birth_after_a_word_for_birth() {
    let mut seeded = Seeded::new(4);
    for _ in 0..VALUES / 8 {
        let (day, month, year) = (1 + seeded.below(28), 1 + seeded.below(12), 1920 + seeded.below(105));
        let name = MONTHS[month - 1];
        let date = match seeded.below(8) {
            0 => format!("{day:02}/{month:02}/{year}"),
            1 => format!("{day}.{month}.{:02}", year % 100),
            2 => format!("{day} {name} {year}"),
            3 => format!("{day}th of {name} {year}"),
            4 => format!("{name} {day}, {year}"),
            5 => format!("{year}-{month:02}-{day:02}"),
            6 => format!("{day:02}-{}-{year}", &name[..3]),
            _ => format!("{day} {} '{:02}", &name[..3], year % 100),
        };
        let cue = seeded.pick(&[
            "DOB ",
            "d.o.b. ",
            "DOB: ",
            "born ",
            "born on ",
            "date of birth ",
            "Date of Birth: ",
            "b. ",
            "d/o/b ",
        ]);
        let written = format!("{cue}{date}");
        assert!(kinds_of(&written).contains(&ShapeKind::DateOfBirth), "{written}");
        let other = seeded.pick(&["published ", "opened on ", "due ", "meeting of ", "by "]);
        let written = format!("{other}{date}");
        assert!(!kinds_of(&written).contains(&ShapeKind::DateOfBirth), "{written}");
    }
}

#[test]
fn precision_and_recall_are_at_least_ninety_nine_in_a_hundred() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let generated = Command::new("python3")
        .arg(root.join("tests/identifiers/generate.py"))
        .args(["--seed", "20261122", "--count", "4000"])
        .output()
        .unwrap();
    assert!(generated.status.success(), "{}", String::from_utf8_lossy(&generated.stderr));
    let classifier = Classifier::new(shipped_profiles().unwrap(), RuleSet::shipped().unwrap()).unwrap();
    let kinds = [DocumentKind::Social, DocumentKind::Forum, DocumentKind::Web, DocumentKind::Comment];
    let mut counts: BTreeMap<&str, (u32, u32, u32)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (index, line) in String::from_utf8(generated.stdout).unwrap().lines().enumerate() {
        let value: Value = serde_json::from_str(line).unwrap();
        let text = value["text"].as_str().unwrap().to_owned();
        let document = Document {
            kind: kinds[index % kinds.len()],
            url: "https://place.example/x".to_owned(),
            text: text.clone(),
            ..Document::default()
        };
        let hits = classifier.classify(&document);
        assert!(!hits.is_empty(), "nobody is mentioned in {text}");
        let found: BTreeSet<Category> =
            hits.iter().flat_map(|hit| &hit.findings).map(|finding| finding.category).collect();
        for (name, category) in KINDS {
            let has = value["has"].as_array().unwrap().iter().any(|kind| kind == name);
            let count = counts.entry(name).or_default();
            match (has, found.contains(&category)) {
                (true, true) => count.0 += 1,
                (false, true) => count.1 += 1,
                (true, false) => count.2 += 1,
                (false, false) => {}
            }
            if has != found.contains(&category) {
                wrong.push(format!("{name} {}: {text}", if has { "missed" } else { "false" }));
            }
        }
    }
    for (name, (right, false_ones, missed)) in counts {
        let (precision, recall) =
            (f64::from(right) / f64::from(right + false_ones), f64::from(right) / f64::from(right + missed));
        println!("{name:14} precision {precision:.4} recall {recall:.4} ({right} right)");
        assert!(
            right > 300 && precision >= 0.99 && recall >= 0.99,
            "{name} {precision} {recall}: {wrong:#?}"
        );
    }
}
