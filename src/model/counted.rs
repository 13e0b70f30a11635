//! Numbers of things in sentences.

/// So many of a thing, as people write it; for things whose plural is regular.
pub fn counted(n: usize, thing: &str) -> String {
    match (n, thing.strip_suffix('y')) {
        (1, _) => format!("1 {thing}"),
        (n, Some(stem)) => format!("{n} {stem}ies"),
        (n, None) => format!("{n} {thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_thing_is_one() {
        assert_eq!(
            [counted(0, "hit"), counted(1, "entry"), counted(2, "entry")],
            ["0 hits", "1 entry", "2 entries"]
        );
    }
}
