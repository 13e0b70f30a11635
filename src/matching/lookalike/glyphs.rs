//! Letters that look like others: in one script by their shape, in others by more than an accent. Which ones
//! registrants use is what dnstwist lists; accents and most of Unicode's confusables are folded before.

/// What each letter is written as to deceive.
const GLYPHS: [(char, &[&str]); 20] = [
    ('a', &["4"]),
    ('b', &["d", "lb", "8"]),
    ('c', &["e"]),
    ('d', &["b", "cl", "dl"]),
    ('e', &["c", "3"]),
    ('g', &["q", "9"]),
    ('h', &["lh", "ih"]),
    ('i', &["1", "l"]),
    ('k', &["lc"]),
    ('l', &["1", "i"]),
    ('m', &["n", "nn", "rn", "rm", "rr"]),
    ('n', &["m", "r"]),
    ('o', &["0"]),
    ('q', &["g"]),
    ('s', &["5"]),
    ('t', &["7"]),
    ('u', &["v"]),
    ('v', &["u"]),
    ('w', &["vv", "uu"]),
    ('z', &["2"]),
];

/// Letters with strokes, hooks and tails, small capitals, and Cyrillic letters of the same shape: each with the
/// letter that it is taken for.
const STROKED: [(char, &str); 22] = [
    ('a', "ȧɑǎəɐ"),
    ('b', "ƅʙɓьв"),
    ('c', "ᴄƈ"),
    ('d', "ɖɗđ"),
    ('e', "ɇȩ"),
    ('f', "ƒ"),
    ('g', "ɡǥɠɢ"),
    ('h', "ɦħⱨн"),
    ('i', "ɩɪɨıƖ"),
    ('j', "ʝɉ"),
    ('k', "ĸⱪᴋк"),
    ('l', "łɫļɬ"),
    ('m', "ᴍɱм"),
    ('n', "ꞑŋɲп"),
    ('o', "øɔơᴏɵ"),
    ('p', "ƿƥ"),
    ('r', "ʀɍɾɽɼг"),
    ('s', "ꜱʂ"),
    ('t', "ƫŧțт"),
    ('u', "ᴜʉυ"),
    ('w', "ᴡⱳ"),
    ('z', "ƶⱬᴢʐ"),
];

/// `text` with every letter as the plain one that it is taken for.
pub(super) fn plain_letters(text: &str) -> String {
    let plain =
        |c: char| STROKED.iter().find(|(_, strange)| strange.contains(c)).map_or(c, |(plain, _)| *plain);
    text.chars().map(plain).collect()
}

/// Whether `label` is `own` with letters written as others that look alike, in one or more places.
pub(super) fn looks_like(label: &str, own: &str) -> bool {
    let mut rests: Vec<&str> = vec![label];
    for letter in own.chars() {
        let glyphs = GLYPHS.iter().find(|(of, _)| *of == letter).map_or(&[][..], |(_, glyphs)| *glyphs);
        let mut next: Vec<&str> = rests.iter().filter_map(|rest| rest.strip_prefix(letter)).collect();
        next.extend(rests.iter().flat_map(|rest| glyphs.iter().filter_map(|glyph| rest.strip_prefix(glyph))));
        next.sort_unstable();
        next.dedup();
        rests = next;
    }
    label != own && rests.contains(&"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_may_be_written_as_one_that_looks_like_it() {
        for label in ["so1ent", "s0ient", "solcnt", "solert", "s0lcmt"] {
            assert!(looks_like(label, "solent"), "{label}");
        }
        assert!(looks_like("secanb", "secamb") && looks_like("secarnb", "secamb"));
        for label in ["solent", "silent", "talent", "solenta", "olent"] {
            assert!(!looks_like(label, "solent"), "{label}");
        }
        assert_eq!(plain_letters("ʂøleꞑƫ"), "solent");
    }
}
