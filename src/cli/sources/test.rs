//! `trustwatch sources test`: one visit, and what a poll would make of it. Nothing is stored, nobody is told.

use super::place::{Found, Named};
use super::read::{print_entries, shown, shown_entry};
use super::visit::{Seen, Visited, Visitor};
use crate::classify::Classifier;
use crate::cli::{Ended, Place, Usage, on_runtime};
use crate::extract::{self, document_of_entry};
use crate::fetch::Ruling;
use crate::model::{Entry, counted};
use crate::schedule::Schedule;
use crate::source::{Preset, named_in};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    named: Named,
}

/// Characters of a page's text that are shown.
const SAMPLE: usize = 400;
/// Entries of a feed that are shown.
const ENTRIES: usize = 10;

pub(super) fn run(args: &Args, config: &Place) -> anyhow::Result<Ended> {
    let config = config.load()?;
    let found = args.named.find(&config)?;
    let secret = args.named.secret()?;
    let visitor = Visitor::new(&config)?;
    let url = visitor
        .target(&found.fetched(secret.as_ref()))
        .map_err(|error| Usage(format!("{}: {error}", found.address)))?;
    anstream::println!("address      {}", found.address);
    on_runtime(async {
        match visitor.robots(&url).await {
            Ok((ruling, _)) => anstream::println!("robots.txt   {}", said(&ruling)),
            Err(why) if why.starts_with("the connection failed") || why.starts_with("no ") => {
                anstream::println!(
                    "robots.txt   could not be asked, since the host cannot be reached: {why}"
                );
            }
            Err(why) => anstream::println!(
                "robots.txt   could not be read ({why}): until it can be, nothing else is asked of this site"
            ),
        }
        let key = found.key(secret.as_ref());
        let secret = secret.as_ref().or(found.planned.and_then(|planned| planned.secret.as_ref()));
        match visitor.visit(url, (found.api(), key), secret).await {
            Ok(visited) => {
                let classifier = Classifier::new(config.profiles.clone(), config.rules.clone())?;
                Ok(tell(&visited, secret.is_some(), &found, &classifier))
            }
            Err(error) => {
                anstream::println!("visit        {error}");
                Ok(Ended::WithFailures)
            }
        }
    })
}

fn said(ruling: &Ruling) -> String {
    match (ruling.allowed, ruling.line) {
        (true, 0) => "allows it (no line speaks of it)".to_owned(),
        (true, line) => format!("allows it (line {line}: {})", ruling.rule),
        (false, line) => format!("does not allow it (line {line}: {})", ruling.rule),
    }
}

fn tell(visited: &Visited, is_secret: bool, found: &Found<'_>, classifier: &Classifier) -> Ended {
    let Visited { url, bytes, has_validators, seen } = visited;
    if !is_secret {
        anstream::println!("answered at  {url}");
    }
    let again = if *has_validators {
        "and will say when nothing has changed"
    } else {
        "and gives no validators: every visit costs as much"
    };
    anstream::println!("answer       {bytes} bytes, {again}");
    match seen {
        Seen::Feed { feed, interval } => {
            let (n, remark) = (counted(feed.entries.len(), "entry"), feed.reader.remark());
            anstream::println!("what         a feed, {n}{remark}");
            match (found.planned.map(|planned| &planned.schedule), found.preset) {
                (Some(Schedule::Cron(line)), _) => {
                    anstream::println!("schedule     {}, as the configuration says", line.as_str());
                }
                (Some(schedule @ Schedule::Every(_)), _) => anstream::println!(
                    "schedule     every {}, as the configuration says",
                    schedule.written().unwrap_or_default()
                ),
                (None, Some(Preset { every: Some(every), .. })) => {
                    anstream::println!("schedule     every {every}, as its preset asks");
                }
                _ => anstream::println!(
                    "schedule     its rhythm suggests every {} minutes; leave `every` out and it is followed as it changes",
                    interval.as_secs() / 60
                ),
            }
            tell_hits(&feed.entries, found, classifier);
            let mut entries = shown(feed);
            entries.truncate(ENTRIES);
            print_entries(&entries);
            Ended::Well
        }
        Seen::List { what, entries, more } => {
            anstream::println!("what         {what}, {}{more}", counted(entries.len(), "entry"));
            tell_hits(entries, found, classifier);
            let mut entries: Vec<_> = entries.iter().map(shown_entry).collect();
            entries.truncate(ENTRIES);
            print_entries(&entries);
            Ended::Well
        }
        Seen::Page { page, html } => {
            anstream::println!("what         a page: {}", page.metadata.title);
            for offer in named_in(html, url) {
                anstream::println!("it offers    a {}: {} {}", offer.offer.as_str(), offer.url, offer.title);
            }
            let sample: String = page.text.chars().take(SAMPLE).collect();
            anstream::println!("its text     {sample}");
            Ended::Well
        }
        Seen::Wall(wall) => {
            anstream::println!("what         nothing to read: {}", wall.words());
            Ended::WithFailures
        }
        Seen::Neither(why) => {
            anstream::println!("what         nothing to read: {why}");
            Ended::WithFailures
        }
    }
}

/// How many of the entries, as the source itself gives them, would be hits.
fn tell_hits(entries: &[Entry], found: &Found<'_>, classifier: &Classifier) {
    let source = found.planned.map(|planned| &planned.source);
    let kind = source.map(|source| source.document_kind).or(found.preset.map(|preset| preset.document_kind));
    let follow = source.map_or(found.preset.is_some_and(|preset| preset.follow), |source| source.follow);
    let is_hit = |entry: &&Entry| {
        let document = document_of_entry(entry, kind.unwrap_or_default(), &extract::Options::default());
        let mut hits = classifier.classify(&document).into_iter();
        hits.any(|hit| source.is_none_or(|source| source.organisations.contains(&hit.organisation)))
    };
    let hits = entries.iter().filter(is_hit).count();
    let of = counted(entries.len(), "entry");
    let more = if follow { "; the pages behind them are judged too, once it is polled" } else { "" };
    anstream::println!("hits         {hits} of {of} would be told of, by what stands here{more}");
}
