//! The categories of the taxonomy and the severities. The identifiers stand in the database, in
//! exports and in reports: they are only ever added to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How grave a finding or hit is, from `info` to `critical`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth counting, nothing to do.
    Info,
    /// Worth a look.
    Low,
    /// Somebody should read it this week.
    Medium,
    /// Somebody should read it today.
    High,
    /// Somebody should read it now.
    Critical,
}

impl Severity {
    /// All severities, lowest first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// One step graver, `critical` at most.
    #[must_use]
    pub const fn raised(self) -> Self {
        match self {
            Self::Info => Self::Low,
            Self::Low => Self::Medium,
            Self::Medium => Self::High,
            Self::High | Self::Critical => Self::Critical,
        }
    }

    /// The name as stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|severity| severity.as_str() == text);
        found.ok_or_else(|| format!("unknown severity {text:?}: use info, low, medium, high or critical"))
    }
}

/// The first half of a category: who in a Trust usually cares about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Somebody, or something confidential, is exposed.
    Confidentiality,
    /// The Trust's name, logo or look is misused.
    Brand,
    /// Content that the policies forbid.
    Conduct,
    /// What patients and the public say of the service.
    Feedback,
    /// News coverage and journalists' questions.
    Press,
    /// Somebody may come to harm.
    Concern,
}

/// A category that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown category {0:?}")]
pub struct ParseCategoryError(String);

macro_rules! categories {
    ($($variant:ident $family:ident $name:literal $severity:ident $words:literal;)*) => {
        /// What a finding can be (the taxonomy).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[expect(missing_docs, reason = "each variant is the taxonomy's identifier; plain_words says it in English")]
        pub enum Category { $($variant),* }

        impl Category {
            /// Every category, in the taxonomy's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable identifier.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The family that it belongs to.
            pub const fn family(self) -> Family {
                match self { $(Self::$variant => Family::$family),* }
            }

            /// The severity that the taxonomy gives it before origin and profile speak.
            pub const fn default_severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),* }
            }

            /// What a reader who knows no identifier is told: fits after "possible".
            pub const fn plain_words(self) -> &'static str {
                match self { $(Self::$variant => $words),* }
            }
        }
    };
}

categories! {
    NhsNumber Confidentiality "confidentiality.nhs_number" Critical "NHS number on a public page";
    NiNumber Confidentiality "confidentiality.ni_number" Critical "National Insurance number on a public page";
    DateOfBirth Confidentiality "confidentiality.date_of_birth" High "date of birth on a public page";
    Postcode Confidentiality "confidentiality.postcode" High "private postcode on a public page";
    HomeAddress Confidentiality "confidentiality.home_address" High "home address on a public page";
    ContactDetails Confidentiality "confidentiality.contact_details" High "private phone number or e-mail on a public page";
    VehicleRegistration Confidentiality "confidentiality.vehicle_registration" High "number plate on a public page";
    NamedPerson Confidentiality "confidentiality.named_person" Medium "private person named";
    HealthDetails Confidentiality "confidentiality.health_details" High "health details of somebody identifiable";
    StaffRecord Confidentiality "confidentiality.staff_record" High "employment details of a colleague";
    Corporate Confidentiality "confidentiality.corporate" High "internal material in public";
    PatientImage Confidentiality "confidentiality.patient_image" High "picture of a patient or clinical area";
    Jigsaw Confidentiality "confidentiality.jigsaw" High "details that together may identify somebody";
    Impersonation Brand "brand.impersonation" High "account or site that presents itself as the Trust";
    UnapprovedAccount Brand "brand.unapproved_account" Medium "account using the Trust's name without approval";
    LookalikeDomain Brand "brand.lookalike_domain" High "look-alike web address";
    LogoMisuse Brand "brand.logo_misuse" Medium "use of the logo without approval";
    NameMisuse Brand "brand.name_misuse" Medium "use of the Trust's name to sell or campaign";
    Scam Brand "brand.scam" High "scam using the Trust's name";
    Offensive Conduct "conduct.offensive" Medium "abusive language";
    Discrimination Conduct "conduct.discrimination" High "hostility towards a protected group";
    Harassment Conduct "conduct.harassment" High "targeting of a person";
    Threat Conduct "conduct.threat" Critical "threat of violence";
    Sexual Conduct "conduct.sexual" High "sexual material";
    Defamation Conduct "conduct.defamation" Medium "serious allegation about a person";
    Disrepute Conduct "conduct.disrepute" Info "worker criticising the Trust";
    MissingDisclaimer Conduct "conduct.missing_disclaimer" Info "opinions without a disclaimer";
    Purdah Conduct "conduct.purdah" Medium "political comment before an election";
    Complaint Feedback "feedback.complaint" Low "complaint";
    Compliment Feedback "feedback.compliment" Info "thanks or praise";
    Query Feedback "feedback.query" Info "question about a service";
    Coverage Press "press.coverage" Info "news coverage";
    Enquiry Press "press.enquiry" Medium "question from a journalist";
    Safety Concern "concern.safety" High "safety concern";
    Welfare Concern "concern.welfare" Critical "person who may be in danger now";
}

impl Category {
    /// Whether findings of it are "employee conduct", which SEC 2.10 and SOL 1.3 bound.
    pub const fn is_employee_conduct(self) -> bool {
        matches!(self, Self::Disrepute | Self::MissingDisclaimer | Self::Purdah)
    }

    /// Whether findings of it are kept apart: protected disclosures (`concern.safety`, SEC 8, EPUT 5.1.5) for
    /// the restricted group, people in danger (`concern.welfare`) for the crisis contact.
    pub const fn is_restricted(self) -> bool {
        matches!(self, Self::Safety | Self::Welfare)
    }
}

impl Family {
    /// The first half of the identifiers of its categories.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confidentiality => "confidentiality",
            Self::Brand => "brand",
            Self::Conduct => "conduct",
            Self::Feedback => "feedback",
            Self::Press => "press",
            Self::Concern => "concern",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Category {
    type Err = ParseCategoryError;
    fn from_str(text: &str) -> Result<Self, ParseCategoryError> {
        let found = Self::ALL.iter().copied().find(|category| category.as_str() == text);
        found.ok_or_else(|| ParseCategoryError(text.to_owned()))
    }
}

impl TryFrom<String> for Category {
    type Error = ParseCategoryError;
    fn try_from(text: String) -> Result<Self, ParseCategoryError> {
        text.parse()
    }
}

impl From<Category> for String {
    fn from(category: Category) -> Self {
        category.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_identifier_reads_back_and_starts_with_its_family() {
        for &category in Category::ALL {
            assert_eq!(category.as_str().parse(), Ok(category));
            assert!(category.as_str().starts_with(category.family().as_str()));
        }
    }

    #[test]
    fn severities_are_ordered() {
        assert!(Severity::Info < Severity::Low && Severity::High < Severity::Critical);
    }
}
