//! Whether a name is registered: asked of the DNS, with an answer that nobody gave told apart from a no.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::{Resolver, TokioResolver};

/// What the DNS says of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// There is no such name (NXDOMAIN).
    Absent,
    /// There is.
    Present {
        /// Whether a server stands there (A or AAAA).
        serves: bool,
        /// Whether it takes mail (MX).
        mails: bool,
    },
    /// Nobody could say (SERVFAIL, no answer): it may be there still.
    Unknown,
}

/// Asks the DNS.
pub trait Registry: Send + Sync + std::fmt::Debug {
    /// What is known of `name`.
    fn look_up(&self, name: String) -> BoxFuture<'static, Registration>;
}

/// The name servers of the machine, or others that the configuration names.
#[derive(Debug, Clone)]
pub struct NameServers {
    resolver: Option<TokioResolver>,
}

/// How long one question may take, and how often it is asked.
const TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 2;

impl NameServers {
    /// Those at `addresses`, or the machine's own where there are none.
    ///
    /// # Errors
    /// When the machine's own cannot be read.
    pub fn new(addresses: &[SocketAddr]) -> Result<Self, String> {
        let mut builder = if addresses.is_empty() {
            TokioResolver::builder_tokio()
                .map_err(|error| format!("the machine's name servers cannot be read: {error}"))?
        } else {
            let servers = addresses.iter().map(|address| {
                let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
                for connection in &mut connections {
                    connection.port = address.port();
                }
                NameServerConfig::new(address.ip(), true, connections)
            });
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
            Resolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = TIMEOUT;
        options.attempts = ATTEMPTS;
        // Every question is asked once a day; what was said yesterday is no answer.
        options.cache_size = 0;
        options.use_hosts_file = hickory_resolver::config::ResolveHosts::Never;
        Ok(Self { resolver: Some(builder.build().map_err(|error| error.to_string())?) })
    }

    /// None, where nothing is to be asked: not every container says where its name servers are.
    pub const fn none() -> Self {
        Self { resolver: None }
    }
}

/// What came of one question.
enum Answered {
    Some,
    None,
    NoSuchName,
    Nobody,
}

async fn ask(resolver: &TokioResolver, name: &str, kind: RecordType) -> Answered {
    // With a dot at its end it is not tried below the machine's own domain.
    match resolver.lookup(format!("{name}."), kind).await {
        Ok(found) if found.answers().iter().any(|record| record.record_type() == kind) => Answered::Some,
        Ok(_) => Answered::None,
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match none.response_code {
            ResponseCode::NXDomain => Answered::NoSuchName,
            ResponseCode::NoError => Answered::None,
            _ => Answered::Nobody,
        },
        Err(_) => Answered::Nobody,
    }
}

impl Registry for NameServers {
    fn look_up(&self, name: String) -> BoxFuture<'static, Registration> {
        let resolver = self.resolver.clone();
        Box::pin(async move {
            let Some(resolver) = resolver else { return Registration::Unknown };
            let first = ask(&resolver, &name, RecordType::A).await;
            match first {
                Answered::NoSuchName => return Registration::Absent,
                Answered::Nobody => return Registration::Unknown,
                Answered::Some | Answered::None => {}
            }
            let is_there = |answered| matches!(answered, Answered::Some);
            let serves = is_there(first) || is_there(ask(&resolver, &name, RecordType::AAAA).await);
            let mails = is_there(ask(&resolver, &name, RecordType::MX).await);
            // A name that exists without either is registered where it has name servers of its own.
            if serves || mails || is_there(ask(&resolver, &name, RecordType::NS).await) {
                return Registration::Present { serves, mails };
            }
            Registration::Absent
        })
    }
}
