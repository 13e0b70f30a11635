use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::matching::{List, Reading, Vocabulary};
use crate::model::Document;

fn parse(text: &str) -> Query {
    text.parse().unwrap_or_else(|error: QueryError| panic!("{text}: {error}"))
}

/// The words that `query` holds on, or `None`.
fn held(query: &str, title: &str, text: &str) -> Option<Vec<String>> {
    let relation =
        List { phrases: ["mum", "my dad"].map(|p| Query::phrase(p).unwrap()).to_vec(), queries: vec![] };
    let kin = List {
        phrases: vec![Query::phrase("my {relation}").unwrap()],
        queries: vec![parse("{relation} NEAR/1 late")],
    };
    let lists = HashMap::from([("relation".to_owned(), relation), ("kin".to_owned(), kin)]);
    let mut vocabulary = Vocabulary::new(&lists, &["name"]).unwrap();
    let plan = vocabulary.compile(&parse(query)).unwrap();
    let document = Document { title: title.to_owned(), text: text.to_owned(), ..Document::default() };
    let reading = Reading::new(&document);
    let mut found = vocabulary.find(&reading);
    let budget = Budget::new(10_000);
    let facts = |key: FactKey, value: &str| key == FactKey::Kind && value == "news";
    vocabulary.derive(&reading, &mut found, &facts);
    let asked = Asked::new(&reading, &found, &budget).with_facts(&facts);
    assert!(!budget.is_overrun());
    plan.runs(&asked).map(|runs| runs.into_iter().map(|run| reading.text(run).to_owned()).collect())
}

fn holds(query: &str, text: &str) -> bool {
    held(query, "", text).is_some()
}

#[test]
fn words_phrases_and_wild_letters() {
    assert!(holds("rude", "They were RUDE."));
    assert!(!holds("rude", "crude words"));
    assert!(holds("\"no one called\"", "No-one called back"));
    assert!(holds("don't", "I dont know") && holds("dont", "I don’t know"));
    assert!(holds("harass*", "harassment of staff") && holds("wom?n", "two women"));
    assert!(!holds("wom?n", "womaan"));
    assert!(holds("*line", "a helpline") && !holds("*line", "lines"));
}

#[test]
fn operators_bind_as_promised() {
    assert!(holds("a OR b AND c", "a") && !holds("(a OR b) AND c", "a"));
    assert!(holds("a AND NOT b", "a c") && !holds("a AND NOT b", "a b"));
    assert!(holds("a NEAR/1 b", "b x a") && !holds("a NEAR/1 b", "b x y a"));
    assert!(holds("a BEFORE/1 b", "a x b") && !holds("a BEFORE/1 b", "b x a"));
    assert!(holds("c AND NOT a NEAR/1 b", "a x y b c") && !holds("c AND NOT a NEAR/1 b", "c x a b"));
    assert!(holds("a NOT NEAR/1 b", "b x y a") && !holds("a NOT NEAR/1 b", "b a"));
    assert!(holds("a NOT BEFORE/1 b", "b a") && !holds("a NOT BEFORE/1 b", "a b"));
    assert!(holds("2 of (a, b, c)", "c and a") && !holds("2 of (a, b, c)", "a a"));
    assert_eq!(
        held("rude NEAR/3 {relation}", "", "so rude to my mum"),
        Some(vec!["rude to my mum".to_owned()])
    );
}

#[test]
fn scopes_and_facts() {
    assert!(holds("sentence:(a AND b)", "x. A is b. y") && !holds("sentence:(a AND b)", "a. b."));
    assert!(holds("paragraph:(a AND b)", "a. b.") && !holds("paragraph:(a AND b)", "a.\n\nb."));
    assert!(holds("unquoted:rude", "rude") && !holds("unquoted:rude", "he said \"rude cow\""));
    assert!(holds("case:EPUT", "EPUT") && !holds("case:EPUT", "eput"));
    assert!(held("title:a", "a", "b").is_some() && held("title:a", "b", "a").is_none());
    assert!(held("a NEAR/50 b", "a", "b").is_none(), "nothing is near across fields");
    assert!(holds("kind:news AND a", "a") && !holds("kind:forum AND a", "a"));
}

#[test]
fn lists_may_be_made_of_lists() {
    assert!(holds("{kin}", "my mum") && holds("{kin}", "late mum") && !holds("{kin}", "mum"));
    assert!(holds("\"{kin} died\"", "my dad, my mum died"));
}

#[test]
fn errors_point_at_the_column() {
    let cases = [
        ("", 1, "expected a word"),
        ("rude staff", 6, "quotes"),
        ("(rude OR", 9, "at the end"),
        ("(rude", 1, "never closed"),
        ("rude)", 5, "without its opening"),
        ("rude NEAR staff", 10, "NEAR/5"),
        ("rude NEAR/999 x", 10, "at most 200"),
        ("\"rude", 1, "never closed"),
        ("{Relation}", 1, "name of a list"),
        ("colour:red", 1, "no prefix"),
        ("AND rude", 1, "before AND"),
        ("4 of (a, b)", 6, "at most as many"),
        ("**", 1, "at least one letter"),
        ("a AND ,", 7, "cannot stand here"),
        ("a, b", 2, "inside brackets"),
        ("kind:", 6, "a value"),
    ];
    for (text, column, said) in cases {
        let error = text.parse::<Query>().expect_err(text);
        assert_eq!(error.column, column, "{text}: {error}");
        assert!(error.to_string().contains(said), "{text}: {error}");
    }
    assert!("(".repeat(40).parse::<Query>().unwrap_err().message.contains("deep"));
}

#[test]
fn what_is_written_back_reads_the_same() {
    for (text, written) in [
        ("a  OR (b , c)", "a OR (b, c)"),
        ("(a OR b) AND c", "(a, b) AND c"),
        ("(a AND b) OR c", "a AND b OR c"),
        ("NOT (a OR b)", "NOT (a, b)"),
        ("NOT (a NEAR/3 b)", "NOT a NEAR/3 b"),
        ("NOT NOT a AND (NOT a) NEAR/2 b", "NOT NOT a AND (NOT a) NEAR/2 b"),
        ("a NEAR/3 (b OR c) NOT BEFORE/2 d", "a NEAR/3 (b, c) NOT BEFORE/2 d"),
        ("title:\"Follow-up  call\"", "title:\"Follow up call\""),
        ("2 of (a, \"b c\", {d})", "2 of (a, \"b c\", {d})"),
        ("\"my {relation}\" AND site:x.example", "\"my {relation}\" AND site:x.example"),
        ("\"and\" OR \"2\"", "and OR \"2\""),
    ] {
        assert_eq!(parse(text).to_string(), written);
        assert_eq!(parse(written), parse(text), "{written}");
    }
}

#[test]
fn a_query_that_costs_too_much_says_so() {
    let mut vocabulary = Vocabulary::new(&HashMap::new(), &[]).unwrap();
    let plan = vocabulary.compile(&parse("a NEAR/200 b")).unwrap();
    let document = Document { text: "a b ".repeat(2000), ..Document::default() };
    let reading = Reading::new(&document);
    let found = vocabulary.find(&reading);
    let budget = Budget::new(500);
    assert_eq!(plan.runs(&Asked::new(&reading, &found, &budget)), None);
    assert!(budget.is_overrun());
}

fn queries() -> impl Strategy<Value = Query> {
    let word = prop_oneof!["[a-c]{1,2}", Just("har*".to_owned())];
    let leaf = prop_oneof![
        word.prop_map(|word| Query::Phrase(vec![Piece::Words(word)])),
        Just(Query::Phrase(vec![Piece::Words("b c".to_owned())])),
        Just(Query::Phrase(vec![Piece::Words("my".to_owned()), Piece::List("relation".to_owned())])),
        Just(Query::Fact { key: FactKey::Kind, value: "news".to_owned() }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let some = prop::collection::vec(inner.clone(), 2..4);
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            some.clone().prop_map(Query::Or),
            some.clone().prop_map(Query::And),
            boxed.clone().prop_map(Query::Not),
            (boxed.clone(), boxed.clone(), 0..9_u32, any::<bool>(), any::<bool>()).prop_map(
                |(left, right, within, ordered, negated)| Query::Near {
                    left,
                    right,
                    within,
                    ordered,
                    negated
                }
            ),
            (1..3_usize, some).prop_map(|(least, of)| Query::Count { least, of }),
            boxed.prop_map(|inner| Query::Within(Scope::Sentence, inner)),
        ]
    })
}

proptest! {
    #[test]
    fn any_query_reads_back(query in queries()) {
        let written = query.to_string();
        let read = written.parse::<Query>().map_err(|error| TestCaseError::fail(format!("{written}: {error}")))?;
        prop_assert_eq!(&read.to_string(), &written);
        prop_assert_eq!(read, query, "{}", written);
    }

    #[test]
    fn no_line_makes_the_parser_panic(text in "[a-c \"(){}:,/*?ANDORNEAR0-9é£-]{0,60}") {
        if let Ok(query) = text.parse::<Query>() {
            prop_assert_eq!(query.to_string().parse::<Query>().map_err(|e| TestCaseError::fail(e.to_string()))?, query);
        }
    }

    #[test]
    fn evaluation_never_panics(query in queries(), text in "[a-c \\.\n\"]{0,80}") {
        held(&query.to_string(), "a b", &text);
    }
}
