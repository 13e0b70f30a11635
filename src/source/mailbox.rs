//! Mails of services that a Trust pays for already (press cuttings, alerts of search engines): each headline with a link
//! is an entry; a mail without any is one itself.

use std::collections::HashSet;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use mail_parser::{MessageParser, PartType};
use scraper::{ElementRef, Selector};
use url::Url;

use super::feed::hash;
use crate::clock;
use crate::markup;
use crate::model::{DateDoubt, Entry, EntryContent};

/// Headlines read of one mail.
const MAX_LINKS: usize = 200;
/// A link of fewer words is a button.
const MIN_WORDS: usize = 3;
/// What stands around a headline, at most (characters): beyond it, it is the whole mail.
const MAX_AROUND: usize = 1500;
/// Parameters in which a service's own link names the place that it leads to.
const TARGETS: [&str; 6] = ["url", "u", "q", "target", "redirect", "link"];
/// Links that every such mail has.
const SERVICE: [&str; 12] = [
    "unsubscribe",
    "manage your",
    "manage this",
    "edit this alert",
    "see more results",
    "view in browser",
    "view this email",
    "view online",
    "privacy policy",
    "terms of",
    "receive this alert",
    "contact us",
];

static LINKS: LazyLock<Selector> =
    LazyLock::new(|| Selector::parse("a[href]").expect("a constant selector parses"));

/// Reads a mail; `None` where it is none.
pub fn read_mail(bytes: &[u8], now: DateTime<Utc>) -> Option<Vec<Entry>> {
    let mail = MessageParser::default().parse(bytes)?;
    let subject = mail.subject().unwrap_or_default().trim().to_owned();
    // Not the markup that the parser makes of plain text.
    let html = mail.html_bodies().find_map(|part| match &part.body {
        PartType::Html(html) => Some(html.to_string()),
        _ => None,
    });
    let text = mail.body_text(0).unwrap_or_default().trim().to_owned();
    if subject.is_empty() && text.is_empty() && html.is_none() {
        return None;
    }
    let sent = mail.date().and_then(|date| DateTime::from_timestamp(date.to_timestamp(), 0));
    let (published, doubt) = match sent {
        Some(at) if at > now + chrono::Duration::days(1) => (Some(at), Some(DateDoubt::Future)),
        Some(at) => (Some(at), None),
        None => (None, Some(DateDoubt::Missing)),
    };
    let published = published.map(|at| clock::from_ms(at.timestamp_millis()));
    let entry = |key: String, url: String, title: String, content| Entry {
        key,
        url,
        title,
        author: String::new(),
        published,
        doubt,
        content,
        ..Entry::default()
    };
    let headlines = html.as_deref().map(headlines).unwrap_or_default();
    if !headlines.is_empty() {
        let entries = headlines.into_iter().map(|(url, title, around)| {
            entry(url.to_string(), url.into(), title, EntryContent::Text(around))
        });
        return Some(entries.collect());
    }
    let id = mail.message_id().map_or_else(|| hash(&[&subject, &text]), str::to_owned);
    let content = match html {
        Some(html) => EntryContent::Html(html),
        None => EntryContent::Text(text),
    };
    Some(vec![entry(id, String::new(), subject, content)])
}

/// Headlines with where they lead and what stands around them, each place once.
fn headlines(html: &str) -> Vec<(Url, String, String)> {
    let tree = markup::document(html);
    let mut known = HashSet::new();
    let found = tree.select(&LINKS).filter_map(|link| {
        let title = words(link);
        let lower = title.to_lowercase();
        let is_headline =
            title.split(' ').count() >= MIN_WORDS && !SERVICE.iter().any(|part| lower.contains(part));
        let url = Url::parse(link.attr("href")?.trim()).ok()?;
        if !is_headline || !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let url = target(&url);
        known.insert(url.clone()).then(|| (url, around(link, &title), title))
    });
    found.take(MAX_LINKS).map(|(url, around, title)| (url, title, around)).collect()
}

/// The place that a service's own link names.
fn target(url: &Url) -> Url {
    let named = url.query_pairs().find_map(|(name, value)| {
        let is_target = TARGETS.contains(&name.to_lowercase().as_str());
        Url::parse(&value).ok().filter(|url| is_target && matches!(url.scheme(), "http" | "https"))
    });
    named.unwrap_or_else(|| url.clone())
}

/// The words of the smallest part of the mail that says more than the headline itself.
fn around(link: ElementRef<'_>, title: &str) -> String {
    let parts = link.ancestors().filter_map(ElementRef::wrap).map(words);
    let mut best = String::new();
    for part in parts {
        if part.chars().count() > MAX_AROUND {
            break;
        }
        let says_more = part.chars().count() > title.chars().count() + 20;
        best = part;
        if says_more {
            break;
        }
    }
    best
}

fn words(element: ElementRef<'_>) -> String {
    let all: Vec<&str> = element.text().flat_map(str::split_whitespace).collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mail: &str) -> Option<Vec<Entry>> {
        read_mail(mail.as_bytes(), "2026-11-22T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn each_headline_is_an_entry_and_leads_to_the_place_itself() {
        let entries = read(
            "Message-ID: <1@alerts.example>\r\nDate: Fri, 20 Nov 2026 08:00:00 +0000\r\nSubject: Alert: Solent\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
             <table><tr><td><a href='https://alerts.example/url?rct=j&url=https://paper.example/ward%3Fid%3D1&ct=ga'><b>Solent</b> opens a new ward</a>\
             <div>Paper</div><div>The Trust said on Friday that the ward would open.</div></td></tr>\
             <tr><td><a href='https://alerts.example/url?url=https://paper.example/ward%3Fid%3D1'>Solent opens a new ward</a></td></tr>\
             <tr><td><a href='https://alerts.example/remove'>Unsubscribe from this alert</a> <a href='https://alerts.example/'>Alerts</a></td></tr></table>",
        )
        .unwrap();
        assert_eq!(entries.len(), 1, "{entries:?}");
        assert_eq!(entries[0].url, "https://paper.example/ward?id=1");
        assert_eq!(entries[0].title, "Solent opens a new ward");
        assert!(entries[0].content.as_str().contains("said on Friday"));
        assert!(!entries[0].content.as_str().contains("Unsubscribe"));
        assert_eq!(entries[0].published.unwrap().to_rfc3339(), "2026-11-20T08:00:00+00:00");
    }

    #[test]
    fn a_mail_without_headlines_is_one_entry() {
        let entries = read(
            "Message-ID: <2@a.example>\r\nSubject: =?utf-8?q?Caf=C3=A9_cutting?=\r\n\r\nThe ward opened.\r\n",
        )
        .unwrap();
        assert_eq!((entries[0].key.as_str(), entries[0].title.as_str()), ("2@a.example", "Café cutting"));
        assert_eq!(entries[0].content.as_str(), "The ward opened.");
        assert_eq!(entries[0].doubt, Some(DateDoubt::Missing));
        assert_eq!(read(""), None);
    }
}
