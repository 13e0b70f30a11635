//! The fuzz targets without the fuzzer: every saved input as it is, and many broken copies of them, the same at every
//! run. None may break a promise of its target or take long.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use trustwatch::extract::language_of;

#[path = "../fuzz/targets.rs"]
mod targets;

use targets::TARGETS;

/// Broken inputs tried for each target.
const CASES: usize = 1000;
/// The longest that one input may take, in a debug build on a busy machine.
const LIMIT: Duration = Duration::from_secs(5);
/// Where the numbers begin that say what is broken; any will do.
const SEED: u64 = 0x7472_7573_7477_6163;
/// The most bytes changed in one copy.
const MAX_FLIPS: usize = 8;
/// Bytes that mean something to one parser or another: a changed byte becomes one of them as often as any other.
const MEANINGFUL: &[u8] = b"<>&;\"'/=:#%*$,.[]{}()!?@\\ \t\r\n\0\x1b\x7f\x80\xc3\xe2\xff09AZaz-+_~";

/// An input and where it comes from.
struct Case {
    name: String,
    bytes: Vec<u8>,
}

macro_rules! replayed {
    ($($target:ident),+) => {
        const REPLAYED: &[&str] = &[$(stringify!($target)),+];
        $(
            #[test]
            fn $target() {
                replay(stringify!($target));
            }
        )+
    };
}

replayed!(dates, feed, opml, page, robots, url);

#[test]
fn every_target_has_saved_inputs_and_is_replayed() {
    let targets: BTreeSet<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(targets, REPLAYED.iter().copied().collect());
    let folders = subfolders("corpus");
    assert_eq!(folders, targets.iter().map(|name| (*name).to_owned()).collect());
    let strays: Vec<_> = subfolders("crashes").into_iter().filter(|name| !folders.contains(name)).collect();
    assert!(strays.is_empty(), "{strays:?} are crashes of no target");
    for target in targets {
        assert!(!saved("corpus", target).is_empty(), "{target} has no saved input");
    }
}

fn replay(name: &str) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    // The models of the languages are read when a text first needs them: no input is to blame for that.
    assert!(language_of("The ward reopened on Monday, and the tea was hot.", None).is_some());
    let (sender, receiver) = mpsc::channel();
    let cases = cases(name);
    let expected = cases.len();
    // A thread of its own, so that an input that never ends is named too.
    let worker = std::thread::spawn(move || {
        for case in cases {
            sender.send(case.described()).unwrap();
            target(&case.bytes);
        }
    });
    let (mut current, mut begun) = (String::new(), 0);
    loop {
        match receiver.recv_timeout(LIMIT) {
            Ok(next) => (current, begun) = (next, begun + 1),
            Err(RecvTimeoutError::Timeout) => panic!("takes longer than {LIMIT:?}: {current}"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    assert!(worker.join().is_ok(), "the panic above is of {current}");
    assert_eq!(begun, expected);
}

impl Case {
    fn described(&self) -> String {
        format!("{}: b\"{}\"", self.name, self.bytes.escape_ascii())
    }
}

/// The saved inputs, and broken copies of each in turn.
fn cases(target: &str) -> Vec<Case> {
    let mut cases = saved("corpus", target);
    cases.extend(saved("crashes", target));
    let whole = cases.len();
    let mut numbers = Numbers(SEED);
    for n in 0..CASES {
        let Case { name, bytes } = &cases[n % whole];
        let case = if (n / whole).is_multiple_of(2) {
            cut(bytes, &mut numbers)
        } else {
            flipped(bytes, &mut numbers)
        };
        let name = format!("copy {n} of {name}");
        cases.push(Case { name, bytes: case });
    }
    cases
}

/// What comes before a place in it, or what comes after.
fn cut(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let (before, after) = bytes.split_at(numbers.below(bytes.len() + 1));
    if numbers.below(4) == 0 { after.to_vec() } else { before.to_vec() }
}

fn flipped(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=numbers.below(MAX_FLIPS) {
        let (place, bit) = (numbers.below(bytes.len().max(1)), numbers.below(8));
        let meaningful = MEANINGFUL[numbers.below(MEANINGFUL.len())];
        let is_bit = numbers.below(2) == 0;
        if let Some(byte) = bytes.get_mut(place) {
            *byte = if is_bit { *byte ^ 1 << bit } else { meaningful };
        }
    }
    bytes
}

/// Inputs of a target in `tests/fuzz/FOLDER/TARGET`, in the order of their names.
fn saved(folder: &str, target: &str) -> Vec<Case> {
    let folder = root().join(folder).join(target);
    // Git keeps no empty folder: a target without crashes has none.
    let Ok(files) = std::fs::read_dir(&folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let case = |file: PathBuf| {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        Case { name, bytes: std::fs::read(file).unwrap() }
    };
    files.into_iter().map(case).collect()
}

fn subfolders(folder: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap());
    let folders = files.filter(|file| file.file_type().unwrap().is_dir());
    folders.map(|folder| folder.file_name().into_string().unwrap()).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
}

/// The same numbers at every run (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut next = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        next = (next ^ (next >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let wide = u128::from(next ^ (next >> 31)) * end as u128;
        usize::try_from(wide >> 64).unwrap()
    }
}
