//! Identifiers made up by a seeded generator, in the spellings that people use. The same seed makes the
//! same ones on every machine.

use std::fmt;

use trustwatch::mask::{Masker, is_nhs_number};

/// `SplitMix64`: small, and good enough to choose spellings with.
#[derive(Debug)]
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    pub(crate) fn pick<'a>(&mut self, among: &[&'a str]) -> &'a str {
        among[self.below(among.len())]
    }

    pub(crate) fn letter(&mut self, among: &str) -> char {
        char::from(among.as_bytes()[self.below(among.len())])
    }

    pub(crate) fn digits(&mut self, n: usize) -> String {
        (0..n).map(|_| self.letter("0123456789")).collect()
    }
}

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Something that nobody may see in clear.
#[derive(Debug, Clone)]
pub(crate) struct Identifier {
    /// What stands before it and makes it one, such as "DOB ".
    cue: &'static str,
    /// As it is written.
    pub(crate) written: String,
    /// Its letters and digits that must not be left.
    pub(crate) secret: String,
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.cue, self.written)
    }
}

impl Identifier {
    /// One of any kind in any spelling that `masker` does not take for the Trust's own.
    pub(crate) fn any(seeded: &mut Seeded, masker: &Masker) -> Self {
        loop {
            let made = match seeded.below(7) {
                0 => nhs_number(seeded),
                1 => ni_number(seeded),
                2 => postcode(seeded),
                3 => date_of_birth(seeded),
                4 => phone(seeded),
                5 => email(seeded),
                _ => plate(seeded),
            };
            let own = trustwatch::mask::shapes(&made.written).iter().any(|shape| masker.is_own(shape));
            if !own {
                return made;
            }
        }
    }

    /// As a part of an address, percent-encoded as browsers do it.
    pub(crate) fn in_address(&self) -> String {
        self.to_string().bytes().fold(String::new(), |mut text, byte| {
            if byte.is_ascii_alphanumeric() || b"-._/@".contains(&byte) {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("%{byte:02X}"));
            }
            text
        })
    }
}

fn plain(written: impl Into<String>) -> Identifier {
    let written = written.into();
    Identifier { cue: "", secret: written.clone(), written }
}

fn nhs_number(seeded: &mut Seeded) -> Identifier {
    let digits = loop {
        let nine = seeded.digits(9);
        let found = (0..10).map(|check| format!("{nine}{check}")).find(|ten| {
            let digits: Vec<u8> = ten.bytes().map(|b| b - b'0').collect();
            is_nhs_number(&digits.try_into().unwrap())
        });
        if let Some(ten) = found {
            break ten;
        }
    };
    let parts = [&digits[..3], &digits[3..6], &digits[6..]];
    let written = match seeded.below(12) {
        0..4 => parts.join(" "),
        4 | 5 => digits.clone(),
        6 => parts.join("-"),
        7 => parts.join("."),
        8 => parts.join("\u{a0}"),
        9 => parts.join(" \u{2013} "),
        10 => digits.chars().map(String::from).collect::<Vec<_>>().join(" "),
        // Full-width digits, as some keyboards write them.
        _ => digits.chars().map(|c| char::from_u32(u32::from(c) - 0x30 + 0xff10).unwrap()).collect(),
    };
    Identifier { cue: seeded.pick(&["", "NHS number ", "NHS no. "]), written, secret: digits }
}

fn ni_number(seeded: &mut Seeded) -> Identifier {
    let prefix = loop {
        let prefix: String =
            [seeded.letter("ABCEGHJKLMNOPRSTWXYZ"), seeded.letter("ABCEGHJKLMNPRSTWXYZ")].iter().collect();
        if !["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"].contains(&&*prefix) {
            break prefix;
        }
    };
    let (digits, suffix) = (seeded.digits(6), seeded.letter("ABCD"));
    let pairs = [&digits[..2], &digits[2..4], &digits[4..]];
    let written = match seeded.below(4) {
        0 => format!("{prefix}{digits}{suffix}"),
        1 => format!("{prefix} {} {suffix}", pairs.join(" ")),
        2 => format!("{prefix}-{}-{suffix}", pairs.join("-")),
        _ => format!("{prefix}{digits}{suffix}").to_lowercase(),
    };
    Identifier { cue: seeded.pick(&["", "NI number ", "nino: "]), secret: digits, written }
}

fn postcode(seeded: &mut Seeded) -> Identifier {
    let (first, second) = ("ABCDEFGHIJKLMNOPRSTUWYZ", "ABCDEFGHKLMNOPQRSTUVWXY");
    let mut outward = String::from(seeded.letter(first));
    match seeded.below(6) {
        0 => outward.push_str(&seeded.digits(1)),
        1 => outward.push_str(&format!("{}{}", seeded.letter("123456789"), seeded.digits(1))),
        2 => outward.push_str(&format!("{}{}", seeded.letter("123456789"), seeded.letter("ABCDEFGHJKPSTUW"))),
        3 => outward.push_str(&format!("{}{}", seeded.letter(second), seeded.digits(1))),
        4 => outward.push_str(&format!("{}{}", seeded.letter(second), seeded.digits(2))),
        _ => {
            let second = seeded.letter(second);
            outward.push_str(&format!("{second}{}{}", seeded.digits(1), seeded.letter("ABEHMNPRVWXY")));
        }
    }
    let letters = "ABDEFGHJLNPQRSTUWXYZ";
    let inward = format!("{}{}{}", seeded.digits(1), seeded.letter(letters), seeded.letter(letters));
    let written = match seeded.below(4) {
        0 | 1 => format!("{outward} {inward}"),
        2 => format!("{outward}{inward}"),
        _ => format!("{outward}  {inward}").to_lowercase(),
    };
    plain(written)
}

fn date_of_birth(seeded: &mut Seeded) -> Identifier {
    let (day, month, year) = (seeded.below(28) + 1, seeded.below(12), 1930 + seeded.below(90));
    let number = month + 1;
    let (name, short) = (MONTHS[month], &MONTHS[month][..3]);
    let written = match seeded.below(8) {
        0 => format!("{day:02}/{number:02}/{year}"),
        1 => format!("{day}.{number}.{year}"),
        2 => format!("{day:02}-{short}-{year}"),
        3 => format!("{day} {name} {year}"),
        4 => format!("{day}th of {name} {year}"),
        5 => format!("{name} {day}, {year}"),
        6 => format!("{year}-{number:02}-{day:02}"),
        _ => format!("{day:02}/{number:02}/{:02}", year % 100),
    };
    let cue = seeded.pick(&["DOB ", "DOB: ", "d.o.b. ", "date of birth ", "born ", "born on "]);
    Identifier { cue, secret: written.clone(), written }
}

fn phone(seeded: &mut Seeded) -> Identifier {
    // Ofcom's ranges for drama.
    let (area, rest) = match seeded.below(3) {
        0 => ("1632", format!("960{}", seeded.digits(3))),
        1 => ("7700", format!("900{}", seeded.digits(3))),
        _ => ("20", format!("79460{}", seeded.digits(3))),
    };
    let cut = rest.len() - 3;
    let written = match seeded.below(7) {
        0 => format!("0{area} {rest}"),
        1 => format!("0{area}{rest}"),
        2 => format!("(0{area}) {rest}"),
        3 => format!("+44 {area} {} {}", &rest[..cut], &rest[cut..]),
        4 => format!("+44 (0){area} {rest}"),
        5 => format!("0044{area}{rest}"),
        _ => format!("0{area}-{}-{}", &rest[..cut], &rest[cut..]),
    };
    Identifier { cue: "", secret: format!("{area}{rest}"), written }
}

fn email(seeded: &mut Seeded) -> Identifier {
    let name = seeded.pick(&["jo", "sam.ray", "k_o-neil", "Pat+list", "o'brien", "x9"]);
    let host = seeded.pick(&["mail.example", "example.org", "post.example.co.uk", "EXAMPLE.COM"]);
    plain(format!("{name}{}@{host}", seeded.digits(2)))
}

fn plate(seeded: &mut Seeded) -> Identifier {
    let (first, last) = ("ABCDEFGHJKLMNOPRSTUVWXY", "ABCDEFGHJKLMNOPRSTUVWXYZ");
    let place: String = (0..2).map(|_| seeded.letter(first)).collect();
    let rest: String = (0..3).map(|_| seeded.letter(last)).collect();
    let age = seeded.digits(2);
    let written = match seeded.below(3) {
        0 => format!("{place}{age} {rest}"),
        1 => format!("{place}{age}{rest}"),
        _ => format!("{place}{age}{rest}").to_lowercase(),
    };
    plain(written)
}
