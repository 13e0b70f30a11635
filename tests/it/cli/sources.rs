//! `sources` as a new user meets it: a local paper is found, tested and added, the Trust's own keyed feed too, over
//! stand-ins under their own names; what is refused says why and what else there is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use trustwatch::clock::{self, Clock};

use crate::program::{Ran, trustwatch};

const KEY: &str = "k3y-of-the-trust";
const WDTK: &str = "www.whatdotheyknow.com";

/// What stands where: content type and body by host and path.
fn world() -> BTreeMap<String, (&'static str, String)> {
    let story = |n: u32| {
        format!(
            "<item><guid>{n}</guid><link>http://paper.example/{n}</link><title>Lift {n} is out of order</title>\
             <pubDate>Wed, 01 Jul 2026 0{n}:00:00 GMT</pubDate><description>Northmere Valley NHS Foundation Trust said sorry.</description></item>"
        )
    };
    let items = [3, 2, 1].map(story).concat();
    let feed = format!("<rss version=\"2.0\"><channel><title>The Mere Paper</title>{items}</channel></rss>");
    let page = "<html><head><title>The Mere Paper</title>\
        <link rel=\"alternate\" type=\"application/rss+xml\" title=\"All news\" href=\"/feed/\">\
        <link rel=\"alternate\" type=\"application/rss+xml\" title=\"Comments\" href=\"/comments/feed/\"></head>\
        <body><p>All the news of the valley, and what people say of it.</p></body></html>";
    let requests = "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>Requests</title><entry><id>tag:1</id><title>Lifts, a request</title>\
        <updated>2026-07-01T08:00:00Z</updated><link href=\"https://www.whatdotheyknow.com/request/1\"/>\
        <content>How often did the lifts of Northmere Valley NHS Foundation Trust stand still?</content></entry></feed>";
    let robots = "User-agent: *\nDisallow: */feed/body/\nSitemap: http://paper.example/sitemap.xml\n";
    [
        ("paper.example/robots.txt", "text/plain", robots.to_owned()),
        ("paper.example/", "text/html", page.to_owned()),
        ("paper.example/feed/", "application/rss+xml", feed.clone()),
        ("paper.example/comments/feed/", "application/rss+xml", feed),
        (
            "www.whatdotheyknow.com/api/v2/body/42/request_events.atom",
            "application/atom+xml",
            requests.to_owned(),
        ),
    ]
    .into_iter()
    .map(|(at, kind, body)| (at.to_owned(), (kind, body)))
    .collect()
}

/// The answer to a request; the keyed feed asks for its key.
fn answer(request: &str) -> String {
    let target = request.split(' ').nth(1).unwrap_or_default();
    let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().trim();
    let path = target.split('?').next().unwrap_or_default();
    let is_locked = path.contains("/api/") && !target.contains(&format!("k={KEY}"));
    let found = world().remove(&format!("{host}{path}")).filter(|_| !is_locked);
    let (status, kind, body) = match found {
        Some((kind, body)) => ("200 OK", kind, body),
        None => ("404 Not Found", "text/plain", "nothing here".to_owned()),
    };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nETag: \"1\"\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

async fn serve(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin) {
    let (mut request, mut chunk) = (Vec::new(), [0; 2048]);
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(n) => request.extend_from_slice(&chunk[..n]),
        }
    }
    let _ = stream.write_all(answer(&String::from_utf8_lossy(&request)).as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A server on loopback, with TLS where there is a configuration for it.
async fn stand_in(tls: Option<Arc<ServerConfig>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone().map(TlsAcceptor::from);
            tokio::spawn(async move {
                match tls {
                    None => serve(stream).await,
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            serve(stream).await;
                        }
                    }
                }
            });
        }
    });
    address
}

/// An authority of our own, and a server's settings under a certificate of its.
fn authority(name: &str) -> (String, Arc<ServerConfig>) {
    let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca_key = KeyPair::generate().unwrap();
    let pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(ca, ca_key);
    let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    leaf.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().unwrap();
    let certificate = leaf.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config =
        config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private).unwrap();
    (pem, Arc::new(config))
}

/// A new installation with nothing to poll yet.
struct Installation {
    folder: tempfile::TempDir,
}

impl Installation {
    async fn new() -> Self {
        let (pem, tls) = authority(WDTK);
        let (plain, sealed) = (stand_in(None).await, stand_in(Some(tls)).await);
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(at("ca.pem"), pem).unwrap();
        std::fs::write(at("wdtk.key"), format!("{KEY}\n")).unwrap();
        let text = format!(
            "[service]\nstate_dir = {:?}\n[fetch]\ncontact = \"tests@northmerevalley.nhs.uk\"\nca_file = {:?}\nloopback = [\"{plain}\", \"{sealed}\"]\n\
             [fetch.hosts]\n\"paper.example\" = \"{plain}\"\n\"{WDTK}\" = \"{sealed}\"\n[mail]\nfrom = \"t@northmerevalley.nhs.uk\"\n\
             [alert.recipients]\ncommunications = [\"c@northmerevalley.nhs.uk\"]\n[web]\nlisten = \"\"\n\
             [[organisation]]\nprofile = \"northmere\"\npurpose = \"p\"\nbasis = \"b\"\nowner = \"o\"\nlicence = \"none\"\nreview = 2099-01-01\n",
            at("state"),
            at("ca.pem")
        );
        std::fs::write(at("trustwatch.toml"), text).unwrap();
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program with these arguments, off the threads that serve.
    async fn run(&self, args: &[&str]) -> Ran {
        let config = self.at("trustwatch.toml").display().to_string();
        let mut all = vec!["--config".to_owned(), config];
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        tokio::task::spawn_blocking(move || {
            trustwatch(&all.iter().map(String::as_str).collect::<Vec<_>>()).run()
        })
        .await
        .unwrap()
    }

    /// Whether the secret stands in any file but its own.
    fn leaks(&self) -> Vec<PathBuf> {
        fn files(folder: &Path) -> Vec<PathBuf> {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
        }
        let mut found = files(self.folder.path());
        found.retain(|file| {
            let bytes = std::fs::read(file).unwrap();
            !file.ends_with("wdtk.key") && bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes())
        });
        found
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_local_paper_is_found_tested_added_and_polled() {
    let here = Installation::new().await;
    let found = here.run(&["sources", "discover", "http://paper.example/", "--json"]).await.ended(0);
    let offers: Vec<serde_json::Value> = serde_json::from_str(&found.out).unwrap();
    let told: Vec<(&str, &str)> = offers
        .iter()
        .map(|offer| (offer["what"].as_str().unwrap(), offer["url"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("feed", "http://paper.example/feed/"),
            ("comment feed", "http://paper.example/comments/feed/"),
            ("sitemap", "http://paper.example/sitemap.xml"),
        ]
    );
    let tested = here.run(&["sources", "test", "http://paper.example/feed/"]).await.ended(0).out;
    for part in ["a feed, 3 entries", "allows it", "Lift 3 is out of order", "every"] {
        assert!(tested.contains(part), "{part}: {tested}");
    }
    assert!(!here.at("state").exists(), "a test keeps nothing");
    here.run(&[
        "sources",
        "add",
        "http://paper.example/feed/",
        "--document-kind",
        "news",
        "--id",
        "mere-paper",
    ])
    .await
    .ended(0);
    here.run(&["check"]).await.ended(0);
    let polled = here.run(&["poll", "--source", "mere-paper"]).await.ended(0).out;
    assert!(polled.contains("mere-paper: read 3 entries"), "{polled}");
    let health = here.run(&["sources", "health"]).await.ended(0).out;
    assert!(health.contains("mere-paper") && health.contains("sees"), "{health}");
    let twice =
        here.run(&["sources", "add", "http://paper.example/feed/", "--id", "mere-paper"]).await.ended(2);
    assert!(twice.err.contains("is polled already"), "{}", twice.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trusts_own_keyed_feed_is_added_and_its_key_stands_nowhere() {
    let here = Installation::new().await;
    let key = here.at("wdtk.key").display().to_string();
    let named = ["whatdotheyknow-own-requests", "--set", "body=42", "--secret-file", &key];
    let without =
        here.run(&["sources", "test", "whatdotheyknow-own-requests", "--set", "body=42"]).await.ended(2);
    assert!(without.err.contains("--secret-file"), "{}", without.err);
    let tested = here.run(&[&["sources", "test"], named.as_slice()].concat()).await.ended(0);
    assert!(tested.out.contains("a feed, 1 entry") && tested.out.contains("k={secret}"), "{}", tested.out);
    let added = here.run(&[&["sources", "add"], named.as_slice(), &["--id", "foi"]].concat()).await.ended(0);
    let polled = here.run(&["poll", "--source", "foi"]).await.ended(0);
    assert!(polled.out.contains("foi: read 1 entry"), "{}", polled.out);
    let shown = here.run(&["sources", "show", "foi", "--json"]).await.ended(0);
    let said = here.run(&["sources", "show", "foi"]).await.ended(0);
    assert!(said.out.contains("The last polls:") && said.out.contains("read 1 entry"), "{}", said.out);
    let listed = here.run(&["hits", "list"]).await.ended(0);
    let again = here.run(&["sources", "test", "foi"]).await.ended(0);
    assert!(again.out.contains("would be told of"), "{}", again.out);
    for ran in [&tested, &added, &polled, &shown, &listed, &again] {
        assert!(!ran.out.contains(KEY) && !ran.err.contains(KEY));
    }
    assert_eq!(here.leaks(), Vec::<PathBuf>::new());
    std::fs::write(here.at("wdtk.key"), "another").unwrap();
    let refused = here.run(&["poll", "--source", "foi"]).await.ended(1);
    assert!(refused.out.contains("404") && !refused.out.contains("another"), "{}", refused.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_polled_names_the_lawful_way() {
    let here = Installation::new().await;
    let refused =
        here.run(&["sources", "add", "whatdotheyknow-body", "--set", "body=northmere"]).await.ended(2);
    for part in ["robots.txt", "Instead:", "whatdotheyknow-own-requests", "robots_override"] {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
    assert!(!here.at("sources.d").exists());
    let by_hand = "[[source]]\nid = \"foi\"\nurl = \"http://paper.example/feed/body/x\"\npreset = \"whatdotheyknow-body\"\n";
    std::fs::create_dir(here.at("sources.d")).unwrap();
    std::fs::write(here.at("sources.d/foi.toml"), by_hand).unwrap();
    let checked = here.run(&["check"]).await.ended(2);
    assert!(checked.err.contains("whatdotheyknow-body is refused"), "{}", checked.err);
    let agreed = format!(
        "{by_hand}[source.robots_override]\nname = \"Jo Bell\"\ndate = 2026-07-01\nreason = \"the publisher agreed in writing\"\n"
    );
    std::fs::write(here.at("sources.d/foi.toml"), agreed).unwrap();
    here.run(&["check"]).await.ended(0);
    for _ in 0..2 {
        here.run(&["poll", "--source", "foi"]).await.ended(1);
    }
    let database = format!("sqlite:{}", here.at("state/trustwatch.db").display());
    let pool = sqlx::SqlitePool::connect(&database).await.unwrap();
    let audit: Vec<(String, String)> =
        sqlx::query_as("SELECT actor, purpose FROM audit WHERE action = 'robots_override'")
            .fetch_all(&pool)
            .await
            .unwrap();
    pool.close().await;
    let decision = ("Jo Bell".to_owned(), "the publisher agreed in writing (2026-07-01)".to_owned());
    assert_eq!(audit, [decision], "written once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_feeds_come_in_and_go_out() {
    let here = Installation::new().await;
    let opml = "<?xml version=\"1.0\"?><opml version=\"2.0\"><body><outline text=\"Local\"><outline text=\"Mere &amp; Vale\" xmlUrl=\"http://paper.example/feed/\"/>\
        <outline text=\"Comments\" xmlUrl=\"http://paper.example/comments/feed/\"/></outline></body></opml>";
    std::fs::write(here.at("list.opml"), opml).unwrap();
    let file = here.at("list.opml").display().to_string();
    here.run(&["sources", "import", &file]).await.ended(0);
    let again = here.run(&["sources", "import", &file]).await.ended(0).out;
    assert!(again.contains("nothing new: 2"), "{again}");
    let out = here.run(&["sources", "export"]).await.ended(0).out;
    assert!(
        out.contains("xmlUrl=\"http://paper.example/feed/\"") && out.contains("text=\"mere-vale\""),
        "{out}"
    );
    let table = here.run(&["sources", "export", "--format", "csv"]).await.ended(0).out;
    assert!(table.starts_with("id,kind,url,document_kind,every,follow\n"), "{table}");
    std::fs::write(here.at("bad.opml"), "<html>").unwrap();
    let bad = here.run(&["sources", "import", &here.at("bad.opml").display().to_string()]).await.ended(2);
    assert!(bad.err.contains("bad.opml"), "{}", bad.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviews_of_many_sources_are_renewed_in_one_step_that_stands_in_the_audit() {
    let here = Installation::new().await;
    for (path, id) in [("feed/", "mere-paper"), ("comments/feed/", "mere-comments")] {
        let url = format!("http://paper.example/{path}");
        here.run(&["sources", "add", &url, "--id", id]).await.ended(0);
    }
    let by = ["--by", "Head of Communications"];
    let until = (chrono_tz::Europe::London, chrono::Duration::days(200));
    let until =
        (clock::SystemClock::default().now() + until.1).with_timezone(&until.0).date_naive().to_string();
    // One that does not exist changes nothing.
    let before = std::fs::read_to_string(here.at("sources.d/mere-paper.toml")).unwrap();
    let wrong = here
        .run(&[&["sources", "review", "mere-paper", "nothing", "--until", &until][..], &by].concat())
        .await
        .ended(2);
    assert!(wrong.err.contains("\"nothing\""), "{}", wrong.err);
    assert_eq!(std::fs::read_to_string(here.at("sources.d/mere-paper.toml")).unwrap(), before);
    here.run(&[&["sources", "review", "mere-paper", "--until", "2199-01-01"][..], &by].concat())
        .await
        .ended(2);
    // One gets a day of its own; all of them get it where they inherit it.
    here.run(&[&["sources", "review", "mere-paper", "--until", &until][..], &by].concat()).await.ended(0);
    let one = std::fs::read_to_string(here.at("sources.d/mere-paper.toml")).unwrap();
    assert!(one.contains(&format!("review = {until}")), "{one}");
    let all =
        here.run(&[&["sources", "review", "--all", "--until", &until][..], &by].concat()).await.ended(0).out;
    assert!(all.starts_with("2 sources renewed"), "{all}");
    let main = std::fs::read_to_string(here.at("trustwatch.toml")).unwrap();
    assert!(main.contains(&format!("review = {until}")) && main.contains("[fetch.hosts]"), "{main}");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", here.at("state/trustwatch.db").display()))
        .await
        .unwrap();
    let audit: Vec<(String, String)> =
        sqlx::query_as("SELECT actor, subject FROM audit WHERE action = 'review' ORDER BY id")
            .fetch_all(&pool)
            .await
            .unwrap();
    pool.close().await;
    let actor = || by[1].to_owned();
    let subjects: Vec<&str> = audit.iter().map(|(_, subject)| subject.as_str()).collect();
    assert!(audit.iter().all(|(by, _)| *by == actor()));
    assert_eq!(subjects, ["mere-paper", "mere-comments", "mere-paper"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_with_mistakes_tell_all_of_them_where_they_stand() {
    let here = Installation::new().await;
    let table = "url;kind;every\nhttp://paper.example/feed/;feed;5 minutes\nftp://paper.example/x;;\nhttp://10.0.0.1/;;\n;page;\n";
    std::fs::write(here.at("list.csv"), table).unwrap();
    let wrong = here
        .run(&["sources", "import", &here.at("list.csv").display().to_string(), "--dry-run"])
        .await
        .ended(2);
    for part in ["line 2", "line 3", "line 4", "line 5: it has no address"] {
        assert!(wrong.err.contains(part), "{part}: {}", wrong.err);
    }
    // What the configuration would not bear is told by a dry run too.
    std::fs::write(here.at("list.csv"), "url,every\nhttps://other.example/feed/,30s\n").unwrap();
    let wrong = here
        .run(&["sources", "import", &here.at("list.csv").display().to_string(), "--dry-run"])
        .await
        .ended(2);
    assert!(
        wrong.err.contains("nothing was imported") && wrong.err.contains("line 2 (https://other"),
        "{}",
        wrong.err
    );
    assert!(!here.at("sources.d").exists());
}
