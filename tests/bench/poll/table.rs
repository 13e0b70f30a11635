//! Figures beside their limits, as a table. The ratio says how far apart they are; whether that is enough is for the
//! reader to judge.

/// What a figure is held against.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    None,
    AtLeast(f64),
    AtMost(f64),
}

/// Figures in the order in which they were measured.
#[derive(Default)]
pub(super) struct Table(Vec<[String; 4]>);

impl Table {
    /// Adds a figure; one that could not be measured shows as a dash.
    pub(super) fn row(&mut self, what: impl Into<String>, figure: Option<f64>, limit: Limit) {
        let (sign, limit) = match limit {
            Limit::None => ("", None),
            Limit::AtLeast(limit) => ("at least ", Some(limit)),
            Limit::AtMost(limit) => ("at most ", Some(limit)),
        };
        let ratio = figure.zip(limit).filter(|(_, limit)| *limit > 0.0).map(|(figure, limit)| figure / limit);
        let text = |number: Option<f64>| number.map_or_else(String::new, shown);
        let figure = figure.map_or_else(|| "–".to_owned(), shown);
        let limit = limit.map_or_else(String::new, |limit| format!("{sign}{}", shown(limit)));
        self.0.push([what.into(), figure, limit, text(ratio)]);
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:<62} {:>12} {:>16} {:>14}", "", "figure", "limit", "figure/limit")?;
        for [what, figure, limit, ratio] in &self.0 {
            writeln!(f, "{what:<62} {figure:>12} {limit:>16} {ratio:>14}")?;
        }
        Ok(())
    }
}

/// A figure with as many places as tell something.
fn shown(figure: f64) -> String {
    let places = match figure.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{figure:.places$}")
}
