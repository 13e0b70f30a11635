//! How commands print: tables for people, JSON for scripts.

use std::io::Write;

use comfy_table::{Table, presets};
use serde::Serialize;

/// Prints a value as JSON.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

/// An empty table with headings.
pub(super) fn table<const N: usize>(headings: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(headings);
    table
}

/// A stored time for people: London wall time, `never` for none.
pub(super) fn time(at: Option<i64>) -> String {
    at.map_or("never".to_owned(), |at| {
        crate::clock::from_ms(at)
            .with_timezone(&chrono_tz::Europe::London)
            .format("%Y-%m-%d %H:%M")
            .to_string()
    })
}

/// Prints a wide table: within a terminal's width, and a row a line where it goes elsewhere.
pub(super) fn print_wrapped(mut table: Table) {
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    anstream::println!("{table}");
}
