//! Fingerprints by which copies of one story are known: a 64-bit SimHash over three-word shingles and
//! hashes of normalised title and text. The values are stored, so the hash must never change: FNV-1a
//! with a final mix, not the standard library's.

/// What a text can be compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprints {
    /// Near-duplicates differ in few bits; zero for a text too short to tell.
    pub simhash: u64,
    /// The share of equal places estimates how much of their shingles two texts share (MinHash).
    pub minhash: [u8; MINHASHES],
    /// How many words it was made from.
    pub words: usize,
}

/// Places of a MinHash: the estimate is then within a tenth of the truth for most pairs.
pub const MINHASHES: usize = 64;
/// Words in a shingle.
const SHINGLE: usize = 3;
/// Below this a text says too little to be compared.
const MIN_WORDS: usize = 12;

impl Fingerprints {
    /// The fingerprints of `text`.
    pub fn of(text: &str) -> Self {
        let lower = text.to_lowercase();
        let words: Vec<&str> =
            lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        if words.len() < MIN_WORDS {
            return Self { simhash: 0, minhash: [0; MINHASHES], words: words.len() };
        }
        Self { simhash: simhash(&words), minhash: minhash(&words), words: words.len() }
    }

    /// The four 16-bit bands: two texts within three bits share at least one.
    pub fn bands(self) -> [u16; 4] {
        let bytes = self.simhash.to_le_bytes();
        [0, 2, 4, 6].map(|at| u16::from_le_bytes([bytes[at], bytes[at + 1]]))
    }
}

/// In how many bits two SimHashes differ.
pub fn simhash_distance(a: u64, b: u64) -> u32 {
    (a ^ b).count_ones()
}

fn simhash(words: &[&str]) -> u64 {
    let mut weights = [0_i32; 64];
    for shingle in words.windows(SHINGLE) {
        let hash = mixed(shingle);
        for (bit, weight) in weights.iter_mut().enumerate() {
            *weight += if hash >> bit & 1 == 1 { 1 } else { -1 };
        }
    }
    weights.iter().enumerate().filter(|(_, weight)| **weight > 0).fold(0, |hash, (bit, _)| hash | 1 << bit)
}

/// The lowest hash of all shingles, for each of many hash functions; the last eight bits of each are enough.
fn minhash(words: &[&str]) -> [u8; MINHASHES] {
    let mut lowest = [u64::MAX; MINHASHES];
    for shingle in words.windows(SHINGLE) {
        let mut hash = mixed(shingle);
        for place in &mut lowest {
            // SplitMix64: each step is another function of the same shingle.
            hash = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut next = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            next = (next ^ (next >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *place = (*place).min(next ^ (next >> 31));
        }
    }
    lowest.map(|hash| hash.to_le_bytes()[0])
}

fn mixed(shingle: &[&str]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in shingle.iter().flat_map(|word| word.bytes().chain([b' '])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    // FNV's high bits are weak on short input: finish as MurmurHash3 does.
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORY: &str = "Northmere General Hospital is to open a new ward for older people in the spring, the trust said on \
        Tuesday. The ward will have twenty beds and a garden, and will be staffed by nurses who now work elsewhere in the building. \
        Patients who were asked about the plans had said that they wanted more light and somewhere to sit outside.";

    #[test]
    fn a_lightly_edited_copy_is_near_and_another_story_far() {
        let a = Fingerprints::of(STORY).simhash;
        let b = Fingerprints::of(&STORY.replace("on Tuesday", "today")).simhash;
        let c = Fingerprints::of("The swan that has lived on the boating lake since last winter was seen again on Saturday by a group of \
            children who were feeding ducks, and the council says that it will leave the bird where it is for now.").simhash;
        assert!(simhash_distance(a, b) <= 10, "{}", simhash_distance(a, b));
        assert!(simhash_distance(a, c) > 16, "{}", simhash_distance(a, c));
    }

    #[test]
    fn the_stored_value_never_changes() {
        assert_eq!(
            Fingerprints::of("one two three four five six seven eight nine ten eleven twelve").simhash,
            4_344_514_279_362_340_976
        );
    }

    #[test]
    fn what_two_texts_share_is_estimated() {
        let prints = |text: &str| Fingerprints::of(text).minhash;
        let equal =
            |a: [u8; MINHASHES], b: [u8; MINHASHES]| a.iter().zip(b).filter(|(a, b)| **a == *b).count();
        let edited = STORY.replace("on Tuesday", "today").replace("a garden", "a garden with a pond");
        assert!(equal(prints(STORY), prints(&edited)) * 100 > MINHASHES * 60);
        let other =
            "The swan that has lived on the boating lake since last winter was seen again on Saturday.";
        assert!(equal(prints(STORY), prints(other)) * 100 < MINHASHES * 10);
        assert_eq!(
            prints("one two three four five six seven eight nine ten eleven twelve")[..4],
            [212, 212, 194, 46]
        );
    }

    #[test]
    fn a_short_text_has_none() {
        assert_eq!(Fingerprints::of("too short").simhash, 0);
    }
}
