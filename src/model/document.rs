//! A document: what an entry or page says, extracted, before anybody has judged it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What sort of public text a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum DocumentKind {
    /// An article of a news outlet.
    News,
    /// A post on a social platform.
    Social,
    /// A post in a forum.
    Forum,
    /// A blog post.
    Blog,
    /// A review of a service.
    Review,
    /// Any other page.
    #[default]
    Web,
    /// An account's description of itself.
    Profile,
    /// A domain name.
    Domain,
    /// A comment or reply.
    Comment,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::News,
        Self::Social,
        Self::Forum,
        Self::Blog,
        Self::Review,
        Self::Web,
        Self::Profile,
        Self::Domain,
        Self::Comment,
    ];

    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::News => "news",
            Self::Social => "social",
            Self::Forum => "forum",
            Self::Blog => "blog",
            Self::Review => "review",
            Self::Web => "web",
            Self::Profile => "profile",
            Self::Domain => "domain",
            Self::Comment => "comment",
        }
    }
}

/// The parts of a document that offsets can refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The headline.
    Title,
    /// The body.
    Text,
    /// The author's name.
    Author,
    /// The author's handle.
    AuthorHandle,
    /// The address.
    Url,
}

impl Field {
    /// Every field, in reading order.
    pub const ALL: [Self; 5] = [Self::Title, Self::Text, Self::Author, Self::AuthorHandle, Self::Url];

    /// The name as used in the `classify` contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Text => "text",
            Self::Author => "author",
            Self::AuthorHandle => "author_handle",
            Self::Url => "url",
        }
    }
}

/// An entry or page, extracted. Nothing in it is masked: it never leaves the process as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// What sort of text it is.
    pub kind: DocumentKind,
    /// Where it was read.
    pub url: String,
    /// Its headline.
    pub title: String,
    /// Its body, as plain text.
    pub text: String,
    /// Its author's name.
    pub author: String,
    /// Its author's handle, with the `@`.
    pub author_handle: String,
    /// When it says that it was published.
    pub published: Option<DateTime<Utc>>,
    /// Its language as an ISO 639-1 code, where it could be told.
    pub language: Option<String>,
    /// What was seen of it beside its words, as rules ask for it with `is:`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<String>,
}

impl Document {
    /// The text of one field.
    pub fn field(&self, field: Field) -> &str {
        match field {
            Field::Title => &self.title,
            Field::Text => &self.text,
            Field::Author => &self.author,
            Field::AuthorHandle => &self.author_handle,
            Field::Url => &self.url,
        }
    }

    /// The host of the address in lower case, empty where there is none.
    pub fn host(&self) -> String {
        let address = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let host = address.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        host.split(':').next().unwrap_or_default().trim_end_matches('.').to_lowercase()
    }
}
