//! `trustwatch classify`, what it takes: a line a document, in order, whatever stands in the others.

use serde_json::{Value, json};

use crate::program::{Ran, lines, trustwatch};

const MENTION: &str = "Solent NHS Trust opened a ward.";

fn classify(input: impl Into<Vec<u8>>) -> Ran {
    trustwatch(&["classify"]).input(input).run()
}

#[test]
fn every_document_gets_its_line_in_its_order() {
    let ids: Vec<String> = (0..200).map(|n| format!("ü {} \"{}\"", 999 - n, n % 7)).collect();
    let text = |n: usize| if n.is_multiple_of(2) { MENTION } else { "The Solent was calm." };
    let input = lines(ids.iter().enumerate().map(|(n, id)| json!({"id": id, "text": text(n)})));
    let ran = classify(input).ended(0);
    let answers = ran.json_lines();
    let answered: Vec<&str> = answers.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(answered, ids);
    for (n, line) in answers.iter().enumerate() {
        let hits = line["hits"].as_array().unwrap().len();
        assert_eq!(hits, usize::from(n.is_multiple_of(2)), "{line}");
        assert_eq!(line.as_object().unwrap().len(), 2, "id and hits, nothing else: {line}");
    }
}

#[test]
fn no_input_is_no_failure() {
    for input in ["", "\n", "\r\n  \n\t\n"] {
        let ran = classify(input).ended(0);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""), "{input:?}");
    }
}

#[test]
fn missing_and_null_are_the_same_and_unknown_fields_are_ignored() {
    let full = json!({"id": "a", "text": MENTION, "url": null, "kind": null, "title": null, "author": null,
        "author_handle": null, "published": null, "html": null, "stars": 5, "thread": {"of": [1, 2]}});
    let ran = classify(format!("{full}\n{}\n", json!({"id": "a", "text": MENTION}))).ended(0);
    let answers = ran.json_lines();
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0]["hits"].as_array().unwrap().len(), 1);
    assert_eq!(classify("{\"id\":\"only\"}\n").ended(0).json_lines(), [json!({"id": "only", "hits": []})]);
}

#[test]
fn a_broken_line_is_told_by_its_number_and_the_rest_goes_on() {
    let broken: [(&str, Value, &str); 10] = [
        ("nonsense", Value::Null, "not JSON"),
        ("{\"id\":\"cut\",\"text\":\"So", Value::Null, "not JSON"),
        ("{\"text\":\"no id\"}", Value::Null, "missing field `id`"),
        ("{\"id\":null}", Value::Null, "id"),
        ("{\"id\":7,\"text\":\"x\"}", json!(7), "id"),
        ("{\"id\":\"k\",\"kind\":\"newspaper\"}", json!("k"), "kind"),
        ("{\"id\":\"t\",\"text\":[\"x\"]}", json!("t"), "text"),
        ("{\"id\":\"p\",\"published\":\"yesterday\"}", json!("p"), "published"),
        ("[1, 2]", Value::Null, "one JSON object a line"),
        ("\"text\"", Value::Null, "one JSON object a line"),
    ];
    let good = json!({"id": "good", "text": MENTION}).to_string();
    let input = lines(broken.iter().flat_map(|(line, _, _)| [good.as_str(), line]));
    let ran = classify(input).ended(1);
    let answers = ran.json_lines();
    assert_eq!(answers.len(), broken.len() * 2);
    for (index, (line, id, says)) in broken.iter().enumerate() {
        assert_eq!(answers[index * 2]["id"], "good");
        let answer = &answers[index * 2 + 1];
        assert_eq!(answer["id"], *id, "{line}");
        assert_eq!(answer["line"], (index + 1) * 2, "{line}");
        assert!(answer["error"].as_str().unwrap().contains(says), "{line}: {answer}");
        assert!(answer.get("hits").is_none(), "{line}");
    }
}

#[test]
fn a_broken_line_is_not_quoted_in_clear() {
    let number = "5234765911";
    let lines = [
        format!("{{\"id\":\"a\",\"text\":{number}}}"),
        format!("{{\"id\":\"a\",\"kind\":\"{number}\"}}"),
        "{\"id\":\"a\",\"kind\":\"523 476 5911\"}".to_owned(),
        "{\"id\":\"a\",\"kind\":\"jo@mail.example\"}".to_owned(),
        format!("{{\"id\":\"a\",\"author\":{{\"n\":{number}}}}}"),
        format!("\"{number}\""),
        number.to_owned(),
        format!("{{\"id\":\"a\",\"published\":\"{number}\"}}"),
        format!("{{\"id\":\"a\", {number}"),
    ];
    let ran = classify(lines.join("\n")).ended(1);
    assert_eq!(ran.json_lines().len(), lines.len());
    let said: String = ran.out.chars().filter(|c| !c.is_whitespace()).collect();
    assert!(!said.contains(number) && !said.contains("jo@mail"), "{}", ran.out);
}

#[test]
fn line_ends_of_other_systems_blank_lines_and_a_last_line_without_end_are_fine() {
    let line = |id: &str| json!({"id": id, "text": MENTION}).to_string();
    let ran = classify(format!("{}\r\n\r\n   \n{}\r\n\n{}", line("a"), line("b"), line("c"))).ended(0);
    let ids: Vec<Value> = ran.json_lines().iter().map(|line| line["id"].clone()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    let ran = classify(format!("\n\n{}\r\nx\r\n", line("a"))).ended(1);
    assert_eq!(ran.json_lines()[1]["line"], 4, "blank lines are counted");
    let ran = classify(format!("\u{feff}{}\n", line("marked"))).ended(0);
    assert_eq!(ran.json_lines()[0]["id"], "marked");
}

#[test]
fn bytes_that_are_no_text_break_their_own_line_alone() {
    let good = json!({"id": "good", "text": MENTION}).to_string();
    let input =
        [b"{\"id\":\"bad\",\"text\":\"\xff\xfe\"}\n".as_slice(), good.as_bytes(), b"\n\x00\x01\xf0\n"]
            .concat();
    let ran = classify(input).ended(1);
    let answers = ran.json_lines();
    assert_eq!(answers.len(), 3);
    assert!(answers[0]["error"].is_string() && answers[2]["error"].is_string());
    assert_eq!(answers[1]["id"], "good");
    let escapes = "{\"id\":\"e\",\"text\":\"\\ud83d Solent NHS Trust\"}\n";
    assert!(classify(escapes).ended(1).json_lines()[0]["error"].is_string(), "half a character");
    let zero = "{\"id\":\"z\",\"text\":\"a\\u0000b Solent NHS Trust\"}\n";
    assert_eq!(classify(zero).ended(0).json_lines()[0]["hits"].as_array().unwrap().len(), 1);
}

#[test]
fn five_megabytes_of_text_are_one_document() {
    let filler = "The tide in the Solent turned at nine, and nobody on the pier minded. ";
    let mut text = filler.repeat(5 * 1024 * 1024 / filler.len() + 1);
    assert!(text.len() > 5 * 1024 * 1024);
    let end = text.chars().count();
    text.push_str(MENTION);
    let ran = classify(json!({"id": "long", "text": text}).to_string()).ended(0);
    let answers = ran.json_lines();
    let mention = &answers[0]["hits"][0]["mentions"][0];
    assert_eq!(mention["start"], end);
    assert_eq!(mention["end"], end + "Solent NHS Trust".len());
    assert!(ran.out.len() < 100_000, "nothing of the text is echoed");
}
