//! Kinds of sources that stand for many: each saved link, each of the Trust's own places is a source of its own, with a
//! health, a robots.txt and a blindness of its own.

use url::Url;

use super::sources::{Check, Kind, SourceConfig};
use crate::model::{Profile, RegisterKind, normal_handle};
use crate::problem::Problem;
use crate::secret::sha256_hex;
use crate::source::PageOptions;

/// Links of one list.
const MAX_LINKS: usize = 5000;
/// The longest parts of a name that is made (characters).
const MAX_NAME: usize = 26;
const MAX_LIST: usize = 24;

impl Check<'_> {
    /// The sources that one entry of the configuration stands for.
    pub(super) fn expanded(&self, config: &SourceConfig, problems: &mut Vec<Problem>) -> Vec<SourceConfig> {
        let has_links = !config.links.is_empty() || config.links_file.is_some();
        if has_links && config.kind != Kind::Links {
            problems.push(self.problem("links", "belongs to a source of kind \"links\""));
        }
        match config.kind {
            Kind::Links => {
                let page = if config.page == PageOptions::default() {
                    // What is added below a link is what is watched for.
                    PageOptions { diff: true, ..PageOptions::default() }
                } else {
                    config.page.clone()
                };
                let links = self.links(config, problems);
                let made = |link: String| SourceConfig {
                    id: name(&config.id, &link),
                    kind: Kind::Page,
                    page: page.clone(),
                    url: link,
                    links: Vec::new(),
                    links_file: None,
                    ..config.clone()
                };
                links.into_iter().map(made).collect()
            }
            Kind::Own => {
                let places = self.own_places(config);
                if places.is_empty() {
                    let message =
                        "neither the profile's domains nor its register name a place that can be looked at";
                    problems.push(self.problem("kind", message));
                }
                let made = |url: String| SourceConfig { id: name(&config.id, &url), url, ..config.clone() };
                places.into_iter().map(made).collect()
            }
            _ => vec![config.clone()],
        }
    }

    /// The links of a list, from the configuration and from a file with one a line.
    fn links(&self, config: &SourceConfig, problems: &mut Vec<Problem>) -> Vec<String> {
        if !config.url.is_empty() {
            problems.push(
                self.problem("url", "a list of links has no address of its own: write them into links"),
            );
        }
        let mut links = config.links.clone();
        if let Some(file) = &config.links_file {
            let file = self.layer.beside(file);
            match std::fs::read_to_string(&file) {
                Ok(text) => links.extend(
                    text.lines()
                        .map(str::trim)
                        .filter(|line| !line.is_empty() && !line.starts_with('#'))
                        .map(str::to_owned),
                ),
                Err(error) => {
                    problems.push(
                        self.problem("links_file", format!("{} cannot be read: {error}", file.display())),
                    );
                }
            }
        }
        links.sort();
        links.dedup();
        if links.is_empty() && problems.is_empty() {
            problems.push(
                self.problem("links", "missing: give at least one link, or a links_file with one a line"),
            );
        }
        if links.len() > MAX_LINKS {
            problems.push(
                self.problem("links", format!("{} links: at most {MAX_LINKS} in one list", links.len())),
            );
            links.truncate(MAX_LINKS);
        }
        links
    }

    /// The addresses of what the Trust owns: its domains, and what its register names.
    fn own_places(&self, config: &SourceConfig) -> Vec<String> {
        let named = |profile: &&Profile| {
            config.organisations.as_ref().is_none_or(|ids| ids.iter().any(|id| id == profile.id.as_str()))
        };
        let mut places = Vec::new();
        for profile in self.profiles.iter().filter(named) {
            places.extend(profile.domains.iter().map(|domain| site(domain)));
            for entry in &profile.register {
                match entry.kind {
                    RegisterKind::Domain | RegisterKind::Site => places.push(site(&entry.name)),
                    RegisterKind::Account => places.extend(account(&entry.name, entry.platform.as_deref())),
                }
            }
        }
        places.sort();
        places.dedup();
        places
    }
}

/// The address of a site that a register names with or without a scheme.
fn site(name: &str) -> String {
    let name = name.trim();
    if name.contains("://") { name.to_owned() } else { format!("https://{}/", name.trim_end_matches('/')) }
}

/// The feed of an account, on the platforms that give one to everybody.
fn account(handle: &str, platform: Option<&str>) -> Option<String> {
    let handle = normal_handle(handle);
    match platform.unwrap_or_default().to_lowercase().as_str() {
        "bluesky" => Some(format!("https://bsky.app/profile/{handle}/rss")),
        "mastodon" => {
            let (name, host) = handle.split_once('@')?;
            Some(format!("https://{host}/@{name}.rss"))
        }
        _ => None,
    }
}

/// A name that stays the same wherever in the list the address stands.
fn name(list: &str, url: &str) -> String {
    let place = Url::parse(url).ok().map_or_else(String::new, |url| {
        format!("{}{}", url.host_str().unwrap_or_default().trim_start_matches("www."), url.path())
    });
    let words: Vec<String> = place
        .to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let mut place = words.join("-");
    place.truncate(MAX_NAME);
    let print = &sha256_hex(url.as_bytes())[..10];
    let list = list.chars().take(MAX_LIST).collect::<String>();
    format!("{list}-{}-{print}", place.trim_matches('-')).replace("--", "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_list_place_and_address() {
        let long = name("saved", "https://www.paper.example/news/2026/11/22/a-very-long-headline-indeed");
        assert!(long.starts_with("saved-paper-example-news-2026-"), "{long}");
        assert!(long.len() <= 63 && long.parse::<crate::model::SourceId>().is_ok(), "{long}");
        assert_ne!(name("saved", "https://a.example/?p=1"), name("saved", "https://a.example/?p=2"));
    }

    #[test]
    fn only_platforms_with_open_feeds_have_an_address() {
        assert_eq!(
            account("@solent.bsky.social", Some("Bluesky")).unwrap(),
            "https://bsky.app/profile/solent.bsky.social/rss"
        );
        assert_eq!(
            account("@solent@nhs.social", Some("mastodon")).unwrap(),
            "https://nhs.social/@solent.rss"
        );
        assert_eq!(account("@solentnhs", Some("X")), None);
        assert_eq!(site("solent.nhs.uk"), "https://solent.nhs.uk/");
        assert_eq!(site("https://solent.nhs.uk/careers"), "https://solent.nhs.uk/careers");
    }
}
