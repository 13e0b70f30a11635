//! The outbox worked off: hits are decided on, grouped by story, rendered and recorded, all or nothing.
//! Digests and the summaries of first passes come from decisions that waited.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

use super::decide::{Decision, Earlier, Group, decide, is_for};
use super::render::{self, Row};
use super::{Options, Reason};
use crate::clock::{self, SharedClock};
use crate::mail::Mailer;
use crate::model::{Accountability, Finding, HitId, OrganisationId, Severity};
use crate::schedule::CronLine;
use crate::secret;
use crate::store::{DigestItem, HitDecision, NewAlert, NewDelivery, OutboxItem, Rendered, Store, StoreError};

/// What alerting needs to know of a source: what may be done with its words, who answers for it, and until when.
pub type SourceFacts = Arc<Accountability>;

/// Works the outbox off.
#[derive(Debug, Clone)]
pub struct Enqueuer {
    store: Store,
    options: Options,
    digest: CronLine,
    /// Full and short name by organisation.
    names: HashMap<OrganisationId, (String, String)>,
    sources: HashMap<String, SourceFacts>,
    /// The right-hand side of message ids.
    domain: String,
    /// Everything goes to the operator alone.
    shadow: bool,
    clock: SharedClock,
    /// When sources were looked at last (ms).
    looked_at: Arc<AtomicI64>,
}

/// Between two looks at which sources are blind or due for review (ms).
const LOOK_EVERY_MS: i64 = 10_000;
/// Hits taken from the outbox at once.
const BATCH: i64 = 200;

impl Enqueuer {
    /// An enqueuer. `domain` stands in message ids.
    ///
    /// # Errors
    /// When the digest's schedule cannot be read.
    pub fn new(
        store: Store,
        options: Options,
        names: HashMap<OrganisationId, (String, String)>,
        sources: HashMap<String, SourceFacts>,
        (domain, shadow): (String, bool),
        clock: SharedClock,
    ) -> Result<Self, crate::schedule::ScheduleError> {
        let digest = options.digest.parse()?;
        let looked_at = Arc::new(AtomicI64::new(0));
        Ok(Self { store, options, digest, names, sources, domain, shadow, clock, looked_at })
    }

    /// One round: everything in the outbox, then digests and summaries that are due. How many alerts
    /// were made.
    pub async fn round(&self) -> Result<usize, StoreError> {
        let mut made = 0;
        loop {
            let items = self.store.outbox(BATCH).await?;
            if items.is_empty() {
                break;
            }
            made += self.work_off(items).await?;
        }
        made += self.summaries().await?;
        let now = self.clock.now().timestamp_millis();
        // Both ask the store about every source.
        if now - self.looked_at.load(Ordering::Relaxed) >= LOOK_EVERY_MS {
            self.looked_at.store(now, Ordering::Relaxed);
            made += self.warnings().await? + self.reviews().await?;
        }
        Ok(made)
    }

    /// Tells of reviews that are due, once a day.
    async fn reviews(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let today = clock::london_day(now);
        let last = self.store.last_warning("reviews").await?;
        if !super::review::may_tell(last, now) {
            return Ok(0);
        }
        let told = last.map(|last| clock::london_day(clock::from_ms(last)));
        let due = |(source, facts): (&'_ String, &'_ SourceFacts)| {
            super::review::is_due(facts.review, told, today)
                .then(|| (source.clone(), facts.owner.clone(), facts.review))
        };
        let mut due: Vec<_> = self.sources.iter().filter_map(due).collect();
        if due.is_empty() {
            return Ok(0);
        }
        due.sort_by(|a, b| (a.2, &a.0).cmp(&(b.2, &b.0)));
        let rows: Vec<_> =
            due.iter().map(|(source, owner, day)| (source.as_str(), owner.as_str(), *day)).collect();
        let message = super::review::message(&rows, today)?;
        let mut alert = self.alert("reviews", "", self.operators(), message, Vec::new(), Vec::new())?;
        // Of several services on one store only one tells of a day.
        alert.message_id = format!("<reviews-{today}@{}>", self.domain);
        let recorded = self.store.record_alerts(&[], &[], &[alert], now.timestamp_millis()).await?;
        Ok(recorded.map_or(0, |ids| ids.len()))
    }

    /// Tells of sources that went blind and that nobody was told of.
    async fn warnings(&self) -> Result<usize, StoreError> {
        let now = self.clock.now().timestamp_millis();
        let mut blind = self.store.unwarned().await?;
        blind.retain(|blind| super::blind::is_due(blind, now));
        if blind.is_empty() {
            return Ok(0);
        }
        let last = self.store.last_warning("sources").await?;
        if last.is_some_and(|last| now - last < super::blind::APART.num_milliseconds()) {
            return Ok(0);
        }
        let message = super::blind::message(&blind, now)?;
        let mut alert = self.alert("sources", "", self.operators(), message, Vec::new(), Vec::new())?;
        alert.gaps = blind.iter().map(|blind| blind.gap).collect();
        let recorded = self.store.record_alerts(&[], &[], &[alert], now).await?;
        Ok(recorded.map_or(0, |ids| ids.len()))
    }

    async fn work_off(&self, items: Vec<OutboxItem>) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut taken = Vec::new();
        let mut waiting = Vec::new();
        // Immediate mails, grouped by organisation, group and story.
        let mut at_once: BTreeMap<(String, Group, i64), Vec<(OutboxItem, Decision)>> = BTreeMap::new();
        for item in items {
            let hit = HitId(item.hit.id);
            taken.push((hit, item.hit.version));
            let earlier = self.earlier(&item).await?;
            for decision in decide(&item, &earlier, now) {
                if decision.reason.is_immediate() {
                    // A hit that Communications may know in part only is told by itself: it must not stand
                    // for others, nor they for it.
                    let split = is_split(&item, decision.group);
                    let story = if split { -item.hit.id } else { item.hit.story };
                    let key = (item.hit.organisation.clone(), decision.group, story);
                    at_once.entry(key).or_default().push((item.clone(), decision));
                } else {
                    waiting.push(self.waiting(&item, decision, now));
                }
            }
        }
        let mut alerts = Vec::new();
        for ((organisation, group, _), told) in at_once {
            alerts.extend(self.immediate(&organisation, group, &told)?);
        }
        let recorded = self.store.record_alerts(&taken, &waiting, &alerts, now.timestamp_millis()).await?;
        Ok(recorded.map_or(0, |ids| ids.len()))
    }

    async fn earlier(&self, item: &OutboxItem) -> Result<Earlier, StoreError> {
        let (story_told, page_told) = (item.hit.story_told > 0, item.hit.page_told > 0);
        let mut earlier = Earlier { story_told, page_told, ..Earlier::default() };
        for (group, reason, severity) in self.store.decisions_of(HitId(item.hit.id)).await? {
            match reason.as_str() {
                "first" | "escalated" => {
                    earlier.told_at_once.push((group, severity.parse().unwrap_or(Severity::Critical)));
                }
                "quiet" => {}
                _ => earlier.told_later.push(group),
            }
        }
        Ok(earlier)
    }

    fn waiting(&self, item: &OutboxItem, decision: Decision, now: DateTime<Utc>) -> HitDecision {
        let due_at = match decision.reason {
            Reason::Quiet => None,
            Reason::Backlog => Some(now),
            _ => Some(self.digest.next_after(now)),
        };
        HitDecision {
            hit: HitId(item.hit.id),
            version: item.hit.version,
            recipients: decision.group.as_str(),
            reason: decision.reason.as_str(),
            severity: decision.severity,
            due_at: due_at.map(|at| at.timestamp_millis()),
        }
    }

    /// One mail for the hits of one story that a group is told of at once.
    fn immediate(
        &self,
        organisation: &str,
        group: Group,
        told: &[(OutboxItem, Decision)],
    ) -> Result<Vec<NewAlert>, StoreError> {
        let gravest = told.iter().max_by_key(|(_, decision)| decision.severity);
        let Some((item, decision)) = gravest else { return Ok(Vec::new()) };
        let trust = self.trust(organisation);
        let trust = (trust.0.as_str(), trust.1.as_str());
        let mut hit = item.hit.clone();
        hit.copies = hit.copies.max(i64::try_from(told.len()).unwrap_or(1));
        let mine: Vec<&Finding> =
            item.findings.iter().filter(|finding| is_for(group, finding.category)).collect();
        let also: Vec<&OutboxItem> =
            told.iter().map(|(other, _)| other).filter(|other| other.hit.id != hit.id).collect();
        let also: Vec<String> =
            also.into_iter().map(|other| render::pointer(&other.hit, is_split(other, group))).collect();
        let message = if group != Group::Communications && !self.reaches(group) {
            render::notice(&told.iter().map(|(item, _)| HitId(item.hit.id)).collect::<Vec<_>>(), trust)?
        } else if is_split(item, group) {
            render::partly_restricted(&hit, &mine, trust)?
        } else {
            let story = render::Told { changed: decision.reason == Reason::Escalated, also };
            render::immediate(&hit, &mine, trust, &self.sources, story)?
        };
        let decisions = told.iter().map(|(item, decision)| HitDecision {
            hit: HitId(item.hit.id),
            version: item.hit.version,
            recipients: decision.group.as_str(),
            reason: decision.reason.as_str(),
            severity: decision.severity,
            due_at: None,
        });
        // The kind stands in a header: it must not say more than the notice does.
        let kind = match group {
            Group::Communications => "immediate",
            _ if !self.reaches(group) => "notice",
            _ => group.as_str(),
        };
        Ok(vec![self.alert(
            kind,
            organisation,
            self.readers(group),
            message,
            decisions.collect(),
            Vec::new(),
        )?])
    }

    /// Digests that are due, and summaries of first passes that are complete.
    async fn summaries(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let now_ms = now.timestamp_millis();
        let mut items = Vec::new();
        for reason in [Reason::Digest, Reason::NewInStory] {
            items.extend(self.store.waiting_decisions(reason.as_str(), now_ms).await?);
        }
        let mut alerts = Vec::new();
        for ((organisation, group), items) in grouped(items) {
            alerts.push(self.summary("digest", &organisation, group, &items)?);
        }
        if self.backlog_is_complete(now_ms).await? {
            let backlog = self.store.waiting_decisions(Reason::Backlog.as_str(), now_ms).await?;
            for ((organisation, group), items) in grouped(backlog) {
                alerts.push(self.summary("backlog", &organisation, group, &items)?);
            }
        }
        let mut made = 0;
        for alert in alerts {
            let recorded = self.store.record_alerts(&[], &[], &[alert], now_ms).await?;
            made += recorded.map_or(0, |ids| ids.len());
        }
        Ok(made)
    }

    /// A first pass is complete when no source is still to be looked at for the first time and nothing
    /// was added for a while; sources that never answer are not waited for without end.
    async fn backlog_is_complete(&self, now: i64) -> Result<bool, StoreError> {
        let Some((first, last)) = self.store.waiting_since(Reason::Backlog.as_str()).await? else {
            return Ok(false);
        };
        let ms = |seconds: u64| i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
        if now - first >= ms(self.options.backlog_patience_s) {
            return Ok(true);
        }
        Ok(now - last >= ms(self.options.backlog_settle_s) && self.store.first_passes_left().await? == 0)
    }

    fn summary(
        &self,
        kind: &'static str,
        organisation: &str,
        group: Group,
        items: &[DigestItem],
    ) -> Result<NewAlert, StoreError> {
        let trust = self.trust(organisation);
        let trust = (trust.0.as_str(), trust.1.as_str());
        // A hit that waits twice, in two versions, is one line.
        let mut seen = HashSet::new();
        let items_once = items.iter().filter(|item| seen.insert(item.hit.id));
        let rows: Vec<Row<'_>> = items_once
            .map(|item| {
                let (mine, others): (Vec<&Finding>, Vec<&Finding>) =
                    item.findings.iter().partition(|finding| is_for(group, finding.category));
                let is_split = group == Group::Communications
                    && others.iter().any(|other| other.category.is_restricted());
                Row { hit: &item.hit, findings: mine, is_split }
            })
            .collect();
        let message = if group != Group::Communications && !self.reaches(group) {
            render::notice(&rows.iter().map(|row| HitId(row.hit.id)).collect::<Vec<_>>(), trust)?
        } else if kind == "digest" {
            render::digest(&rows, trust, &self.sources)?
        } else {
            render::backlog(&rows, trust, &self.sources)?
        };
        let waited = items.iter().map(|item| item.decision).collect();
        self.alert(kind, organisation, self.readers(group), message, Vec::new(), waited)
    }

    fn alert(
        &self,
        kind: &'static str,
        organisation: &str,
        recipients: &[String],
        mut message: Rendered,
        decisions: Vec<HitDecision>,
        waited: Vec<i64>,
    ) -> Result<NewAlert, StoreError> {
        if self.shadow {
            message.subject = format!("[shadow] {}", message.subject);
        }
        let deliveries = recipients
            .iter()
            .map(|recipient| NewDelivery { recipient: recipient.clone(), channel: Mailer::channel() });
        Ok(NewAlert {
            kind,
            organisation: organisation.to_owned(),
            message_id: format!("<{}@{}>", secret::random_token()?, self.domain),
            message,
            deliveries: deliveries.collect(),
            decisions,
            waited,
            gaps: Vec::new(),
        })
    }

    /// Who gets a group's mails.
    fn readers(&self, group: Group) -> &[String] {
        let own = self.addresses(group);
        if self.shadow {
            &self.options.recipients.operator
        } else if own.is_empty() {
            &self.options.recipients.communications
        } else {
            own
        }
    }

    /// Who is told of the service itself.
    fn operators(&self) -> &[String] {
        let operator = &self.options.recipients.operator;
        if operator.is_empty() && !self.shadow { &self.options.recipients.communications } else { operator }
    }

    /// Whether those whom a group stands for get its mails; in shadow mode the operator gets them, who may
    /// not read what is kept apart.
    fn reaches(&self, group: Group) -> bool {
        !self.shadow && !self.addresses(group).is_empty()
    }

    fn addresses(&self, group: Group) -> &Vec<String> {
        match group {
            Group::Crisis => &self.options.recipients.crisis,
            Group::Restricted => &self.options.recipients.restricted,
            Group::Communications => &self.options.recipients.communications,
        }
    }

    fn trust(&self, organisation: &str) -> (String, String) {
        let known = organisation.parse().ok().and_then(|id: OrganisationId| self.names.get(&id).cloned());
        known.unwrap_or_else(|| (organisation.to_owned(), organisation.to_owned()))
    }
}

/// Whether Communications may know of a hit only its number and the kinds of what is theirs.
fn is_split(item: &OutboxItem, group: Group) -> bool {
    group == Group::Communications && item.findings.iter().any(|finding| finding.category.is_restricted())
}

fn grouped(items: Vec<DigestItem>) -> BTreeMap<(String, Group), Vec<DigestItem>> {
    let mut groups: BTreeMap<(String, Group), Vec<DigestItem>> = BTreeMap::new();
    for item in items {
        let group = Group::ALL
            .into_iter()
            .find(|group| group.as_str() == item.recipients)
            .unwrap_or(Group::Restricted);
        groups.entry((item.hit.organisation.clone(), group)).or_default().push(item);
    }
    groups
}
