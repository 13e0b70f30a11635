//! Detectors: where in a document a rule has something to judge. Shapes come from `mask`, so that
//! whatever a detector knows is masked as well.

pub(super) mod address;
mod contact;
mod date_of_birth;
mod nhs_number;
mod ni_number;
pub(super) mod plate;
mod postcode;

use super::rules::Detector;
use super::view::View;
use crate::mask::{Shape, ShapeKind};
use crate::matching::Run;
use crate::model::{Field, Severity, Span};

/// A place in a folded field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawPlace {
    pub(super) field: Field,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Something to judge: one place, or every place where one person stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Place {
    /// Where it stands, as words.
    pub(super) runs: Vec<Run>,
    /// Where it stands, with what may be shown of it.
    pub(super) spans: Vec<Span>,
    /// What the detector says of it.
    pub(super) signals: Vec<&'static str>,
    /// A severity of its own.
    pub(super) severity: Option<Severity>,
}

/// How far another identifier may stand to count as beside (bytes).
const BESIDE: usize = 80;

/// The places that `detector` finds.
pub(super) fn places(detector: Detector, view: &View<'_>) -> Vec<Place> {
    match detector {
        Detector::Document => vec![Place::default()],
        Detector::NhsNumber => each_shape(view, ShapeKind::NhsNumber, nhs_number::signals),
        Detector::NiNumber => {
            each_shape(view, ShapeKind::NiNumber, |_, _, shape, all| Some(ni_number::signals(shape, all)))
        }
        Detector::Postcode => each_shape(view, ShapeKind::Postcode, postcode::signals),
        Detector::DateOfBirth => each_shape(view, ShapeKind::DateOfBirth, |_, _, shape, all| {
            Some(date_of_birth::signals(shape, all))
        }),
        Detector::Contact => {
            let mut places =
                each_shape(view, ShapeKind::Phone, |_, _, shape, _| Some(contact::phone_signals(shape)));
            places.extend(each_shape(view, ShapeKind::Email, |_, _, shape, _| {
                Some(contact::email_signals(shape))
            }));
            places
        }
        Detector::Plate => raw_places(view, plate::find(view.seen), "[number plate]"),
        Detector::Address => raw_places(view, address::find(view.seen), "[address]"),
        Detector::Person => {
            let near = |run: &Run| view.is_near(run.start);
            let people = view.seen.people.iter();
            let people = people.filter(|person| person.runs.iter().any(near) && !person.holds_office(view));
            people.map(|person| person.place(view)).collect()
        }
        Detector::Lookalike => super::lookalike_place(view).into_iter().collect(),
    }
}

/// What a detector says of one shape among all of its field; `None` where it is no place at all.
type Signals = fn(&View<'_>, &str, &Shape, &[Shape]) -> Option<Place>;

fn each_shape(view: &View<'_>, kind: ShapeKind, signals: Signals) -> Vec<Place> {
    let mut places = Vec::new();
    for (field, shapes) in &view.seen.shapes {
        let text = view.seen.reading.folded(*field).text();
        for shape in shapes.iter().filter(|shape| shape.kind == kind && !view.masker.is_own(shape)) {
            let Some(mut place) = signals(view, text, shape, shapes) else { continue };
            if *field == Field::Url {
                place.signals.push("in_url");
            }
            let raw = RawPlace { field: *field, start: shape.start, end: shape.end };
            locate(view, raw, shape.mask(), &mut place);
            places.push(place);
        }
    }
    places
}

fn raw_places(view: &View<'_>, found: Vec<RawPlace>, masked: &str) -> Vec<Place> {
    found
        .into_iter()
        .map(|raw| {
            let mut place = Place::default();
            locate(view, raw, masked.to_owned(), &mut place);
            place
        })
        .collect()
}

fn locate(view: &View<'_>, raw: RawPlace, masked: String, place: &mut Place) {
    let reading = &view.seen.reading;
    place.runs.extend(reading.run_of(raw.field, raw.start, raw.end));
    let (start, end) = reading.folded(raw.field).original(raw.start, raw.end);
    place.spans.push(Span { field: raw.field, start, end, masked });
}

/// Whether one of `kinds` stands beside `shape`; `shapes` are in order and overlap nowhere.
fn beside(shape: &Shape, shapes: &[Shape], kinds: &[ShapeKind]) -> bool {
    let first = shapes.partition_point(|other| other.end + BESIDE <= shape.start);
    let near = shapes[first..].iter().take_while(|other| other.start < shape.end + BESIDE);
    near.into_iter().any(|other| other.start != shape.start && kinds.contains(&other.kind))
}

/// The part of `text` within `reach` bytes before `at`, on whole characters.
fn before(text: &str, at: usize, reach: usize) -> &str {
    let mut from = at.saturating_sub(reach);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..at]
}
