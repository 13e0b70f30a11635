//! Which story a hit belongs to: the same address, the same text, the same headline, or nearly the same
//! words within a month.

use super::StoreError;
use super::db::{Tx, on_tx};
use super::record::DocumentRecord;

/// How far apart two copies may be (ms).
const REACH_MS: i64 = 30 * 86_400_000;
/// Bits in which the SimHashes of two copies may differ.
const MAX_DISTANCE: u32 = 3;
/// The same where the headline is the same (unrelated texts differ in about 32).
const MAX_DISTANCE_SAME_TITLE: u32 = 16;
/// Candidates looked at.
const MAX_CANDIDATES: i64 = 200;

#[derive(sqlx::FromRow)]
struct Candidate {
    story: i64,
    address_key: String,
    title_key: String,
    text_key: String,
    simhash: i64,
}

const CANDIDATES: &str = "SELECT h.story, d.address_key, d.title_key, d.text_key, d.simhash
FROM document d JOIN hit h ON h.document = d.id
WHERE h.organisation = $1 AND d.id <> $2 AND h.at BETWEEN $3 AND $4
  AND (d.address_key = $5 OR d.text_key = $6 OR (d.title_key = $7 AND $7 <> '')
    OR ($8 <> 0 AND (d.band0 = $9 OR d.band1 = $10 OR d.band2 = $11 OR d.band3 = $12)))
ORDER BY h.story LIMIT $13";
const NEW_STORY: &str = "INSERT INTO story (organisation, created_at) VALUES ($1, $2) RETURNING id";

/// The story of a hit of `organisation` on `document`, and whether it is the story's first.
pub(super) async fn place(
    tx: &mut Tx,
    organisation: &str,
    document: &DocumentRecord,
    document_id: i64,
    at: i64,
) -> Result<(i64, bool), StoreError> {
    let bands = document.bands.map(i64::from);
    let candidates: Vec<Candidate> = on_tx!(&mut *tx, tx => sqlx::query_as(CANDIDATES)
        .bind(organisation).bind(document_id).bind(at - REACH_MS).bind(at + REACH_MS)
        .bind(&document.address_key).bind(&document.text_key).bind(&document.title_key)
        .bind(document.simhash.cast_signed()).bind(bands[0]).bind(bands[1]).bind(bands[2]).bind(bands[3])
        .bind(MAX_CANDIDATES)
        .fetch_all(&mut **tx).await?);
    let same = candidates.iter().find(|candidate| is_same(candidate, document));
    if let Some(candidate) = same {
        return Ok((candidate.story, false));
    }
    let id: i64 = on_tx!(tx, tx => sqlx::query_scalar(NEW_STORY).bind(organisation).bind(at).fetch_one(&mut **tx).await?);
    Ok((id, true))
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
}
