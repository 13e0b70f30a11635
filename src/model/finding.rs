//! A finding: a rule that fired on a hit, with where, why, under which clause and whom it binds.

use serde::{Deserialize, Serialize};

use super::{Category, Field, Severity};

/// Whom the clause behind a finding binds (SOL 1.2, SEC 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Binds {
    /// Staff, contractors and volunteers of the Trust.
    Staff,
    /// Anybody.
    Anyone,
}

impl Binds {
    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Anyone => "anyone",
        }
    }
}

/// From whom the exposed information comes: decides severity and tone of confidentiality findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The person wrote it about themselves.
    Own,
    /// A relative wrote it.
    Family,
    /// A bereaved relative wrote it.
    Bereaved,
    /// A worker of the Trust wrote it.
    Colleague,
    /// It looks like a record of the Trust.
    TrustRecord,
    /// Somebody else wrote it.
    ThirdParty,
    /// The document does not say.
    Unknown,
}

impl Origin {
    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Family => "family",
            Self::Bereaved => "bereaved",
            Self::Colleague => "colleague",
            Self::TrustRecord => "trust_record",
            Self::ThirdParty => "third_party",
            Self::Unknown => "unknown",
        }
    }

    /// Applies the taxonomy's last step to the severity of a confidentiality finding: colleague and
    /// `trust_record` raise it to critical; own, family and bereaved cap it at medium.
    pub fn adjust(self, severity: Severity) -> Severity {
        match self {
            Self::Colleague | Self::TrustRecord => Severity::Critical,
            Self::Own | Self::Family | Self::Bereaved => severity.min(Severity::Medium),
            Self::ThirdParty | Self::Unknown => severity,
        }
    }
}

/// Who wrote a `concern.safety` document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Writer {
    /// A worker of the Trust: a protected disclosure may be in it.
    Worker,
    /// A member of the public.
    Public,
    /// The document does not say.
    Unknown,
}

impl Writer {
    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Public => "public",
            Self::Unknown => "unknown",
        }
    }
}

/// Where in a document something stands. Offsets count Unicode scalar values in the field as given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The field that the offsets refer to.
    pub field: Field,
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    /// What stands there, masked.
    pub masked: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A rule that fired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub category: Category,
    /// The rule's id.
    pub rule: String,
    /// The rule's version, kept with the hit.
    #[serde(skip)]
    pub rule_version: u32,
    /// How grave.
    pub severity: Severity,
    /// How sure, 0 to 1.
    pub score: f64,
    /// The policy clauses it rests on, such as `EPUT 3.3`.
    pub clauses: Vec<String>,
    /// Whom those clauses bind.
    pub binds: Binds,
    /// Where the exposed information comes from (confidentiality only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Whether the person exposed looks under 18 (confidentiality only): the view is restricted.
    #[serde(skip_serializing_if = "is_false", default)]
    pub child: bool,
    /// Who wrote it (`concern.safety` only).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub writer: Option<Writer>,
    /// Whether somebody is at risk now (`concern.safety` only).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at_risk: Option<bool>,
    /// Where it fired.
    pub spans: Vec<Span>,
    /// Why, in a sentence for people; already masked.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_raises_records_and_caps_what_people_say_of_themselves() {
        assert_eq!(Origin::TrustRecord.adjust(Severity::Low), Severity::Critical);
        assert_eq!(Origin::Own.adjust(Severity::Critical), Severity::Medium);
        assert_eq!(Origin::Family.adjust(Severity::Low), Severity::Low);
        assert_eq!(Origin::Unknown.adjust(Severity::High), Severity::High);
    }
}
