//! What carries a request: the network, or, in a simulation, a script.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::header::{self, HeaderMap, HeaderValue};
use url::Url;

use super::Options;
use super::client::PRODUCT;
use super::decode::ACCEPT_ENCODING;
use super::error::{FetchError, TimeLimit};
use super::guard::{Policy, Refusal};
use super::resolve::{GuardedResolver, Resolve};

/// An answer whose body is still to be read.
pub use reqwest::Response;

/// Sends one request and gives back the head of the answer, its body still to be read. The network does it; simulations
/// of a day over a thousand hosts script it.
pub trait Wire: Send + Sync + std::fmt::Debug {
    /// One request, no redirect followed.
    fn get(&self, url: Url, headers: HeaderMap) -> BoxFuture<'static, Result<reqwest::Response, FetchError>>;
}

/// The network.
#[derive(Debug)]
pub(super) struct Network {
    client: reqwest::Client,
    policy: Arc<Policy>,
    connect_limit: Duration,
    first_byte_limit: Duration,
}

impl Network {
    pub(super) fn new(
        options: &Options,
        policy: Arc<Policy>,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, FetchError> {
        // A second installation finds the first in place.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = client(options, GuardedResolver { policy: policy.clone(), inner: resolver })?;
        Ok(Self {
            client,
            policy,
            connect_limit: Duration::from_secs(options.connect_timeout_s),
            first_byte_limit: Duration::from_secs(options.first_byte_timeout_s),
        })
    }
}

impl Wire for Network {
    fn get(&self, url: Url, headers: HeaderMap) -> BoxFuture<'static, Result<reqwest::Response, FetchError>> {
        let sent = self.client.get(url).headers(headers).send();
        let (policy, connect_limit, limit) = (self.policy.clone(), self.connect_limit, self.first_byte_limit);
        Box::pin(async move {
            let response = tokio::time::timeout(limit, sent)
                .await
                .map_err(|_| FetchError::Timeout { what: TimeLimit::FirstByte, limit })?
                .map_err(|error| FetchError::from_reqwest(&error, connect_limit))?;
            // The last word: whatever was looked up, this is who answered.
            match response.remote_addr() {
                Some(peer) if policy.admits_peer(peer) => Ok(response),
                Some(peer) => Err(Refusal::NotPublic(peer.ip()).into()),
                None => Err(FetchError::Network("the connection has no peer address".to_owned())),
            }
        })
    }
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
    let builder = reqwest::Client::builder().no_proxy();
    let builder = match options.policy().proxy {
        Some(proxy) => builder.proxy(
            reqwest::Proxy::all(proxy).map_err(|error| FetchError::Network(format!("the proxy: {error}")))?,
        ),
        None => builder,
    };
    builder
        .user_agent(format!("{PRODUCT}/{}{contact}", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .tls_certs_merge(options.certificates().map_err(FetchError::Network)?)
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(Arc::new(resolver))
        .connect_timeout(Duration::from_secs(options.connect_timeout_s))
        .read_timeout(Duration::from_secs(options.first_byte_timeout_s))
        .pool_max_idle_per_host(1)
        // Between two visits to one host no server keeps a connection; robots.txt, page and redirects share one, with
        // the usual gap of five seconds between them. Each that waits takes 50 KiB.
        .pool_idle_timeout(Duration::from_secs(6))
        .build()
        .map_err(|error| FetchError::Network(format!("the HTTP client cannot be made: {error}")))
}
