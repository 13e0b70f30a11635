//! What an operator may set about fetching.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::guard::Policy;
use crate::problem::Problem;

/// Limits and manners of fetching.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Who stands in the User-Agent header: an address or mailbox that a site's owner can write to.
    pub contact: String,
    /// Time to connect (seconds).
    pub connect_timeout_s: u64,
    /// Time until the first byte of an answer (seconds).
    pub first_byte_timeout_s: u64,
    /// Time for a whole fetch, redirects included (seconds).
    pub total_timeout_s: u64,
    /// Bytes of one body as sent.
    pub max_wire_bytes: u64,
    /// Bytes of one body after decompression.
    pub max_body_bytes: u64,
    /// Redirects followed.
    pub max_redirects: usize,
    /// Time between two requests to one registrable domain (seconds).
    pub host_gap_s: u64,
    /// Requests to all hosts together (per second).
    pub requests_per_second: u32,
    /// Fetches under way at once.
    pub concurrency: usize,
    /// A certificate authority beside the system's, as PEM: that of a proxy which looks into TLS.
    pub ca_file: Option<PathBuf>,
    /// A proxy through which everything goes, such as `http://proxy.example.nhs.uk:3128`. It looks names up itself: which
    /// addresses a name may lead to is then for its own rules; addresses written as numbers and local names are refused
    /// here as always.
    pub proxy: Option<String>,
    /// Name servers that are asked for look-alike domains, with ports; the machine's own where there is none.
    pub name_servers: Vec<String>,
    /// Loopback addresses with ports that may be fetched all the same: for demo and tests.
    pub loopback: Vec<String>,
    /// Names that are dialled at a loopback address instead of being looked up: for demo and tests.
    pub hosts: BTreeMap<String, String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            contact: String::new(),
            connect_timeout_s: 10,
            first_byte_timeout_s: 20,
            total_timeout_s: 60,
            max_wire_bytes: 8 * 1024 * 1024,
            max_body_bytes: 16 * 1024 * 1024,
            max_redirects: 5,
            host_gap_s: 5,
            requests_per_second: 50,
            concurrency: 32,
            ca_file: None,
            proxy: None,
            name_servers: Vec::new(),
            loopback: Vec::new(),
            hosts: BTreeMap::new(),
        }
    }
}

impl Options {
    /// What is wrong with these options.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let positive = [
            ("connect_timeout_s", self.connect_timeout_s),
            ("first_byte_timeout_s", self.first_byte_timeout_s),
            ("total_timeout_s", self.total_timeout_s),
            ("max_wire_bytes", self.max_wire_bytes),
            ("max_body_bytes", self.max_body_bytes),
            ("requests_per_second", self.requests_per_second.into()),
            ("concurrency", self.concurrency as u64),
            ("host_gap_s", self.host_gap_s),
        ];
        for (key, _) in positive.into_iter().filter(|(_, value)| *value == 0) {
            problems.push(Problem::at(key, "must be at least 1"));
        }
        if self.contact.contains(|c: char| c.is_control() || !c.is_ascii()) {
            problems.push(Problem::at("contact", "stands in an HTTP header: use plain ASCII on one line"));
        }
        if let Some(Err(message)) = self.proxy.as_deref().map(proxy_url) {
            problems.push(Problem::at("proxy", message));
        }
        if let Err(message) = self.certificates() {
            problems.push(Problem::at("ca_file", message));
        }
        for (index, address) in self.name_servers.iter().enumerate() {
            if address.parse::<SocketAddr>().is_err() {
                let message = format!("{address:?} is no address with a port, such as 192.0.2.53:53");
                problems.push(Problem::at(format!("name_servers[{index}]"), message));
            }
        }
        for (index, address) in self.loopback.iter().enumerate() {
            if let Err(message) = loopback_address(address) {
                problems.push(Problem::at(format!("loopback[{index}]"), message));
            }
        }
        for (name, address) in &self.hosts {
            match loopback_address(address) {
                Err(message) => problems.push(Problem::at(format!("hosts.{name}"), message)),
                Ok(address) if !self.loopback.iter().any(|listed| listed.parse() == Ok(address)) => {
                    problems.push(Problem::at(
                        format!("hosts.{name}"),
                        format!("{address} must be listed in fetch.loopback as well"),
                    ));
                }
                Ok(_) => {}
            }
        }
        problems
    }

    /// The name servers; those that cannot be read are left out, `check` names them.
    pub fn name_servers(&self) -> Vec<SocketAddr> {
        self.name_servers.iter().filter_map(|address| address.parse().ok()).collect()
    }

    /// The certificates that are trusted beside the system's.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub(super) fn certificates(&self) -> Result<Vec<reqwest::Certificate>, String> {
        let Some(file) = &self.ca_file else { return Ok(Vec::new()) };
        let pem =
            std::fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        let found = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        if found.is_empty() { Err(format!("{} holds no certificate", file.display())) } else { Ok(found) }
    }

    /// What the guard lets through. Addresses that cannot be read, and hosts at addresses that are not
    /// listed, are left out; `check` names them.
    pub fn policy(&self) -> Policy {
        let loopback: HashSet<SocketAddr> =
            self.loopback.iter().filter_map(|address| loopback_address(address).ok()).collect();
        let hosts = self.hosts.iter().filter_map(|(name, address)| {
            let address = loopback_address(address).ok().filter(|address| loopback.contains(address))?;
            Some((name.trim_end_matches('.').to_lowercase(), address))
        });
        let hosts = hosts.collect();
        let proxy = self.proxy.as_deref().and_then(|proxy| proxy_url(proxy).ok());
        Policy { loopback, hosts, proxy }
    }
}

/// The address of a proxy.
fn proxy_url(text: &str) -> Result<Url, String> {
    let wrong = || format!("{text:?} is no proxy: write it as http://proxy.example.nhs.uk:3128");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_bare =
        url.path() == "/" && url.query().is_none() && url.username().is_empty() && url.password().is_none();
    if matches!(url.scheme(), "http" | "https") && url.host().is_some() && is_bare {
        Ok(url)
    } else {
        Err(wrong())
    }
}

fn loopback_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| format!("{text:?} is no address with a port, such as 127.0.0.1:8080"))?;
    if address.ip().is_loopback() { Ok(address) } else { Err(format!("{text:?} is not a loopback address")) }
}
