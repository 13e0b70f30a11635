//! What a source listed last, and what the next listing says beside it: which entries only changed their id, which
//! were taken away. Works on keyed fingerprints, so that nothing of a text is kept.

use std::collections::{HashMap, HashSet};

/// An entry's place in a listing: the fingerprints of its key, and of its link and headline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Of its key, by which it is stored.
    pub key: [u8; KEY],
    /// Of its link and headline, by which it is known again under another id.
    pub alias: [u8; ALIAS],
}

const KEY: usize = 16;
const ALIAS: usize = 8;
const SLOT: usize = KEY + ALIAS;

impl Slot {
    /// From fingerprints in hexadecimal; `None` where they are none.
    pub fn new(key: &str, alias: &str) -> Option<Self> {
        Some(Self { key: bytes(key)?, alias: bytes(alias)? })
    }

    /// The key's fingerprint in hexadecimal.
    pub fn key_hex(&self) -> String {
        self.key
            .iter()
            .fold(String::with_capacity(KEY * 2), |text, byte| text + format!("{byte:02x}").as_str())
    }
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    for (index, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(out)
}

/// Slots in the order of the source, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing(Vec<Slot>);

impl Listing {
    /// Of a list whose dates rise, the other way round, so that the newest comes first.
    pub fn new(mut slots: Vec<Slot>, rises: bool) -> Self {
        if rises {
            slots.reverse();
        }
        Self(slots)
    }

    /// As it was stored. A rest that is no slot is dropped.
    pub fn from_stored(stored: &[u8]) -> Self {
        let read = |chunk: &[u8]| {
            let (key, alias) = chunk.split_at(KEY);
            Some(Slot { key: key.try_into().ok()?, alias: alias.try_into().ok()? })
        };
        Self(stored.chunks_exact(SLOT).filter_map(read).collect())
    }

    /// To be stored.
    pub fn to_stored(&self) -> Vec<u8> {
        self.0.iter().flat_map(|slot| slot.key.into_iter().chain(slot.alias)).collect()
    }

    /// Its slots.
    pub fn slots(&self) -> &[Slot] {
        &self.0
    }

    /// By which keys `strangers` were known here that come under another id now: same link and headline, and the
    /// old id does not stand for something else that `is_taken` knows of.
    pub fn renamed(
        &self,
        strangers: &[Slot],
        is_taken: impl Fn([u8; KEY]) -> bool,
    ) -> HashMap<Slot, [u8; KEY]> {
        let mut free: HashMap<[u8; ALIAS], Vec<[u8; KEY]>> = HashMap::new();
        for slot in self.0.iter().rev().filter(|slot| !is_taken(slot.key)) {
            free.entry(slot.alias).or_default().push(slot.key);
        }
        strangers.iter().filter_map(|slot| Some((*slot, free.get_mut(&slot.alias)?.pop()?))).collect()
    }

    /// The keys that were taken away: no longer listed, though something older still is. What merely rolls off the
    /// old end is not.
    pub fn removed(&self, now: &Self) -> Vec<[u8; KEY]> {
        let listed: HashSet<_> = now.0.iter().map(|slot| slot.key).collect();
        let Some(oldest) = self.0.iter().rposition(|slot| listed.contains(&slot.key)) else {
            return Vec::new();
        };
        self.0[..oldest].iter().map(|slot| slot.key).filter(|key| !listed.contains(key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(key: u8, alias: u8) -> Slot {
        Slot { key: [key; KEY], alias: [alias; ALIAS] }
    }

    fn listing(keys: &[u8]) -> Listing {
        Listing(keys.iter().map(|key| slot(*key, *key)).collect())
    }

    #[test]
    fn what_is_missing_before_something_older_was_removed() {
        let before = listing(&[5, 4, 3, 2, 1]);
        let removed = |now: &[u8]| before.removed(&listing(now)).iter().map(|key| key[0]).collect::<Vec<_>>();
        assert_eq!(removed(&[6, 5, 4, 3]), [] as [u8; 0], "rolled off");
        assert_eq!(removed(&[6, 5, 3, 2]), [4]);
        assert_eq!(removed(&[1]), [5, 4, 3, 2]);
        assert_eq!(removed(&[]), [] as [u8; 0], "an empty list says nothing");
        assert_eq!(removed(&[9, 8]), [] as [u8; 0]);
    }

    #[test]
    fn an_id_that_changes_is_known_by_link_and_headline() {
        let before = Listing(vec![slot(1, 10), slot(2, 20)]);
        let renamed = before.renamed(&[slot(3, 10), slot(4, 20), slot(5, 30)], |_| false);
        assert_eq!(renamed.len(), 2);
        assert_eq!(renamed[&slot(3, 10)], [1; KEY]);
        // The old id still stands there: another story under the same headline.
        assert!(before.renamed(&[slot(3, 10)], |key| key == [1; KEY]).is_empty());
    }

    #[test]
    fn stored_and_read_again_it_is_the_same() {
        let before = listing(&[5, 4, 3]);
        assert_eq!(Listing::from_stored(&before.to_stored()), before);
        assert_eq!(Listing::from_stored(&before.to_stored()[..50]).slots().len(), 2);
        let slot = Slot::new(&"ab".repeat(16), "0102030405060708ffff").unwrap();
        assert_eq!(slot.key_hex(), "ab".repeat(16));
        assert_eq!(Slot::new("xy", "00"), None);
    }
}
