//! A source: a public place that is polled, and what makes polling it lawful.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{DocumentKind, OrganisationId, SourceId};

/// How a source is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A feed: RSS, Atom or JSON Feed.
    Feed,
    /// A page that is itself the document.
    Page,
    /// A list of a site's pages.
    Sitemap,
    /// JSON that the configuration describes.
    Api,
    /// Mails in a maildir.
    Mailbox,
    /// One of the Trust's own sites or accounts.
    Own,
    /// Domains that resemble the Trust's.
    Lookalike,
}

impl SourceKind {
    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Page => "page",
            Self::Sitemap => "sitemap",
            Self::Api => "api",
            Self::Mailbox => "mailbox",
            Self::Own => "own",
            Self::Lookalike => "lookalike",
        }
    }
}

/// What it took to read a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Reader {
    /// feed-rs, as it stood.
    #[default]
    Strict,
    /// feed-rs, after a repair.
    Repair,
    /// The lenient reader: strict XML does not take it, or finds less in it.
    Lenient,
}

impl Reader {
    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Repair => "repair",
            Self::Lenient => "lenient",
        }
    }

    /// What to add to a count of entries, for people.
    pub const fn remark(self) -> &'static str {
        match self {
            Self::Strict => "",
            Self::Repair => ", after repair",
            Self::Lenient => ", by the lenient reader",
        }
    }
}

/// What may be done with a source's words (the copyright notes of the policy table).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Licence {
    /// None recorded: mails give outlet, date, category and our own words.
    #[default]
    None,
    /// NLA Media Access.
    Nla,
    /// Copyright Licensing Agency.
    Cla,
    /// Open Government Licence.
    Ogl,
    /// The Trust's own.
    Own,
    /// Written permission of the publisher.
    Permission,
}

/// Why a source may be polled, who answers for it and until when (SOL 6.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Accountability {
    /// What it is polled for.
    pub purpose: String,
    /// The lawful basis, such as `UK GDPR Art 6(1)(e)`.
    pub basis: String,
    /// Who answers for it.
    pub owner: String,
    /// What may be done with its words.
    pub licence: Licence,
    /// The day by which somebody must look at this again.
    pub review: NaiveDate,
}

/// The record without which no single person's profile is polled (SEC 2.10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRecord {
    /// The incident that made it necessary.
    pub incident: String,
    /// Why it is necessary and proportionate.
    pub reason: String,
    /// Who approved it.
    pub approver: String,
    /// The last day on which it is polled.
    pub until: NaiveDate,
}

/// Who decided, when and why, that a source is read though robots.txt refuses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RobotsOverride {
    /// Who.
    pub name: String,
    /// When.
    pub date: NaiveDate,
    /// Why: usually that the publisher agreed.
    pub reason: String,
}

/// A place that is polled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub id: SourceId,
    /// How it is read.
    pub kind: SourceKind,
    /// Where.
    pub url: url::Url,
    /// What sort of documents it lists.
    pub document_kind: DocumentKind,
    /// Whether each entry's page is fetched, rather than the text that came with the feed.
    pub follow: bool,
    /// For whom it is polled; their watches are looked for in it.
    pub organisations: Vec<OrganisationId>,
    /// What makes it lawful; one for all sources that inherit the same.
    pub accountability: Arc<Accountability>,
    /// The record for a single person's profile.
    pub person: Option<Box<PersonRecord>>,
    /// The decision to read it against its robots.txt.
    pub robots_override: Option<Box<RobotsOverride>>,
}
