//! Decisions to words. What a mail may say depends on what was found: of a confidentiality finding
//! kinds and counts only, of a restricted one nothing but the hit's number. Pure.

use std::collections::{BTreeMap, HashMap};

use askama::Template;

use super::enqueue::SourceFacts;
use super::guidance;
use crate::clock;
use crate::model::{Binds, Category, Family, Finding, HitId, Licence, Severity, counted};
use crate::store::{HitRow, Rendered, StoreError};

/// One hit, in words.
#[derive(Debug, Clone)]
pub(super) struct Card {
    number: String,
    severity: &'static str,
    /// In one plain sentence.
    what: String,
    host: String,
    /// The address, where it may be linked.
    link: Option<String>,
    headline: Option<String>,
    published: Option<String>,
    seen: Option<String>,
    sure: &'static str,
    far: String,
    steps: Vec<&'static str>,
    avoid: &'static str,
    why: Vec<String>,
    clauses: String,
    binds: &'static str,
    day: String,
}

#[derive(Template)]
#[template(path = "immediate.txt", config = "src/alert/templates/askama.toml", escape = "none")]
struct ImmediateText<'a> {
    card: &'a Card,
    trust: &'a str,
    told: &'a Told,
}

#[derive(Template)]
#[template(path = "immediate.html", config = "src/alert/templates/askama.toml")]
struct ImmediateHtml<'a> {
    card: &'a Card,
    trust: &'a str,
    told: &'a Told,
}

#[derive(Template)]
#[template(path = "notice.txt", config = "src/alert/templates/askama.toml", escape = "none")]
struct NoticeText<'a> {
    number: &'a str,
    trust: &'a str,
}

#[derive(Template)]
#[template(path = "notice.html", config = "src/alert/templates/askama.toml")]
struct NoticeHtml<'a> {
    number: &'a str,
    trust: &'a str,
}

#[derive(Template)]
#[template(path = "list.txt", config = "src/alert/templates/askama.toml", escape = "none")]
struct ListText<'a> {
    list: &'a List,
}

#[derive(Template)]
#[template(path = "list.html", config = "src/alert/templates/askama.toml")]
struct ListHtml<'a> {
    list: &'a List,
}

/// A digest or the summary of a first pass.
#[derive(Debug, Clone)]
struct List {
    trust: String,
    heading: String,
    opening: String,
    counts: Vec<(String, usize)>,
    cards: Vec<Card>,
    left_out: usize,
}

/// What else there is to say of a hit's story.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Whether the reader was told of the hit before.
    pub(super) changed: bool,
    /// The story's other hits that are told with it.
    pub(super) also: Vec<String>,
}

/// A hit in a list, with the findings that its readers may know.
#[derive(Debug, Clone)]
pub(super) struct Row<'a> {
    pub(super) hit: &'a HitRow,
    pub(super) findings: Vec<&'a Finding>,
    /// Whether the rest of it is for others alone.
    pub(super) is_split: bool,
}

/// Hits shown one by one in the summary of a first pass.
const GRAVEST: usize = 10;
/// Hits shown one by one in a digest; the rest is counted.
const MAX_DIGEST: usize = 100;

/// A hit that is told by itself.
pub(super) fn immediate(
    hit: &HitRow,
    findings: &[&Finding],
    trust: (&str, &str),
    sources: &HashMap<String, SourceFacts>,
    told: Told,
) -> Result<Rendered, StoreError> {
    let (name, short) = trust;
    let card = Card::of(hit, findings, sources, Hide::Nothing);
    let severity = capitalised(card.severity);
    let what = findings.first().map_or("mention", |finding| finding.category.plain_words());
    let host = if card.host.is_empty() { String::new() } else { format!(" – {}", card.host) };
    Ok(Rendered {
        subject: format!("[{short}] {severity} – possible {what}{host} ({})", card.number),
        text: rendered(&ImmediateText { card: &card, trust: name, told: &told })?,
        html: rendered(&ImmediateHtml { card: &card, trust: name, told: &told })?,
    })
}

/// A hit of which Communications may know the kinds and the number only.
pub(super) fn partly_restricted(
    hit: &HitRow,
    findings: &[&Finding],
    trust: (&str, &str),
) -> Result<Rendered, StoreError> {
    let (name, short) = trust;
    let card = Card::of(hit, findings, &HashMap::new(), Hide::WhereAndWhen);
    let what = findings.first().map_or("mention", |finding| finding.category.plain_words());
    Ok(Rendered {
        subject: format!(
            "[{short}] {} – possible {what} – restricted ({})",
            capitalised(card.severity),
            card.number
        ),
        text: rendered(&ImmediateText { card: &card, trust: name, told: &Told::default() })?,
        html: rendered(&ImmediateHtml { card: &card, trust: name, told: &Told::default() })?,
    })
}

/// Another hit of a story: its number and, where its readers may know it, its host.
pub(super) fn pointer(hit: &HitRow, is_split: bool) -> String {
    let number = HitId(hit.id);
    if is_split { number.to_string() } else { format!("{number} – {}", host(&hit.url)) }
}

/// The bare word that something restricted exists.
pub(super) fn notice(hits: &[HitId], trust: (&str, &str)) -> Result<Rendered, StoreError> {
    let (name, short) = trust;
    let numbers = hits.iter().map(HitId::to_string).collect::<Vec<_>>().join(", ");
    Ok(Rendered {
        subject: format!("[{short}] Restricted: {numbers}"),
        text: rendered(&NoticeText { number: &numbers, trust: name })?,
        html: rendered(&NoticeHtml { number: &numbers, trust: name })?,
    })
}

/// The digest of a group.
pub(super) fn digest(
    items: &[Row<'_>],
    trust: (&str, &str),
    sources: &HashMap<String, SourceFacts>,
) -> Result<Rendered, StoreError> {
    let (name, short) = trust;
    let n = items.len();
    list(List {
        trust: name.to_owned(),
        heading: format!("What we found: {}", counted(n, "item")),
        opening: "Nothing here has to be done at once. The gravest come first.".to_owned(),
        counts: counts(items),
        cards: cards(items, sources, MAX_DIGEST),
        left_out: n.saturating_sub(MAX_DIGEST),
    })
    .map(|(text, html)| Rendered {
        subject: format!("[{short}] Digest: {}", counted(n, "mention")),
        text,
        html,
    })
}

/// The one summary of everything that first passes found.
pub(super) fn backlog(
    items: &[Row<'_>],
    trust: (&str, &str),
    sources: &HashMap<String, SourceFacts>,
) -> Result<Rendered, StoreError> {
    let (name, short) = trust;
    let n = items.len();
    list(List {
        trust: name.to_owned(),
        heading: format!("First look at new sources: {}", counted(n, "mention")),
        opening: "This is what stood there before we began to watch. It is stored and counted; from now on only what is new is told. \
                  The gravest come first."
            .to_owned(),
        counts: counts(items),
        cards: cards(items, sources, GRAVEST),
        left_out: n.saturating_sub(GRAVEST),
    })
    .map(|(text, html)| Rendered {
        subject: format!("[{short}] First look at new sources: {}", counted(n, "mention")),
        text,
        html,
    })
}

fn list(list: List) -> Result<(String, String), StoreError> {
    Ok((rendered(&ListText { list: &list })?, rendered(&ListHtml { list: &list })?))
}

pub(super) fn rendered(template: &impl Template) -> Result<String, StoreError> {
    template
        .render()
        .map_err(|error| StoreError::Inconsistent(format!("a mail could not be rendered: {error}")))
}

fn cards(items: &[Row<'_>], sources: &HashMap<String, SourceFacts>, limit: usize) -> Vec<Card> {
    let mut sorted: Vec<&Row<'_>> = items.iter().collect();
    let gravest = |row: &Row<'_>| row.findings.iter().map(|finding| finding.severity).max();
    sorted.sort_by(|a, b| {
        gravest(b).cmp(&gravest(a)).then(b.hit.at.cmp(&a.hit.at)).then(a.hit.id.cmp(&b.hit.id))
    });
    let hidden = |row: &Row<'_>| if row.is_split { Hide::WhereAndWhen } else { Hide::Nothing };
    sorted.into_iter().take(limit).map(|row| Card::of(row.hit, &row.findings, sources, hidden(row))).collect()
}

/// How many hits of each kind, most first; one hit may be of several.
fn counts(items: &[Row<'_>]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for row in items {
        let mut kinds: Vec<Category> = row.findings.iter().map(|finding| finding.category).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in &kinds {
            *counts.entry(kind.plain_words()).or_default() += 1;
        }
        if kinds.is_empty() {
            *counts.entry("plain mention").or_default() += 1;
        }
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    counts
}

/// What a card keeps to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hide {
    Nothing,
    /// Place, time, headline and words, since part of the hit is restricted: they would lead to it.
    WhereAndWhen,
}

impl Card {
    fn of(hit: &HitRow, findings: &[&Finding], sources: &HashMap<String, SourceFacts>, hide: Hide) -> Self {
        let mut findings = findings.to_vec();
        findings.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.category.cmp(&b.category)));
        let gravest = findings.first().copied();
        let exposes = findings.iter().any(|finding| finding.category.family() == Family::Confidentiality);
        let shown = hide == Hide::Nothing;
        let licensed = sources.get(&hit.source).is_some_and(|source| source.licence != Licence::None);
        let guidance =
            guidance::of(gravest.map(|finding| finding.category), gravest.and_then(|finding| finding.origin));
        let day = clock::from_ms(hit.at);
        Self {
            number: HitId(hit.id).to_string(),
            severity: gravest.map_or(Severity::Info, |finding| finding.severity).as_str(),
            what: what(&findings),
            host: if shown { host(&hit.url) } else { String::new() },
            link: (shown && hit.linkable != 0 && hit.url.starts_with("http")).then(|| hit.url.clone()),
            headline: (shown && licensed && !exposes && !hit.title.is_empty()).then(|| hit.title.clone()),
            published: shown.then(|| {
                hit.published_at.map_or("not said".to_owned(), |at| clock::london_text(clock::from_ms(at)))
            }),
            seen: shown.then(|| clock::london_text(clock::from_ms(hit.first_seen_at))),
            sure: gravest.map_or("high", |finding| sure(finding.score)),
            far: far(hit.copies),
            steps: guidance.steps.to_vec(),
            avoid: guidance.avoid,
            why: why(&findings, hide),
            clauses: clauses(&findings),
            binds: match gravest.map(|finding| finding.binds) {
                Some(Binds::Staff) => "It binds staff, contractors and volunteers.",
                Some(Binds::Anyone) => {
                    "It says why we were told; it does not say that the writer broke a policy."
                }
                None => "",
            },
            day: if shown {
                clock::london_day(day).format("%-d %b %Y").to_string()
            } else {
                "restricted".to_owned()
            },
        }
    }
}

fn what(findings: &[&Finding]) -> String {
    let mut kinds: Vec<&str> = findings.iter().map(|finding| finding.category.plain_words()).collect();
    kinds.dedup();
    match kinds.as_slice() {
        [] => "The Trust is mentioned.".to_owned(),
        [one] => format!("Possible {one}."),
        [rest @ .., last] => format!("Possible {} and {last}.", rest.join(", ")),
    }
}

/// Why: of confidentiality findings kinds and counts, of others the reason with its masked words.
fn why(findings: &[&Finding], hide: Hide) -> Vec<String> {
    findings
        .iter()
        .map(|finding| {
            if finding.category.family() == Family::Confidentiality || hide == Hide::WhereAndWhen {
                let n = finding.spans.len().max(1);
                format!("{n} × {}", finding.category.plain_words())
            } else {
                format!("{}: {}", capitalised(finding.category.plain_words()), finding.reason)
            }
        })
        .collect()
}

fn clauses(findings: &[&Finding]) -> String {
    let mut clauses: Vec<&str> =
        findings.iter().flat_map(|finding| finding.clauses.iter().map(String::as_str)).collect();
    clauses.sort_unstable();
    clauses.dedup();
    clauses.join(", ")
}

fn sure(score: f64) -> &'static str {
    match score {
        score if score >= 0.85 => "high",
        score if score >= 0.65 => "medium",
        _ => "low",
    }
}

fn far(copies: i64) -> String {
    if copies <= 1 { "One page.".to_owned() } else { format!("{copies} copies of one story.") }
}

/// The host of an address, masked or not.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
