//! `trustwatch classify`, what it answers: findings by organisation, offsets, spans, texts of pages, and
//! nothing in clear.

use std::path::Path;

use serde_json::{Value, json};

use crate::program::{fixture, lines, trustwatch};

/// Passes the check of an NHS number; from the block that is issued to nobody.
const NUMBER: &str = "523 476 5911";

/// The answers to these documents, one each, in order.
fn classified(args: &[&str], documents: &[Value]) -> Vec<Value> {
    let ran = trustwatch(&[&["classify"], args].concat()).input(lines(documents)).run().ended(0);
    assert_eq!(ran.err, "");
    let answers = ran.json_lines();
    assert_eq!(answers.len(), documents.len());
    answers
}

/// The characters of `field` that a span or mention names, counted in Unicode scalar values.
fn sliced(document: &Value, span: &Value) -> String {
    let text = document[span["field"].as_str().unwrap()].as_str().unwrap();
    let place = |key: &str| usize::try_from(span[key].as_u64().unwrap()).unwrap();
    text.chars().skip(place("start")).take(place("end") - place("start")).collect()
}

fn all<'v>(answer: &'v Value, what: &str) -> Vec<&'v Value> {
    answer["hits"].as_array().unwrap().iter().flat_map(|hit| hit[what].as_array().unwrap()).collect()
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[test]
fn the_number_in_these_tests_passes_the_check() {
    assert!(trustwatch::mask::is_nhs_number(&[5, 2, 3, 4, 7, 6, 5, 9, 1, 1]));
}

#[test]
fn a_finding_has_every_part_of_the_contract() {
    let document = json!({"id": "q1", "kind": "forum", "url": "https://forum.example/1",
        "text": format!("Found outside Solent NHS Trust: a list with NHS number {NUMBER} on it")});
    let answer = &classified(&["--organisation", "solent"], std::slice::from_ref(&document))[0];
    assert_eq!(answer["id"], "q1");
    assert!(answer.get("text").is_none(), "the text is only returned where a page was given");
    let hit = &answer["hits"][0];
    assert_eq!(hit["organisation"], "solent");
    assert_eq!(hit["severity"], "critical");
    assert_eq!(sliced(&document, &hit["mentions"][0]), "Solent NHS Trust");
    assert!(hit["mentions"][0]["watch"].is_string());
    let finding = &hit["findings"][0];
    assert_eq!(finding["category"], "confidentiality.nhs_number");
    for (key, is) in [("rule", "string"), ("reason", "string"), ("binds", "string"), ("origin", "string")] {
        assert!(finding[key].is_string(), "{key} is a {is}: {finding}");
    }
    assert_eq!(finding["severity"], "critical");
    assert!((0.0..=1.0).contains(&finding["score"].as_f64().unwrap()));
    assert_eq!(finding["clauses"], json!(["EPUT 3.3"]));
    let span = &finding["spans"][0];
    assert_eq!(sliced(&document, span), NUMBER);
    assert_eq!(span["masked"], "*** *** **11");
}

#[test]
fn offsets_count_characters_and_not_bytes() {
    // Emoji of one and of several characters, a combining accent, a zero-width space within the name.
    let before = "🚑👩🏽‍⚕️ cafe\u{301} naïve 𝟙𝟚 — ";
    let document = json!({"id": "a", "kind": "forum",
        "title": format!("{before}Solent NHS Trust"),
        "text": format!("{before}So\u{200b}lent NHS Trust left a sheet: NHS no {NUMBER}; and ５２３ ４７６ ５９１１ again")});
    let answer = &classified(&["--organisation", "solent"], std::slice::from_ref(&document))[0];
    let mentions: Vec<String> = all(answer, "mentions").iter().map(|m| sliced(&document, m)).collect();
    assert!(mentions.contains(&"Solent NHS Trust".to_owned()), "{mentions:?}");
    assert!(
        mentions.contains(&"So\u{200b}lent NHS Trust".to_owned()),
        "it spans what nobody sees: {mentions:?}"
    );
    let spans: Vec<String> = all(answer, "findings")
        .iter()
        .flat_map(|finding| finding["spans"].as_array().unwrap())
        .map(|span| sliced(&document, span))
        .collect();
    assert!(spans.contains(&NUMBER.to_owned()), "{spans:?}");
    assert!(spans.contains(&"５２３ ４７６ ５９１１".to_owned()), "{spans:?}");
}

#[test]
fn a_page_comes_back_as_masked_text_with_offsets_into_it() {
    let html = format!(
        "<html><head><title>Lost</title></head><body><nav>Home</nav><article><p>🚑 A sheet of Solent NHS Trust lay in \
         the street this morning, and it said a good deal about the people who are on it.</p><p>On it stood the NHS \
         number <b>{NUMBER}</b> of a patient, beside the postcode of his house and what he was given to eat.</p>\
         </article></body></html>"
    );
    let answers = classified(
        &["--organisation", "solent"],
        &[json!({"id": 1.to_string(), "kind": "forum", "html": html})],
    );
    let answer = &answers[0];
    let text = answer["text"].as_str().unwrap();
    assert!(text.contains("*** *** **11") && !text.contains("Home"), "{text}");
    assert!(!digits(&answer.to_string()).contains(&digits(NUMBER)));
    let mention = all(answer, "mentions").into_iter().find(|m| m["field"] == "text").unwrap();
    assert_eq!(sliced(answer, mention), "Solent NHS Trust");
    let spans: Vec<&Value> =
        all(answer, "findings").iter().flat_map(|f| f["spans"].as_array().unwrap()).collect();
    assert!(spans.iter().any(|span| sliced(answer, span) == "*** *** **11"), "{answer}");
}

#[test]
fn nothing_but_the_id_is_echoed() {
    let secret = [
        "523 476 5911",
        "AB123456C",
        "SO19 4RT",
        "12/03/1951",
        "01632 960123",
        "jo@mail.example",
        "AB12 CDE",
    ];
    let text = format!(
        "Solent NHS Trust: NHS {} NI {} at {} DOB {} ring {} or {} car {}",
        secret[0], secret[1], secret[2], secret[3], secret[4], secret[5], secret[6]
    );
    let answers = classified(
        &[],
        &[json!({"id": "a", "kind": "forum", "text": text, "title": text, "author": text,
        "author_handle": text, "url": format!("https://x.example/{}", text.replace(' ', "%20")), "html": format!("<p>{text}</p>")})],
    );
    let said = answers[0].to_string();
    assert!(!all(&answers[0], "findings").is_empty());
    for secret in secret {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}

#[test]
fn one_organisation_can_be_asked_for_and_an_unknown_one_is_refused() {
    let document = json!({"id": "a", "text": "Solent NHS Trust and South East Coast Ambulance Service met."});
    let organisations = |args: &[&str]| -> Vec<String> {
        let answer = classified(args, std::slice::from_ref(&document)).remove(0);
        answer["hits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| hit["organisation"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(organisations(&[]), ["solent", "secamb"]);
    assert_eq!(organisations(&["--organisation", "secamb"]), ["secamb"]);
    assert_eq!(
        organisations(&["--organisation", "secamb", "--organisation", "solent"]),
        ["solent", "secamb"]
    );
    assert!(organisations(&["--organisation", "essex-partnership"]).is_empty());
    let ran = trustwatch(&["classify", "--organisation", "nowhere"]).input("{}\n").run().ended(2);
    assert_eq!(ran.out, "", "nothing is judged by half");
    assert!(ran.err.contains("there is no organisation nowhere; there are: solent, "), "{}", ran.err);
}

#[test]
fn profiles_come_from_a_folder_when_one_is_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let profiles = folder.path().display().to_string();
    let document = json!({"id": "a", "text": "Northmere Valley NHS Foundation Trust and Solent NHS Trust."});
    let empty = trustwatch(&["classify", "--profiles", &profiles]).run().ended(2);
    assert!(empty.err.contains("holds no profile: put one TOML file for each Trust there"), "{}", empty.err);
    std::fs::copy(root.join("config/profiles/northmere.toml"), folder.path().join("northmere.toml")).unwrap();
    let answer = classified(&["--profiles", &profiles], std::slice::from_ref(&document)).remove(0);
    let hits = answer["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0]["organisation"], "northmere", "instead of the shipped ones, not beside them");
    let bad = fixture("config/bad/profile_mistakes/profiles").display().to_string();
    let ran = trustwatch(&["classify", "--profiles", &bad]).run().ended(2);
    assert!(
        ran.err.contains("6 problems") && ran.err.contains("weir.toml:5: handels: unknown key"),
        "{}",
        ran.err
    );
    trustwatch(&["classify", "--profiles", "/no/such/folder"]).run().ended(2);
}

#[test]
fn the_same_document_is_answered_the_same_way_every_time() {
    let document = json!({"id": "a", "kind": "news", "text": format!("Solent NHS Trust {NUMBER}, Solent NHS Trust said")});
    let answers = classified(&[], &[document.clone(), document.clone(), document]);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}
