//! The server, in a process of its own: one port for every host name, told apart by path. Without state but for
//! what it does with connections: a validator says which version of a feed its reader knows.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trustwatch::clock::{Clock, SystemClock};

use super::Connections;
use super::text;

/// A robots.txt as the commonest of all systems writes it.
const ROBOTS: &str = "User-agent: *\nDisallow: /wp-admin/\nAllow: /wp-admin/admin-ajax.php\n\nSitemap: https://paper.example/wp-sitemap.xml\n";
/// The feed that never changes: short, since it is read once and a hundred thousand times.
const FEED: &str = "<rss version=\"2.0\"><channel><title>Paper</title><item><guid>1</guid><title>Market hall</title></item></channel></rss>";

/// Prints its port, and answers until standard input ends, which it does with the driver.
pub(super) fn run() -> anyhow::Result<()> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        let keeps = Arc::new(AtomicBool::new(false));
        loop {
            match listener.accept().await {
                Ok((socket, _)) => drop(tokio::spawn(serve(socket, keeps.clone()))),
                // Out of files: some close soon.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    })
}

/// Tells the server what to do with connections from now on.
pub(super) async fn tell(port: u16, connections: Connections) -> anyhow::Result<()> {
    let word = match connections {
        Connections::Kept => "keep",
        Connections::Closed => "close",
    };
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    socket.write_all(format!("GET /connections/{word} HTTP/1.1\r\nHost: bench\r\n\r\n").as_bytes()).await?;
    socket.read_u8().await?;
    Ok(())
}

async fn serve(mut socket: TcpStream, keeps: Arc<AtomicBool>) {
    let mut buffer = Vec::with_capacity(1024);
    loop {
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if !matches!(socket.read_buf(&mut buffer).await, Ok(n) if n > 0) {
                return;
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        buffer.drain(..end);
        let answer = answer(&head, &keeps);
        if socket.write_all(answer.as_bytes()).await.is_err() || !keeps.load(Ordering::Relaxed) {
            return;
        }
    }
}

fn answer(head: &str, keeps: &AtomicBool) -> String {
    let path = head.split(' ').nth(1).unwrap_or_default();
    let known: Option<u32> = head
        .lines()
        .find_map(|line| line.strip_prefix("if-none-match:"))
        .and_then(|etag| etag.trim().trim_matches('"').parse().ok());
    let number = |part: &str| part.parse::<u32>().unwrap_or_default();
    let (status, version, body) = if path == "/robots.txt" {
        ("200 OK", 1, ROBOTS.to_owned())
    } else if let Some(word) = path.strip_prefix("/connections/") {
        keeps.store(word == "keep", Ordering::Relaxed);
        ("200 OK", 1, String::new())
    } else if let Some((new, source)) = path.strip_prefix("/new/").and_then(|rest| rest.split_once('/')) {
        let version = known.unwrap_or_default() + 1;
        let now = SystemClock::default().now();
        ("200 OK", version, text::feed(number(source), version, number(new), now))
    } else if known.is_some() {
        ("304 Not Modified", 1, String::new())
    } else {
        ("200 OK", 1, FEED.to_owned())
    };
    let length = if known.is_some() && body.is_empty() {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    let end = if keeps.load(Ordering::Relaxed) { "" } else { "Connection: close\r\n" };
    format!(
        "HTTP/1.1 {status}\r\nETag: \"{version}\"\r\nContent-Type: application/rss+xml; charset=UTF-8\r\n{length}{end}\r\n{body}"
    )
}
