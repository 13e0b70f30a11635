use super::*;

fn profile(text: &str) -> Profile {
    toml::from_str(text).unwrap()
}

fn matcher() -> Matcher {
    let solent = profile(
        r"id='solent'
        name='Solent NHS Trust'
        short_name='Solent'
        domains=['solent.nhs.uk']
        handles=['@SolentNHSTrust']
        [[watch]]
        id='name'
        terms=['Solent NHS Trust', 'Solent NHS']
        [[watch]]
        id='short'
        terms=['Solent']
        needs=['nurse', 'clinic']
        within=40
        unless=['the Solent', 'Solent University']",
    );
    let heft = profile(
        r"id='heft'
        name='Heart of England NHS Foundation Trust'
        short_name='HEFT'
        [[watch]]
        id='short'
        terms=['HEFT']
        case_sensitive=true
        needs=['ward']
        anywhere=['Heartlands']
        [[watch]]
        id='eput'
        terms=['EPUT']",
    );
    Matcher::new(&[solent, heft]).unwrap()
}

fn found(document: &Document) -> Vec<(String, String)> {
    let hits = matcher().find(document).into_iter();
    hits.flat_map(|hit| hit.mentions.into_iter().map(move |m| (hit.organisation.to_string(), m.watch)))
        .collect()
}

fn in_text(text: &str) -> Vec<String> {
    found(&Document { text: text.to_owned(), ..Document::default() })
        .into_iter()
        .map(|(_, watch)| watch)
        .collect()
}

#[test]
fn a_name_is_found_however_it_is_written() {
    for text in [
        "at Solent NHS Trust today",
        "SOLENT NHS TRUST",
        "Solent\nNHS   Trust",
        "Solent-NHS-Trust",
        "Sо\u{200b}lent NHS Trust",
        "#SolentNHSTrust",
        "#SolentNHSTrustStrike",
        "(Solent NHS Trust's)",
        "solent_nhs_trust.txt",
    ] {
        assert_eq!(in_text(text), ["name"], "{text}");
    }
}

#[test]
fn a_name_that_means_other_things_needs_its_context() {
    assert_eq!(in_text("my Solent nurse"), ["short"]);
    for text in [
        "sailing in the Solent",
        "a nurse on the Solent",
        "Solent University clinic",
        "Solentside nurse",
        "Solent",
    ] {
        assert!(in_text(text).is_empty(), "{text}");
    }
}

#[test]
fn case_decides_where_it_is_asked_for() {
    assert_eq!(in_text("HEFT ward"), ["short"]);
    assert_eq!(in_text("HEFT, near Heartlands I mean, and then a lot of other words"), ["short"]);
    assert!(in_text("a ward with heft").is_empty());
    assert!(in_text("HEFT scheduling").is_empty());
    assert_eq!(in_text("my eput worker"), ["eput"]);
    assert!(in_text("the deputy, of good repute").is_empty());
}

#[test]
fn handles_and_domains_are_names() {
    assert_eq!(in_text("thanks @SolentNHSTrust!"), ["handle"]);
    assert_eq!(in_text("mail pals@solent.nhs.uk."), ["domain"]);
    assert_eq!(in_text("see www.solent.nhs.uk/jobs"), ["domain"]);
    assert!(in_text("see solent.nhs.uk.evil.example").is_empty());
    assert!(in_text("see notsolent.nhs.uk").is_empty());
    let own = Document { url: "https://careers.solent.nhs.uk/x".to_owned(), ..Document::default() };
    assert_eq!(found(&own), [("solent".to_owned(), "domain".to_owned())]);
}

#[test]
fn offsets_are_characters_of_the_field_as_given() {
    let document = Document { text: "É “Solent\u{200b} NHS” x".to_owned(), ..Document::default() };
    let mention = &matcher().find(&document)[0].mentions[0];
    let given: String = document.text.chars().skip(mention.start).take(mention.end - mention.start).collect();
    assert_eq!(given, "Solent\u{200b} NHS");
}

#[test]
fn a_headline_is_explained_by_the_opening() {
    let document = Document {
        title: "Solent hiring".to_owned(),
        text: "The clinic wants staff.".to_owned(),
        ..Document::default()
    };
    assert_eq!(found(&document).len(), 1);
}

#[test]
fn many_names_of_one_do_not_hide_another() {
    let text = format!("{}Then EPUT lost the notes.", "Solent NHS Trust met. ".repeat(600));
    let document = Document { text, ..Document::default() };
    let named = matcher().find(&document);
    let ids: Vec<&str> = named.iter().map(|named| named.organisation.as_str()).collect();
    assert_eq!(ids, ["solent", "heft"]);
    assert_eq!(named[0].overran, ["names"], "that not all were looked at is told");
    assert!(named[1].overran.is_empty());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(1000))]

    #[test]
    fn the_screen_loses_no_name(
        pieces in proptest::collection::vec(
            proptest::sample::select(vec![
                "Solent", "solent", "NHS", "Nhs", "Trust", "EPUT", "eput", "HEFT", "heft", "ward", "clinic", "nhs.uk", ".nhs.uk",
                " ", "  ", "\n", "-", "_", "#", "@", ".", "'s", "a", "xyz", "é", "\u{200b}", "\u{a0}", "ѕоlеnt", "deputy",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "https://", "/", "the Solent",
            ]),
            0..24,
        )
    ) {
        let matcher = matcher();
        let document = Document { text: pieces.concat(), ..Document::default() };
        let mut named = vec![Named::default(); matcher.organisations.len()];
        matcher.find_in(&Whole::new(&document), Field::Text, &Folded::new(&document.text), &mut named);
        if named.iter().any(|named| !named.mentions.is_empty()) {
            proptest::prop_assert!(matcher.screen.lets_through(&folded_text(&document.text), &matcher.automaton));
        }
    }
}
