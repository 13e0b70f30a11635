//! A report as a table for people, CSV for spreadsheets, JSON for programs.

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::Report;

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Table,
    /// For a spreadsheet.
    Csv,
    /// For a program.
    Json,
}

/// A report that cannot be written; never in practice, since it holds nothing that the forms cannot.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// As CSV.
    #[error("the report cannot be written as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// As JSON.
    #[error("the report cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Renders a report.
pub fn render(report: &Report, format: Format) -> Result<String, RenderError> {
    match format {
        Format::Table => Ok(table(report)),
        Format::Csv => csv(report),
        Format::Json => Ok(serde_json::to_string_pretty(report)? + "\n"),
    }
}

const HEADINGS: [&str; 8] = [
    "period",
    "group",
    "hits",
    "stories",
    "previous hits",
    "previous stories",
    "blind hours",
    "source hours",
];

fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(HEADINGS);
    for row in &report.rows {
        let number = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        table.add_row([
            Cell::new(if row.complete { row.period.to_string() } else { format!("{} *", row.period) }),
            Cell::new(&row.group),
            number(row.hits.to_string()),
            number(row.stories.to_string()),
            number(row.previous_hits.to_string()),
            number(row.previous_stories.to_string()),
            number(format!("{:.1}", row.blind_hours)),
            number(format!("{:.1}", row.service_hours)),
        ]);
    }
    let mut text = format!("Trend from {} to {}\n{table}\n", report.from, report.to);
    if report.rows.iter().any(|row| !row.complete) {
        text.push_str("* not a whole period: the one before it is\n");
    }
    if report.employee_conduct_counted > 0 {
        text.push_str(&format!(
            "Remarks by workers, counted and not kept: {}\n",
            report.employee_conduct_counted
        ));
    }
    text + report.not_seen + "\n"
}

fn csv(report: &Report) -> Result<String, RenderError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let headings = HEADINGS.iter().map(|heading| heading.replace(' ', "_"));
    writer.write_record(headings.chain(["complete".to_owned()]))?;
    for row in &report.rows {
        writer.write_record([
            row.period.to_string(),
            harmless(&row.group),
            row.hits.to_string(),
            row.stories.to_string(),
            row.previous_hits.to_string(),
            row.previous_stories.to_string(),
            format!("{:.1}", row.blind_hours),
            format!("{:.1}", row.service_hours),
            row.complete.to_string(),
        ])?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A cell that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(harmless("=cmd()"), "'=cmd()");
        assert_eq!(harmless("brand.scam"), "brand.scam");
    }
}
