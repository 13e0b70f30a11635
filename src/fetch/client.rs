//! The fetcher itself: one request with all its hops, from the guard to decoded bytes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use reqwest::header::{self, HeaderMap, HeaderValue};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use url::Url;

use super::decode::{ACCEPT_ENCODING, decode};
use super::error::{FetchError, TimeLimit};
use super::guard::{Policy, Refusal, check_url, parse_target};
use super::pacing::{Pacing, host_of};
use super::resolve::{GuardedResolver, Resolve};
use super::robots::Robots;
use super::{Options, retry_after};
use crate::clock::SharedClock;

/// The product token that robots.txt files name.
const PRODUCT: &str = "Trustwatch";
/// How long a robots.txt is believed (RFC 9309, 2.4).
const ROBOTS_TTL: Duration = Duration::from_secs(24 * 3600);
/// How soon one that could not be read is asked for again.
const ROBOTS_RETRY: Duration = Duration::from_secs(15 * 60);
/// How much is read of a page that comes with a refusal (bytes).
const MAX_REFUSAL_BYTES: u64 = 256 * 1024;
/// Files kept; beyond it those that ran out are dropped.
const MAX_ROBOTS: usize = 50_000;

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
}

impl Request {
    /// A plain request.
    pub fn new(url: Url) -> Self {
        Self { url, validators: Validators::default(), rules: Rules::Robots }
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
}

#[derive(Debug)]
struct Shared {
    client: reqwest::Client,
    options: Options,
    policy: Arc<Policy>,
    pacing: Pacing,
    robots: Mutex<HashMap<String, CachedRobots>>,
    clock: SharedClock,
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
        // A second installation finds the first in place.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let policy = Arc::new(options.policy());
        let client = client(&options, GuardedResolver { policy: policy.clone(), inner: resolver })?;
        let pacing = Pacing::new(Duration::from_secs(options.host_gap_s), options.requests_per_second);
        let robots = Mutex::new(HashMap::new());
        Ok(Self { shared: Arc::new(Shared { client, options, policy, pacing, robots, clock }) })
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

    /// Fetches, following redirects, within every limit.
    ///
    /// # Errors
    /// Says why nothing came.
    pub async fn fetch(&self, request: Request) -> Result<Fetched, FetchError> {
        let limit = Duration::from_secs(self.shared.options.total_timeout_s);
        let fetched = timeout(limit, self.fetch_hops(request)).await;
        fetched.map_err(|_| FetchError::Timeout { what: TimeLimit::Total, limit })?
    }

    async fn fetch_hops(&self, request: Request) -> Result<Fetched, FetchError> {
        let shared = &self.shared;
        let mut url = request.url;
        let decided = host_of(&url);
        let mut seen = vec![url.clone()];
        let mut for_good = true;
        loop {
            check_url(&url, &shared.policy)?;
            let obeys = match request.rules {
                Rules::Robots => true,
                Rules::Overridden => host_of(&url) != decided,
                Rules::None => false,
            };
            if obeys {
                // Boxed: asking for robots.txt is itself a fetch.
                Box::pin(self.obey_robots(&url)).await?;
            }
            shared.pacing.wait(&host_of(&url), self.is_mapped(&url)).await;
            let response = self.send(&url, &request.validators).await?;
            if let Some(next) = self.redirect(&url, &response)? {
                if seen.len() > shared.options.max_redirects {
                    return Err(FetchError::Redirect(format!(
                        "more than {} times",
                        shared.options.max_redirects
                    )));
                }
                if seen.contains(&next) {
                    return Err(FetchError::Redirect("in a circle".to_owned()));
                }
                for_good &= matches!(response.status().as_u16(), 301 | 308);
                seen.push(next.clone());
                url = next;
                continue;
            }
            let conditional = request.validators != Validators::default();
            let moved = if for_good { seen.split_off(1) } else { Vec::new() };
            let head = head_of(&response, moved, shared.clock.now());
            return self.read(url, response, conditional, head).await;
        }
    }

    async fn send(&self, url: &Url, validators: &Validators) -> Result<reqwest::Response, FetchError> {
        let options = &self.shared.options;
        let mut headers = HeaderMap::new();
        let mut set = |name: header::HeaderName, value: Option<&String>| {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        };
        set(header::IF_NONE_MATCH, validators.etag.as_ref());
        set(header::IF_MODIFIED_SINCE, validators.last_modified.as_ref());
        let limit = Duration::from_secs(options.first_byte_timeout_s);
        let sent = timeout(limit, self.shared.client.get(url.clone()).headers(headers).send()).await;
        let response = sent.map_err(|_| FetchError::Timeout { what: TimeLimit::FirstByte, limit })?.map_err(
            |error| FetchError::from_reqwest(&error, Duration::from_secs(options.connect_timeout_s)),
        )?;
        // The last word: whatever was looked up, this is who answered.
        match response.remote_addr() {
            Some(peer) if self.shared.policy.admits_peer(peer) => Ok(response),
            Some(peer) => Err(Refusal::NotPublic(peer.ip()).into()),
            None => Err(FetchError::Network("the connection has no peer address".to_owned())),
        }
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
        conditional: bool,
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
                let body =
                    self.body(response, MAX_REFUSAL_BYTES).await.map(|(body, _)| body).unwrap_or_default();
                return Err(FetchError::Status { status, retry_after: wait, body });
            }
        }
        let content_type = text(header::CONTENT_TYPE);
        // A star would match whatever is new.
        let etag = text(header::ETAG).filter(|etag| etag.trim() != "*");
        let validators = Validators { etag, last_modified: text(header::LAST_MODIFIED) };
        let (body, wire_bytes) = self.body(response, self.shared.options.max_wire_bytes).await?;
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
    async fn obey_robots(&self, url: &Url) -> Result<(), FetchError> {
        match self.robots_of(url).await {
            Err(why) => Err(FetchError::RobotsUnreachable(why)),
            Ok(robots) => {
                let ruling = robots.ruling(url);
                if ruling.allowed {
                    Ok(())
                } else {
                    Err(FetchError::Robots { line: ruling.line, rule: ruling.rule })
                }
            }
        }
    }

    /// The rules for `url`'s authority, from the cache or the site.
    ///
    /// # Errors
    /// Says why they could not be read, which counts as a no (RFC 9309, 2.3.1.4).
    pub async fn robots_of(&self, url: &Url) -> Result<Arc<Robots>, String> {
        let authority = url.origin().ascii_serialization();
        let now = Instant::now();
        {
            let mut cache = self.shared.robots.lock().await;
            if cache.len() > MAX_ROBOTS {
                cache.retain(|_, cached| cached.until > now);
            }
            if let Some(cached) = cache.get(&authority).filter(|cached| cached.until > now) {
                return cached.rules.clone();
            }
        }
        let rules = self.fetch_robots(url).await;
        let ttl = if rules.is_ok() { ROBOTS_TTL } else { ROBOTS_RETRY };
        let cached = CachedRobots { until: now + ttl, rules: rules.clone() };
        self.shared.robots.lock().await.insert(authority, cached);
        rules
    }

    async fn fetch_robots(&self, url: &Url) -> Result<Arc<Robots>, String> {
        let file = url.join("/robots.txt").map_err(|error| error.to_string())?;
        let request = Request { url: file, validators: Validators::default(), rules: Rules::None };
        match self.fetch_hops(request).await {
            Ok(Fetched::Page(page)) => Ok(Arc::new(Robots::read(&page.body, PRODUCT))),
            Ok(Fetched::NotModified(_)) => Err("304 to a plain request".to_owned()),
            // Anything the site itself says below 500 means that there are no rules; too many requests
            // and server errors mean that we must stay away (RFC 9309, 2.3.1.3 and 2.3.1.4).
            Err(FetchError::Gone) => Ok(Arc::new(Robots::default())),
            Err(FetchError::Status { status, .. }) if (400..500).contains(&status) && status != 429 => {
                Ok(Arc::new(Robots::default()))
            }
            Err(FetchError::TooLarge { .. }) => Err("the file is too large".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
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
    }
}

/// Whether a list of robots words, in lower case and of a header or `<meta>`, asks that no copy is kept.
/// One that another robot is named in front of is not meant for us.
pub fn forbids_copies(words: &str) -> bool {
    let own = PRODUCT.to_ascii_lowercase();
    let words = match words.split_once(':') {
        Some((name, words)) if name.trim() == own => words,
        Some(_) => return false,
        None => words,
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

#[expect(clippy::disallowed_methods, reason = "the fetcher's own client, the only one")]
fn client(options: &Options, resolver: GuardedResolver) -> Result<reqwest::Client, FetchError> {
    let contact = if options.contact.is_empty() { String::new() } else { format!(" (+{})", options.contact) };
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(ACCEPT_ENCODING));
    headers.insert(
        header::ACCEPT,
        HeaderValue::from_static(
            "application/atom+xml, application/rss+xml, application/feed+json, text/html;q=0.9, */*;q=0.5",
        ),
    );
    headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("en-GB, en;q=0.8, cy;q=0.5"));
    reqwest::Client::builder()
        .user_agent(format!("{PRODUCT}/{}{contact}", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .tls_certs_merge(options.certificates().map_err(FetchError::Network)?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .dns_resolver(Arc::new(resolver))
        .connect_timeout(Duration::from_secs(options.connect_timeout_s))
        .read_timeout(Duration::from_secs(options.first_byte_timeout_s))
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(Duration::from_secs(90))
        .build()
        .map_err(|error| FetchError::Network(format!("the HTTP client cannot be made: {error}")))
}
