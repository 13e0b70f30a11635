//! A hit: a document that mentions an organisation, as people triage it.

use serde::{Deserialize, Serialize};

use super::{Field, Finding, OrganisationId, Severity};

/// One place in a document where a watch matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// Which watch.
    pub watch: String,
    /// In which field.
    pub field: Field,
    /// First character (Unicode scalar values, in the field as given).
    pub start: usize,
    /// One past the last character.
    pub end: usize,
}

/// A document × organisation with at least one mention.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Whose name stands in the document.
    pub organisation: OrganisationId,
    /// The highest severity among the findings; `info` without any.
    pub severity: Severity,
    /// Where the names stand, in the order of the document's fields.
    pub mentions: Vec<Mention>,
    /// What the rules found, gravest first.
    pub findings: Vec<Finding>,
    /// Rules that cost more than they may on this document, by id: they may have missed something.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub overran: Vec<String>,
}

impl Hit {
    /// A hit whose severity follows from its findings.
    pub fn new(organisation: OrganisationId, mentions: Vec<Mention>, mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.category.cmp(&b.category)));
        let severity = findings.first().map_or(Severity::Info, |finding| finding.severity);
        Self { organisation, severity, mentions, findings, overran: Vec::new() }
    }
}

/// How far people have got with a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nobody has looked at it yet.
    New,
    /// Somebody said "I have seen it".
    Acknowledged,
    /// Somebody owns it.
    Assigned,
    /// Done.
    Closed,
    /// "Not us".
    Dismissed,
}

impl Status {
    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Acknowledged => "acknowledged",
            Self::Assigned => "assigned",
            Self::Closed => "closed",
            Self::Dismissed => "dismissed",
        }
    }
}
