//! The statistical model in the binary is the one trained on the documents in `tests/corpus`.

use sha2::{Digest, Sha256};

#[test]
fn the_shipped_model_was_trained_on_the_corpus_as_it_stands() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(root.join("tests/corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    assert!(files.len() > 10);
    let mut digest = Sha256::new();
    for file in files {
        digest.update(std::fs::read(file).unwrap());
    }
    let digest =
        digest.finalize().iter().fold(String::new(), |text, byte| text + format!("{byte:02x}").as_str());
    let model = std::fs::read(root.join("config/model.tsv.zst")).unwrap();
    let text = String::from_utf8(zstd::decode_all(model.as_slice()).unwrap()).unwrap();
    let note = text.lines().next().unwrap();
    assert!(note.contains(&digest), "{note}: train it anew with `cargo run --release --example train`");
}
