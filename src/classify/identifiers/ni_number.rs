//! National Insurance numbers: two letters that HMRC issues, six digits, a suffix A to D (HMRC NIM39110).

use super::{Place, beside};
use crate::mask::{Shape, ShapeKind};

pub(super) fn signals(shape: &Shape, shapes: &[Shape]) -> Place {
    let mut place = Place::default();
    if beside(shape, shapes, &[ShapeKind::NhsNumber, ShapeKind::DateOfBirth, ShapeKind::Postcode]) {
        place.signals.push("identifier_near");
    }
    place
}
