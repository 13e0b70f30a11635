//! The guard, watched from outside: the real program is led to every refused spelling and address, by
//! redirects and by its configuration, while strace notes what it asks of the kernel's network.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use regex::{Captures, Regex};
use url::Url;

use super::process::{FEED, config_of};
use super::server::{Server, answer, moved};
use super::{HOST, lines};

/// How many different spellings and addresses have to be tried in each way.
const AT_LEAST: usize = 450;
/// How many of them the guard itself has to refuse; the rest cannot be read as addresses at all.
const REFUSED_AT_LEAST: usize = 400;

/// The host of a second server, to which a redirect may lead.
const OPEN_HOST: &str = "open.example.com";

/// Spellings that a configuration must refuse, while a `Location` header with them is in order: they are
/// paths on the server that sent them, or a host under its scheme (RFC 3986, 5.2.2; the URL standard reads
/// a scheme without two slashes likewise).
const RELATIVE: [&str; 5] =
    ["example.com/feed.xml", "//example.com/feed.xml", "/etc/passwd", "http:127.0.0.1/", "http:/127.0.0.1/"];

/// A socket address in the arguments of a system call: family, port and address.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"sa_family=(AF_\w+)(?:, sin6?_port=htons\((\d+)\)[^"]*"([^"]*)")?"#).unwrap()
});

/// Every refused spelling, and every refused address as a URL; none twice.
fn refused() -> BTreeSet<String> {
    let mut all: BTreeSet<String> = lines("refused_urls.txt").into_iter().collect();
    let literals = lines("refused_addresses.txt").into_iter();
    all.extend(
        literals.map(|ip| if ip.contains(':') { format!("http://[{ip}]/") } else { format!("http://{ip}/") }),
    );
    all
}

/// What a process asked of the network.
#[derive(Debug, Default, PartialEq, Eq)]
struct Trace {
    /// The families of the sockets that it opened, and how many.
    opened: BTreeMap<String, usize>,
    /// The addresses that it connected to, sent to or bound to, and how often.
    reached: BTreeMap<String, usize>,
}

impl Trace {
    /// Reads what strace wrote. A call that another thread interrupts is split in two lines, of which the
    /// first holds what is passed to the kernel.
    fn read(text: &str) -> Self {
        let mut trace = Self::default();
        for line in text.lines() {
            let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
            let Some((name, arguments)) = call.split_once('(') else { continue };
            match name {
                "socket" => {
                    let family = arguments.split(',').next().unwrap_or_default();
                    *trace.opened.entry(family.to_owned()).or_default() += 1;
                }
                "connect" | "sendto" | "sendmsg" | "sendmmsg" | "bind" => {
                    for found in ADDRESS.captures_iter(arguments) {
                        *trace.reached.entry(address(&found)).or_default() += 1;
                    }
                }
                _ => {}
            }
        }
        trace
    }

    fn times(&self, address: SocketAddr) -> usize {
        self.reached.get(&address.to_string()).copied().unwrap_or_default()
    }
}

/// An address with its port, where the family has them; else the family.
fn address(found: &Captures<'_>) -> String {
    match (found.get(2), found.get(3)) {
        (Some(port), Some(ip)) => {
            SocketAddr::new(ip.as_str().parse().unwrap(), port.as_str().parse().unwrap()).to_string()
        }
        _ => found[1].to_owned(),
    }
}

/// Polls every source of a configuration under strace: what was said, and what the network saw.
async fn poll_watched(folder: &Path, file: &Path) -> (Output, Trace) {
    let notes = folder.join("strace.txt");
    let mut command = Command::new("strace");
    // Stopped at calls to the network alone, which is quick; noted without the bytes that were sent, in which
    // anything may stand.
    command.args("-f --seccomp-bpf -e trace=%network -e signal=none -s 0 -qq -o".split(' ')).arg(&notes);
    command.arg(env!("CARGO_BIN_EXE_trustwatch")).arg("--config").arg(file).args(["poll", "--all", "--json"]);
    let ran = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output()).await.unwrap();
    let output = ran.unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound => panic!("strace is missing: run tests/run, which installs it"),
        _ => panic!("strace cannot be started: {error}"),
    });
    let notes = std::fs::read_to_string(notes)
        .unwrap_or_else(|error| panic!("strace noted nothing ({error}): {}", said(&output.stderr)));
    (output, Trace::read(&notes))
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `poll` told of each source: the outcome in a word and in a sentence.
fn outcomes(output: &Output) -> BTreeMap<String, (String, String)> {
    let text = said(&output.stdout);
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let word = |line: &serde_json::Value, key: &str| line[key].as_str().unwrap().to_owned();
    lines.map(|line| (word(&line, "source"), (word(&line, "outcome"), word(&line, "detail")))).collect()
}

/// How a redirect to a refused spelling ends: what the URL standard cannot read is no place to go to,
/// everything else is the guard's to refuse.
fn expected(location: &str) -> (&'static str, &'static str) {
    let base = Url::parse(&format!("http://{HOST}/")).unwrap();
    if location.contains(['\\', '\t']) || base.join(location.trim()).is_ok() {
        ("refused", "refused: ")
    } else {
        ("redirect", "redirected to nowhere: ")
    }
}

#[tokio::test]
async fn redirects_to_refused_spellings_and_addresses_open_no_socket() {
    let locations: Vec<String> =
        refused().into_iter().filter(|spelling| !RELATIVE.contains(&spelling.as_str())).collect();
    assert!(locations.len() >= AT_LEAST, "only {}", locations.len());
    let open = Server::start(|_| answer("200 OK", "Content-Type: text/xml\r\n", FEED)).await;
    let script = locations.clone();
    let server = Server::start(move |asked| match asked.path.strip_prefix("/to/") {
        Some(number) => moved(&script[number.parse::<usize>().unwrap()]),
        None => moved(&format!("http://{OPEN_HOST}/feed")),
    })
    .await;
    let mut sources: Vec<(String, String)> = (0..locations.len())
        .map(|number| (format!("to-{number}"), format!("http://{HOST}/to/{number}")))
        .collect();
    sources.push(("open".to_owned(), format!("http://{HOST}/open")));
    let folder = tempfile::tempdir().unwrap();
    let hosts = [(HOST, server.address), (OPEN_HOST, open.address)];
    let file = config_of(folder.path(), &sources, &hosts);

    let (output, trace) = poll_watched(folder.path(), &file).await;

    let told = outcomes(&output);
    assert_eq!(told.len(), sources.len(), "{}", said(&output.stderr));
    let own = [server.address, open.address];
    let elsewhere: Vec<&String> =
        trace.reached.keys().filter(|to| own.iter().all(|address| address.to_string() != **to)).collect();
    assert!(elsewhere.is_empty(), "reached: {elsewhere:?}");
    // The control: a redirect that may be followed is seen, and strace saw every connection that came in.
    assert_eq!(told["open"].0, "read", "{}", told["open"].1);
    assert_eq!(open.count("/feed"), 1);
    assert_eq!(
        own.map(|address| trace.times(address)),
        [server.connections().await, open.connections().await]
    );
    // One socket for each connection and none beside, hence no look-up of a name either: it begins with a
    // socket to the name service's cache or to a server.
    let connections = own.iter().map(|address| trace.times(*address)).sum();
    assert_eq!(trace.opened, BTreeMap::from([("AF_INET".to_owned(), connections)]));

    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, location) in locations.iter().enumerate() {
        let (outcome, detail) = &told[&format!("to-{number}")];
        let (right, begins) = expected(location);
        assert_eq!(outcome, right, "{location:?}: {detail}");
        assert!(detail.starts_with(begins), "{location:?}: {detail}");
        *counts.entry(right).or_default() += 1;
    }
    println!("{} spellings and addresses: {counts:?}; {trace:?}", locations.len());
    assert!(counts["refused"] >= REFUSED_AT_LEAST, "{counts:?}");
}

#[tokio::test]
async fn a_configuration_of_refused_spellings_is_refused_whole_and_opens_no_socket() {
    let spellings = refused();
    assert!(spellings.len() >= AT_LEAST, "only {}", spellings.len());
    let sources: Vec<(String, String)> =
        spellings.iter().enumerate().map(|(number, url)| (format!("at-{number}"), url.clone())).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = config_of(folder.path(), &sources, &[]);

    let (output, trace) = poll_watched(folder.path(), &file).await;

    assert_eq!(output.status.code(), Some(2), "{}", said(&output.stderr));
    let errors = said(&output.stderr);
    let problems = |number: usize| errors.matches(&format!(": source[{number}].url: ")).count();
    let unnamed: Vec<&String> = spellings
        .iter()
        .enumerate()
        .filter(|(number, _)| problems(*number) != 1)
        .map(|(_, url)| url)
        .collect();
    assert!(unnamed.is_empty(), "without a problem of its own: {unnamed:?}");
    assert!(errors.contains(&format!("\n{} problems\n", spellings.len())), "others beside");
    assert_eq!(trace, Trace::default());
}

#[test]
fn the_reader_of_traces_sees_every_way_out() {
    let trace = Trace::read(
        r#"7 socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_IP) = 9
7 connect(9, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("10.0.0.1")}, 16 <unfinished ...>
8 socket(AF_INET6, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP <unfinished ...>
7 <... connect resumed>) = -1 EINPROGRESS (Operation now in progress)
8 connect(10, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = 0
8 sendto(11, ""..., 33, MSG_NOSIGNAL, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.53")}, 16) = 33
8 sendto(9, ""..., 33, MSG_NOSIGNAL, NULL, 0) = 33
8 sendmmsg(11, [{msg_hdr={msg_name={sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.53")}, msg_namelen=16}, msg_len=33}, {msg_hdr={msg_name={sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.54")}, msg_namelen=16}, msg_len=33}], 2, MSG_NOSIGNAL) = 2
8 socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0) = 12
8 connect(12, {sa_family=AF_UNIX, sun_path="/run/nscd/socket"}, 110) = -1 ENOENT (No such file or directory)
8 getsockname(9, {sa_family=AF_INET, sin_port=htons(40000), sin_addr=inet_addr("127.0.0.1")}, [128 => 16]) = 0
"#,
    );
    let counts = |pairs: &[(&str, usize)]| {
        pairs.iter().map(|(key, n)| ((*key).to_owned(), *n)).collect::<BTreeMap<String, usize>>()
    };
    assert_eq!(trace.opened, counts(&[("AF_INET", 1), ("AF_INET6", 1), ("AF_UNIX", 1)]));
    assert_eq!(
        trace.reached,
        counts(&[
            ("10.0.0.1:80", 1),
            ("10.0.0.53:53", 2),
            ("10.0.0.54:53", 1),
            ("AF_UNIX", 1),
            ("[::1]:443", 1),
        ])
    );
}
