//! Which addresses may be fetched: public ones on ports 80 and 443, and loopback addresses that the
//! configuration lists one by one. Decided on what was parsed, never on how it was spelled; asked for
//! literals, for every answer of the resolver, on every redirect, and of the connected peer.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::LazyLock;

use ipnet::{Ipv4Net, Ipv6Net};
use url::{Host, Url};

/// Why an address is refused. No connection is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Cannot be read as an address.
    #[error("the address cannot be read: {0}")]
    Unreadable(String),
    /// Another scheme than http and https.
    #[error("the scheme {0:?} is not fetched: use http or https")]
    Scheme(String),
    /// Characters that two parsers read in two ways.
    #[error(
        "the address holds a character that programs read in different ways (backslash, tab, space or line break)"
    )]
    Ambiguous,
    /// A user name or password in the address.
    #[error("the address holds a user name or password")]
    UserInfo,
    /// Another port than 80 and 443.
    #[error("port {0} is not fetched: use 80 or 443")]
    Port(u16),
    /// A name of the own machine or network.
    #[error("{0:?} is a name of the own machine or network")]
    LocalName(String),
    /// An address that is not public.
    #[error("{0} is not a public address")]
    NotPublic(IpAddr),
    /// The resolver answered with nothing.
    #[error("the name has no address")]
    NoAddress,
}

/// What the guard lets through beside public addresses.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Loopback addresses that may be dialled.
    pub loopback: HashSet<SocketAddr>,
    /// Names that are dialled at one of them.
    pub hosts: HashMap<String, SocketAddr>,
    /// The proxy through which everything goes: a trusted hop, on whatever network it stands.
    pub proxy: Option<Url>,
}

impl Policy {
    /// Where `host` is mapped to, if it is.
    pub fn mapped(&self, host: &str) -> Option<SocketAddr> {
        self.hosts.get(&host.trim_end_matches('.').to_lowercase()).copied()
    }

    /// Whether a connection to `peer` may be used.
    pub fn admits_peer(&self, peer: SocketAddr) -> bool {
        // Behind a proxy there is no other peer.
        self.proxy.is_some() || is_public(peer.ip()) || self.loopback.contains(&peer)
    }

    /// Whether `name` is the proxy's own.
    pub(super) fn is_proxy(&self, name: &str) -> bool {
        self.proxy.as_ref().and_then(Url::host_str).is_some_and(|proxy| proxy.eq_ignore_ascii_case(name))
    }
}

/// Reads `text` as an address that may be fetched.
///
/// # Errors
/// Says why it may not.
pub fn parse_target(text: &str, policy: &Policy) -> Result<Url, Refusal> {
    if text.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control()) {
        return Err(Refusal::Ambiguous);
    }
    let url = Url::parse(text).map_err(|error| Refusal::Unreadable(error.to_string()))?;
    check_url(&url, policy)?;
    Ok(url)
}

/// Whether a parsed address may be fetched, as far as it tells by itself.
pub(super) fn check_url(url: &Url, policy: &Policy) -> Result<(), Refusal> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refusal::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::UserInfo);
    }
    let port = url.port_or_known_default().unwrap_or_default();
    let listed = |ip: IpAddr| policy.loopback.contains(&SocketAddr::new(ip, port));
    match url.host() {
        None => return Err(Refusal::Unreadable("no host".to_owned())),
        Some(Host::Ipv4(ip)) if listed(ip.into()) => return Ok(()),
        Some(Host::Ipv6(ip)) if listed(ip.into()) => return Ok(()),
        Some(Host::Ipv4(ip)) => public(ip.into())?,
        Some(Host::Ipv6(ip)) => public(ip.into())?,
        Some(Host::Domain(name)) => {
            // `127.0.0.1..` is a name to the parser and may be an address to a resolver.
            if name.strip_suffix('.').unwrap_or(name).split('.').any(str::is_empty) {
                return Err(Refusal::Ambiguous);
            }
            if policy.mapped(name).is_none() && is_local_name(name) {
                return Err(Refusal::LocalName(name.to_owned()));
            }
        }
    }
    if port == 80 || port == 443 { Ok(()) } else { Err(Refusal::Port(port)) }
}

fn public(ip: IpAddr) -> Result<(), Refusal> {
    if is_public(ip) { Ok(()) } else { Err(Refusal::NotPublic(ip)) }
}

/// Names that never lead to the public web: special-use names (RFC 6761, 6762, 7686, 8375, 9476), those that ICANN keeps
/// out of the root for private use, those of hosts files and containers, and single labels.
fn is_local_name(name: &str) -> bool {
    const LOCAL: [&str; 23] = [
        "localhost",
        "localdomain",
        "localdomain4",
        "localdomain6",
        "local",
        "localnet",
        "internal",
        "arpa",
        "lan",
        "intranet",
        "intra",
        "private",
        "corp",
        "home",
        "mail",
        "onion",
        "alt",
        "invalid",
        "test",
        "docker",
        "consul",
        "svc",
        "kubernetes",
    ];
    let name = name.trim_end_matches('.').to_lowercase();
    !name.contains('.') || LOCAL.iter().any(|suffix| name == *suffix || name.ends_with(&format!(".{suffix}")))
}

/// IPv4 blocks of the IANA special-purpose registry that are not globally reachable, 6to4 relays,
/// multicast and the reserved block.
static REFUSED_V4: LazyLock<Vec<Ipv4Net>> = LazyLock::new(|| {
    [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    ]
    .map(|block| block.parse().expect("a constant block parses"))
    .to_vec()
});

/// Within `2000::/3`, the only unicast block in use: protocol assignments (Teredo, ORCHID, benchmarking),
/// documentation, 6to4. What lies outside `2000::/3` (mapped, NAT64, ULA, link-local …) is refused whole.
static REFUSED_V6: LazyLock<Vec<Ipv6Net>> = LazyLock::new(|| {
    ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]
        .map(|block| block.parse().expect("a constant block parses"))
        .to_vec()
});
static UNICAST_V6: LazyLock<Ipv6Net> = LazyLock::new(|| "2000::/3".parse().expect("a constant block parses"));

/// Whether an address belongs to the public internet. An IPv6 address that shows that it embeds an IPv4 one (mapped,
/// compatible, NAT64, 6to4, Teredo, ISATAP) is never public, whatever is inside. NAT64 under a network's own prefix
/// shows nothing.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    !REFUSED_V4.iter().any(|block| block.contains(&ip))
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    UNICAST_V6.contains(&ip) && !REFUSED_V6.iter().any(|block| block.contains(&ip)) && !is_isatap(ip)
}

/// ISATAP (RFC 5214, 6.1): the interface identifier `::0:5efe:a.b.c.d`, with the universal and the group bit free.
fn is_isatap(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    segments[4] & !0x0300 == 0 && segments[5] == 0x5efe
}
