//! Trends: counts by period and group, the period before and the blind hours beside each.

mod render;
mod trend;

pub use render::{Format, RenderError, render};
pub use trend::{BuildError, Period, PeriodError, Report, ReportRow, build};
