//! NHS numbers by Modulus 11 (NHS Data Dictionary), with how they are written as signals.

use super::{Place, beside};
use crate::classify::view::View;
use crate::mask::{Shape, ShapeKind, digit_windows};
use crate::model::Severity;

pub(super) fn signals(_: &View<'_>, text: &str, shape: &Shape, shapes: &[Shape]) -> Option<Place> {
    let windows = digit_windows(text);
    let window = windows.iter().find(|window| window.start == shape.start && window.end == shape.end)?;
    let mut place = Place::default();
    match window.groups.as_slice() {
        [3, 3, 4] => place.signals.push("spaced_3_3_4"),
        [10] => {}
        groups if groups.iter().all(|length| *length == 1) => place.signals.push("spaced_3_3_4"),
        groups if groups.len() > 5 => place.signals.push("odd_groups"),
        _ => {}
    }
    // A ten-digit number that starts with 0 is a telephone before it is anything else.
    if window.digits[0] == 0 && window.groups != [3, 3, 4] {
        place.signals.push("phone_shape");
    }
    let kinds = [ShapeKind::NhsNumber, ShapeKind::NiNumber, ShapeKind::DateOfBirth, ShapeKind::Postcode];
    if beside(shape, shapes, &kinds) {
        place.signals.push("identifier_near");
    }
    // 900 to 999 is for synthetic and test numbers.
    place.severity = (window.digits[0] == 9).then_some(Severity::Low);
    Some(place)
}
