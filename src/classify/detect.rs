//! Detectors: where in a document a rule has something to judge. Shapes come from `mask`, so that
//! whatever a detector knows is masked as well.

use super::rules::Detector;
use super::view::{FieldView, View};
use crate::mask::{Masker, Shape, ShapeKind, digit_windows, is_nhs_number, shapes};
use crate::model::{Field, Severity, Span};

/// A place to judge.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    /// In which field, at which bytes of its spaced text; `None` for the document as a whole.
    pub(super) at: Option<(Field, usize, usize)>,
    /// The characters of the field as given.
    original: (usize, usize),
    /// What may be shown of it.
    masked: String,
    /// What the detector says of it.
    pub(super) signals: Vec<&'static str>,
    /// A severity of its own.
    pub(super) severity: Option<Severity>,
}

impl Place {
    /// The place as a span of the document, masked.
    pub(super) fn span(&self) -> Option<Span> {
        let (field, ..) = self.at?;
        let (start, end) = self.original;
        Some(Span { field, start, end, masked: self.masked.clone() })
    }
}

/// How far another identifier may stand to count as beside (characters).
const BESIDE: usize = 80;
/// How far before a postcode its street may stand (characters).
const STREET_REACH: usize = 45;

/// The places that `detector` finds.
pub(super) fn places(detector: Detector, view: &View<'_>, masker: &Masker) -> Vec<Place> {
    match detector {
        Detector::Document => vec![Place {
            at: None,
            original: (0, 0),
            masked: String::new(),
            signals: Vec::new(),
            severity: None,
        }],
        Detector::NhsNumber => view.fields.iter().flat_map(nhs_numbers).collect(),
        Detector::Postcode => view.fields.iter().flat_map(|field| postcodes(field, view, masker)).collect(),
    }
}

/// NHS numbers by Modulus 11 (NHS Data Dictionary), with how they are written as signals.
fn nhs_numbers(field: &FieldView) -> Vec<Place> {
    let text = field.spaced.text();
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return Vec::new();
    }
    let shapes = shapes(text);
    let windows = digit_windows(text);
    let numbers = shapes.iter().filter(|shape| shape.kind == ShapeKind::NhsNumber);
    numbers
        .filter_map(|shape| {
            let window =
                windows.iter().find(|window| window.start == shape.start && window.end == shape.end)?;
            debug_assert!(is_nhs_number(&window.digits));
            let mut signals = Vec::new();
            match window.groups.as_slice() {
                [3, 3, 4] => signals.push("spaced_3_3_4"),
                [10] => {}
                groups if groups.iter().all(|length| *length == 1) => signals.push("spaced_3_3_4"),
                groups if groups.len() > 5 => signals.push("odd_groups"),
                _ => {}
            }
            // A ten-digit number that starts with 0 is a telephone before it is anything else.
            if window.digits[0] == 0 && window.groups != [3, 3, 4] {
                signals.push("phone_shape");
            }
            let beside = |other: &&Shape| {
                other.start != shape.start
                    && matches!(
                        other.kind,
                        ShapeKind::NhsNumber
                            | ShapeKind::NiNumber
                            | ShapeKind::DateOfBirth
                            | ShapeKind::Postcode
                    )
                    && other.start < shape.end + BESIDE
                    && shape.start < other.end + BESIDE
            };
            if shapes.iter().find(beside).is_some() {
                signals.push("identifier_near");
            }
            // 900 to 999 is for synthetic and test numbers.
            let severity = (window.digits[0] == 9).then_some(Severity::Low);
            Some(place(field, shape, signals, severity))
        })
        .collect()
}

/// Full postcodes that are not the Trust's own.
fn postcodes(field: &FieldView, view: &View<'_>, masker: &Masker) -> Vec<Place> {
    let text = field.spaced.text();
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return Vec::new();
    }
    let shapes = shapes(text);
    let codes = shapes.iter().filter(|shape| shape.kind == ShapeKind::Postcode);
    codes
        .filter(|shape| !view.profile.owns_postcode(&shape.text) && !masker.is_own(shape))
        .map(|shape| {
            let mut signals = Vec::new();
            let (from, to) = field.spaced.window(shape.start, shape.end, BESIDE);
            let person = |kind: ShapeKind| {
                matches!(kind, ShapeKind::NhsNumber | ShapeKind::NiNumber | ShapeKind::DateOfBirth)
            };
            if shapes.iter().any(|other| person(other.kind) && other.start >= from && other.end <= to) {
                signals.push("identifier_near");
            }
            let (from, _) = field.spaced.window(shape.start, shape.start, STREET_REACH);
            if ends_in_street(&text[from..shape.start]) {
                signals.push("street_before");
            }
            place(field, shape, signals, None)
        })
        .collect()
}

/// Whether a house number and a street stand in `before`.
fn ends_in_street(before: &str) -> bool {
    const STREETS: [&str; 27] = [
        "road", "rd", "street", "st", "avenue", "ave", "lane", "ln", "close", "drive", "crescent", "villas",
        "gardens", "grove", "court", "place", "terrace", "way", "walk", "row", "hill", "mews", "rise",
        "green", "paddocks", "square", "park",
    ];
    let lower = before.to_ascii_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let number = words.iter().position(|word| {
        let digits = word.trim_end_matches(|c: char| c.is_ascii_lowercase());
        (1..=4).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && word.len() - digits.len() <= 1
    });
    number.is_some_and(|at| words[at + 1..].iter().any(|word| STREETS.contains(word)))
}

fn place(field: &FieldView, shape: &Shape, signals: Vec<&'static str>, severity: Option<Severity>) -> Place {
    Place {
        at: Some((field.field, shape.start, shape.end)),
        original: field.spaced.original(shape.start, shape.end),
        masked: shape.mask(),
        signals,
        severity,
    }
}
