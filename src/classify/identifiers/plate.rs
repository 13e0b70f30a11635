//! Number plates (DVLA INF104): the style since 2001 and the prefix style before it.

use super::RawPlace;
use crate::classify::view::Seen;
use crate::mask::ShapeKind;

/// Every number plate.
pub(in crate::classify) fn find(seen: &Seen<'_>) -> Vec<RawPlace> {
    let fields = seen.shapes.iter();
    fields
        .flat_map(|(field, shapes)| {
            let plates = shapes.iter().filter(|shape| shape.kind == ShapeKind::Plate);
            plates
                .map(|shape| RawPlace { field: *field, start: shape.start, end: shape.end })
                .collect::<Vec<_>>()
        })
        .collect()
}
