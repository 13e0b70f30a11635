//! `trustwatch sources discover`: the feeds, comment feeds and sitemaps of a site, each tried once and politely.

use url::Url;

use super::visit::{Seen, Visitor};
use crate::cli::{Ended, Place, Usage, on_runtime, output};
use crate::model::counted;
use crate::source::{Candidate, Offer, named_in, usual_places};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A page of the site, such as <https://www.example.org/news>.
    url: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Named candidates that are tried.
const MAX_TRIED: usize = 10;

#[derive(Debug, serde::Serialize)]
struct Offered {
    what: &'static str,
    url: String,
    title: String,
    entries: Option<usize>,
    note: String,
}

pub(super) fn run(args: &Args, config: &Place) -> anyhow::Result<Ended> {
    let config = config.load()?;
    let visitor = Visitor::new(&config)?;
    let text = if args.url.contains("://") { args.url.clone() } else { format!("https://{}", args.url) };
    let page = visitor.target(&text).map_err(|error| Usage(format!("{text}: {error}")))?;
    let (offered, answered) = on_runtime(look(&visitor, page))?;
    if args.json {
        output::json(&offered)?;
    } else {
        let mut table = output::table(["what", "address", "title", "entries", "note"]);
        for offer in &offered {
            let entries = offer.entries.map(|n| n.to_string()).unwrap_or_default();
            table.add_row([offer.what, &offer.url, &offer.title, &entries, &offer.note]);
        }
        anstream::println!("{table}");
        match offered.iter().find(|offer| offer.entries.is_some()) {
            Some(best) => anstream::println!(
                "Look closer: trustwatch sources test {0}\nPoll it:     trustwatch sources add {0}",
                best.url
            ),
            None if !answered => {}
            None => anstream::println!(
                "No feed was found. The page itself can be watched: trustwatch sources add {text} --kind page"
            ),
        }
    }
    Ok(if offered.iter().any(|offer| offer.entries.is_some()) { Ended::Well } else { Ended::WithFailures })
}

/// What is offered, and whether the page itself could be read.
async fn look(visitor: &Visitor, page: Url) -> anyhow::Result<(Vec<Offered>, bool)> {
    let mut offered = Vec::new();
    let (mut named, mut answered) = (Vec::new(), false);
    match visitor.visit(page.clone(), (None, None), None).await {
        Ok(visited) => match visited.seen {
            Seen::Feed { feed, .. } => {
                let note = "this address is a feed itself".to_owned();
                let url = visited.url.to_string();
                offered.push(Offered {
                    what: "feed",
                    url,
                    title: feed.title,
                    entries: Some(feed.entries.len()),
                    note,
                });
                return Ok((offered, true));
            }
            Seen::List { what, entries, more } => {
                let note = format!("this address is one itself: {}{more}", counted(entries.len(), "entry"));
                let url = visited.url.to_string();
                offered.push(Offered { what, url, title: String::new(), entries: None, note });
                return Ok((offered, true));
            }
            Seen::Page { html, .. } => {
                answered = true;
                named = named_in(&html, &visited.url);
            }
            Seen::Wall(wall) => anstream::eprintln!("{page}: {}", wall.words()),
            Seen::Neither(why) => anstream::eprintln!("{page}: {why}"),
        },
        Err(error) => {
            anstream::eprintln!("{page}: {error}");
            return Ok((offered, false));
        }
    }
    let is_named = named.iter().any(|found| found.offer == Offer::Feed);
    for candidate in named.into_iter().take(MAX_TRIED) {
        offered.push(tried(visitor, candidate).await);
    }
    let places = usual_places(&page);
    if !is_named {
        // The site says nothing: the usual places are asked one after the other, until one answers.
        for candidate in places.iter().filter(|place| place.offer == Offer::Feed) {
            let found = tried(visitor, candidate.clone()).await;
            if found.entries.is_some() {
                offered.push(found);
                break;
            }
        }
    }
    offered.extend(sitemaps(visitor, &page, &places).await);
    Ok((offered, answered))
}

async fn tried(visitor: &Visitor, candidate: Candidate) -> Offered {
    let Candidate { url, offer, title } = candidate;
    let mut offered =
        Offered { what: offer.as_str(), url: url.to_string(), title, entries: None, note: String::new() };
    let Ok(target) = visitor.target(url.as_str()) else {
        "not an address that is fetched".clone_into(&mut offered.note);
        return offered;
    };
    match visitor.visit(target, (None, None), None).await {
        Ok(visited) => match visited.seen {
            Seen::Feed { feed, .. } => {
                offered.entries = Some(feed.entries.len());
                if offered.title.is_empty() {
                    offered.title = feed.title;
                }
            }
            Seen::Wall(wall) => wall.words().clone_into(&mut offered.note),
            Seen::List { what, .. } => what.clone_into(&mut offered.note),
            Seen::Page { .. } => "a page, no feed".clone_into(&mut offered.note),
            Seen::Neither(why) => offered.note = why,
        },
        Err(error) => offered.note = error.to_string(),
    }
    offered
}

/// Sitemaps that robots.txt names, else the first usual place that answers.
async fn sitemaps(visitor: &Visitor, page: &Url, places: &[Candidate]) -> Vec<Offered> {
    let row = |url: String, note: &str| Offered {
        what: Offer::Sitemap.as_str(),
        url,
        title: String::new(),
        entries: None,
        note: note.to_owned(),
    };
    let named = visitor.robots(page).await.map(|(_, sitemaps)| sitemaps).unwrap_or_default();
    if !named.is_empty() {
        return named.into_iter().map(|url| row(url, "named by robots.txt")).collect();
    }
    for place in places.iter().filter(|place| place.offer == Offer::Sitemap) {
        // Many sites answer everything with a page.
        let seen = visitor.visit(place.url.clone(), (None, None), None).await.map(|visited| visited.seen);
        if let Ok(Seen::List { what, .. }) = seen {
            return vec![row(place.url.to_string(), what)];
        }
    }
    Vec::new()
}
