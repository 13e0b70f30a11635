//! The real daemon over many feeds, each served over HTTP on loopback under a host name of its own.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use trustwatch::config;
use trustwatch::daemon::{App, Wishes};
use trustwatch::pipeline::Progress;

use crate::fetch::server::{Server, answer};

/// Feeds by name, as they came.
pub(super) type Feeds = Vec<(String, Vec<u8>)>;

/// Every feed of a folder, in the order of their names.
pub(super) fn read(folder: &Path) -> Feeds {
    let mut feeds: Feeds = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap()))
        .collect();
    feeds.sort();
    feeds
}

/// The daemon, the server that it polls, and where everything is.
pub(super) struct World {
    /// The real thing.
    pub(super) app: App,
    /// What each piece of work came to.
    pub(super) progress: UnboundedReceiver<Progress>,
    served: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    _server: Server,
    folder: TempDir,
}

/// Names that do stand in real feeds.
pub(super) const NAMES: [&str; 5] = ["Mozilla", "Firefox", "Google", "Microsoft", "Linux"];

/// What watches for them.
fn profile() -> String {
    format!(
        "id = \"mozilla\"\nname = \"Mozilla\"\nshort_name = \"Mozilla\"\n\n[[watch]]\nid = \"name\"\nterms = {NAMES:?}\n"
    )
}

impl World {
    /// A daemon that watches for `NAMES` in all of `feeds`; source `fN` is feed N.
    pub(super) async fn build(feeds: &Feeds) -> Self {
        let hosts = feeds.iter().enumerate().map(|(n, (_, bytes))| (host(n), bytes.clone()));
        let served: Arc<Mutex<HashMap<String, Vec<u8>>>> = Arc::new(Mutex::new(hosts.collect()));
        let content = served.clone();
        let server = Server::start(move |asked| {
            let name = asked.header("host").unwrap_or_default().to_owned();
            match content.lock().unwrap().get(&name) {
                Some(body) => answer("200 OK", "Content-Type: text/xml\r\n", body),
                None => answer("404 Not Found", "", ""),
            }
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("profiles")).unwrap();
        std::fs::write(folder.path().join("profiles/mozilla.toml"), profile()).unwrap();
        let file = folder.path().join("trustwatch.toml");
        std::fs::write(&file, configuration(folder.path(), &server.address.to_string(), feeds.len()))
            .unwrap();
        let config = config::load(&file).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(config.planned.len(), feeds.len());
        let (sender, progress) = unbounded_channel();
        let app = App::build(config, Wishes { only: None, progress: Some(sender) }).await.unwrap();
        Self { app, progress, served, _server: server, folder }
    }

    /// Puts another body in the place of feed `n`.
    pub(super) fn serve(&self, n: usize, body: Vec<u8>) {
        self.served.lock().unwrap().insert(host(n), body);
    }

    /// The subjects of the mails that were handed over.
    pub(super) fn mails(&self) -> Vec<String> {
        let folder = self.folder.path().join("state/maildir/new");
        let files =
            std::fs::read_dir(folder).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
        let subject = |bytes: Vec<u8>| {
            let mail = mail_parser::MessageParser::default().parse(&bytes).unwrap();
            mail.subject().unwrap().to_owned()
        };
        files.map(subject).collect()
    }

    /// Polls what is due; what each source came to, by its number.
    pub(super) async fn poll(&mut self) -> HashMap<usize, Progress> {
        self.app.pipeline.run_until_idle().await.unwrap();
        let mut outcomes = HashMap::new();
        while let Ok(progress) = self.progress.try_recv() {
            let number = progress.source.as_str()[1..].parse().unwrap();
            assert!(outcomes.insert(number, progress).is_none(), "source {number} was polled twice");
        }
        outcomes
    }
}

/// The address that feed `n` is fetched from.
pub(super) fn url(n: usize) -> String {
    format!("http://{}/feed.xml", host(n))
}

fn host(n: usize) -> String {
    format!("f{n}.feeds-{n}.example")
}

fn configuration(folder: &Path, address: &str, feeds: usize) -> String {
    let mut text = format!(
        "[service]\nstate_dir = {:?}\n[fetch]\ncontact = \"watch@trust.example\"\nrequests_per_second = 10000\nloopback = [{address:?}]\n\
         [mail]\nfrom = \"Trustwatch <watch@trust.example>\"\n[alert]\nbacklog_settle_s = 0\n\
         [alert.recipients]\ncommunications = [\"comms@trust.example\"]\n[web]\nlisten = \"\"\n[overlay]\nprofiles_dir = \"profiles\"\n\
         [[organisation]]\nprofile = \"mozilla\"\npurpose = \"test\"\nbasis = \"test\"\nowner = \"test\"\nlicence = \"none\"\nreview = 2099-01-01\n\
         [fetch.hosts]\n",
        folder.join("state").display().to_string()
    );
    for n in 0..feeds {
        text.push_str(&format!("{:?} = {address:?}\n", host(n)));
    }
    for n in 0..feeds {
        text.push_str(&format!(
            "[[source]]\nid = \"f{n}\"\nkind = \"feed\"\nurl = {:?}\ndocument_kind = \"news\"\nevery = \"24h\"\n",
            url(n)
        ));
    }
    text
}
