//! Sealed text: no clear column and no byte of the file holds it, and nobody opens it without a trace.

use trustwatch::mask::Masker;
use trustwatch::model::{Category, Document, HitId};
use trustwatch::store::DocumentRecord;

use super::backend::{Bed, each};
use super::records::{T0, document, entry, hit, poll, read, sync};

const SECRET: &str = "Kettlewick Larch Grove 943 476 5919";

fn secret_document() -> DocumentRecord {
    let clear = Document {
        title: "Ward list 943 476 5919".to_owned(),
        text: format!("Ward list: {SECRET}. ").repeat(20),
        author: "Kettlewick".to_owned(),
        ..Document::default()
    };
    let title = Masker::default().mask_line(&clear.title);
    DocumentRecord {
        title,
        clear: serde_json::to_vec(&clear).unwrap(),
        ..document("secret", vec![hit(&[Category::NhsNumber])])
    }
}

async fn with_secret(bed: &Bed) -> HitId {
    sync(&bed.store, &["paper"]).await;
    poll(&bed.store, "paper", T0, read(vec![entry("secret", Some(secret_document()))])).await[0]
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn assert_hidden(text: &[u8], place: &str) {
    for word in [&b"Kettlewick"[..], b"Larch Grove", b"943 476 5919", b"9434765919"] {
        let found = text.windows(word.len()).any(|window| window == word);
        assert!(!found, "{} stands in {place}", String::from_utf8_lossy(word));
    }
}

#[tokio::test]
async fn the_clear_text_of_a_hit_occurs_in_no_column() {
    each(async |bed| {
        with_secret(bed).await;
        let dump = bed.dump().await;
        assert!(dump.iter().any(|value| value.starts_with("document.title: Ward list ")), "the masked title");
        let hex = hexadecimal(SECRET.as_bytes());
        for value in dump {
            assert_hidden(value.as_bytes(), &value);
            assert!(!value.to_lowercase().contains(&hex), "{value}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_clear_text_of_a_hit_occurs_in_no_byte_of_the_sqlite_file() {
    let bed = Bed::sqlite().await;
    with_secret(&bed).await;
    assert_hidden(&bed.files(), "the files while open");
    bed.store.close().await;
    let bytes = bed.files();
    assert!(bytes.windows(9).any(|window| window == b"Ward list"), "the masked title does stand there");
    assert_hidden(&bytes, "the closed file");
}

#[tokio::test]
async fn opening_sealed_text_gives_it_whole_and_leaves_a_trace() {
    each(async |bed| {
        let id = with_secret(bed).await;
        assert_eq!(bed.count("audit").await, 0);
        let opened = bed.store.unseal(id, "incident 17", "jo", T0 + 5).await.unwrap().unwrap();
        assert!(opened.text.contains(SECRET));
        assert_eq!(bed.count("audit").await, 1);
        let row =
            bed.text("SELECT actor || '|' || action || '|' || purpose || '|' || subject FROM audit").await;
        assert_eq!(row, format!("jo|unseal|incident 17|{id}"));
        assert_eq!(bed.number("SELECT at FROM audit").await, Some(T0 + 5));
    })
    .await;
}

#[tokio::test]
async fn a_hit_that_does_not_exist_gives_nothing_and_leaves_no_trace() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        assert!(bed.store.unseal(HitId(99), "curiosity", "jo", T0).await.unwrap().is_none());
        assert_eq!(bed.count("audit").await, 0);
    })
    .await;
}

#[tokio::test]
async fn text_whose_opening_cannot_be_recorded_stays_sealed() {
    each(async |bed| {
        let id = with_secret(bed).await;
        bed.run("ALTER TABLE audit RENAME TO audit_away").await;
        assert!(bed.store.unseal(id, "incident 17", "jo", T0).await.is_err());
        bed.run("ALTER TABLE audit_away RENAME TO audit").await;
        assert!(bed.store.unseal(id, "incident 17", "jo", T0).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn sealed_text_that_was_altered_is_refused_and_leaves_no_trace() {
    each(async |bed| {
        let id = with_secret(bed).await;
        let zeros = if bed.is_sqlite() {
            "UPDATE document SET sealed = zeroblob(64)"
        } else {
            "UPDATE document SET sealed = decode(repeat('00', 64), 'hex')"
        };
        assert_eq!(bed.run(zeros).await, 1);
        let refused = bed.store.unseal(id, "incident 17", "jo", T0).await;
        assert!(matches!(refused, Err(trustwatch::store::StoreError::Unseal(_))), "{refused:?}");
        assert_eq!(bed.count("audit").await, 0);
    })
    .await;
}
