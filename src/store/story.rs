//! Which story a hit belongs to: the same address, the same text, the same headline, or nearly the same
//! words within a month. And what other pages tell of the same story, opened for whoever puts it together.

use super::db::{Tx, on_read, on_tx};
use super::dialect::{Both, with_ids};
use super::record::DocumentRecord;
use super::{Store, StoreError};
use crate::model::{Document, HitId, OrganisationId};

/// How far apart two copies may be (ms).
const REACH_MS: i64 = 30 * 86_400_000;
/// Bits in which the SimHashes of two copies may differ.
const MAX_DISTANCE: u32 = 3;
/// Of a hundred places of two MinHashes, so many must be equal in copies that were edited: agencies' customers
/// keep at least this much, different articles share less even under the same footer (`tests/it/pipeline/stories`).
const MIN_SHARED: usize = 40;
/// Words from which on so much is no chance.
const LONG: i64 = 60;
/// The same where the headline is the same (unrelated texts differ in about 32).
const MAX_DISTANCE_SAME_TITLE: u32 = 16;
/// Candidates that are compared.
const MAX_CANDIDATES: i64 = 200;
/// The same where copies are put together.
const MAX_COPIES_COMPARED: i64 = 1000;
/// Places of a MinHash that make a band. Of two texts that share [`MIN_SHARED`] of a hundred places, 32 bands of two
/// show a common one in 99.6 of a hundred cases.
const BAND_PLACES: usize = 2;

#[derive(sqlx::FromRow)]
struct Candidate {
    story: i64,
    address_key: String,
    title_key: String,
    text_key: String,
    simhash: i64,
    minhash: Option<Vec<u8>>,
}

/// Each way to a candidate has its index: `CROSS JOIN` keeps SQLite from beginning with every hit of the month. Those
/// found in most ways come first: a copy shares five bands and more, a stranger one or two.
const CANDIDATES: Both = with_ids!(
    "SELECT h.story, d.address_key, d.title_key, d.text_key, d.simhash, d.minhash
FROM (SELECT id, SUM(weight) AS weight FROM (SELECT id, 100 AS weight FROM document WHERE address_key = $5
  UNION ALL SELECT id, 100 FROM document WHERE text_key = $6
  UNION ALL SELECT id, 5 FROM document WHERE title_key = $7 AND $7 <> ''
  UNION ALL SELECT id, 10 FROM document WHERE band0 = $9 AND $8 <> 0
  UNION ALL SELECT id, 10 FROM document WHERE band1 = $10 AND $8 <> 0
  UNION ALL SELECT id, 10 FROM document WHERE band2 = $11 AND $8 <> 0
  UNION ALL SELECT id, 10 FROM document WHERE band3 = $12 AND $8 <> 0
  UNION ALL SELECT document, 1 FROM minband WHERE band IN ",
    14,
    ") found GROUP BY id) c CROSS JOIN document d CROSS JOIN hit h
WHERE d.id = c.id AND h.document = d.id AND h.organisation = $1 AND d.id <> $2 AND h.at BETWEEN $3 AND $4
ORDER BY c.weight DESC, h.at DESC LIMIT $13"
);
const DROP_BANDS: &str = "DELETE FROM minband WHERE document = $1";
const KEEP_BANDS: Both = Both {
    sqlite: "INSERT OR IGNORE INTO minband (band, document) SELECT value, $1 FROM json_each($2)",
    postgres: "INSERT INTO minband (band, document)
SELECT band::bigint, $1 FROM jsonb_array_elements_text($2::jsonb) AS bands (band) ON CONFLICT DO NOTHING",
};
/// A story that turned out to be another: its hits go over, and the oldest of both leads.
const TAKE_OVER: &str = "UPDATE hit SET story = $1 WHERE story = $2";
const LEAD: &str =
    "UPDATE hit SET leads = CASE WHEN id = (SELECT MIN(id) FROM hit WHERE story = $1) THEN 1 ELSE 0 END
WHERE story = $1";
const END_STORY: &str = "DELETE FROM story WHERE id = $1";
/// Copies at another address and in other words.
const COPIES: &str = "SELECT h.id, h.story, d.address_key, d.title_key, d.text_key, d.simhash, d.minhash
FROM document d JOIN hit h ON h.document = d.id
WHERE h.organisation = $1 AND d.address_key <> $2 AND d.text_key <> $3 AND h.at BETWEEN $4 AND $5
  AND ((d.title_key = $6 AND $6 <> '')
    OR ($7 <> 0 AND (d.band0 = $8 OR d.band1 = $9 OR d.band2 = $10 OR d.band3 = $11)))
ORDER BY h.id DESC LIMIT $12";
const SEALED: &str = "SELECT d.sealed FROM document d JOIN hit h ON h.document = d.id WHERE h.id = $1";
/// Copies that are put together.
const MAX_COPIES: usize = 8;
const NEW_STORY: &str = "INSERT INTO story (organisation, created_at) VALUES ($1, $2) RETURNING id";

#[derive(sqlx::FromRow)]
struct Copy {
    id: i64,
    #[sqlx(flatten)]
    candidate: Candidate,
}

impl Store {
    /// What other pages tell of the story that `document` tells, the newest first; who opened them is written in
    /// the same transaction. Of a document without an address nobody can say which pages are others.
    pub async fn copies(
        &self,
        organisation: &OrganisationId,
        document: &DocumentRecord,
        audit: (&str, &str, i64),
    ) -> Result<Vec<Document>, StoreError> {
        if document.url.text.as_str().is_empty() {
            return Ok(Vec::new());
        }
        let bands = document.bands.map(i64::from);
        let at = document.published.map_or(audit.2, |at| at.timestamp_millis().min(audit.2));
        let found: Vec<Copy> = on_read!(&self.db, pool => sqlx::query_as(COPIES)
            .bind(organisation.as_str()).bind(&document.address_key).bind(&document.text_key)
            .bind(at - REACH_MS).bind(at + REACH_MS).bind(&document.title_key)
            .bind(document.simhash.cast_signed()).bind(bands[0]).bind(bands[1]).bind(bands[2]).bind(bands[3])
            .bind(MAX_COPIES_COMPARED).fetch_all(pool).await?);
        let same: Vec<HitId> = found
            .iter()
            .filter(|copy| is_same(&copy.candidate, document))
            .map(|copy| HitId(copy.id))
            .take(MAX_COPIES)
            .collect();
        let mut documents = Vec::new();
        if same.is_empty() {
            return Ok(documents);
        }
        let mut tx = self.db.begin().await?;
        for id in same {
            let sealed: Option<Vec<u8>> =
                on_tx!(&mut tx, tx => sqlx::query_scalar(SEALED).bind(id.0).fetch_optional(&mut **tx).await?);
            let Some(sealed) = sealed else { continue };
            match self.open_sealed(&mut tx, id, &sealed, audit).await? {
                Ok(document) => documents.push(document),
                // One text that is spoilt must not blind a source.
                Err(error) => tracing::error!(hit = %id, %error, "a copy of a story could not be opened"),
            }
        }
        tx.commit().await?;
        Ok(documents)
    }
}

/// The story of a hit of `organisation` on `document`, and whether it is the story's first.
pub(super) async fn place(
    tx: &mut Tx,
    organisation: &str,
    document: &DocumentRecord,
    document_id: i64,
    at: i64,
) -> Result<(i64, bool), StoreError> {
    let bands = document.bands.map(i64::from);
    let shared = serde_json::Value::from(min_bands(document)).to_string();
    let sql = CANDIDATES.of_tx(tx);
    let candidates: Vec<Candidate> = on_tx!(&mut *tx, tx => sqlx::query_as(sql)
        .bind(organisation).bind(document_id).bind(at - REACH_MS).bind(at + REACH_MS)
        .bind(&document.address_key).bind(&document.text_key).bind(&document.title_key)
        .bind(document.simhash.cast_signed()).bind(bands[0]).bind(bands[1]).bind(bands[2]).bind(bands[3])
        .bind(MAX_CANDIDATES).bind(shared)
        .fetch_all(&mut **tx).await?);
    let mut stories: Vec<i64> =
        candidates.iter().filter(|candidate| is_same(candidate, document)).map(|found| found.story).collect();
    stories.sort_unstable();
    stories.dedup();
    if let Some((story, others)) = stories.split_first() {
        merge(tx, *story, others).await?;
        return Ok((*story, false));
    }
    let id: i64 = on_tx!(tx, tx => sqlx::query_scalar(NEW_STORY).bind(organisation).bind(at).fetch_one(&mut **tx).await?);
    Ok((id, true))
}

/// Remembers by which bands a document is found again.
pub(super) async fn keep_bands(
    tx: &mut Tx,
    document: &DocumentRecord,
    document_id: i64,
    is_new: bool,
) -> Result<(), StoreError> {
    let bands = min_bands(document);
    if is_new && bands.is_empty() {
        return Ok(());
    }
    let bands = serde_json::Value::from(bands).to_string();
    let keep = KEEP_BANDS.of_tx(tx);
    on_tx!(tx, tx => {
        if !is_new {
            sqlx::query(DROP_BANDS).bind(document_id).execute(&mut **tx).await?;
        }
        sqlx::query(keep).bind(document_id).bind(bands).execute(&mut **tx).await?;
    });
    Ok(())
}

/// The bands of a document that is long enough for shared words to say anything.
fn min_bands(document: &DocumentRecord) -> Vec<i64> {
    if document.words < LONG {
        return Vec::new();
    }
    let places = document.minhash.chunks_exact(BAND_PLACES).enumerate();
    let band = |(number, places): (usize, &[u8])| {
        places
            .iter()
            .fold(i64::try_from(number).unwrap_or_default(), |band, place| band << 8 | i64::from(*place))
    };
    places.map(band).collect()
}

/// Makes `others` part of `story`: what was just read proves that they are one.
async fn merge(tx: &mut Tx, story: i64, others: &[i64]) -> Result<(), StoreError> {
    for other in others {
        on_tx!(&mut *tx, tx => {
            sqlx::query(TAKE_OVER).bind(story).bind(*other).execute(&mut **tx).await?;
            sqlx::query(END_STORY).bind(*other).execute(&mut **tx).await?;
        });
    }
    if !others.is_empty() {
        on_tx!(tx, tx => {
            sqlx::query(LEAD).bind(story).execute(&mut **tx).await?;
        });
    }
    Ok(())
}

fn is_same(candidate: &Candidate, document: &DocumentRecord) -> bool {
    let near = |a: u64, b: u64| a != 0 && b != 0 && (a ^ b).count_ones() <= MAX_DISTANCE;
    // A headline alone is shared by replies and reviews: the words must at least resemble each other.
    let alike = |a: u64, b: u64| a != 0 && b != 0 && (a ^ b).count_ones() <= MAX_DISTANCE_SAME_TITLE;
    candidate.address_key == document.address_key
        || candidate.text_key == document.text_key
        || !document.title_key.is_empty()
            && candidate.title_key == document.title_key
            && alike(candidate.simhash.cast_unsigned(), document.simhash)
        || near(candidate.simhash.cast_unsigned(), document.simhash)
        || document.words >= LONG
            && shares_words(candidate.minhash.as_deref().unwrap_or_default(), &document.minhash)
}

/// Whether two MinHashes are equal in enough places.
fn shares_words(a: &[u8], b: &[u8]) -> bool {
    let equal = a.iter().zip(b).filter(|(a, b)| a == b).count();
    !a.is_empty() && a.len() == b.len() && equal * 100 >= a.len() * MIN_SHARED
}
