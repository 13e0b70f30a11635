//! People's names, found by forename lists, titles and the words around them. Who somebody is (patient,
//! colleague, spokesperson) is for rules to judge: a person is one place with every spot where they stand.

mod names;

use names::{Names, ages};

use super::identifiers::Place;
use super::rules::RuleSet;
use super::view::View;
use crate::matching::{Found, Reading, Run};
use crate::model::{Document, Field, Span};

/// One person, with every spot where the document names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    /// Where, in order.
    pub(super) runs: Vec<Run>,
    /// What may be shown.
    pub(super) initials: String,
    forename: Option<String>,
    surname: Option<String>,
    titled: bool,
    the_author: bool,
}

/// Lists of what is nobody's office.
const PRIVATE: [&str; 6] = ["condition", "treatment", "symptom", "care_event", "patient_role", "hr_detail"];

impl Person {
    /// Whether this is one of the Trust's board, named in full in a sentence that names the office: of the same name
    /// there are patients too, and who holds an office has a health of their own.
    pub(super) fn holds_office(&self, view: &View<'_>) -> bool {
        let (Some(forename), Some(surname)) = (&self.forename, &self.surname) else { return false };
        let Some(holder) = view.profile.office_holder(forename, surname) else { return false };
        let reading = &view.seen.reading;
        let sentences: Vec<Run> = self.runs.iter().map(|run| reading.sentence(run.start)).collect();
        let in_office = sentences.iter().any(|sentence| {
            let text = reading.text(*sentence).to_lowercase();
            holder.role_words().iter().any(|role| text.contains(role.as_str()))
        });
        let private = PRIVATE.iter().filter_map(|name| view.rules.list(name));
        let is_private = |run: &Run| sentences.iter().any(|sentence| sentence.overlaps(*run));
        in_office && !private.flat_map(|leaf| view.found.runs(leaf)).any(is_private)
    }

    /// The person as a place for rules.
    pub(super) fn place(&self, view: &View<'_>) -> Place {
        let mut signals = Vec::new();
        let full = self.forename.is_some() && self.surname.is_some();
        for (signal, holds) in [("full_name", full), ("titled", self.titled), ("the_author", self.the_author)]
        {
            if holds {
                signals.push(signal);
            }
        }
        let spans = self.runs.iter().filter_map(|run| {
            let (field, start, end) = view.seen.reading.original(*run)?;
            Some(Span { field, start, end, masked: self.initials.clone() })
        });
        Place { runs: self.runs.clone(), spans: spans.collect(), signals, severity: None }
    }
}

/// Every person named in title or text.
pub(super) fn people(
    reading: &Reading<'_>,
    found: &Found,
    rules: &RuleSet,
    document: &Document,
) -> Vec<Person> {
    let marks = |name: &str| {
        let mut marks = vec![false; reading.tokens().len()];
        for run in rules.list(name).map(|leaf| found.runs(leaf)).unwrap_or_default() {
            marks[run.range()].fill(true);
        }
        marks
    };
    // The last word of a cue: "my sister" in "my sister Jade".
    let ends = |name: &str| {
        let mut marks = vec![false; reading.tokens().len()];
        for run in rules.list(name).map(|leaf| found.runs(leaf)).unwrap_or_default() {
            marks[run.end as usize - 1] = true;
        }
        marks
    };
    let names = Names {
        reading,
        forename: marks("forename"),
        forename_word: marks("forename_word"),
        surname: marks("surname"),
        surname_word: marks("surname_word"),
        title: marks("person_title"),
        cue: ["person_cue", "relation", "clinical_role"]
            .map(ends)
            .into_iter()
            .reduce(|a, b| a.into_iter().zip(b).map(|(a, b)| a || b).collect())
            .unwrap_or_default(),
        age: ages(reading),
    };
    let mut people: Vec<Person> = Vec::new();
    for field in [Field::Title, Field::Text] {
        let tokens = reading.field_tokens(field);
        let mut at = tokens.start;
        while at < tokens.end {
            match names.person_at(at, tokens.end) {
                Some(person) => {
                    at = person.runs[0].end as usize;
                    join(person, &mut people);
                }
                None => at += 1,
            }
        }
    }
    let author = words(&document.author);
    for person in &mut people {
        person.the_author = !author.is_empty()
            && [&person.forename, &person.surname].into_iter().flatten().all(|name| author.contains(name))
            && (person.surname.is_some() || author.len() == 1);
    }
    people
}

fn words(text: &str) -> Vec<String> {
    let lower = crate::model::Folded::new(text).text().to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Joins a name with the person it was said of before: "Jade" is "Jade Harris", "Mr Harris" is her father.
fn join(person: Person, people: &mut Vec<Person>) {
    let same = people.iter_mut().find(|known| {
        let agree = |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a == b);
        let differ = |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
        (agree(&known.forename, &person.forename) && !differ(&known.surname, &person.surname))
            || (agree(&known.surname, &person.surname) && !differ(&known.forename, &person.forename))
    });
    let Some(known) = same else {
        people.push(person);
        return;
    };
    if known.forename.is_none() || known.surname.is_none() && person.surname.is_some() {
        known.initials.clone_from(&person.initials);
    }
    known.runs.extend(person.runs);
    known.titled |= person.titled;
    known.forename = known.forename.take().or(person.forename);
    known.surname = known.surname.take().or(person.surname);
}
