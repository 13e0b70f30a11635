//! Full dates tied to a birth; `mask` knows the spellings.

use super::{Place, beside};
use crate::mask::{Birth, Shape, ShapeKind};

pub(super) fn signals(shape: &Shape, shapes: &[Shape]) -> Place {
    let mut place = Place::default();
    match shape.birth {
        Some(Birth::Named) => place.signals.push("cued"),
        Some(Birth::Told) => place.signals.push("told_birth"),
        _ => {}
    }
    if beside(shape, shapes, &[ShapeKind::NhsNumber, ShapeKind::NiNumber, ShapeKind::Postcode]) {
        place.signals.push("identifier_near");
    }
    place
}
