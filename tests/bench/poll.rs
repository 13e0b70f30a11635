//! Unchanged polls a second, through the whole pipeline with SQLite and synchronous FULL, against a bare
//! reqwest loop on the same loopback server in the same run (target: at least 1,000 a second on two
//! cores). Every source has a host name of its own, and robots.txt is known before the clock starts.

#![expect(
    clippy::disallowed_methods,
    reason = "the bare loop is the limit that the pipeline is measured against"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use trustwatch::clock::{Clock, SystemClock};
use trustwatch::config::load;
use trustwatch::daemon::{App, Wishes};

/// Sources, each polled once a round.
const SOURCES: u32 = 2000;
/// Rounds after the first.
const ROUNDS: usize = 4;

const FEED: &str = "<rss version=\"2.0\"><channel><title>Paper</title><item><guid>1</guid><title>Market hall</title></item></channel></rss>";

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(bench())
}

async fn bench() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(serve(listener));
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("trustwatch.toml");
    std::fs::write(&file, config(folder.path(), port))?;
    let app = App::build(load(&file)?, Wishes::default()).await?;
    app.pipeline.run_until_idle().await?;
    let sources = app.store.sources().await?;
    let mut best: f64 = 0.0;
    for _ in 0..ROUNDS {
        let now = SystemClock::default().now().timestamp_millis();
        for source in &sources {
            app.store.make_due(&source.id.parse()?, now).await?;
        }
        let start = Instant::now();
        app.pipeline.run_until_idle().await?;
        best = best.max(f64::from(SOURCES) / start.elapsed().as_secs_f64());
    }
    let bare = bare(port).await?;
    println!("unchanged polls a second: {best:.0}; bare reqwest loop: {bare:.0}; ratio {:.2}", best / bare);
    println!("resident memory: {} KiB", resident_kib());
    app.close().await;
    Ok(())
}

fn config(folder: &std::path::Path, port: u16) -> String {
    let mut text = format!(
        "[service]\nstate_dir = {:?}\n[fetch]\nrequests_per_second = 1000000\nconcurrency = 64\nloopback = [\"127.0.0.1:{port}\"]\n[fetch.hosts]\n",
        folder.display().to_string()
    );
    for n in 0..SOURCES {
        text.push_str(&format!("\"s{n}.bench{n}.example\" = \"127.0.0.1:{port}\"\n"));
    }
    text.push_str(
        "[alert.recipients]\ncommunications = [\"a@example.org\"]\n[web]\nlisten = \"\"\n[[organisation]]\nprofile = \"northmere\"\n\
         purpose = \"bench\"\nbasis = \"bench\"\nowner = \"bench\"\nlicence = \"none\"\nreview = 2099-01-01\n",
    );
    for n in 0..SOURCES {
        text.push_str(&format!(
            "[[source]]\nid = \"s{n}\"\nurl = \"http://s{n}.bench{n}.example/feed\"\nevery = \"1d\"\n"
        ));
    }
    text
}

/// A server that answers 304 to whoever knows the validator.
async fn serve(listener: TcpListener) {
    while let Ok((mut socket, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut buffer = Vec::with_capacity(2048);
            let mut chunk = [0; 2048];
            loop {
                let end = loop {
                    if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                        break end + 4;
                    }
                    match socket.read(&mut chunk).await {
                        Ok(n) if n > 0 => buffer.extend_from_slice(&chunk[..n]),
                        _ => return,
                    }
                };
                let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
                buffer.drain(..end);
                let answer = if head.starts_with("get /robots.txt") {
                    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned()
                } else if head.contains("if-none-match") {
                    "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n".to_owned()
                } else {
                    format!(
                        "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Type: application/rss+xml\r\nContent-Length: {}\r\n\r\n{FEED}",
                        FEED.len()
                    )
                };
                if socket.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// The same conditional requests with nothing around them, sixty-four at once.
async fn bare(port: u16) -> anyhow::Result<f64> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
    let limit = Arc::new(tokio::sync::Semaphore::new(64));
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..SOURCES {
        let (client, permit) = (client.clone(), limit.clone().acquire_owned().await?);
        tasks.spawn(async move {
            let sent = client
                .get(format!("http://127.0.0.1:{port}/feed"))
                .header("If-None-Match", "\"1\"")
                .send()
                .await;
            drop(permit);
            sent.map(|answer| answer.status().as_u16())
        });
    }
    while let Some(done) = tasks.join_next().await {
        anyhow::ensure!(done?? == 304, "the server must answer 304");
    }
    Ok(f64::from(SOURCES) / start.elapsed().as_secs_f64())
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default().to_owned();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default()
}
