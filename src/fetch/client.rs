//! The fetcher itself: one request with all its hops, from the guard to decoded bytes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use reqwest::header::{self, HeaderMap, HeaderValue};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use url::Url;

use super::decode::decode;
use super::error::{FetchError, TimeLimit};
use super::guard::{Policy, Refusal, check_url, parse_target};
use super::ledger::{KnownRobots, Ledger};
use super::pacing::{Pacing, host_of};
use super::resolve::Resolve;
use super::robots::{MAX_BYTES, Robots};
use super::wire::{Network, Wire};
use super::{Options, retry_after};
use crate::clock::SharedClock;
use crate::secret::{ExposeSecret, SecretString};

/// The product token that robots.txt files name.
pub(super) const PRODUCT: &str = "Trustwatch";
/// How long a robots.txt is believed (RFC 9309, 2.4).
const ROBOTS_TTL: Duration = Duration::from_secs(24 * 3600);
/// How soon one that could not be read is asked for again.
const ROBOTS_RETRY: Duration = Duration::from_secs(15 * 60);
/// How much is read of a page that comes with a refusal (bytes).
const MAX_REFUSAL_BYTES: u64 = 256 * 1024;
/// And for how long: the status with its Retry-After is known already and must not be lost to a slow body.
const REFUSAL_LIMIT: Duration = Duration::from_secs(2);
/// Files kept; beyond it those that ran out are dropped, at most once a minute: a look at all of them is dear.
const MAX_ROBOTS: usize = 50_000;
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// What a server gave to recognise an unchanged body by, sent back verbatim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`, quotes and all.
    pub etag: Option<String>,
    /// `Last-Modified`, as it came.
    pub last_modified: Option<String>,
}

/// Whether robots.txt is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// It is.
    Robots,
    /// It is not on the host that was asked, by somebody's decision; on every other it is.
    Overridden,
    /// It is not: the request is for robots.txt itself.
    None,
}

/// What to fetch.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where.
    pub url: Url,
    /// What is known of it already.
    pub validators: Validators,
    /// Whether robots.txt is asked.
    pub rules: Rules,
    /// Whether the first request to the host of `url` has its slot already: whoever claims work takes it.
    pub is_slotted: bool,
    /// A key that goes to the origin of `url` and nowhere else, wherever that redirects.
    pub key: Option<Key>,
    /// Bytes of the body, where fewer than usual are wanted.
    pub max_bytes: Option<u64>,
}

/// A key in a request header.
#[derive(Debug, Clone)]
pub struct Key {
    /// The header's name.
    pub header: String,
    /// What stands before the secret, such as `Bearer `.
    pub prefix: String,
    /// The secret.
    pub secret: SecretString,
}

impl Request {
    /// A plain request.
    pub fn new(url: Url) -> Self {
        Self {
            url,
            validators: Validators::default(),
            rules: Rules::Robots,
            is_slotted: false,
            key: None,
            max_bytes: None,
        }
    }
}

/// What came back.
#[derive(Debug)]
pub enum Fetched {
    /// What is known is still so (304).
    NotModified(Head),
    /// A body.
    Page(Page),
}

impl Fetched {
    fn head_mut(&mut self) -> &mut Head {
        match self {
            Self::NotModified(head) => head,
            Self::Page(page) => &mut page.head,
        }
    }
}

/// What an answer says beside its body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// How long it may be taken for fresh (`Cache-Control`, else `Expires`; RFC 9111, 4.2.1).
    pub fresh_for: Option<Duration>,
    /// Where permanent redirects alone led, hop by hop; empty where one of them was temporary.
    pub moved: Vec<Url>,
    /// Whether its owner asks that no copy is kept (`X-Robots-Tag: noarchive`) or reserves text mining
    /// (`TDM-Reservation: 1`).
    pub no_copy: bool,
    /// How long its server took, redirects included, waits for our own pacing not.
    pub took: Duration,
}

/// A body with what describes it.
#[derive(Debug)]
pub struct Page {
    /// Where it was in the end, after redirects.
    pub url: Url,
    /// The header of that name.
    pub content_type: Option<String>,
    /// What to recognise it by next time.
    pub validators: Validators,
    /// The bytes, decompressed.
    pub body: Vec<u8>,
    /// How many came over the wire.
    pub wire_bytes: u64,
    /// What the answer says beside it.
    pub head: Head,
}

/// Opens every outgoing HTTP socket.
#[derive(Debug, Clone)]
pub struct Fetcher {
    shared: Arc<Shared>,
    ledger: Option<Arc<dyn Ledger>>,
}

#[derive(Debug)]
struct Shared {
    wire: Arc<dyn Wire>,
    options: Options,
    policy: Arc<Policy>,
    pacing: Pacing,
    robots: Mutex<RobotsCache>,
    clock: SharedClock,
}

#[derive(Debug)]
struct RobotsCache {
    known: HashMap<String, CachedRobots>,
    /// What they say, each kept once: most sites have no rules, or those that their software came with.
    rules: HashSet<Arc<Robots>>,
    pruned_at: Instant,
}

impl RobotsCache {
    fn keep(
        &mut self,
        authority: String,
        rules: Result<Robots, String>,
        until: Instant,
    ) -> Result<Arc<Robots>, String> {
        let rules = rules.map(|rules| {
            let known = self.rules.get(&rules).cloned();
            known.unwrap_or_else(|| {
                let rules = Arc::new(rules);
                self.rules.insert(rules.clone());
                rules
            })
        });
        self.known.insert(authority, CachedRobots { until, rules: rules.clone() });
        rules
    }

    fn prune(&mut self, now: Instant) {
        self.known.retain(|_, cached| cached.until > now);
        self.rules.retain(|rules| Arc::strong_count(rules) > 1);
        self.pruned_at = now;
    }
}

#[derive(Debug, Clone)]
struct CachedRobots {
    until: Instant,
    /// The rules, or why there are none.
    rules: Result<Arc<Robots>, String>,
}

impl Fetcher {
    /// A fetcher by `options`.
    ///
    /// # Errors
    /// When the TLS roots of the machine cannot be loaded.
    pub fn new(options: Options, resolver: Arc<dyn Resolve>, clock: SharedClock) -> Result<Self, FetchError> {
        let policy = Arc::new(options.policy());
        let wire = Network::new(&options, policy.clone(), resolver)?;
        Ok(Self::made(options, policy, Arc::new(wire), clock))
    }

    /// A fetcher whose requests go to `wire` instead of the network: for simulations. Everything around the socket is
    /// as it always is.
    pub fn over(options: Options, wire: Arc<dyn Wire>, clock: SharedClock) -> Self {
        let policy = Arc::new(options.policy());
        Self::made(options, policy, wire, clock)
    }

    fn made(options: Options, policy: Arc<Policy>, wire: Arc<dyn Wire>, clock: SharedClock) -> Self {
        let pacing = Pacing::new(Duration::from_secs(options.host_gap_s), options.requests_per_second);
        let robots = Mutex::new(RobotsCache {
            known: HashMap::new(),
            rules: HashSet::new(),
            pruned_at: Instant::now(),
        });
        let shared = Shared { wire, options, policy, pacing, robots, clock };
        Self { shared: Arc::new(shared), ledger: None }
    }

    /// The same, going by `ledger` instead of what this process alone knows.
    #[must_use]
    pub fn with_ledger(mut self, ledger: Arc<dyn Ledger>) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// Bytes of one body after decompression, at most.
    pub fn max_body_bytes(&self) -> u64 {
        self.shared.options.max_body_bytes
    }

    /// What the guard lets through.
    pub fn policy(&self) -> Arc<Policy> {
        self.shared.policy.clone()
    }

    /// Whether requests to `url` are dialled at a mapped or listed loopback address, where neither
    /// floors nor gaps bind.
    pub fn is_mapped(&self, url: &Url) -> bool {
        let policy = &self.shared.policy;
        let port = url.port_or_known_default().unwrap_or_default();
        let listed = |ip: std::net::IpAddr| policy.loopback.contains(&std::net::SocketAddr::new(ip, port));
        match url.host() {
            Some(url::Host::Domain(name)) => policy.mapped(name).is_some(),
            Some(url::Host::Ipv4(ip)) => listed(ip.into()),
            Some(url::Host::Ipv6(ip)) => listed(ip.into()),
            None => false,
        }
    }

    /// Fetches, following redirects, within every limit. Waiting for a slot does not count into the time.
    ///
    /// # Errors
    /// Says why nothing came.
    pub async fn fetch(&self, request: Request) -> Result<Fetched, FetchError> {
        let mut slot = request.is_slotted.then(|| host_of(&request.url));
        self.fetch_hops(request, &mut slot).await
    }

    /// `slot` is the host whose next request may go out without asking for a slot.
    async fn fetch_hops(&self, request: Request, slot: &mut Option<String>) -> Result<Fetched, FetchError> {
        let shared = &self.shared;
        let limit = Duration::from_secs(shared.options.total_timeout_s);
        let mut left = limit;
        let mut url = request.url;
        let decided = url.host_str().map(str::to_owned);
        let asked = url.origin();
        let mut seen = vec![url.clone()];
        let mut for_good = true;
        loop {
            check_url(&url, &shared.policy)?;
            let obeys = match request.rules {
                Rules::Robots => true,
                Rules::Overridden => url.host_str() != decided.as_deref(),
                Rules::None => false,
            };
            if obeys {
                // Boxed: asking for robots.txt is itself a fetch.
                Box::pin(self.obey_robots(&url, slot)).await?;
            }
            self.wait(&url, slot).await?;
            let started = Instant::now();
            let key = request.key.as_ref().filter(|_| url.origin() == asked);
            let headers = headers(&request.validators, key)?;
            let hop = self.hop(&url, headers, request.max_bytes, (&mut seen, &mut for_good));
            let step = timeout(left, hop).await;
            let step = step.map_err(|_| FetchError::Timeout { what: TimeLimit::Total, limit })??;
            left = left.saturating_sub(started.elapsed());
            match step {
                Hop::On(next) => url = next,
                Hop::Done(mut fetched) => {
                    fetched.head_mut().took = limit.saturating_sub(left);
                    return Ok(fetched);
                }
            }
        }
    }

    /// Waits until a request to the host of `url` may go out.
    async fn wait(&self, url: &Url, slot: &mut Option<String>) -> Result<(), FetchError> {
        let (shared, host, is_mapped) = (&self.shared, host_of(url), self.is_mapped(url));
        match &self.ledger {
            Some(_) if is_mapped => {}
            Some(_) if slot.as_ref() == Some(&host) => *slot = None,
            Some(ledger) => {
                let wait = ledger.slot(host).await?;
                shared.clock.sleep(wait).await;
            }
            None => shared.pacing.wait_for_host(&host, is_mapped).await,
        }
        shared.pacing.wait_for_all().await;
        Ok(())
    }

    /// One request, and where it leads.
    async fn hop(
        &self,
        url: &Url,
        headers: HeaderMap,
        max_bytes: Option<u64>,
        (seen, for_good): (&mut Vec<Url>, &mut bool),
    ) -> Result<Hop, FetchError> {
        let shared = &self.shared;
        let conditional =
            [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE].iter().any(|name| headers.contains_key(name));
        let response = shared.wire.get(url.clone(), headers).await?;
        let Some(next) = self.redirect(url, &response)? else {
            let moved = if *for_good { seen.split_off(1) } else { Vec::new() };
            let head = head_of(&response, moved, shared.clock.now());
            return self.read(url.clone(), response, (conditional, max_bytes), head).await.map(Hop::Done);
        };
        if seen.len() > shared.options.max_redirects {
            return Err(FetchError::Redirect(format!("more than {} times", shared.options.max_redirects)));
        }
        if seen.contains(&next) {
            return Err(FetchError::Redirect("in a circle".to_owned()));
        }
        *for_good &= matches!(response.status().as_u16(), 301 | 308);
        seen.push(next.clone());
        Ok(Hop::On(next))
    }

    /// Where a response leads on to.
    fn redirect(&self, from: &Url, response: &reqwest::Response) -> Result<Option<Url>, FetchError> {
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let location =
            response.headers().get(header::LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let location = location.ok_or_else(|| FetchError::Redirect("without saying where".to_owned()))?;
        if location.contains(['\\', '\t', '\n', '\r']) {
            return Err(Refusal::Ambiguous.into());
        }
        let mut next = from
            .join(location.trim())
            .map_err(|error| FetchError::Redirect(format!("to nowhere: {error}")))?;
        next.set_fragment(None);
        parse_target(next.as_str(), &self.shared.policy)?;
        if from.scheme() == "https" && next.scheme() == "http" {
            return Err(FetchError::Redirect("from https to http".to_owned()));
        }
        Ok(Some(next))
    }

    async fn read(
        &self,
        url: Url,
        response: reqwest::Response,
        (conditional, max_bytes): (bool, Option<u64>),
        head: Head,
    ) -> Result<Fetched, FetchError> {
        let text = |name: header::HeaderName| {
            response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        match response.status().as_u16() {
            // To a plain request it means nothing: nobody has read the page yet.
            304 if conditional => return Ok(Fetched::NotModified(head)),
            410 => return Err(FetchError::Gone),
            200..=299 => {}
            status => {
                let now = self.shared.clock.now();
                let wait = text(header::RETRY_AFTER).and_then(|value| retry_after(&value, now));
                // What the page says is told apart by its caller; that it cannot be had changes nothing.
                let body = timeout(REFUSAL_LIMIT, self.body(response, MAX_REFUSAL_BYTES)).await;
                let body = body.ok().and_then(Result::ok).map(|(body, _)| body).unwrap_or_default();
                return Err(FetchError::Status { status, retry_after: wait, body });
            }
        }
        let content_type = text(header::CONTENT_TYPE);
        // A star would match whatever is new.
        let etag = text(header::ETAG).filter(|etag| etag.trim() != "*");
        let validators = Validators { etag, last_modified: text(header::LAST_MODIFIED) };
        let (body, wire_bytes) =
            self.body(response, max_bytes.unwrap_or(self.shared.options.max_wire_bytes)).await?;
        Ok(Fetched::Page(Page { url, content_type, validators, body, wire_bytes, head }))
    }

    /// The body, decoded, and its size over the wire.
    async fn body(&self, response: reqwest::Response, limit: u64) -> Result<(Vec<u8>, u64), FetchError> {
        let options = &self.shared.options;
        // Several lines of it are several layers.
        let encodings = response.headers().get_all(header::CONTENT_ENCODING).iter();
        let encoding = encodings
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .reduce(|all, next| format!("{all}, {next}"));
        let mut wire = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| {
                FetchError::from_reqwest(&error, Duration::from_secs(options.first_byte_timeout_s))
            })?;
            if (wire.len() + chunk.len()) as u64 > limit {
                return Err(FetchError::TooLarge { limit, stage: "as sent" });
            }
            wire.extend_from_slice(&chunk);
        }
        let wire_bytes = wire.len() as u64;
        // A refusal is not worth more than a page of it.
        let most = if limit < options.max_wire_bytes { limit * 2 } else { options.max_body_bytes };
        Ok((decode(wire, encoding.as_deref(), most).await?, wire_bytes))
    }

    /// Whether robots.txt allows `url`.
    async fn obey_robots(&self, url: &Url, slot: &mut Option<String>) -> Result<(), FetchError> {
        let robots = self.robots_by(url, slot).await?.map_err(FetchError::RobotsUnreachable)?;
        let ruling = robots.ruling(url);
        if ruling.allowed { Ok(()) } else { Err(FetchError::Robots { line: ruling.line, rule: ruling.rule }) }
    }

    /// The rules for `url`'s authority, from the cache or the site.
    ///
    /// # Errors
    /// Says why they could not be read, which counts as a no (RFC 9309, 2.3.1.4).
    pub async fn robots_of(&self, url: &Url) -> Result<Arc<Robots>, String> {
        self.robots_by(url, &mut None).await.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// The rules, or why there are none; an error where nothing could be asked, which says nothing of the site.
    async fn robots_by(
        &self,
        url: &Url,
        slot: &mut Option<String>,
    ) -> Result<Result<Arc<Robots>, String>, FetchError> {
        let authority = url.origin().ascii_serialization();
        let now = Instant::now();
        {
            let mut cache = self.shared.robots.lock().await;
            if cache.known.len() > MAX_ROBOTS && now - cache.pruned_at > PRUNE_EVERY {
                cache.prune(now);
            }
            if let Some(cached) = cache.known.get(&authority).filter(|cached| cached.until > now) {
                return Ok(cached.rules.clone());
            }
        }
        let ledger = self.ledger.as_ref().filter(|_| !self.is_mapped(url));
        let kept = match ledger {
            Some(ledger) => ledger.robots(authority.clone()).await,
            None => None,
        };
        let robots = if let Some(kept) = kept {
            kept
        } else {
            let file = match self.fetch_robots(url, slot).await {
                Err(error @ (FetchError::Resting(_) | FetchError::Slot(_))) => return Err(error),
                Err(error) => Err(error.to_string()),
                Ok(file) => Ok(file),
            };
            let fresh_for = if file.is_ok() { ROBOTS_TTL } else { ROBOTS_RETRY };
            let read = KnownRobots { fresh_for, file };
            if let Some(ledger) = ledger {
                ledger.keep_robots(authority.clone(), read.clone()).await;
            }
            read
        };
        let rules = robots.file.map(|file| Robots::read(&file, PRODUCT));
        let until = now + robots.fresh_for;
        Ok(self.shared.robots.lock().await.keep(authority, rules, until))
    }

    /// The file; empty where the site has none.
    async fn fetch_robots(&self, url: &Url, slot: &mut Option<String>) -> Result<Vec<u8>, FetchError> {
        let file = url.join("/robots.txt").map_err(|error| FetchError::Redirect(error.to_string()))?;
        let request = Request { rules: Rules::None, ..Request::new(file) };
        match self.fetch_hops(request, slot).await {
            Ok(Fetched::Page(mut page)) => {
                page.body.truncate(MAX_BYTES);
                Ok(page.body)
            }
            Ok(Fetched::NotModified(_)) => Err(FetchError::Network("304 to a plain request".to_owned())),
            // Anything the site itself says below 500 means that there are no rules; too many requests
            // and server errors mean that we must stay away (RFC 9309, 2.3.1.3 and 2.3.1.4).
            Err(FetchError::Gone) => Ok(Vec::new()),
            Err(FetchError::Status { status, .. }) if (400..500).contains(&status) && status != 429 => {
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }
}

/// What one request came to.
enum Hop {
    /// A redirect.
    On(Url),
    /// An answer.
    Done(Fetched),
}

/// The headers that make a request conditional, and the one with the key.
fn headers(validators: &Validators, key: Option<&Key>) -> Result<HeaderMap, FetchError> {
    let mut headers = HeaderMap::new();
    let mut set = |name: header::HeaderName, value: Option<&String>| {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    };
    set(header::IF_NONE_MATCH, validators.etag.as_ref());
    set(header::IF_MODIFIED_SINCE, validators.last_modified.as_ref());
    if let Some(Key { header, prefix, secret }) = key {
        let wrong = |_| FetchError::Key(header.clone());
        let name =
            header::HeaderName::from_bytes(header.as_bytes()).map_err(|_| FetchError::Key(header.clone()))?;
        let mut value =
            HeaderValue::from_str(&format!("{prefix}{}", secret.expose_secret())).map_err(wrong)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn head_of(response: &reqwest::Response, moved: Vec<Url>, now: DateTime<Utc>) -> Head {
    let headers = response.headers();
    let all = |name: &str| {
        let values = headers.get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase()).collect::<Vec<_>>()
    };
    let reserved = all("tdm-reservation").iter().any(|value| value.trim() == "1");
    let no_copy = reserved || all("x-robots-tag").iter().any(|value| forbids_copies(value));
    Head {
        fresh_for: fresh_for(&all("cache-control").join(","), all("expires").first(), now),
        moved,
        no_copy,
        took: Duration::ZERO,
    }
}

/// Whether a list of robots words, in lower case and of a header or `<meta>`, asks that no copy is kept.
/// One that another robot is named in front of is not meant for us.
pub fn forbids_copies(words: &str) -> bool {
    // Words that have a value behind a colon are no names of robots.
    const VALUED: [&str; 4] = ["unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"];
    let own = PRODUCT.to_ascii_lowercase();
    let words = match words.split_once(':') {
        Some((name, words)) if name.trim() == own => words,
        Some((name, _)) if !name.contains(',') && !VALUED.contains(&name.trim()) => return false,
        _ => words,
    };
    words.split(',').any(|word| word.trim() == "noarchive")
}

fn fresh_for(cache_control: &str, expires: Option<&String>, now: DateTime<Utc>) -> Option<Duration> {
    let mut words = cache_control.split(',').map(str::trim);
    if words.clone().any(|word| matches!(word, "no-cache" | "no-store")) {
        return None;
    }
    let age = words.find_map(|word| word.strip_prefix("max-age=")?.trim_matches('"').parse().ok());
    if let Some(seconds) = age {
        return Some(Duration::from_secs(seconds));
    }
    let until: DateTime<Utc> = httpdate::parse_http_date(expires?).ok()?.into();
    (until - now).to_std().ok()
}
