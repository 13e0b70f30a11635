//! Identifiers as types of their own, so that a hit's number can never stand where a story's belongs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a name in the configuration cannot be an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no identifier: use 1 to 63 lower-case letters, digits and hyphens, starting with a letter or digit"
)]
pub struct InvalidId(String);

fn is_slug(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    first && text.len() <= 63 && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

macro_rules! slug_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as it stands in the configuration and the store.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_slug(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId(text.to_owned())) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

slug_id! {
    /// Names a source in the configuration, the store and the logs.
    SourceId
}
slug_id! {
    /// Names an organisation that is watched for.
    OrganisationId
}

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

row_id! {
    /// A hit's number, shown to people as `TW-17`. Never handed out twice.
    HitId, "TW-"
}
row_id! {
    /// An entry's row.
    EntryId, "entry-"
}
row_id! {
    /// A document's row.
    DocumentId, "document-"
}
row_id! {
    /// A story's row.
    StoryId, "story-"
}
row_id! {
    /// An alert's row.
    AlertId, "alert-"
}
row_id! {
    /// A delivery's row.
    DeliveryId, "delivery-"
}

impl FromStr for HitId {
    type Err = String;
    /// Reads `TW-17`, `tw-17` or `17`.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("TW-").or_else(|| text.strip_prefix("tw-")).unwrap_or(text);
        match digits.parse() {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => Err(format!("{text:?} is no hit number: write it as TW-17 or 17")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_short_lower_case_slugs() {
        for good in ["solent", "heart-of-england", "1st"] {
            assert!(good.parse::<SourceId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "Solent", "a b", "a/b", &"x".repeat(64)] {
            assert!(bad.parse::<SourceId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_hit_number_is_read_with_and_without_its_prefix() {
        assert_eq!("TW-17".parse(), Ok(HitId(17)));
        assert_eq!("17".parse(), Ok(HitId(17)));
        assert!("TW-0".parse::<HitId>().is_err());
        assert!("seventeen".parse::<HitId>().is_err());
    }
}
