//! Politeness within this process: a gap between requests to one registrable domain and a ceiling on
//! all requests together; what holds for a whole fleet stands in the ledger.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use url::Url;

/// Keys kept before those that say nothing any more are dropped.
const MAX_KEYS: usize = 10_000;

/// The key under which a host is paced: its registrable domain, or the host itself where it has none.
pub fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_lowercase();
    match url.host() {
        Some(url::Host::Domain(_)) => psl::domain_str(&host).map_or(host.clone(), str::to_owned),
        _ => host,
    }
}

#[derive(Debug)]
pub(super) struct Pacing {
    per_host: Option<DefaultKeyedRateLimiter<String>>,
    total: DefaultDirectRateLimiter,
}

impl Pacing {
    pub(super) fn new(host_gap: Duration, requests_per_second: u32) -> Self {
        let per_second = NonZeroU32::new(requests_per_second).unwrap_or(NonZeroU32::MIN);
        Self {
            per_host: Quota::with_period(host_gap).map(RateLimiter::keyed),
            total: RateLimiter::direct(Quota::per_second(per_second)),
        }
    }

    /// Waits until a request to `host` is polite, as far as this process knows.
    pub(super) async fn wait_for_host(&self, host: &str, is_mapped: bool) {
        if let Some(limiter) = self.per_host.as_ref().filter(|_| !is_mapped) {
            if limiter.len() > MAX_KEYS {
                limiter.retain_recent();
            }
            limiter.until_key_ready(&host.to_owned()).await;
        }
    }

    /// Waits until one more request to anybody is within the ceiling.
    pub(super) async fn wait_for_all(&self) {
        self.total.until_ready().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_paced_by_registrable_domain() {
        let host = |text: &str| host_of(&Url::parse(text).unwrap());
        assert_eq!(host("https://www.news.paper.co.uk/x"), "paper.co.uk");
        assert_eq!(host("https://solent.nhs.uk/"), "solent.nhs.uk");
        assert_eq!(host("https://a.github.io/"), "a.github.io");
        assert_eq!(host("https://93.184.216.34/"), "93.184.216.34");
    }
}
