//! Blind sources told of: what cannot be seen, since when, why, and what to do. Pure but for the words' templates.

use askama::Template;
use chrono::Duration;
use url::Url;

use super::render::rendered;
use crate::clock;
use crate::store::{BlindSource, Rendered, StoreError};

/// Between two such mails: what breaks together is told together.
pub(super) const APART: Duration = Duration::minutes(15);
/// A page that is not found may be found again.
const NOT_FOUND_AFTER: Duration = Duration::days(7);
/// Sources that are told one by one; of more, the number.
const MAX_TOLD: usize = 50;
/// What may pass by itself is given a day.
const AFTER: Duration = Duration::hours(24);

/// Whether people should be told of a source that is blind, at `now` (ms).
pub(super) fn is_due(blind: &BlindSource, now: i64) -> bool {
    let after = match (blind.reason.as_str(), blind.status) {
        (
            "gone" | "robots" | "refused" | "review_lapsed" | "approval_ended" | "hijacked" | "parked"
            | "silent",
            _,
        ) => Duration::zero(),
        ("status", Some(404)) => NOT_FOUND_AFTER,
        _ => AFTER,
    };
    now - blind.opened_at >= after.num_milliseconds()
}

struct Item {
    source: String,
    host: String,
    since: String,
    what: String,
    todo: &'static str,
}

#[derive(Template)]
#[template(path = "sources.txt", config = "src/alert/templates/askama.toml", escape = "none")]
struct Text<'a> {
    items: &'a [Item],
    heading: &'a str,
    left_out: usize,
}

#[derive(Template)]
#[template(path = "sources.html", config = "src/alert/templates/askama.toml")]
struct Html<'a> {
    items: &'a [Item],
    heading: &'a str,
    left_out: usize,
}

/// One mail about all of them.
pub(super) fn message(blind: &[BlindSource], now: i64) -> Result<Rendered, StoreError> {
    let items: Vec<Item> = blind.iter().take(MAX_TOLD).map(|blind| item(blind, now)).collect();
    let left_out = blind.len() - items.len();
    let heading = match blind {
        [one] => format!("Trustwatch cannot see {}", one.source),
        many => format!("Trustwatch cannot see {} sources", many.len()),
    };
    Ok(Rendered {
        subject: heading.clone(),
        text: rendered(&Text { items: &items, heading: &heading, left_out })?,
        html: rendered(&Html { items: &items, heading: &heading, left_out })?,
    })
}

fn item(blind: &BlindSource, now: i64) -> Item {
    // A folder has no host: it is named itself.
    let host = Url::parse(&blind.url).ok();
    let host = host.map(|url| url.host_str().map_or_else(|| url.path().to_owned(), str::to_owned));
    let long = |from: i64| match (now - from) / 3_600_000 {
        0 => String::new(),
        hours @ 1..48 => format!(", {hours} hours ago"),
        hours => format!(", {} days ago", hours / 24),
    };
    let since = blind.last_good_at.map_or("never, since it was added".to_owned(), |at| {
        format!("{}{}", clock::london_text(clock::from_ms(at)), long(at))
    });
    Item {
        source: blind.source.clone(),
        host: host.unwrap_or_default(),
        since,
        what: blind.detail.clone(),
        todo: advice(&blind.reason, blind.status),
    }
}

/// What a person can do.
fn advice(reason: &str, status: Option<i64>) -> &'static str {
    match (reason, status) {
        ("gone", _) => {
            "Its publisher took it away for good, and it is not asked any more. Look for its successor (trustwatch sources discover), or take it out of the configuration."
        }
        ("status", Some(404)) => {
            "Nothing stands at this address any more. Open the site and look where its feed is now, or take the source out."
        }
        ("status", Some(401..=403)) | ("login_page", _) => {
            "It is not public, or not any more. Ask its publisher, or take the source out."
        }
        ("robots" | "bot_wall", _) => {
            "Its owner does not want programs to read it. Ask for permission, look for a feed that is offered, or take the source out."
        }
        ("consent_wall", _) => {
            "It asks a person before it shows anything. Look whether its publisher offers a feed."
        }
        ("parked", _) => {
            "The domain is no longer run by those who ran it. Take the source out; if it was yours, tell your web team at once."
        }
        ("review_lapsed" | "approval_ended", _) => {
            "Nobody renewed what makes it lawful to read it: set a new review day in the configuration, or take the source out."
        }
        ("not_a_feed" | "unreadable" | "empty", _) => {
            "What stands there is no feed. Open the address in a browser, and look whether the feed has moved."
        }
        ("not_on_page", _) => {
            "The page was made anew. Look at it, and correct `select` in the source's file."
        }
        ("hijacked", _) => {
            "If the address is still yours, tell your web team and Cyber at once; if it is not, take it out of the register."
        }
        ("drifted" | "stale", _) => {
            "Ask whoever keeps it for you: renew it, close it, or take it out of the register."
        }
        ("silent", _) => {
            "It answers, and lists nothing new. Open its site: if news stands there, look for its new feed; if it was given up, take it out."
        }
        ("no_json" | "not_as_described" | "not_a_sitemap", _) => {
            "What stands there is not what the configuration describes. Look at the answer (trustwatch sources test), and correct the source's file."
        }
        ("maildir", _) => {
            "Look whether the folder is there and the service may read it, and whether mails are still delivered into it."
        }
        ("name_servers", _) => "Ask whoever runs your network whether this machine may ask name servers.",
        ("refused", _) => {
            "The address leads where Trustwatch does not go (another network or port). Correct it in the configuration."
        }
        ("timeout" | "network" | "robots_unreachable", _) => {
            "It cannot be reached. Open it in a browser: if it works there, ask whoever runs your firewall or proxy."
        }
        _ => "Open the address in a browser. It is tried again by itself.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blind(reason: &str, status: Option<i64>) -> BlindSource {
        BlindSource {
            gap: 1,
            source: "paper".to_owned(),
            url: "https://paper.example/feed?key=secret".to_owned(),
            reason: reason.to_owned(),
            detail: "what happened".to_owned(),
            status,
            last_good_at: Some(0),
            opened_at: 0,
        }
    }

    #[test]
    fn what_will_not_pass_is_told_at_once_and_the_rest_later() {
        let hours = |reason, status| {
            (0..200_i64).find(|hour| is_due(&blind(reason, status), hour * 3_600_000)).unwrap()
        };
        assert_eq!(hours("gone", Some(410)), 0);
        assert_eq!(hours("robots", None), 0);
        assert_eq!(hours("status", Some(404)), 168);
        assert_eq!(hours("status", Some(503)), 24);
        assert_eq!(hours("timeout", None), 24);
    }

    #[test]
    fn a_mail_about_many_stays_a_mail() {
        let mail = message(&vec![blind("timeout", None); 5000], 0).unwrap();
        assert!(!mail.text.contains("never"));
        assert!(mail.html.len() < 100_000 && mail.text.contains("And 4950 more"), "{}", mail.html.len());
    }

    #[test]
    fn the_mail_says_what_since_when_and_what_to_do() {
        let mail = message(&[blind("gone", Some(410))], 3 * 86_400_000).unwrap();
        assert_eq!(mail.subject, "Trustwatch cannot see paper");
        let unread = BlindSource { last_good_at: None, ..blind("gone", Some(410)) };
        assert!(message(&[unread], 0).unwrap().text.contains("Last seen: never, since it was added"));
        for part in [&mail.text, &mail.html] {
            assert!(
                part.contains("paper.example") && part.contains("3 days ago") && part.contains("for good")
            );
            // Addresses may hold keys.
            assert!(!part.contains("secret"));
        }
    }
}
