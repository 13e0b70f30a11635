//! Full postcodes in an area that Royal Mail uses and that are not the Trust's own (Royal Mail's format).

use super::{Place, address, before, beside};
use crate::classify::view::View;
use crate::mask::{Shape, ShapeKind, is_postcode};

/// How far before a postcode its street may stand (bytes).
const STREET_REACH: usize = 60;

pub(super) fn signals(view: &View<'_>, text: &str, shape: &Shape, shapes: &[Shape]) -> Option<Place> {
    if view.profile.owns_postcode(&shape.text) || !is_postcode(&shape.text) {
        return None;
    }
    let mut place = Place::default();
    if beside(shape, shapes, &[ShapeKind::NhsNumber, ShapeKind::NiNumber, ShapeKind::DateOfBirth]) {
        place.signals.push("identifier_near");
    }
    if address::holds_street(before(text, shape.start, STREET_REACH)) {
        place.signals.push("street_before");
    }
    Some(place)
}
