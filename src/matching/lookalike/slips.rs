//! Slips of the keyboard and of memory, one to a label.

/// The shortest label of which a slip is told from another word (characters).
pub(super) const MIN_SLIP: usize = 4;

/// One letter left out, doubled, swapped with its neighbour, mistyped for a near key or another vowel, one bit
/// off, or one letter added in front or behind.
pub(super) fn is_slip(label: &str, own: &str) -> bool {
    let (label, own): (Vec<char>, Vec<char>) = (label.chars().collect(), own.chars().collect());
    if own.len() < MIN_SLIP {
        return false;
    }
    let differs_at = |a: &[char], b: &[char]| a.iter().zip(b).position(|(x, y)| x != y);
    match label.len().cmp(&own.len()) {
        std::cmp::Ordering::Equal => {
            let Some(at) = differs_at(&label, &own) else { return true };
            let swapped = at + 1 < own.len()
                && label[at] == own[at + 1]
                && label[at + 1] == own[at]
                && label[at + 2..] == own[at + 2..];
            swapped
                || label[at + 1..] == own[at + 1..]
                    && (are_neighbours(label[at], own[at]) || are_vowels(label[at], own[at]) || is_bit_flip(label[at], own[at]))
                // Both keys mistyped in the same way: a doubled letter.
                || doubled_replaced(&label, &own, at)
        }
        std::cmp::Ordering::Less => {
            label.len() + 1 == own.len()
                && label.len() + 1 >= MIN_SLIP
                && differs_at(&label, &own).is_none_or(|at| label[at..] == own[at + 1..])
        }
        std::cmp::Ordering::Greater => {
            label.len() == own.len() + 1 && {
                let at = differs_at(&label, &own).unwrap_or(own.len());
                let rest_agrees = label[at + 1..] == own[at..];
                let added = label[at];
                let beside = [at.checked_sub(1).map(|at| own[at]), own.get(at).copied()];
                // At the end any letter or digit is added, an "s" anywhere; in between a doubled one or a neighbour's key.
                let at_end = at == own.len() || at == 0 || added == 's';
                rest_agrees
                    && (at_end
                        || beside.into_iter().flatten().any(|c| c == added || are_neighbours(c, added)))
            }
        }
    }
}

fn doubled_replaced(label: &[char], own: &[char], at: usize) -> bool {
    at + 1 < own.len()
        && own[at] == own[at + 1]
        && label[at] == label[at + 1]
        && label[at + 2..] == own[at + 2..]
        && are_neighbours(label[at], own[at])
}

/// Keys beside each other on the keyboards that dnstwist knows (qwerty, qwertz, azerty).
fn are_neighbours(a: char, b: char) -> bool {
    const ROWS: [[&str; 4]; 3] = [
        ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"],
        ["1234567890", "qwertzuiop", "asdfghjkl", "yxcvbnm"],
        ["1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn"],
    ];
    ROWS.iter().any(|rows| {
        let at = |c: char| {
            rows.iter()
                .enumerate()
                .find_map(|(row, keys)| keys.find(c).map(|column| (row.cast_signed(), column.cast_signed())))
        };
        match (at(a), at(b)) {
            (Some(first), Some(second)) => {
                let (row, column) = (second.0 - first.0, second.1 - first.1);
                // Each row lies half a key to the right of the one above it.
                matches!((row, column), (0, 1 | -1) | (1, 0 | -1) | (-1, 0 | 1))
            }
            _ => false,
        }
    })
}

fn are_vowels(a: char, b: char) -> bool {
    let vowel = |c: char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u');
    vowel(a) && vowel(b)
}

fn is_bit_flip(a: char, b: char) -> bool {
    a.is_ascii() && b.is_ascii() && ((a as u8) ^ (b as u8)).is_power_of_two()
}
