//! Sealed text is opened here only, and never without a trace.

use super::db::{Tx, on_tx};
use super::{Store, StoreError};
use crate::model::{Document, HitId};

const SEALED: &str = "SELECT d.sealed FROM document d JOIN hit h ON h.document = d.id WHERE h.id = $1";
const AUDIT: &str = "INSERT INTO audit (at, actor, action, purpose, subject) VALUES ($1, $2, $3, $4, $5)";

impl Store {
    /// Opens a hit's text, and writes who did it and why in the same transaction. `None` where there
    /// is no such hit.
    pub async fn unseal(
        &self,
        hit: HitId,
        purpose: &str,
        actor: &str,
        now: i64,
    ) -> Result<Option<Document>, StoreError> {
        let mut tx = self.db.begin().await?;
        let sealed: Option<Vec<u8>> =
            on_tx!(&mut tx, tx => sqlx::query_scalar(SEALED).bind(hit.0).fetch_optional(&mut **tx).await?);
        let Some(sealed) = sealed else { return Ok(None) };
        let document = self.open_sealed(&mut tx, hit, &sealed, (actor, purpose, now)).await??;
        tx.commit().await?;
        Ok(Some(document))
    }

    /// Opens what is sealed of a hit's document and writes that into `tx`; what cannot be opened leaves no trace.
    pub(super) async fn open_sealed(
        &self,
        tx: &mut Tx,
        hit: HitId,
        sealed: &[u8],
        (actor, purpose, now): (&str, &str, i64),
    ) -> Result<Result<Document, StoreError>, StoreError> {
        let text = match self.key.unseal("document", sealed) {
            Ok(text) => text,
            Err(error) => return Ok(Err(error.into())),
        };
        on_tx!(tx, tx => {
            sqlx::query(AUDIT).bind(now).bind(actor).bind("unseal").bind(purpose).bind(hit.to_string()).execute(&mut **tx).await?;
        });
        let inconsistent = |error| StoreError::Inconsistent(format!("the sealed text of {hit}: {error}"));
        Ok(serde_json::from_slice(&text).map_err(inconsistent))
    }

    /// Records that `actor` saw restricted findings.
    pub async fn audit(
        &self,
        action: &str,
        purpose: &str,
        actor: &str,
        subject: &str,
        now: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on_tx!(&mut tx, tx => {
            sqlx::query(AUDIT).bind(now).bind(actor).bind(action).bind(purpose).bind(subject).execute(&mut **tx).await?;
        });
        tx.commit().await
    }
}
