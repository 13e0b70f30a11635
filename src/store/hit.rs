//! Reading hits, within a scope: whoever may not see restricted findings learns only that there are some.

use std::str::FromStr;

use serde::Serialize;

use super::db::on_read;
use super::dialect::{Both, with_ids, with_list};
use super::{Store, StoreError};
use crate::clock;
use crate::model::{Finding, HitId, Mention, OrganisationId};

/// What a reader may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Of which organisations; all where `None`.
    pub organisations: Option<Vec<OrganisationId>>,
    /// Whether restricted findings too.
    pub restricted: bool,
}

impl Scope {
    /// Every organisation, without restricted findings: what commands read.
    pub const OPEN: Self = Self { organisations: None, restricted: false };

    pub(super) fn list(&self) -> Option<String> {
        let ids = self.organisations.as_ref()?.iter().map(OrganisationId::as_str).collect::<Vec<_>>();
        Some(serde_json::Value::from(ids).to_string())
    }
}

/// Which hits to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct HitFilter {
    /// First day, London.
    pub from: Option<String>,
    /// Last day, London.
    pub to: Option<String>,
    /// Of one organisation only.
    pub organisation: Option<String>,
    /// At most so many.
    pub limit: i64,
}

/// A hit in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct HitSummary {
    /// Its number.
    pub id: i64,
    /// Whose name stands there.
    pub organisation: String,
    /// From which source.
    pub source: String,
    /// London day.
    pub day: String,
    /// When it counts (ms).
    pub at: i64,
    /// How grave, as far as the reader may know.
    pub severity: String,
    /// How far people have got with it.
    pub status: String,
    /// Where, masked; empty where all of it is restricted.
    pub url: String,
    /// Headline, masked.
    pub title: String,
    /// Categories, gravest first.
    #[sqlx(skip)]
    pub categories: Vec<String>,
    /// Whether it holds restricted findings.
    pub restricted: i64,
    /// Which story.
    pub story: i64,
    /// Whether it came with a first pass.
    pub backlog: i64,
}

/// A hit with everything that may be shown of it.
#[derive(Debug, Clone, Serialize)]
pub struct HitDetail {
    /// As in a list.
    #[serde(flatten)]
    pub summary: HitSummary,
    /// What sort of document.
    pub kind: String,
    /// Whether its address may be linked.
    pub linkable: bool,
    /// When it says that it was published (ms).
    pub published_at: Option<i64>,
    /// When it was first seen (ms).
    pub first_seen_at: i64,
    /// How many hits its story has.
    pub copies: i64,
    /// Where the names stand.
    pub mentions: Vec<Mention>,
    /// What the rules found.
    pub findings: Vec<Finding>,
    /// What was decided about it, and what became of it.
    pub decisions: Vec<Decided>,
}

/// A decision as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Decided {
    /// The named reason.
    pub reason: String,
    /// Which group.
    pub recipients: String,
    /// When (ms).
    pub at: i64,
    /// Mails that it became.
    pub mails: i64,
    /// Of them, how many were accepted.
    pub sent: i64,
    /// Of them, how many were refused for good.
    pub failed: i64,
}

/// A hit of which everything is restricted shows no address and no headline.
const LIST: Both = with_list!(
    "SELECT h.id, h.organisation, CASE WHEN $1 = 1 OR h.restricted = 0 THEN h.source ELSE '' END AS source,
  CASE WHEN $1 = 1 OR h.restricted = 0 THEN h.day ELSE '' END AS day,
  CASE WHEN $1 = 1 OR h.restricted = 0 THEN h.at ELSE 0 END AS at,
  CASE WHEN $1 = 1 THEN h.severity ELSE h.open_severity END AS severity, h.status,
  CASE WHEN $1 = 1 OR h.restricted = 0 THEN d.url ELSE '' END AS url,
  CASE WHEN $1 = 1 OR h.restricted = 0 THEN d.title ELSE '' END AS title,
  h.restricted, CASE WHEN $1 = 1 OR h.restricted = 0 THEN h.story ELSE 0 END AS story, h.backlog
FROM hit h JOIN document d ON d.id = h.document
WHERE h.withheld = 0 AND ($2 = '' OR h.day >= $2) AND ($3 = '' OR h.day <= $3) AND ($4 = '' OR h.organisation = $4)
  AND ($6 = 0 OR h.organisation IN ",
    5,
    ") ORDER BY h.at DESC, h.id DESC LIMIT $7"
);
const ONE: Both = with_list!(
    "SELECT h.id, h.organisation, CASE WHEN $1 = 1 OR h.restricted = 0 THEN h.source ELSE '' END AS source,
  CASE WHEN $1 = 1 OR h.restricted = 0 THEN h.day ELSE '' END AS day,
  CASE WHEN $1 = 1 OR h.restricted = 0 THEN h.at ELSE 0 END AS at,
  CASE WHEN $1 = 1 THEN h.severity ELSE h.open_severity END AS severity, h.status,
  CASE WHEN $1 = 1 OR h.restricted = 0 THEN d.url ELSE '' END AS url,
  CASE WHEN $1 = 1 OR h.restricted = 0 THEN d.title ELSE '' END AS title,
  h.restricted, CASE WHEN $1 = 1 OR h.restricted = 0 THEN h.story ELSE 0 END AS story, h.backlog
FROM hit h JOIN document d ON d.id = h.document
WHERE h.id = $2 AND ($4 = 0 OR h.organisation IN ",
    3,
    ")"
);
const CATEGORIES: Both = with_ids!(
    "SELECT hit, category FROM finding WHERE (restricted = 0 OR $1 = 1) AND hit IN ",
    2,
    " ORDER BY hit, id"
);
const DETAIL: &str = "SELECT d.kind, d.linkable, d.published_at, d.first_seen_at, h.mentions,
  (SELECT COUNT(*) FROM hit o WHERE o.story = h.story)
FROM hit h JOIN document d ON d.id = h.document WHERE h.id = $1";
const FINDINGS: &str = "SELECT category, rule, rule_version, severity, score, clauses, binds, origin, child, writer, at_risk, spans, reason, gone_at
FROM finding WHERE hit = $1 AND (restricted = 0 OR $2 = 1) ORDER BY id";
const DECISIONS: &str = "SELECT reason, recipients, at,
  (SELECT COUNT(*) FROM delivery d WHERE d.alert = decision.alert) AS mails,
  (SELECT COUNT(*) FROM delivery d WHERE d.alert = decision.alert AND d.state = 'sent') AS sent,
  (SELECT COUNT(*) FROM delivery d WHERE d.alert = decision.alert AND d.state = 'failed') AS failed
FROM decision WHERE hit = $1 ORDER BY id";

#[derive(sqlx::FromRow)]
pub(super) struct FindingRow {
    category: String,
    rule: String,
    rule_version: i64,
    severity: String,
    score: f64,
    clauses: String,
    binds: String,
    origin: Option<String>,
    child: i64,
    writer: Option<String>,
    at_risk: Option<i64>,
    spans: String,
    reason: String,
    gone_at: Option<i64>,
}

impl Store {
    /// Hits within `scope`, newest first.
    pub async fn hits(&self, scope: &Scope, filter: &HitFilter) -> Result<Vec<HitSummary>, StoreError> {
        let (sql, list) = (LIST.of_db(&self.db), scope.list());
        let mut hits: Vec<HitSummary> = on_read!(&self.db, pool => sqlx::query_as(sql)
            .bind(i64::from(scope.restricted))
            .bind(filter.from.clone().unwrap_or_default())
            .bind(filter.to.clone().unwrap_or_default())
            .bind(filter.organisation.clone().unwrap_or_default())
            .bind(list.clone().unwrap_or_else(|| "[]".to_owned()))
            .bind(i64::from(list.is_some()))
            .bind(filter.limit)
            .fetch_all(pool).await?);
        self.add_categories(&mut hits, scope).await?;
        Ok(hits)
    }

    /// One hit within `scope`.
    pub async fn hit(&self, id: HitId, scope: &Scope) -> Result<Option<HitDetail>, StoreError> {
        let (sql, list) = (ONE.of_db(&self.db), scope.list());
        let summary: Option<HitSummary> = on_read!(&self.db, pool => sqlx::query_as(sql)
            .bind(i64::from(scope.restricted)).bind(id.0)
            .bind(list.clone().unwrap_or_else(|| "[]".to_owned())).bind(i64::from(list.is_some()))
            .fetch_optional(pool).await?);
        let Some(summary) = summary else { return Ok(None) };
        let mut one = vec![summary];
        self.add_categories(&mut one, scope).await?;
        let Some(summary) = one.pop() else { return Ok(None) };
        let (kind, linkable, published_at, first_seen_at, mentions, copies): (
            String,
            i64,
            Option<i64>,
            i64,
            String,
            i64,
        ) = on_read!(&self.db, pool => sqlx::query_as(DETAIL).bind(id.0).fetch_one(pool).await?);
        let findings: Vec<FindingRow> = on_read!(&self.db, pool =>
            sqlx::query_as(FINDINGS).bind(id.0).bind(i64::from(scope.restricted)).fetch_all(pool).await?);
        let decisions =
            on_read!(&self.db, pool => sqlx::query_as(DECISIONS).bind(id.0).fetch_all(pool).await?);
        // When and where a restricted item was posted is enough to find it.
        let shown = scope.restricted || summary.restricted == 0;
        Ok(Some(HitDetail {
            summary,
            kind: if shown { kind } else { String::new() },
            linkable: shown && linkable != 0,
            published_at: published_at.filter(|_| shown),
            first_seen_at: if shown { first_seen_at } else { 0 },
            copies: if shown { copies } else { 0 },
            mentions: if shown { read_json(&mentions, "mentions")? } else { Vec::new() },
            findings: findings.into_iter().map(FindingRow::finding).collect::<Result<_, _>>()?,
            decisions,
        }))
    }

    async fn add_categories(&self, hits: &mut [HitSummary], scope: &Scope) -> Result<(), StoreError> {
        let ids: Vec<i64> = hits.iter().map(|hit| hit.id).collect();
        let sql = CATEGORIES.of_db(&self.db);
        let rows: Vec<(i64, String)> = on_read!(&self.db, pool => sqlx::query_as(sql)
            .bind(i64::from(scope.restricted)).bind(serde_json::Value::from(ids).to_string()).fetch_all(pool).await?);
        let mut of: std::collections::HashMap<i64, Vec<String>> = std::collections::HashMap::new();
        for (hit, category) in rows {
            of.entry(hit).or_default().push(category);
        }
        for hit in hits {
            hit.categories = of.remove(&hit.id).unwrap_or_default();
        }
        Ok(())
    }
}

pub(super) fn read_json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Inconsistent(format!("{what}: {error}")))
}

impl FindingRow {
    pub(super) fn finding(self) -> Result<Finding, StoreError> {
        fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
            serde_json::from_value(serde_json::Value::from(text))
                .map_err(|error| StoreError::Inconsistent(error.to_string()))
        }
        let inconsistent = |what: String| StoreError::Inconsistent(what);
        Ok(Finding {
            category: self.category.parse().map_err(|error| inconsistent(format!("{error}")))?,
            rule: self.rule,
            rule_version: u32::try_from(self.rule_version).unwrap_or_default(),
            severity: FromStr::from_str(&self.severity).map_err(inconsistent)?,
            score: self.score,
            clauses: read_json(&self.clauses, "clauses")?,
            binds: word(&self.binds)?,
            origin: self.origin.as_deref().map(word).transpose()?,
            child: self.child != 0,
            writer: self.writer.as_deref().map(word).transpose()?,
            at_risk: self.at_risk.map(|risk| risk != 0),
            spans: read_json(&self.spans, "spans")?,
            reason: match self.gone_at {
                Some(at) => format!(
                    "{}; no longer there since {}",
                    self.reason,
                    clock::london_text(clock::from_ms(at))
                ),
                None => self.reason,
            },
        })
    }
}
