//! Items that mention the invented Trust, each unlike every other: what is generated must be found again,
//! one hit for each.

use chrono::{DateTime, Utc};

/// Pseudo-random numbers that a seed repeats (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub(crate) const fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn word(&mut self) -> String {
        const SYLLABLES: [&str; 16] =
            ["ba", "ke", "di", "fo", "gu", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "wo", "zu", "ha"];
        (0..4).map(|_| SYLLABLES[usize::try_from(self.below(16)).unwrap()]).collect()
    }

    fn words(&mut self, n: usize) -> String {
        (0..n).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }
}

/// The `n`-th NHS number of the block 500 to 599, which nobody has, as 3-3-4 digits.
pub(crate) fn nhs_number(n: u64) -> String {
    let mut base = 500_000_000 + n * 11_003 % 99_000_000;
    loop {
        let digits = base.to_string();
        let sum: u64 =
            digits.bytes().zip((2..=10).rev()).map(|(digit, weight)| u64::from(digit - b'0') * weight).sum();
        let check = (11 - sum % 11) % 11;
        if check < 10 {
            return format!("{} {} {}{check}", &digits[..3], &digits[3..6], &digits[6..]);
        }
        base += 1;
    }
}

/// An item of a feed.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) path: String,
    pub(crate) url: String,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) published: DateTime<Utc>,
    pub(crate) critical: bool,
}

impl Item {
    /// One that shows an NHS number.
    pub(crate) fn critical(n: u64, host: &str, published: DateTime<Utc>) -> Self {
        let number = nhs_number(n);
        let mut random = Random::new(n);
        let text = format!(
            "Somebody found a discharge letter of Northmere Valley NHS Foundation Trust. It gives the NHS number {number} of a patient. {}.",
            random.words(40)
        );
        Self::new(n, host, published, text, true)
    }

    /// One that merely names the Trust.
    pub(crate) fn plain(n: u64, host: &str, published: DateTime<Utc>) -> Self {
        let words = Random::new(n).words(40);
        let text = format!("Northmere Valley NHS Foundation Trust has opened a garden. {words}.");
        Self::new(n, host, published, text, false)
    }

    fn new(n: u64, host: &str, published: DateTime<Utc>, text: String, critical: bool) -> Self {
        let path = format!("/item/{n}");
        let title = Random::new(n ^ 0xFEED).words(5);
        Self { url: format!("http://{host}{path}"), path, title, text, published, critical }
    }
}

#[test]
fn the_generated_numbers_are_nhs_numbers_that_nobody_has() {
    for n in 0..1000 {
        let number = nhs_number(n);
        assert!(number.starts_with('5'), "{number}");
        let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
        let digits: [u8; 10] = digits.try_into().unwrap();
        assert!(trustwatch::mask::is_nhs_number(&digits), "{number}");
    }
}
