//! A mail server that others wrote (tests/peers/smtpd.py), and what Python's own parser made of our mail.
//! It runs where `TEST_SMTPD` names the command that starts it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::Value;
use tempfile::TempDir;
use trustwatch::mail::{Security, Smtp};

use super::post::{Delivery, Post, TO};

const USER: &str = "trustwatch";
const PASSWORD: &str = "correct horse";

/// The server; it ends with its standard input.
struct Peer {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Peer {
    /// Starts it with `arguments`, or says why there is nothing to test against.
    fn start(arguments: &[&str]) -> Option<Self> {
        let Ok(command) = std::env::var("TEST_SMTPD") else {
            println!("skipped: TEST_SMTPD does not name an SMTP server");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        // Handshakes that fail are part of the tests, and Python has much to say about them.
        let errors = std::fs::File::create(folder.path().join("errors")).unwrap();
        let mut words = command.split_whitespace();
        let mut child = Command::new(words.next().unwrap())
            .args(words)
            .arg("--dir")
            .arg(folder.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("LISTENING ").and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| {
            let errors = std::fs::read_to_string(folder.path().join("errors")).unwrap();
            panic!("the server did not start: {line}{errors}")
        });
        Some(Self { child, folder, port })
    }

    /// What it accepted, as its own parser reads it.
    fn stored(&self) -> Vec<Value> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let json = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
        let mut paths: Vec<PathBuf> = entries.filter(json).collect();
        paths.sort();
        paths.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
    }

    fn smtp(&self, security: Security, ca_file: Option<&Path>) -> Smtp {
        Smtp {
            host: "localhost".to_owned(),
            port: self.port,
            security,
            ca_file: ca_file.map(Path::to_owned),
            timeout_s: 20,
            ..Smtp::default()
        }
    }
}

/// Certificates of an authority of our own, for localhost.
struct Certificates {
    _folder: TempDir,
    ca: PathBuf,
    certificate: String,
    key: String,
}

impl Certificates {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        ca.distinguished_name.push(DnType::CommonName, "Test authority");
        let ca_key = KeyPair::generate().unwrap();
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let issuer = Issuer::new(ca, ca_key);
        let mut leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        leaf.distinguished_name.push(DnType::CommonName, "localhost");
        leaf.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let certificate = leaf.signed_by(&key, &issuer).unwrap().pem();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        Self {
            ca: write("ca.pem", &ca_pem),
            certificate: text(write("cert.pem", &certificate)),
            key: text(write("key.pem", &key.serialize_pem())),
            _folder: folder,
        }
    }
}

fn with_password(smtp: Smtp, password: &str) -> Smtp {
    Smtp { username: USER.to_owned(), password: Some(password.to_owned().into()), ..smtp }
}

/// One alert through `smtp`; what became of it.
async fn deliver(post: &Post, smtp: Smtp) -> Delivery {
    assert_eq!(post.deliverer(smtp).round().await.unwrap(), 1);
    post.only().await
}

async fn one_alert() -> Post {
    let post = Post::new().await;
    post.alert(1, &[TO]).await;
    post
}

fn assert_reads_well(message: &Value) {
    assert_eq!(message["defects"], serde_json::json!([]));
    assert_eq!(message["mail_from"], "trustwatch@northmerevalley.nhs.uk");
    assert_eq!(message["rcpt_to"], serde_json::json!([TO]));
    let headers = &message["headers"];
    assert_eq!(headers["Subject"], "[Northmere Valley] Alert 1");
    assert_eq!(headers["Message-ID"], "<1@northmerevalley.nhs.uk>");
    assert_eq!(headers["Date"], "Sun, 22 Nov 2026 09:00:00 +0000");
    assert_eq!(headers["From"], "Trustwatch <trustwatch@northmerevalley.nhs.uk>");
    assert_eq!(headers["Auto-Submitted"], "auto-generated");
    let parts = message["parts"].as_array().unwrap();
    let kinds: Vec<&str> = parts.iter().map(|part| part["content_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["text/plain", "text/html"], "plain text first: the last is the one preferred");
    assert!(parts.iter().all(|part| part["text"].as_str().unwrap().contains("Alert 1.")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_reaches_a_server_without_passwords_in_plaintext() {
    let Some(peer) = Peer::start(&[]) else { return };
    let sent = deliver(&one_alert().await, peer.smtp(Security::Plaintext, None)).await;
    assert_eq!(sent.state, "sent", "{sent:?}");
    let stored = peer.stored();
    assert_eq!(stored.len(), 1);
    assert_eq!((&stored[0]["tls"], &stored[0]["auth"]), (&Value::Bool(false), &Value::Bool(false)));
    assert_reads_well(&stored[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_given_behind_starttls() {
    let files = Certificates::new();
    let arguments = [
        "--starttls",
        &files.certificate,
        &files.key,
        "--require-starttls",
        "--auth",
        USER,
        PASSWORD,
        "--require-auth",
    ];
    let Some(peer) = Peer::start(&arguments) else { return };
    let smtp = with_password(peer.smtp(Security::Starttls, Some(&files.ca)), PASSWORD);
    let sent = deliver(&one_alert().await, smtp).await;
    assert_eq!(sent.state, "sent", "{sent:?}");
    let stored = peer.stored();
    assert_eq!((&stored[0]["tls"], &stored[0]["auth"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_reads_well(&stored[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_leaves_by_tls_from_the_first_byte() {
    let files = Certificates::new();
    let Some(peer) = Peer::start(&["--tls", &files.certificate, &files.key]) else { return };
    let sent = deliver(&one_alert().await, peer.smtp(Security::Tls, Some(&files.ca))).await;
    assert_eq!(sent.state, "sent", "{sent:?}");
    assert_eq!(peer.stored()[0]["tls"], Value::Bool(true));
    assert_reads_well(&peer.stored()[0]);
}

/// A password that has expired is nothing about the mail: it waits until somebody puts that right.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_loses_no_mail() {
    let files = Certificates::new();
    let arguments =
        ["--starttls", &files.certificate, &files.key, "--auth", USER, PASSWORD, "--require-auth"];
    let Some(peer) = Peer::start(&arguments) else { return };
    let smtp = peer.smtp(Security::Starttls, Some(&files.ca));
    let post = one_alert().await;
    let refused = deliver(&post, with_password(smtp.clone(), "wrong")).await;
    assert_eq!(refused.state, "queued", "{refused:?}");
    assert!(refused.detail.contains("535"), "{refused:?}");
    post.advance(61);
    let without = deliver(&post, smtp.clone()).await;
    assert_eq!(without.state, "queued", "530 asks for a password: {without:?}");
    assert_eq!(peer.stored().len(), 0);
    post.advance(3600);
    let sent = deliver(&post, with_password(smtp, PASSWORD)).await;
    assert_eq!(sent.state, "sent", "{sent:?}");
    assert_reads_well(&peer.stored()[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_starttls_is_not_offered_nothing_is_sent_in_clear() {
    let Some(peer) = Peer::start(&[]) else { return };
    let waiting = deliver(&one_alert().await, peer.smtp(Security::Starttls, None)).await;
    assert_eq!(waiting.state, "queued", "{waiting:?}");
    assert!(!waiting.detail.is_empty());
    assert_eq!(peer.stored().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let files = Certificates::new();
    for (arguments, security) in [("--starttls", Security::Starttls), ("--tls", Security::Tls)] {
        let Some(peer) = Peer::start(&[arguments, &files.certificate, &files.key]) else { return };
        let post = one_alert().await;
        let refused = deliver(&post, peer.smtp(security, None)).await;
        assert_eq!(refused.state, "queued", "{refused:?}");
        // Another authority than the one that signed it does not help.
        post.advance(61);
        let other = Certificates::new();
        let refused = deliver(&post, peer.smtp(security, Some(&other.ca))).await;
        assert_eq!(refused.state, "queued", "{refused:?}");
        assert!(refused.detail.to_lowercase().contains("certificate"), "the reason is named: {refused:?}");
        assert_eq!(peer.stored().len(), 0);
        post.advance(3600);
        let sent = deliver(&post, peer.smtp(security, Some(&files.ca))).await;
        assert_eq!(sent.state, "sent", "{sent:?}");
    }
}
