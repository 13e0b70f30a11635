//! What only a process of its own can show: proxies named by the environment are not asked, and a
//! secure page does not lead to an insecure one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::server::{Server, answer};

/// A feed with one entry that mentions nobody.
pub(super) const FEED: &str = "<rss version=\"2.0\"><channel><title>Paper</title><item><guid>1</guid><title>One</title></item></channel></rss>";

/// A configuration with one source, whose host is dialled at `address`.
fn config(folder: &Path, url: &str, hosts: &[(&str, SocketAddr)]) -> PathBuf {
    config_of(folder, &[("one".to_owned(), url.to_owned())], hosts)
}

/// A configuration of `sources`, each an id and an address as it stands, with `hosts` dialled at loopback.
pub(super) fn config_of(
    folder: &Path,
    sources: &[(String, String)],
    hosts: &[(&str, SocketAddr)],
) -> PathBuf {
    let loopback: Vec<String> = hosts.iter().map(|(_, address)| format!("\"{address}\"")).collect();
    let hosts: Vec<String> =
        hosts.iter().map(|(name, address)| format!("\"{name}\" = \"{address}\"\n")).collect();
    let hosts = hosts.concat();
    let mut text = format!(
        "[service]\nstate_dir = {:?}\n[fetch]\ncontact = \"watch@trust.example\"\nrequests_per_second = 10000\n\
         loopback = [{}]\n[fetch.hosts]\n{hosts}\
         [mail]\nfrom = \"Trustwatch <watch@trust.example>\"\n[alert.recipients]\ncommunications = [\"comms@trust.example\"]\n\
         [web]\nlisten = \"\"\n[[organisation]]\nprofile = \"northmere\"\npurpose = \"test\"\nbasis = \"test\"\nowner = \"test\"\n\
         licence = \"none\"\nreview = 2099-01-01\n",
        folder.join("state").display().to_string(),
        loopback.join(", ")
    );
    for (id, url) in sources {
        let url = toml::Value::from(url.as_str());
        text.push_str(&format!("[[source]]\nid = \"{id}\"\nkind = \"feed\"\nurl = {url}\nevery = \"1h\"\n"));
    }
    let file = folder.join("trustwatch.toml");
    std::fs::write(&file, text).unwrap();
    file
}

/// What `trustwatch poll` says of the source.
async fn poll(file: &Path, environment: &[(&str, String)]) -> serde_json::Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trustwatch"));
    command.arg("--config").arg(file).args(["poll", "--source", "one", "--dry-run", "--json"]);
    for (name, value) in environment {
        command.env(name, value);
    }
    let ran = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output());
    let output = ran.await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with('{'));
    let line = line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_str(line).unwrap()
}

#[tokio::test]
async fn proxies_named_by_the_environment_are_not_asked() {
    let server = Server::start(|_| answer("200 OK", "Content-Type: text/xml\r\n", FEED)).await;
    let proxy = Server::with_robots(|_| answer("200 OK", "", "from the proxy")).await;
    let folder = tempfile::tempdir().unwrap();
    let file =
        config(folder.path(), "http://paper.example.com/feed", &[("paper.example.com", server.address)]);
    let address = format!("http://{}", proxy.address);
    let names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    let found = poll(&file, &names.map(|name| (name, address.clone()))).await;
    assert_eq!(found["outcome"], "read", "{found}");
    assert_eq!(server.count("/feed"), 1);
    assert_eq!(proxy.connections().await, 0, "the proxy was asked");
}

/// A TLS server that answers every request with `response`; its certificate in PEM.
async fn secure(name: &str, response: &'static str) -> (SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut request = vec![0; 4096];
                let n = stream.read(&mut request).await.unwrap_or_default();
                let robots = request[..n].starts_with(b"GET /robots.txt ");
                let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                let _ = stream.write_all(if robots { missing } else { response }.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (address, made.cert.pem())
}

#[tokio::test]
async fn a_secure_page_that_leads_to_an_insecure_one_is_not_followed() {
    let plain = Server::start(|_| answer("200 OK", "Content-Type: text/xml\r\n", FEED)).await;
    let folder = tempfile::tempdir().unwrap();
    let moved = "HTTP/1.1 301 Moved\r\nLocation: http://plain.example.com/feed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (address, certificate) = secure("secure.example.com", moved).await;
    let trusted = folder.path().join("roots.pem");
    std::fs::write(&trusted, certificate).unwrap();
    let hosts = [("secure.example.com", address), ("plain.example.com", plain.address)];
    let file = config(folder.path(), "https://secure.example.com/feed", &hosts);
    let found = poll(&file, &[("SSL_CERT_FILE", trusted.display().to_string())]).await;
    assert_eq!(found["outcome"], "redirect", "{found}");
    assert_eq!(found["detail"], "redirected from https to http");
    assert_eq!(plain.connections().await, 0, "followed");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _) = secure("secure.example.com", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let file = config(folder.path(), "https://secure.example.com/feed", &[("secure.example.com", address)]);
    let found = poll(&file, &[]).await;
    assert_eq!(found["outcome"], "robots_unreachable", "{found}");
    assert!(found["detail"].as_str().unwrap().contains("certificate"), "{found}");
}

/// A proxy of one's own: it is given whole addresses, and it alone is dialled.
#[tokio::test]
async fn everything_goes_through_a_configured_proxy_and_what_is_refused_does_not_reach_it() {
    let proxy = Server::start(|_| answer("200 OK", "Content-Type: text/xml\r\n", FEED)).await;
    let folder = tempfile::tempdir().unwrap();
    let with_proxy = |url: &str| {
        let file = config(folder.path(), url, &[]);
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replace(
            "[fetch]\n",
            &format!("[fetch]\nhost_gap_s = 1\nproxy = \"http://{}\"\n", proxy.address),
        );
        std::fs::write(&file, text).unwrap();
        file
    };
    // A name that nobody here can look up: the proxy does.
    let found = poll(&with_proxy("http://paper.example.com/feed"), &[]).await;
    assert_eq!(found["outcome"], "read", "{found}");
    assert_eq!(proxy.count("http://paper.example.com/feed"), 1, "asked by its whole address");
    let before = proxy.connections().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_trustwatch"));
    command.arg("--config").arg(with_proxy("http://10.0.0.1/feed")).args(["poll", "--source", "one"]);
    let refused = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
    assert_eq!(proxy.connections().await, before, "the proxy was asked for a private address");
}
