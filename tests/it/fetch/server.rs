//! A scripted HTTP server on loopback: answers with raw bytes, so that it can misbehave as real ones
//! do, and remembers every connection and every request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the server does with a connection, one step after the other; then it closes.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes again and again, with a pause between, until the client is gone.
    Forever(Vec<u8>, Duration),
    /// Says nothing for so long.
    Pause(Duration),
    /// Says nothing until the client is gone.
    Silence,
}

/// The path by which a test asks whether every connection so far is counted.
const COUNT: &str = "/count-of-connections";

/// A request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Path and query.
    pub(crate) path: String,
    /// Everything up to the empty line.
    pub(crate) head: String,
}

impl Asked {
    fn read(head: &str) -> Self {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        Self { path, head: head.to_owned() }
    }

    /// The value of a header, as it came.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// The running server; it stops when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    own: AtomicUsize,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// A server that answers by `script`; robots.txt is missing unless the script is `with_robots`.
    pub(crate) async fn start(script: impl Fn(&Asked) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::with_robots(move |asked| {
            if asked.path == "/robots.txt" { answer("404 Not Found", "", "") } else { script(asked) }
        })
        .await
    }

    /// A server whose script answers for robots.txt too.
    pub(crate) async fn with_robots(script: impl Fn(&Asked) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    /// A server behind `listener`.
    pub(crate) fn on(
        listener: TcpListener,
        script: impl Fn(&Asked) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (counted, noted, script) = (connections.clone(), asked.clone(), Arc::new(script));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (noted, script) = (noted.clone(), script.clone());
                tokio::spawn(async move { serve(stream, &noted, script.as_ref()).await });
            }
        });
        Self { address, connections, own: AtomicUsize::new(0), asked, task }
    }

    /// How many connections came in. Connections are taken up in their order: once one of our own is
    /// answered, all earlier ones are counted.
    pub(crate) async fn connections(&self) -> usize {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(format!("GET {COUNT} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "closed without a word");
        let own = self.own.fetch_add(1, Ordering::SeqCst) + 1;
        self.connections.load(Ordering::SeqCst) - own
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How often `path` was asked for.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.asked().iter().filter(|asked| asked.path == path).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    noted: &Mutex<Vec<Asked>>,
    script: &(impl Fn(&Asked) -> Vec<Step> + Send + Sync),
) {
    let Some(head) = read_head(&mut stream).await else { return };
    let asked = Asked::read(&head);
    if asked.path == COUNT {
        return;
    }
    noted.lock().unwrap().push(asked.clone());
    for step in script(&asked) {
        // A client that has had enough hangs up: that ends the answer.
        let sent = match step {
            Step::Send(bytes) => stream.write_all(&bytes).await,
            Step::Forever(bytes, pause) => forever(&mut stream, &bytes, pause).await,
            Step::Pause(long) => {
                tokio::time::sleep(long).await;
                Ok(())
            }
            Step::Silence => stream.read(&mut [0]).await.map(drop),
        };
        if sent.is_err() {
            return;
        }
    }
    let _ = stream.shutdown().await;
}

async fn forever(stream: &mut TcpStream, bytes: &[u8], pause: Duration) -> std::io::Result<()> {
    loop {
        stream.write_all(bytes).await?;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0; 1024];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut byte).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => head.extend_from_slice(&byte[..n]),
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// A whole answer: status line, headers (each ending in CRLF), body with its length.
pub(crate) fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<Step> {
    let body = body.as_ref();
    let mut bytes = head(status, &format!("{headers}Content-Length: {}\r\n", body.len()));
    bytes.extend_from_slice(body);
    vec![Step::Send(bytes)]
}

/// The head of an answer alone.
pub(crate) fn head(status: &str, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

/// A redirect.
pub(crate) fn moved(location: &str) -> Vec<Step> {
    answer("302 Found", &format!("Location: {location}\r\n"), "")
}
