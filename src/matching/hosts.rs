//! Whose address a document has. Few hosts come again and again: what was found of one is remembered, so that
//! a page costs no look at the domains of every organisation.

use std::sync::{Arc, Mutex, PoisonError};

use hashlink::LruCache;

use super::lookalike::LONGEST_HOST;
use super::{Likeness, lookalike};
use crate::model::{DocumentKind, Profile};

/// Hosts remembered.
const REMEMBERED: usize = 4096;

/// How a host names an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// It is one of its own.
    Own,
    /// It resembles one of its own.
    LookAlike,
}

impl Naming {
    /// The watch that found it.
    pub(super) const fn watch(self) -> &'static str {
        match self {
            Self::Own => "domain",
            Self::LookAlike => "look-alike",
        }
    }
}

type Namings = Arc<[(usize, Naming)]>;

/// What is remembered of hosts.
#[derive(Debug)]
pub(super) struct Hosts {
    known: Mutex<LruCache<(DocumentKind, String), Namings>>,
}

impl Hosts {
    pub(super) fn new() -> Self {
        Self { known: Mutex::new(LruCache::new(REMEMBERED)) }
    }

    /// The places of the profiles that `host` names, for a document of `kind`.
    pub(super) fn named<'p>(
        &self,
        kind: DocumentKind,
        host: &str,
        profiles: impl Iterator<Item = &'p Profile>,
    ) -> Namings {
        // No host of the DNS is that long: it is nobody's, and not worth remembering.
        if host.len() > LONGEST_HOST {
            return Arc::default();
        }
        let key = (kind, host.to_owned());
        if let Some(named) = self.known().get(&key) {
            return Arc::clone(named);
        }
        let naming = |profile| naming(kind, host, profile);
        let named = profiles.enumerate().filter_map(|(at, profile)| Some((at, naming(profile)?)));
        let named: Namings = named.collect();
        self.known().insert(key, Arc::clone(&named));
        named
    }

    fn known(&self) -> std::sync::MutexGuard<'_, LruCache<(DocumentKind, String), Namings>> {
        // An answer is remembered whole or not at all: nothing can be left half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bare domain is judged by its name alone; a page that names nobody, only where its address is no chance.
fn naming(kind: DocumentKind, host: &str, profile: &Profile) -> Option<Naming> {
    if profile.owns_host(host) {
        return Some(Naming::Own);
    }
    let resembles = match kind {
        DocumentKind::Domain => lookalike(host, profile).is_some(),
        DocumentKind::Web => lookalike(host, profile).is_some_and(Likeness::is_meant),
        _ => false,
    };
    resembles.then_some(Naming::LookAlike)
}
