//! What is known of a document beside its words: who published it, where, when, and of what kind.

use crate::matching::FactKey;
use crate::model::{Category, Document, DocumentKind, Field, Mention, Profile};

/// What queries may ask for with `is:`.
pub(super) const SIGNALS: [&str; 32] = [
    "registered",
    "own_host",
    "foreign_host",
    "lookalike_host",
    "author_named",
    "title_named",
    "url_named",
    "pre_election",
    "spaced_3_3_4",
    "odd_groups",
    "phone_shape",
    "identifier_near",
    "cued",
    "told_birth",
    "street_before",
    "mobile",
    "freephone",
    "free_mail",
    "full_name",
    "titled",
    "the_author",
    "served",
    "in_url",
    "other_ending",
    "homoglyph",
    "slip",
    "hyphen",
    "added_words",
    "inside",
    "same_title",
    "same_words",
    "same_picture",
];

/// The facts of one document for one organisation.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    kind: DocumentKind,
    host: String,
    signals: Vec<&'static str>,
    found: Vec<Category>,
}

impl Facts {
    /// What is known before any rule was asked.
    pub(super) fn new(document: &Document, profile: &Profile, mentions: &[Mention]) -> Self {
        let host = document.host();
        let own_host = !host.is_empty() && profile.owns_host(&host);
        let named = |field: Field| mentions.iter().any(|mention| mention.field == field);
        // Some feeds give the handle as the author's name. Where there is a handle, anybody may choose the name.
        let named_by_handle = document.author_handle.is_empty()
            && document.author.starts_with('@')
            && profile.owns_handle(&document.author);
        let registered = own_host || profile.owns_handle(&document.author_handle) || named_by_handle;
        let pre_election = document.published.map(crate::clock::london_day).is_some_and(|day| {
            profile.pre_election.iter().any(|period| (period.from..=period.to).contains(&day))
        });
        let signals = [
            ("own_host", own_host),
            ("foreign_host", !host.is_empty() && !own_host),
            ("lookalike_host", !own_host && crate::matching::lookalike(&host, profile).is_some()),
            ("registered", registered),
            ("author_named", named(Field::Author) || named(Field::AuthorHandle)),
            ("title_named", named(Field::Title)),
            ("url_named", named(Field::Url)),
            ("pre_election", pre_election),
        ];
        // What a source has seen: compared with the Trust's own site, icon and logo.
        let seen = SIGNALS.into_iter().filter(|known| document.signals.iter().any(|signal| signal == known));
        let signals =
            signals.into_iter().filter(|(_, holds)| *holds).map(|(signal, _)| signal).chain(seen).collect();
        Self { kind: document.kind, host, signals, found: Vec::new() }
    }

    /// A rule of `category` fired.
    pub(super) fn add(&mut self, category: Category) {
        if !self.found.contains(&category) {
            self.found.push(category);
        }
    }

    /// Whether a fact holds, for a place with signals of its own.
    pub(super) fn holds(&self, key: FactKey, value: &str, own: &[&'static str]) -> bool {
        match key {
            FactKey::Kind => self.kind.as_str() == value,
            FactKey::Site => {
                self.host == value || self.host.strip_suffix(value).is_some_and(|rest| rest.ends_with('.'))
            }
            FactKey::Is => self.signals.contains(&value) || own.contains(&value),
            FactKey::Found => self.found.iter().any(|category| category.as_str() == value),
        }
    }
}
