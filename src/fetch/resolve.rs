//! Names to addresses, guarded: every answer must be public, or none of them is used. A failed look-up
//! is a refusal too, never a way around the guard.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolving};

use super::guard::{Policy, Refusal, is_public};

/// Looks names up.
pub trait Resolve: Send + Sync + std::fmt::Debug {
    /// The addresses of `name`.
    fn resolve(&self, name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>>;
}

/// The machine's own resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
        })
    }
}

/// What reqwest asks: it dials just the addresses that were checked here, so that no second look-up
/// can give another answer.
#[derive(Debug, Clone)]
pub(super) struct GuardedResolver {
    pub(super) policy: Arc<Policy>,
    pub(super) inner: Arc<dyn Resolve>,
}

impl reqwest::dns::Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let is_proxy = self.policy.is_proxy(name.as_str());
        let mapped = self.policy.mapped(name.as_str());
        let lookup = self.inner.resolve(name.as_str().to_owned());
        Box::pin(async move {
            if let Some(address) = mapped {
                return Ok(Box::new(std::iter::once(address)) as Addrs);
            }
            let found = lookup.await?;
            if found.is_empty() {
                return Err(Refusal::NoAddress.into());
            }
            if let Some(refused) = found.iter().find(|ip| !is_proxy && !is_public(**ip)) {
                return Err(Refusal::NotPublic(*refused).into());
            }
            Ok(Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}
