//! Opening a store: only with its own key, only with a schema that this program knows, never papering
//! over what is missing.

use trustwatch::store::{Options, Store, StoreError};

use super::backend::each;
use super::records::T0;

#[tokio::test]
async fn another_key_is_refused() {
    each(async |bed| {
        let other = Options { key_file: bed.options.key_file.with_extension("other"), ..bed.options.clone() };
        std::fs::write(&other.key_file, [7; 32]).unwrap();
        std::process::Command::new("chmod").arg("600").arg(&other.key_file).status().unwrap();
        let refused = Store::open(&other, T0).await;
        assert!(
            matches!(&refused, Err(StoreError::WrongKey { found, expected }) if found != expected),
            "{refused:?}"
        );
        assert!(matches!(Store::open_existing(&other, T0).await, Err(StoreError::WrongKey { .. })));
        assert!(Store::open(&bed.options, T0).await.is_ok(), "its own key still opens it");
    })
    .await;
}

#[tokio::test]
async fn a_missing_key_file_is_refused_and_none_is_made() {
    each(async |bed| {
        let away = bed.options.key_file.with_extension("away");
        std::fs::rename(&bed.options.key_file, &away).unwrap();
        let refused = Store::open(&bed.options, T0).await.unwrap_err().to_string();
        assert!(refused.contains("missing") && refused.contains("restore"), "{refused}");
        assert!(!bed.options.key_file.exists());
        std::fs::rename(&away, &bed.options.key_file).unwrap();
        assert!(Store::open(&bed.options, T0).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_store_that_a_newer_program_wrote_is_refused() {
    each(async |bed| {
        let newer = if bed.is_sqlite() {
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', TRUE, x'00', 1)"
        } else {
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', TRUE, '\\x00', 1)"
        };
        assert_eq!(bed.run(newer).await, 1);
        for refused in [Store::open(&bed.options, T0).await, Store::open_existing(&bed.options, T0).await] {
            assert!(matches!(refused, Err(StoreError::Newer { found: 9999, .. })), "{refused:?}");
        }
        assert!(matches!(Store::migrate(&bed.options).await, Err(StoreError::Newer { found: 9999, .. })));
    })
    .await;
}

#[tokio::test]
async fn commands_that_only_read_do_not_change_an_older_store() {
    each(async |bed| {
        bed.run("DELETE FROM _sqlx_migrations").await;
        let refused = Store::open_existing(&bed.options, T0).await;
        assert!(matches!(refused, Err(StoreError::Older { found: 0, .. })), "{refused:?}");
        assert_eq!(bed.count("_sqlx_migrations").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_store_that_does_not_exist_is_not_made_by_a_command_that_reads() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none.db");
    let options = Options {
        url: format!("sqlite:{}", file.display()),
        key_file: folder.path().join("key"),
        ..Options::default()
    };
    assert!(matches!(Store::open_existing(&options, T0).await, Err(StoreError::Open { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        url: "postgres://watch:hunter2@127.0.0.1:1/trustwatch".to_owned(),
        key_file: folder.path().join("key"),
        ..Options::default()
    };
    let refused = Store::open(&options, T0).await.unwrap_err().to_string();
    assert!(refused.contains("watch@127.0.0.1:1") && !refused.contains("hunter2"), "{refused}");
    assert!(refused.contains("Connection refused"), "and why: {refused}");
}

#[tokio::test]
async fn fingerprints_are_the_same_in_every_process_that_shares_the_store() {
    each(async |bed| {
        let second = bed.second().await;
        assert_eq!(bed.store.fingerprint(&["a", "b"]), second.fingerprint(&["a", "b"]));
        second.close().await;
        let other = super::backend::Bed::sqlite().await;
        assert_ne!(bed.store.fingerprint(&["a", "b"]), other.store.fingerprint(&["a", "b"]));
    })
    .await;
}

#[tokio::test]
async fn a_fresh_store_is_well() {
    each(async |bed| {
        bed.store.ping().await.unwrap();
        assert!(bed.store.check().await.unwrap().is_empty());
        assert_eq!(bed.store.database_time().await.unwrap().is_some(), !bed.is_sqlite());
        assert_eq!(bed.store.next_due("").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let shapes = std::sync::Mutex::new(Vec::new());
    each(async |bed| {
        let columns = bed.columns().await;
        assert!(columns.contains(&("hit".to_owned(), "open_severity".to_owned())));
        shapes.lock().unwrap().push(columns);
    })
    .await;
    let shapes = shapes.into_inner().unwrap();
    assert!(shapes.windows(2).all(|pair| pair[0] == pair[1]), "{shapes:?}");
}

#[tokio::test]
async fn of_two_keys_made_at_the_same_time_one_becomes_the_stores_and_the_other_is_refused() {
    for _ in 0..5 {
        let Some(url) = super::backend::fresh_postgres().await else { return };
        let folder = tempfile::tempdir().unwrap();
        let with =
            |key| Options { url: url.clone(), key_file: folder.path().join(key), ..Options::default() };
        assert_eq!(Store::migrate(&with("none")).await.unwrap().0, 0);
        let (one, two) = (with("one"), with("two"));
        let (one, two) = tokio::join!(Store::open(&one, T0), Store::open(&two, T0));
        let refused = [one, two].into_iter().filter_map(Result::err).collect::<Vec<_>>();
        assert_eq!(refused.len(), 1, "two keys would seal what the other cannot open: {refused:?}");
    }
}
