//! Domains that resemble one of a Trust's: the ways in which registrants of such names work, as dnstwist
//! lists them (omission, repetition, transposition, neighbouring key, bit flip, homoglyph and punycode,
//! hyphen, added words, other ending, the whole name inside another's).

mod glyphs;
mod slips;
mod words;

use crate::model::{Folded, Profile};
use glyphs::{looks_like, plain_letters};
use slips::{MIN_SLIP, is_slip};
use words::{is_made_of_added, with_added_words};

/// How a domain resembles one of the Trust's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// The same label under another ending.
    OtherEnding,
    /// Letters of other scripts that look the same.
    Homoglyph,
    /// One or two letters left out, doubled, swapped, added or mistyped.
    Slip,
    /// Hyphens added.
    Hyphen,
    /// The name with words of health, pay, jobs or log-in.
    AddedWords,
    /// The Trust's whole address inside another's.
    Inside,
}

impl Likeness {
    /// As `is:` asks for it.
    pub const fn signal(self) -> &'static str {
        match self {
            Self::OtherEnding => "other_ending",
            Self::Homoglyph => "homoglyph",
            Self::Slip => "slip",
            Self::Hyphen => "hyphen",
            Self::AddedWords => "added_words",
            Self::Inside => "inside",
        }
    }

    /// Whether nobody has such an address by chance.
    pub const fn is_meant(self) -> bool {
        matches!(self, Self::Homoglyph | Self::Hyphen | Self::AddedWords | Self::Inside)
    }

    /// For people: fits after "the address has".
    pub const fn words(self) -> &'static str {
        match self {
            Self::OtherEnding => "the Trust's own label under another ending",
            Self::Homoglyph => "letters that only look like those of the Trust's address",
            Self::Slip => "the Trust's label with a letter changed, added, doubled, swapped or left out",
            Self::Hyphen => "the Trust's label with hyphens",
            Self::AddedWords => "the Trust's label with words of health, pay, jobs or log-in",
            Self::Inside => "the Trust's whole address inside another",
        }
    }
}

/// The longest name that the DNS knows (RFC 1035, characters).
pub(super) const LONGEST_HOST: usize = 253;
/// Parts of a name in which one part may resemble the Trust's label.
const MAX_PARTS: usize = 12;
/// Neighbouring parts that may make up the Trust's label together.
const MAX_JOINED: usize = 4;

/// How `host` resembles an address of the Trust, if it does. Its own and those listed as somebody else's do not.
pub fn lookalike(host: &str, profile: &Profile) -> Option<Likeness> {
    let host = host.trim_end_matches('.').trim_start_matches("www.").to_lowercase();
    let below = |other: &String| {
        host == *other || host.strip_suffix(other.as_str()).is_some_and(|rest| rest.ends_with('.'))
    };
    if host.is_empty()
        || host.len() > LONGEST_HOST
        || profile.owns_host(&host)
        || profile.elsewhere.iter().any(below)
    {
        return None;
    }
    let spoken = idna_unicode(&host);
    let plain = plain_letters(&Folded::new(&spoken).text().to_lowercase());
    let label = registrable_label(&plain);
    let labels: Vec<String> = profile.domains.iter().map(|domain| registrable_label(domain)).collect();
    let mut best = None;
    for (own, domain) in labels.iter().zip(&profile.domains) {
        best = best.or_else(|| resembles(&host, &plain, &label, own, domain, plain != host));
    }
    best.or_else(|| {
        names(profile).iter().any(|name| is_name_of_the_nhs(&plain, name)).then_some(Likeness::AddedWords)
    })
}

/// What the Trust is called besides its domains, as a label would hold it.
fn names(profile: &Profile) -> Vec<String> {
    const GENERAL: [&str; 6] = ["nhs", "foundation", "trust", "university", "service", "the"];
    let words = |text: &str| -> String {
        let lower = text.to_lowercase();
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !GENERAL.contains(word)).collect()
    };
    let mut names = vec![words(&profile.name), words(&profile.short_name)];
    names.extend(profile.domains.iter().map(|domain| registrable_label(domain)));
    names.retain(|name| name.len() >= MIN_SLIP);
    names
}

/// `solent-nhs.example-signin.com`, `heftnhs-payslip.com`: a part of the address holds the Trust's name, added words
/// and "nhs" among them: nobody else's name does.
fn is_name_of_the_nhs(plain: &str, name: &str) -> bool {
    let above = psl::suffix_str(plain).map_or(0, |suffix| suffix.len() + 1);
    let parts = plain.get(..plain.len().saturating_sub(above)).unwrap_or_default().split('.');
    parts.filter(|part| part.contains("nhs")).any(|part| with_added_words(part, name))
}

fn resembles(
    host: &str,
    plain: &str,
    label: &str,
    own: &str,
    domain: &str,
    folded: bool,
) -> Option<Likeness> {
    let flat = domain.replace('.', "-");
    let glued = domain.replace('.', "");
    let flattened = plain.replace(['.', '-'], "");
    let slipped = || {
        let rest = domain.strip_prefix(own)?;
        let (first, after) = plain.split_once('.')?;
        let below = after.strip_prefix(rest.strip_prefix('.')?)?.starts_with('.');
        Some(below && (is_slip(first, own) || looks_like(first, own)))
    };
    let whole = slipped() == Some(true)
        || plain.strip_prefix(domain).is_some_and(|rest| rest.starts_with('.'))
        || plain.contains(&format!(".{domain}."))
        || (plain.contains(&flat) || plain.contains(&glued) || begins_like(&flattened, &glued))
            && own.len() >= MIN_SLIP
        || under_like_suffix(plain, own, domain);
    if whole {
        return Some(Likeness::Inside);
    }
    let bare = label.replace('-', "");
    if label == own || bare == own {
        return Some(if folded || host.starts_with("xn--") {
            Likeness::Homoglyph
        } else if label == own {
            Likeness::OtherEnding
        } else {
            Likeness::Hyphen
        });
    }
    if looks_like(&bare, own) {
        return Some(Likeness::Homoglyph);
    }
    if is_slip(&bare, own) {
        return Some(Likeness::Slip);
    }
    if with_added_words(label, own) {
        return Some(Likeness::AddedWords);
    }
    by_parts(plain, own).or_else(|| split_by_dot(plain, own).then_some(Likeness::Slip))
}

/// Whether `text` begins with `own`, in so many letters or in others that look alike.
fn begins_like(text: &str, own: &str) -> bool {
    text.starts_with(own)
        || (own.len()..=own.len() + 2).any(|end| text.get(..end).is_some_and(|start| looks_like(start, own)))
}

/// Slips in the part above the Trust's label.
const MAX_SUFFIX_SLIPS: usize = 2;

/// `solent.nhsc.uk`, `solent.nh.uk`: the Trust's own label under a name that is nearly `nhs.uk`.
fn under_like_suffix(plain: &str, own: &str, domain: &str) -> bool {
    let above = |text: &str| text.split_once('.').map(|(first, rest)| (first.to_owned(), rest.to_owned()));
    let Some((first, suffix)) = above(plain).filter(|(first, _)| first == own) else { return false };
    let (Some(theirs), Some(ours)) = (above(&suffix), above(domain).and_then(|(_, rest)| above(&rest)))
    else {
        return false;
    };
    let slips = strsim::damerau_levenshtein(&theirs.0, &ours.0);
    !first.is_empty() && theirs.1 == ours.1 && (1..=MAX_SUFFIX_SLIPS).contains(&slips)
}

/// `secanb-nhs.example`, `sec-amb.nhs-pay.example`: a part of the name resembles the Trust's label, all other
/// parts are added words.
fn by_parts(plain: &str, own: &str) -> Option<Likeness> {
    let name = plain.rsplit_once('.').map_or(plain, |(name, _)| name);
    let parts: Vec<&str> = name.split(['.', '-']).filter(|part| !part.is_empty()).collect();
    if parts.len() > MAX_PARTS {
        return None;
    }
    for first in 0..parts.len() {
        for last in first..parts.len().min(first + MAX_JOINED) {
            let others = parts[..first].iter().chain(&parts[last + 1..]);
            if parts.len() == last - first + 1 || !others.clone().all(|part| is_made_of_added(part)) {
                continue;
            }
            let joined: String = parts[first..=last].concat();
            if joined == own {
                return Some(Likeness::AddedWords);
            }
            if looks_like(&joined, own) {
                return Some(Likeness::Homoglyph);
            }
            if is_slip(&joined, own) {
                return Some(Likeness::Slip);
            }
        }
    }
    None
}

/// `so.lent.example`: the label with a dot inside.
fn split_by_dot(plain: &str, own: &str) -> bool {
    let mut labels: Vec<&str> = plain.split('.').collect();
    while labels.len() > 1 {
        let joined: String = labels.concat();
        if labels.len() > 1 && joined == own && labels.iter().all(|label| !label.is_empty()) {
            return true;
        }
        labels.pop();
    }
    false
}

/// The label under the public suffix: `solent` of `www.solent.nhs.uk`.
fn registrable_label(host: &str) -> String {
    let registrable = psl::domain_str(host).unwrap_or(host);
    registrable.split('.').next().unwrap_or_default().to_owned()
}

/// Punycode labels as they are read; those that cannot be stay as they are.
fn idna_unicode(host: &str) -> String {
    if host.split('.').any(|label| label.starts_with("xn--")) {
        idna::domain_to_unicode(host).0
    } else {
        host.to_owned()
    }
}
