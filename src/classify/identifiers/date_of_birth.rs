//! Full dates tied to a birth; `mask` knows the spellings.

use super::{Place, beside};
use crate::mask::{Shape, ShapeKind, is_cued_birth, is_told_birth};

pub(super) fn signals(text: &str, shape: &Shape, shapes: &[Shape]) -> Place {
    let mut place = Place::default();
    if is_cued_birth(text, shape) {
        place.signals.push("cued");
    } else if is_told_birth(text, shape) {
        place.signals.push("told_birth");
    }
    if beside(shape, shapes, &[ShapeKind::NhsNumber, ShapeKind::NiNumber, ShapeKind::Postcode]) {
        place.signals.push("identifier_near");
    }
    place
}
