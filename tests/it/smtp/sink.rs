//! An SMTP server that does whatever a test asks for: answers any code at any verb, hangs, vanishes
//! after the dot before its 250. It keeps every message that was handed over up to the dot, as it came
//! over the wire, and whether it said that it accepted it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mail_parser::{Message, MessageParser};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Where in the conversation the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Connect,
    Ehlo,
    Mail,
    Rcpt,
    Data,
    /// The end of the message.
    Dot,
}

/// One step of the client's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) verb: Verb,
    /// The command as it came.
    pub(crate) line: &'a str,
    /// How often this verb came before, over all connections.
    pub(crate) earlier: usize,
}

/// What the server does about it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// What a well-meaning server does.
    Usual,
    /// This line instead.
    Reply(&'static str),
    /// The usual, after a while.
    Late(Duration),
    /// Nothing, for ever.
    Hang,
    /// Closes the connection.
    Drop,
}

/// A message that was handed over up to the dot.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) to: Vec<String>,
    /// With its dots unstuffed.
    pub(crate) raw: Vec<u8>,
    /// As it came, without the last dot.
    pub(crate) wire: Vec<u8>,
    /// Whether the client was told 250.
    pub(crate) accepted: bool,
}

impl Received {
    pub(crate) fn parsed(&self) -> Message<'_> {
        MessageParser::default().parse(&self.raw).unwrap()
    }

    pub(crate) fn message_id(&self) -> String {
        self.parsed().message_id().unwrap().to_owned()
    }

    pub(crate) fn subject(&self) -> String {
        self.parsed().subject().unwrap().to_owned()
    }

    /// A header as it stands there.
    pub(crate) fn header(&self, name: &'static str) -> String {
        self.parsed().header_raw(name).unwrap_or_else(|| panic!("no {name}")).trim().to_owned()
    }

    pub(crate) fn text(&self) -> String {
        self.parsed().body_text(0).unwrap().into_owned()
    }
}

type Script = Box<dyn Fn(&Step<'_>) -> Act + Send + Sync>;

struct Shared {
    script: Mutex<Script>,
    received: Mutex<Vec<Received>>,
    steps: Mutex<HashMap<Verb, usize>>,
}

/// The server; it ends when it is dropped.
pub(crate) struct Sink {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Sink {
    /// A server that accepts everything, on a port of its own.
    pub(crate) async fn start() -> Self {
        Self::start_on(0).await
    }

    pub(crate) async fn start_on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::new(Box::new(|_| Act::Usual)),
            received: Mutex::default(),
            steps: Mutex::default(),
        });
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(serve(listener, shared.clone()));
        Self { port, shared, serving }
    }

    /// From now on does what `script` says.
    pub(crate) fn script(&self, script: impl Fn(&Step<'_>) -> Act + Send + Sync + 'static) {
        *self.shared.script.lock().unwrap() = Box::new(script);
    }

    /// From now on accepts everything.
    pub(crate) fn recover(&self) {
        self.script(|_| Act::Usual);
    }

    /// Everything that was handed over up to the dot.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// What was answered with 250.
    pub(crate) fn accepted(&self) -> Vec<Received> {
        self.received().into_iter().filter(|message| message.accepted).collect()
    }

    /// How often a verb came.
    pub(crate) fn steps(&self, verb: Verb) -> usize {
        self.shared.steps.lock().unwrap().get(&verb).copied().unwrap_or_default()
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        // A client that goes away in mid-sentence is part of the tests.
        tokio::spawn(converse(stream, shared.clone()));
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    if !answer(&mut stream, &shared, Verb::Connect, "", "220 sink.test ESMTP").await? {
        return Ok(());
    }
    let mut to = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        let command = line.split(' ').next().unwrap_or_default().to_uppercase();
        let goes_on = match command.as_str() {
            "EHLO" | "HELO" => {
                answer(&mut stream, &shared, Verb::Ehlo, &line, "250-sink.test\r\n250 8BITMIME").await?
            }
            "MAIL" => {
                to.clear();
                answer(&mut stream, &shared, Verb::Mail, &line, "250 2.1.0 ok").await?
            }
            "RCPT" => {
                to.push(line.split(['<', '>']).nth(1).unwrap_or_default().to_owned());
                answer(&mut stream, &shared, Verb::Rcpt, &line, "250 2.1.5 ok").await?
            }
            "DATA" => {
                let goes_on = answer(&mut stream, &shared, Verb::Data, &line, "354 go on").await?;
                goes_on && take(&mut stream, &shared, &to).await?
            }
            "QUIT" => {
                stream.write_all(b"221 2.0.0 bye\r\n").await?;
                return Ok(());
            }
            "RSET" | "NOOP" => {
                stream.write_all(b"250 2.0.0 ok\r\n").await?;
                true
            }
            _ => {
                stream.write_all(b"500 5.5.1 what?\r\n").await?;
                true
            }
        };
        if !goes_on {
            return Ok(());
        }
    }
}

/// Reads a message. Whether the conversation goes on.
async fn take(stream: &mut BufReader<TcpStream>, shared: &Shared, to: &[String]) -> std::io::Result<bool> {
    let (mut raw, mut wire) = (Vec::new(), Vec::new());
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(false);
        }
        if line == b".\r\n" {
            break;
        }
        wire.extend_from_slice(&line);
        raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
    let place = {
        let mut received = shared.received.lock().unwrap();
        received.push(Received { to: to.to_vec(), raw, wire, accepted: false });
        received.len() - 1
    };
    let usual = "250 2.0.0 kept";
    let act = shared.act(Verb::Dot, ".");
    if matches!(act, Act::Usual | Act::Late(_)) {
        if let Act::Late(wait) = act {
            tokio::time::sleep(wait).await;
        }
        // Counted first: a client that was told 250 must find it here.
        shared.received.lock().unwrap()[place].accepted = true;
        stream.write_all(format!("{usual}\r\n").as_bytes()).await?;
        return Ok(true);
    }
    perform(stream, act, usual).await
}

impl Shared {
    fn act(&self, verb: Verb, line: &str) -> Act {
        let earlier = {
            let mut steps = self.steps.lock().unwrap();
            let count = steps.entry(verb).or_default();
            *count += 1;
            *count - 1
        };
        (self.script.lock().unwrap())(&Step { verb, line, earlier })
    }
}

async fn answer(
    stream: &mut BufReader<TcpStream>,
    shared: &Shared,
    verb: Verb,
    line: &str,
    usual: &str,
) -> std::io::Result<bool> {
    let act = shared.act(verb, line);
    perform(stream, act, usual).await
}

async fn perform(stream: &mut BufReader<TcpStream>, act: Act, usual: &str) -> std::io::Result<bool> {
    let reply = match act {
        Act::Drop => return Ok(false),
        Act::Hang => std::future::pending().await,
        Act::Reply(reply) => reply,
        Act::Usual => usual,
        Act::Late(wait) => {
            tokio::time::sleep(wait).await;
            usual
        }
    };
    stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    Ok(true)
}
