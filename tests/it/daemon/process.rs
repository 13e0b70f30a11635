//! The real process with a configuration of its own: started, watched, signalled, and ended with its test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tempfile::TempDir;
use trustwatch::clock::{Clock, SystemClock};

use super::feeds::Feeds;

/// Who is told.
pub(crate) const COMMUNICATIONS: &str = "communications@northmerevalley.nhs.uk";
/// Who runs the service.
pub(crate) const OPERATOR: &str = "operator@northmerevalley.nhs.uk";

/// The time of day.
pub(crate) fn now() -> DateTime<Utc> {
    SystemClock::default().now()
}

/// Looks until `there` holds.
pub(crate) async fn until(what: &str, mut there: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !there() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A port that nobody uses just now.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A configuration for the invented Trust, in a folder of its own.
pub(crate) struct Setup {
    pub(crate) folder: TempDir,
    feeds_port: u16,
    smtp_port: u16,
    licence: &'static str,
    log: &'static str,
    web_port: Option<u16>,
    store: String,
    mail: String,
    digest: &'static str,
    lease_s: u32,
    rules: String,
    sources: Vec<(String, String, String)>,
}

impl Setup {
    /// Feeds come from `feeds`; mails go to a relay at `smtp_port`.
    pub(crate) fn new(feeds: &Feeds, smtp_port: u16) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            feeds_port: feeds.port,
            smtp_port,
            licence: "none",
            log: "info",
            web_port: None,
            store: String::new(),
            mail: "transport = \"smtp\"".to_owned(),
            digest: "30 7 * * *",
            lease_s: 2,
            rules: String::new(),
            sources: Vec::new(),
        }
    }

    pub(crate) fn source(mut self, id: &str, host: &str, more: &str) -> Self {
        self.sources.push((id.to_owned(), host.to_owned(), more.to_owned()));
        self
    }

    pub(crate) fn licence(self, licence: &'static str) -> Self {
        Self { licence, ..self }
    }

    pub(crate) fn log(self, log: &'static str) -> Self {
        Self { log, ..self }
    }

    pub(crate) fn web(self, port: u16) -> Self {
        Self { web_port: Some(port), ..self }
    }

    pub(crate) fn store(self, url: &str) -> Self {
        Self { store: format!("url = {url:?}\n"), ..self }
    }

    pub(crate) fn maildir(self, path: &Path) -> Self {
        Self { mail: format!("transport = \"maildir\"\nmaildir = {:?}", path.display().to_string()), ..self }
    }

    pub(crate) fn digest(self, digest: &'static str) -> Self {
        Self { digest, ..self }
    }

    /// How long one worker may hold what it works on.
    pub(crate) fn lease(self, lease_s: u32) -> Self {
        Self { lease_s, ..self }
    }

    /// Rules of one's own are in `folder`.
    pub(crate) fn rules(self, folder: &Path) -> Self {
        Self { rules: format!("[overlay]\nrules_dir = {:?}\n", folder.display().to_string()), ..self }
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The same store, opened beside the process.
    pub(crate) fn store_options(&self, url: Option<&str>) -> trustwatch::store::Options {
        let file = format!("sqlite:{}", self.state_dir().join("trustwatch.db").display());
        trustwatch::store::Options {
            url: url.map_or(file, str::to_owned),
            key_file: self.state_dir().join("trustwatch.key"),
            ..trustwatch::store::Options::default()
        }
    }

    /// Writes the configuration.
    pub(crate) fn write(&self) -> PathBuf {
        let (feeds, smtp) = (self.feeds_port, self.smtp_port);
        let mut text = format!(
            "{}[service]\nstate_dir = {:?}\nlog = {:?}\n[store]\nlease_s = {}\n{}[fetch]\ncontact = \"operator@northmerevalley.nhs.uk\"\n\
             loopback = [\"127.0.0.1:{feeds}\"]\n[fetch.hosts]\n",
            self.rules,
            self.state_dir().display().to_string(),
            self.log,
            self.lease_s,
            self.store
        );
        for (_, host, _) in &self.sources {
            text.push_str(&format!("{host:?} = \"127.0.0.1:{feeds}\"\n"));
        }
        let listen = self.web_port.map(|port| format!("127.0.0.1:{port}")).unwrap_or_default();
        text.push_str(&format!(
            "[mail]\n{}\nfrom = \"Trustwatch <trustwatch@northmerevalley.nhs.uk>\"\n\
             [mail.smtp]\nhost = \"127.0.0.1\"\nport = {smtp}\nsecurity = \"plaintext\"\n\
             [alert]\nbacklog_settle_s = 0\ndigest = {:?}\n[alert.recipients]\n\
             communications = [{COMMUNICATIONS:?}]\noperator = [{OPERATOR:?}]\n[web]\nlisten = {listen:?}\n\
             [[organisation]]\nprofile = \"northmere\"\npurpose = \"To test\"\nbasis = \"UK GDPR Art 6(1)(e), public task\"\n\
             owner = \"Head of Communications\"\nlicence = {:?}\nreview = {}\n",
            self.mail,
            self.digest,
            self.licence,
            (now() + chrono::Duration::days(300)).date_naive()
        ));
        for (id, host, more) in &self.sources {
            text.push_str(&format!(
                "[[source]]\nid = {id:?}\nkind = \"feed\"\nurl = \"http://{host}/feed\"\n{more}\n"
            ));
        }
        let file = self.folder.path().join("trustwatch.toml");
        std::fs::write(&file, text).unwrap();
        file
    }

    /// Starts the service.
    pub(crate) fn run(&self) -> Running {
        self.run_with(&[], &[])
    }

    /// Starts the service with further arguments and environment.
    pub(crate) fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Running {
        let log = self.folder.path().join("log");
        let output = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut command = self.command("run");
        command.args(arguments).envs(environment.iter().copied());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output).spawn().unwrap();
        Running { child, log }
    }

    /// Runs a command to its end.
    pub(crate) fn done(&self, command: &str, arguments: &[&str]) -> Output {
        self.command(command).args(arguments).output().unwrap()
    }

    /// Runs a command to its end with further environment.
    pub(crate) fn done_with(&self, command: &str, environment: &[(&str, &str)]) -> Output {
        self.command(command).envs(environment.iter().copied()).output().unwrap()
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trustwatch"));
        for variable in
            ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "TRUSTWATCH_LOG", "TRUSTWATCH_KILL_AT"]
        {
            command.env_remove(variable);
        }
        command.arg(name).arg("--config").arg(self.write());
        command
    }
}

/// A running service; it is killed with its test.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- log of the service ---\n{}", self.log());
        }
    }
}

impl Running {
    /// Ends it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// How it ended, if it did within `limit`.
    pub(crate) async fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if Instant::now() >= end {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Asks it to end and expects that it does so well, and how long that took.
    pub(crate) async fn stop(mut self) -> Duration {
        let started = Instant::now();
        self.terminate();
        let status = self.ended_within(Duration::from_secs(20)).await;
        let status = status.unwrap_or_else(|| panic!("still there 20 s after SIGTERM"));
        assert_eq!(status.code(), Some(0), "{status}");
        started.elapsed()
    }

    /// What it logged, and those before it in the same folder.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}
