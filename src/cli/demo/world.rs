//! The invented world: sites with dated items, bundled in the binary.

use chrono::{DateTime, Days, Duration, NaiveTime, Utc};
use serde::Deserialize;

use crate::clock;
use crate::model::DocumentKind;

const WORLD: &str = include_str!("world/world.toml");

/// How a site publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    /// RSS with whole items.
    Feed,
    /// RSS with summaries; each item has a page.
    Followed,
    /// Atom with whole entries.
    Atom,
    /// JSON Feed.
    Json,
    /// A single page.
    Page,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Site {
    pub(super) id: String,
    pub(super) host: String,
    pub(super) name: String,
    pub(super) form: Form,
    pub(super) kind: DocumentKind,
    /// How often a real configuration would poll it; the demo polls faster.
    #[serde(rename = "every")]
    pub(super) _every: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    pub(super) site: String,
    pub(super) path: String,
    #[serde(default)]
    age_days: u64,
    #[serde(default)]
    time: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) author: String,
    pub(super) html: String,
    /// Appears so many seconds after the start.
    #[serde(default)]
    pub(super) arrives_s: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct World {
    #[serde(rename = "site")]
    pub(super) sites: Vec<Site>,
    #[serde(rename = "item")]
    items: Vec<Item>,
}

impl World {
    pub(super) fn read() -> anyhow::Result<Self> {
        Ok(toml::from_str(WORLD)?)
    }

    pub(super) fn site(&self, host: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.host == host)
    }

    /// The items of a site that are there `elapsed` seconds after the start, newest first.
    pub(super) fn items(&self, site: &Site, elapsed: u64) -> Vec<&Item> {
        let there = self
            .items
            .iter()
            .filter(|item| item.site == site.id && item.arrives_s.is_none_or(|at| at <= elapsed));
        let mut items: Vec<&Item> = there.collect();
        items.sort_by_key(|item| (item.arrives_s.is_none(), item.age_days));
        items
    }
}

impl Item {
    /// When it was published, seen from `start`.
    pub(super) fn published(&self, start: DateTime<Utc>) -> DateTime<Utc> {
        if let Some(seconds) = self.arrives_s {
            return start + Duration::seconds(i64::try_from(seconds).unwrap_or_default());
        }
        let day = clock::london_day(start) - Days::new(self.age_days);
        let time = NaiveTime::parse_from_str(&self.time, "%H:%M").unwrap_or(NaiveTime::MIN);
        clock::london_instant(day.and_time(time)).min(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_reads_and_every_item_has_its_site() {
        let world = World::read().unwrap();
        assert!(world.items.iter().all(|item| world.sites.iter().any(|site| site.id == item.site)));
        assert!(world.sites.iter().all(|site| site.host.ends_with(".example")));
        assert!(world.items.len() >= 60);
        assert!(world.items.iter().filter(|item| item.arrives_s.is_some()).count() >= 4);
    }
}
