//! The guard: addresses that are not public are refused in every spelling, whether written, resolved
//! or redirected to, and no connection is made.

use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use trustwatch::fetch::{
    FetchError, Fetched, Fetcher, Options, Policy, Refusal, Request, Rules, is_public, parse_target,
};
use url::Url;

use super::server::{Server, answer};
use super::{Scripted, clock, lines};

/// Given back in 2006 and announced by nobody since: public by its number, dialled in vain.
const UNROUTED: &str = "3ffe::1";

/// The blocks of IANA's special-purpose address registries (IPv4, IPv6) that are not globally reachable,
/// with those that carry another address inside, multicast, reserved and deprecated space.
const SPECIAL_BLOCKS: [&str; 44] = [
    "0.0.0.0/8",
    "0.0.0.0/32",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.0.0/29",
    "192.0.0.8/32",
    "192.0.0.170/32",
    "192.0.0.171/32",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.88.99.2/32",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "::1/128",
    "::/96",
    "::ffff:0:0/96",
    "::ffff:0:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001::/32",
    "2001:2::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// The first, the middle and the last address of a block.
fn samples(block: &str) -> [IpAddr; 3] {
    let block: IpNet = block.parse().unwrap();
    let half = (block.prefix_len() + 1).min(block.max_prefix_len());
    let upper_half = block.subnets(half).unwrap().last().unwrap();
    [block.network(), upper_half.network(), block.broadcast()]
}

fn addresses(file: &str) -> Vec<IpAddr> {
    lines(file).iter().map(|line| line.parse().unwrap_or_else(|_| panic!("{line} is no address"))).collect()
}

/// Connections to the port that refused addresses lead to, over all tests of this file: there must
/// never be any. Connections are taken up in their order: once one of our own is closed, all earlier
/// ones are counted. Where the machine does not let us listen there, a connection would fail with
/// `FetchError::Network`, which the tests do not take for a refusal either.
fn connections_to_port_80() -> usize {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static OWN: Mutex<usize> = Mutex::new(0);
    static LISTENING: LazyLock<bool> = LazyLock::new(|| match std::net::TcpListener::bind("127.0.0.1:80") {
        Ok(listener) => {
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    COUNT.fetch_add(1, Ordering::SeqCst);
                    drop(stream);
                }
            });
            true
        }
        Err(error) => {
            println!("port 80 cannot be listened on ({error}): errors alone tell refusals");
            false
        }
    });
    let mut own = OWN.lock().unwrap();
    if !*LISTENING {
        return 0;
    }
    let mut stream = std::net::TcpStream::connect("127.0.0.1:80").unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "closed without a word");
    *own += 1;
    COUNT.load(Ordering::SeqCst) - *own
}

fn quick() -> Options {
    Options {
        connect_timeout_s: 1,
        total_timeout_s: 10,
        host_gap_s: 0,
        requests_per_second: 10_000,
        ..Options::default()
    }
}

/// Without robots.txt, so that the page itself is what is refused.
fn bare(url: &Url) -> Request {
    Request { rules: Rules::None, ..Request::new(url.clone()) }
}

async fn refusal(fetcher: &Fetcher, url: &str) -> Refusal {
    match fetcher.fetch(bare(&Url::parse(url).unwrap())).await {
        Err(FetchError::Refused(refusal)) => refusal,
        other => panic!("{url} was not refused: {other:?}"),
    }
}

#[test]
fn refused_addresses_are_not_public_and_allowed_ones_are() {
    let (refused, allowed) = (addresses("refused_addresses.txt"), addresses("allowed_addresses.txt"));
    assert!(refused.len() >= 60 && allowed.len() >= 30, "{} and {}", refused.len(), allowed.len());
    let wrong: Vec<_> = refused.iter().filter(|ip| is_public(**ip)).collect();
    assert!(wrong.is_empty(), "taken for public: {wrong:?}");
    let wrong: Vec<_> = allowed.iter().filter(|ip| !is_public(**ip)).collect();
    assert!(wrong.is_empty(), "taken for not public: {wrong:?}");
}

#[test]
fn every_special_block_is_on_the_list_with_its_first_middle_and_last_address() {
    let listed = addresses("refused_addresses.txt");
    let missing: Vec<_> = SPECIAL_BLOCKS
        .iter()
        .flat_map(|block| samples(block).map(|ip| (block, ip)))
        .filter(|(_, ip)| !listed.contains(ip))
        .collect();
    assert!(missing.is_empty(), "not on the list: {missing:?}");
}

#[test]
fn refused_spellings_are_no_target() {
    let urls = lines("refused_urls.txt");
    assert!(urls.len() >= 60, "{}", urls.len());
    let policy = Policy::default();
    let through: Vec<_> = urls.iter().filter(|url| parse_target(url, &policy).is_ok()).collect();
    assert!(through.is_empty(), "let through: {through:#?}");
}

#[test]
fn literals_of_refused_addresses_are_no_target_and_of_allowed_ones_are() {
    let url = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => format!("https://{ip}/feed"),
        IpAddr::V6(ip) => format!("https://[{ip}]/feed"),
    };
    for ip in addresses("refused_addresses.txt") {
        assert_eq!(parse_target(&url(&ip), &Policy::default()), Err(Refusal::NotPublic(ip)));
    }
    for ip in addresses("allowed_addresses.txt") {
        assert!(parse_target(&url(&ip), &Policy::default()).is_ok(), "{ip}");
    }
}

/// Whoever forgets to ask `parse_target` meets the same guard in the fetcher. What `url` itself cannot
/// read, or reads as something harmless (a dropped tab, a backslash), is left to `parse_target`.
#[tokio::test]
async fn refused_spellings_open_no_connection_and_look_nothing_up() {
    assert_eq!(connections_to_port_80(), 0);
    let resolver = Scripted::new(|_, _| Ok(vec!["127.0.0.1".parse().unwrap()]));
    let fetcher = Fetcher::new(quick(), resolver.clone(), clock()).unwrap();
    let urls = lines("refused_urls.txt");
    let mut tried = 0;
    for text in &urls {
        let refused_as = parse_target(text, &Policy::default()).unwrap_err();
        let Ok(url) = Url::parse(text) else { continue };
        if refused_as == Refusal::Ambiguous {
            continue;
        }
        for rules in [Rules::None, Rules::Robots] {
            let request = Request { rules, ..Request::new(url.clone()) };
            match fetcher.fetch(request).await {
                Err(FetchError::Refused(refusal)) => assert_eq!(refusal, refused_as, "{text}"),
                other => panic!("{text} was not refused: {other:?}"),
            }
        }
        tried += 1;
    }
    assert!(tried >= 200, "only {tried} of {} were tried", urls.len());
    assert_eq!(resolver.count(), 0, "looked up");
    assert_eq!(connections_to_port_80(), 0, "connected");
}

#[tokio::test]
async fn a_name_that_resolves_to_any_address_that_is_not_public_is_refused() {
    assert_eq!(connections_to_port_80(), 0);
    let refused = addresses("refused_addresses.txt");
    let public: IpAddr = "93.184.216.34".parse().unwrap();
    let mut names: Vec<(String, Vec<IpAddr>, IpAddr)> = Vec::new();
    for (index, ip) in refused.iter().enumerate() {
        names.push((format!("a{index}.example.com"), vec![*ip], *ip));
        names.push((format!("b{index}.example.com"), vec![public, *ip], *ip));
        names.push((format!("c{index}.example.com"), vec![*ip, public], *ip));
    }
    let answers = names.clone();
    let resolver =
        Scripted::new(move |name, _| Ok(answers.iter().find(|(known, ..)| known == name).unwrap().1.clone()));
    let fetcher = Fetcher::new(quick(), resolver.clone(), clock()).unwrap();
    for (name, _, bad) in &names {
        for scheme in ["http", "https"] {
            let found = refusal(&fetcher, &format!("{scheme}://{name}/")).await;
            assert_eq!(found, Refusal::NotPublic(*bad), "{name}");
        }
    }
    assert_eq!(resolver.count(), names.len() * 2, "one look-up each");
    assert_eq!(connections_to_port_80(), 0, "connected");
}

#[tokio::test]
async fn a_name_without_an_answer_is_refused_or_fails_and_is_never_dialled() {
    assert_eq!(connections_to_port_80(), 0);
    let resolver = Scripted::new(|name, _| match name {
        "empty.example.com" => Ok(Vec::new()),
        _ => Err(std::io::Error::other("SERVFAIL")),
    });
    let fetcher = Fetcher::new(quick(), resolver, clock()).unwrap();
    assert_eq!(refusal(&fetcher, "http://empty.example.com/").await, Refusal::NoAddress);
    let failed = fetcher.fetch(bare(&Url::parse("http://fails.example.com/").unwrap())).await;
    assert!(matches!(&failed, Err(FetchError::Network(why)) if why.contains("SERVFAIL")), "{failed:?}");
    assert_eq!(connections_to_port_80(), 0, "connected");
}

#[tokio::test]
async fn a_name_that_changes_its_address_between_look_ups_never_reaches_loopback() {
    const ROUNDS: usize = 1000;
    assert_eq!(connections_to_port_80(), 0);
    let resolver = Scripted::new(|_, before| {
        Ok(vec![if before == 0 { UNROUTED } else { "127.0.0.1" }.parse().unwrap()])
    });
    let fetcher = Fetcher::new(quick(), resolver.clone(), clock()).unwrap();
    let mut rounds = JoinSet::new();
    for round in 0..ROUNDS {
        let fetcher = fetcher.clone();
        rounds.spawn(async move {
            let url = Url::parse(&format!("http://r{round}.example.com/")).unwrap();
            let first = fetcher.fetch(bare(&url)).await;
            let second = fetcher.fetch(bare(&url)).await;
            (first, second)
        });
    }
    while let Some(round) = rounds.join_next().await {
        let (first, second) = round.unwrap();
        let in_vain = matches!(first, Err(FetchError::Network(_) | FetchError::Timeout { .. }));
        assert!(in_vain, "the first answer is public and leads nowhere: {first:?}");
        let refused = matches!(&second, Err(FetchError::Refused(Refusal::NotPublic(ip))) if ip.is_loopback());
        assert!(refused, "{second:?}");
    }
    assert_eq!(resolver.count(), ROUNDS * 2, "what is dialled is what was checked: one look-up a fetch");
    assert_eq!(connections_to_port_80(), 0, "connected");
}

#[tokio::test]
async fn loopback_is_reached_at_listed_addresses_and_ports_only() {
    let listed = Server::start(|_| answer("200 OK", "", "listed")).await;
    let port = listed.address.port();
    // The same port on another loopback address, and another port on the same one.
    let elsewhere = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    let elsewhere = Server::on(elsewhere, |_| answer("200 OK", "", "elsewhere"));
    let unlisted = Server::start(|_| answer("200 OK", "", "unlisted")).await;
    let options = Options { loopback: vec![listed.address.to_string()], ..quick() };
    let fetcher = Fetcher::new(options, super::nobody(), clock()).unwrap();
    let url = |address: SocketAddr| Url::parse(&format!("http://{address}/")).unwrap();
    match fetcher.fetch(Request::new(url(listed.address))).await.unwrap() {
        Fetched::Page(page) => assert_eq!(page.body, b"listed"),
        Fetched::NotModified(_) => panic!("not asked for"),
    }
    for other in [
        url(elsewhere.address).to_string(),
        url(unlisted.address).to_string(),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://localhost:{port}/"),
        "http://127.0.0.1/".to_owned(),
    ] {
        refusal(&fetcher, &other).await;
    }
    assert_eq!((elsewhere.connections().await, unlisted.connections().await), (0, 0), "connected");
}

#[tokio::test]
async fn a_mapped_name_reaches_its_listed_address_only() {
    let listed = Server::start(|_| answer("200 OK", "", "listed")).await;
    let unlisted = Server::start(|_| answer("200 OK", "", "unlisted")).await;
    let hosts = [("paper.example.com", listed.address), ("stray.example.com", unlisted.address)];
    let hosts = hosts.map(|(name, address)| (name.to_owned(), address.to_string()));
    let options =
        Options { loopback: vec![listed.address.to_string()], hosts: hosts.into_iter().collect(), ..quick() };
    let named = options.check().iter().filter(|problem| problem.key.starts_with("hosts.")).count();
    assert_eq!(named, 1, "the configuration names the host that is not listed");
    let fetcher = Fetcher::new(options, super::nobody(), clock()).unwrap();
    let found = fetcher.fetch(Request::new(Url::parse("http://PAPER.example.com./").unwrap())).await;
    assert!(matches!(found, Ok(Fetched::Page(page)) if page.body == b"listed"));
    let url = Url::parse("http://stray.example.com/").unwrap();
    let stray = fetcher.fetch(bare(&url)).await;
    assert!(stray.is_err(), "{stray:?}");
    assert_eq!(unlisted.connections().await, 0, "connected");
}
