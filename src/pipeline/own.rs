//! The Trust's own sites and accounts, as its register names them: whether each still stands, is still the Trust's, still
//! names it, and is still kept. What it says is not judged: the Trust names itself everywhere.

use std::sync::Arc;
use std::time::Duration;

use super::poll::Failure;
use super::visit::{Visit, text_of};
use super::{How, Parts, Planned};
use crate::clock;
use crate::extract::{self, Wall};
use crate::fetch::{FailureClass, Page, host_of};
use crate::model::Document;
use crate::source::{Pace, parse_feed};

/// What was seen of one of the Trust's own places.
struct Seen {
    /// What it says, keyed.
    print: String,
    /// When something new stood there last, where it says so itself.
    newest: Option<chrono::DateTime<chrono::Utc>>,
}

/// Looks at it; what is remembered of it.
pub(super) async fn look(visit: Visit<'_>, page: Page, pace: &mut Pace) -> Result<Vec<u8>, Failure> {
    let Visit { parts, planned, at, .. } = visit;
    let How::Own(options) = &planned.how else { return Ok(Vec::new()) };
    let stale_after = Duration::from_secs(options.stale_days * 86_400);
    let (shared, own) = (parts.clone(), planned.clone());
    let seen = parts.compute(move || seen(&shared, &own, &page, at));
    let Seen { print, newest } =
        seen.await.unwrap_or_else(|_| Err(Failure::unreadable("the parser failed on it")))?;
    let before = parts.store.listing(&planned.source.id).await.map_err(Failure::store)?;
    if let Some(newest) = newest {
        pace.newest_at = Some(newest.timestamp_millis());
    } else if before != print.as_bytes() || pace.newest_at.is_none() {
        pace.newest_at = Some(at.timestamp_millis());
    }
    let since = clock::from_ms(pace.newest_at.unwrap_or_default());
    if (at - since).to_std().is_ok_and(|age| age > stale_after) {
        let day = clock::london_day(since).format("%-d %B %Y");
        let detail =
            format!("nothing new has stood there since {day}: renew it, or close it (EPUT 2.4, HEFT 5.1)");
        return Err(Failure::new("stale", detail, FailureClass::Soft));
    }
    Ok(print.into_bytes())
}

fn seen(
    parts: &Arc<Parts>,
    planned: &Planned,
    page: &Page,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<Seen, Failure> {
    let source = &planned.source;
    let profiles = parts.classifier.profiles().iter();
    let mut profiles = profiles.filter(|profile| source.organisations.contains(&profile.id));
    let host = page.url.host_str().unwrap_or_default();
    let is_own =
        host_of(&page.url) == host_of(&source.url) || profiles.clone().any(|profile| profile.owns_host(host));
    if !is_own {
        let detail = format!(
            "it leads to {host}, which is not in the register: somebody else may have taken it over, or the register is old"
        );
        return Err(Failure::new("hijacked", detail, FailureClass::Hard));
    }
    let text = text_of(page)?;
    if let Ok(feed) = parse_feed(&text, &page.url, at, &parts.options.source) {
        let newest =
            feed.entries.iter().filter(|entry| entry.doubt.is_none()).filter_map(|entry| entry.published);
        let keys: Vec<&str> = feed.entries.iter().map(|entry| entry.key.as_str()).collect();
        return Ok(Seen { print: parts.store.fingerprint(&keys), newest: newest.max() });
    }
    if let Some(wall) = Wall::of(&text) {
        return Err(wall.into());
    }
    let read = extract::Page::read(&text, Some(&page.url), &parts.options.extract);
    // Everything on the page: names stand in headers and footers too.
    let whole = extract::plain_text(&text);
    let document = Document { title: read.metadata.title.clone(), text: whole, ..Document::default() };
    let hits = parts.classifier.classify(&document);
    if !profiles.any(|profile| hits.iter().any(|hit| hit.organisation == profile.id)) {
        let detail = "it does not name the Trust any more: look whether it is still yours";
        return Err(Failure::new("drifted", detail, FailureClass::Soft));
    }
    Ok(Seen { print: parts.store.fingerprint(&[&read.metadata.title, &read.text]), newest: None })
}
