//! The one place that masks. Whatever has the shape of an NHS or NI number, a full postcode, a cued
//! date of birth, a phone number, an e-mail address or a number plate is replaced by its mask, finding
//! or not, except the Trust's own. Clear columns, mails and pages take [`Masked`], which nothing else
//! makes.

mod birth;
mod shape;

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use birth::Birth;
pub(crate) use shape::pattern;
pub use shape::{Shape, ShapeKind, digit_windows, is_nhs_number, is_postcode, shapes};

use shape::{candidates, likeliest};

use crate::model::{Folded, Profile, RegisterKind, normal_postcode};

/// Rounds of masking before we take what is left for no identifier; two are enough but for walls of digits.
const MAX_ROUNDS: usize = 8;

/// Text that is safe to show: it went through a [`Masker`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Masked(String);

impl Masked {
    /// The masked text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The masked text, cut after `limit` characters with an ellipsis.
    #[must_use]
    pub fn shortened(&self, limit: usize) -> Self {
        let mut chars = self.0.char_indices();
        match chars.nth(limit) {
            Some((end, _)) => Self(format!("{}…", self.0[..end].trim_end())),
            None => self.clone(),
        }
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An address as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskedUrl {
    /// The address, or `host/[masked]` where something in it had to be hidden.
    pub text: Masked,
    /// Whether it may be linked.
    pub linkable: bool,
}

/// Masks text, sparing what the Trusts publish about themselves: the lists here.
#[derive(Debug, Clone, Default)]
pub struct Masker {
    postcodes: HashSet<String>,
    phones: HashSet<String>,
    mailboxes: HashSet<String>,
    domains: Vec<String>,
}

impl Masker {
    /// A masker that spares the published postcodes, numbers and mailboxes of `profiles`.
    pub fn new<'a>(profiles: impl IntoIterator<Item = &'a Profile>) -> Self {
        let mut masker = Self::default();
        for profile in profiles {
            let postcodes = profile.sites.iter().flat_map(|site| &site.postcodes);
            masker.postcodes.extend(postcodes.map(|postcode| normal_postcode(postcode)));
            masker.phones.extend(profile.contact.phones.iter().map(|phone| normal_phone(phone)));
            masker.mailboxes.extend(profile.contact.mailboxes.iter().map(|mailbox| mailbox.to_lowercase()));
            masker.domains.extend(profile.domains.iter().map(|domain| domain.to_lowercase()));
            masker.domains.extend(profile.registered(RegisterKind::Domain).map(str::to_lowercase));
        }
        masker
    }

    /// Masks `text`. Masking what is masked already changes nothing.
    pub fn mask(&self, text: &str) -> Masked {
        Masked(self.masked_text(text))
    }

    fn masked_text(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        // What is left of one shape can make another with its neighbours.
        for _ in 0..MAX_ROUNDS {
            let Some(next) = self.masked_once(&masked) else { break };
            masked = next;
        }
        masked
    }

    /// `None` where nothing is to be hidden.
    fn masked_once(&self, text: &str) -> Option<String> {
        let folded = Folded::new(text);
        let hidden = self.hidden(&folded);
        if hidden.is_empty() {
            return None;
        }
        let mut output = String::with_capacity(text.len());
        let mut chars = text.chars();
        let mut position = 0;
        for (start, end, mask) in hidden {
            output.extend(chars.by_ref().take(start.saturating_sub(position)));
            output.push_str(&mask);
            chars.by_ref().take(end - start).for_each(drop);
            position = end;
        }
        output.extend(chars);
        Some(output)
    }

    /// Masks `text` on one line: controls and line breaks become spaces (for titles and subjects).
    pub fn mask_line(&self, text: &str) -> Masked {
        let words: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
            .collect();
        self.mask(&words.join(" "))
    }

    /// Masks `text` and what detectors found in it besides: each of `found` is first and one past the last
    /// character, and the mask to stand there.
    pub fn mask_found(&self, text: &str, found: &[(usize, usize, &str)]) -> Masked {
        let mut found = found.to_vec();
        found.sort_unstable();
        let mut output = String::with_capacity(text.len());
        let mut chars = text.chars();
        let mut position = 0;
        for (start, end, mask) in found {
            // Of overlapping places the first one's mask stands, and all of both is hidden.
            if start >= position {
                output.extend(chars.by_ref().take(start - position));
                output.push_str(mask);
                position = start;
            }
            chars.by_ref().take(end.saturating_sub(position)).for_each(drop);
            position = position.max(end);
        }
        output.extend(chars);
        self.mask(&output)
    }

    /// Hides an address whatever stands in it: its host alone is kept.
    pub fn hide_url(&self, url: &str) -> MaskedUrl {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        MaskedUrl { text: Masked(format!("{}/[masked]", self.masked_text(host))), linkable: false }
    }

    /// Whether anything in `text` would be masked.
    pub fn finds(&self, text: &str) -> bool {
        !self.hidden(&Folded::new(text)).is_empty()
    }

    /// Masks an address. Where a shape stands in it, percent-encoded or not, only the host is kept.
    pub fn mask_url(&self, url: &str) -> MaskedUrl {
        let decoded = percent_decoded(url);
        if !self.finds(url) && !self.finds(&decoded) {
            return MaskedUrl { text: Masked(url.to_owned()), linkable: true };
        }
        self.hide_url(url)
    }

    /// What must be hidden, as spans of the original's characters with their masks, in order. Where shapes
    /// overlap nobody knows which is the true one: all that any of them covers is hidden, under the mask
    /// of the likeliest.
    fn hidden(&self, folded: &Folded<'_>) -> Vec<(usize, usize, String)> {
        let secret: Vec<Shape> =
            candidates(folded.text()).into_iter().filter(|shape| !self.is_own(shape)).collect();
        let mut covered: Vec<(usize, usize)> = Vec::new();
        let mut spans: Vec<(usize, usize)> = secret.iter().map(|shape| (shape.start, shape.end)).collect();
        spans.sort_unstable();
        for (start, end) in spans {
            match covered.last_mut() {
                Some(last) if start < last.1 => last.1 = last.1.max(end),
                _ => covered.push((start, end)),
            }
        }
        let kept = likeliest(secret);
        let masks = |start: usize, end: usize| {
            let within = kept.iter().filter(|shape| start <= shape.start && shape.end <= end);
            within.map(Shape::mask).collect::<Vec<_>>().join(" ")
        };
        let spans = covered.into_iter().map(|(from, to)| {
            let (start, end) = folded.original(from, to);
            (start, end, masks(from, to))
        });
        spans.collect()
    }

    /// Whether the Trust publishes this itself.
    pub fn is_own(&self, shape: &Shape) -> bool {
        match shape.kind {
            ShapeKind::Postcode => self.postcodes.contains(&normal_postcode(&shape.text)),
            ShapeKind::Phone => self.phones.contains(&normal_phone(&shape.text)),
            ShapeKind::Email => {
                let address = shape.text.to_lowercase();
                let domain = address.rsplit('@').next().unwrap_or_default();
                self.mailboxes.contains(&address)
                    || self.domains.iter().any(|own| {
                        domain
                            .strip_suffix(own.as_str())
                            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                    })
            }
            _ => false,
        }
    }
}

/// A UK phone number's digits with the national prefix.
fn normal_phone(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let national = digits.strip_prefix("0044").or_else(|| digits.strip_prefix("44"));
    match national {
        Some(rest) if !digits.starts_with('0') || digits.starts_with("0044") => {
            format!("0{}", rest.trim_start_matches('0'))
        }
        _ => digits,
    }
}

fn percent_decoded(url: &str) -> String {
    let mut bytes = Vec::with_capacity(url.len());
    let mut rest = url.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let decoded = (first == b'%')
            .then(|| {
                tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok())
            })
            .flatten();
        if let Some(byte) = decoded {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(if first == b'+' { b' ' } else { first });
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
