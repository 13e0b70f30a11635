//! The story test: forty copies of a real article page, lightly edited as an agency's customers do, are one story, and
//! a thousand documents that differ stay a thousand. The whole way, from a feed to the store. Articles run where the
//! shared data stands beside the repository, every third of them; all with `TRUSTWATCH_LONG` set.

mod edits;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;
use trustwatch::extract::{Options, Page, decode};
use url::Url;

use self::edits::{Recipes, paragraphs};
use super::bed::{Machine, World, source};
use super::server::Answer;
use crate::corpus::articles::unpacked;
use crate::corpus::data;

/// What makes a hit of a text: it names the Trust.
const TRUST: &str = "Northmere Valley NHS Foundation Trust was asked for a comment.";
/// The story of every entry in the order in which they were listed, 0 where it is no hit.
const STORIES: &str = "SELECT COALESCE(h.story, 0) FROM entry e LEFT JOIN document d ON d.entry = e.id \
    LEFT JOIN hit h ON h.document = d.id ORDER BY e.id";
/// An article with fewer words, or fewer paragraphs, loses too much to a cut (`edits.toml`).
const ARTICLE_WORDS: usize = 120;
const ARTICLE_PARAGRAPHS: usize = 4;
/// Of how many articles one is tried where nobody asks for all.
const NTH_ARTICLE: usize = 3;
/// Documents that differ, how long each is (words), how many come with one poll.
const DOCUMENTS: usize = 1000;
const DOCUMENT_WORDS: usize = 60;
const AT_ONCE: usize = 100;
/// Of how many documents of the corpus one is taken in the first round.
const NTH_DOCUMENT: usize = 3;
/// From this share of runs of words in common on, two documents may rightly be one story.
const ALIKE: f64 = 0.3;
const RUN: usize = 5;

/// An item of a feed.
struct Told {
    link: String,
    title: String,
    text: String,
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An RSS feed with markup in its items, as papers write them, one item every three hours.
fn feed(items: &[Told]) -> Answer {
    let mut date: DateTime<Utc> = "2026-07-01T08:00:00Z".parse().unwrap();
    let mut feed = "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Paper</title>".to_owned();
    for Told { link, title, text } in items {
        let html = text
            .split("\n\n")
            .fold(String::new(), |html, part| html + "<p>" + escaped(part).as_str() + "</p>");
        feed.push_str(&format!(
            "<item><guid isPermaLink=\"false\">{0}</guid><link>{0}</link><title>{1}</title><pubDate>{2}</pubDate>\
             <description>{3}</description></item>",
            escaped(link),
            escaped(&escaped(title)),
            date.to_rfc2822(),
            escaped(&html)
        ));
        date -= Duration::hours(3);
    }
    Answer::feed(feed + "</channel></rss>")
}

/// A machine whose only source lists these at its visits, one after the other.
async fn machine(world: &World, visits: &[&[Told]]) -> Machine {
    world.server.put("paper.example", "/feed", visits.iter().map(|items| feed(items)));
    world.machine(&source("paper", "paper.example", "")).await
}

/// Visits the source as often as it has something to list; the story of each item, in their order.
async fn told(visits: &[&[Told]]) -> Vec<i64> {
    let world = World::new().await;
    let machine = machine(&world, visits).await;
    machine.look().await;
    for _ in visits.iter().skip(1) {
        machine.look_after(30).await;
    }
    let stories = machine.numbers(STORIES).await;
    let listed: usize = visits.iter().map(|items| items.len()).sum();
    assert_eq!(stories.len(), listed, "every item is an entry: {:?}", machine.source("paper").await);
    machine.close().await;
    stories
}

/// Runs of letters and digits, in small letters.
fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

#[derive(Deserialize)]
struct Marked {
    #[serde(rename = "articleBody")]
    text: String,
    url: Option<String>,
}

impl Marked {
    /// Whether it is an article as the recipes want it: of some length, and in English by its commonest words.
    fn is_article(&self) -> bool {
        let words = words(&self.text);
        let common = words.iter().filter(|word| ["the", "and", "of"].contains(&word.as_str())).count();
        words.len() >= ARTICLE_WORDS
            && common * 25 >= words.len()
            && paragraphs(&self.text).len() >= ARTICLE_PARAGRAPHS
    }
}

/// Headlines and texts of real articles that name the Trust: in their second paragraph, since the last is cut off by
/// papers that are short of room.
async fn articles(folder: &Path) -> Vec<(String, String)> {
    let marked = std::fs::read_to_string(folder.join("ground-truth.json")).unwrap();
    let mut marked: BTreeMap<String, Marked> = serde_json::from_str(&marked).unwrap();
    marked.retain(|_, marked| marked.is_article());
    let nth = if std::env::var_os("TRUSTWATCH_LONG").is_some() { 1 } else { NTH_ARTICLE };
    // Starting with the last of the first few, those are among them whose copies are farthest apart.
    let mut articles = Vec::new();
    for (key, Marked { text, url }) in marked.iter().skip(nth - 1).step_by(nth) {
        let html = decode(&unpacked(&folder.join(format!("html/{key}.html.gz"))).await, None).text;
        let url = url.as_deref().and_then(|url| Url::parse(url).ok());
        let title = Page::read(&html, url.as_ref(), &Options::default()).metadata.title;
        let mut paragraphs = paragraphs(text);
        paragraphs.insert(1, TRUST.to_owned());
        if title.is_empty() {
            println!("left out, since no headline was found: {key}");
        } else {
            articles.push((title, paragraphs.join("\n\n")));
        }
    }
    articles
}

/// An article as it came, and its copies.
fn copies(recipes: &Recipes, number: usize, (title, text): &(String, String)) -> Vec<Told> {
    let link = format!("http://wire.example/{number}/{}", edits::slug(title));
    let mut copies = vec![Told { link, title: title.clone(), text: text.clone() }];
    for recipe in &recipes.copy {
        let link = recipe.link(title, number);
        let (title, text) = recipes.edited(recipe, title, text);
        copies.push(Told { link, title, text });
    }
    copies
}

/// The story that most of these tell.
fn commonest(stories: &[i64]) -> i64 {
    let count = |story: &i64| stories.iter().filter(|other| *other == story).count();
    *stories.iter().max_by_key(|story| (count(story), -**story)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_lightly_edited_copies_of_an_article_are_one_story() {
    let Some(folder) = data("article-pages") else { return };
    let recipes = Recipes::read();
    let articles = articles(&folder).await;
    assert!(recipes.copy.len() == 40 && articles.len() >= 20, "{} articles", articles.len());
    let visits: Vec<Vec<Told>> =
        articles.iter().enumerate().map(|(number, article)| copies(&recipes, number, article)).collect();
    let listed: Vec<&[Told]> = visits.iter().map(Vec::as_slice).collect();
    let stories = told(&listed).await;
    let (mut owners, mut wrong) = (HashMap::<i64, &str>::new(), Vec::new());
    for ((title, _), stories) in articles.iter().zip(stories.chunks(1 + recipes.copy.len())) {
        let most = commonest(stories);
        let names = std::iter::once("the original").chain(recipes.copy.iter().map(|copy| copy.name.as_str()));
        for (name, story) in names.zip(stories) {
            match owners.insert(*story, title) {
                _ if *story == 0 => wrong.push(format!("{title}: no hit: {name}")),
                Some(other) if other != title => {
                    wrong.push(format!("{title}: one story with {other}: {name}"));
                }
                _ if *story != most => wrong.push(format!("{title}: fell out: {name}")),
                _ => {}
            }
        }
    }
    println!("{} articles in {} copies each", articles.len(), 1 + recipes.copy.len());
    assert!(wrong.is_empty(), "{} of {} copies: {wrong:#?}", wrong.len(), stories.len());
}

/// A line of `tests/corpus`. Some have markup in place of a text.
#[derive(Deserialize)]
struct Invented {
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
}

/// Every document of the corpus that is long enough, in the order of the files.
fn corpus() -> Vec<Invented> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let mut found: Vec<Invented> = Vec::new();
    for file in files {
        let lines = std::fs::read_to_string(file).unwrap();
        found.extend(lines.lines().map(|line| serde_json::from_str::<Invented>(line).unwrap()));
    }
    found.retain(|document| words(&document.text).len() >= DOCUMENT_WORDS);
    found
}

/// Texts that were chosen, and which of them hold which run of words.
#[derive(Default)]
struct Chosen {
    texts: HashSet<Vec<String>>,
    holders: HashMap<Vec<String>, Vec<usize>>,
    runs: Vec<usize>,
}

impl Chosen {
    /// Takes a text, unless it is like one that was taken before.
    #[expect(clippy::cast_precision_loss, reason = "a text has few words")]
    fn takes(&mut self, text: &str) -> bool {
        let words = words(text);
        let runs: HashSet<Vec<String>> = words.windows(RUN).map(<[String]>::to_vec).collect();
        let mut shared: HashMap<usize, usize> = HashMap::new();
        for holder in runs.iter().filter_map(|run| self.holders.get(run)).flatten() {
            *shared.entry(*holder).or_default() += 1;
        }
        let is_alike = |(other, both): (&usize, &usize)| {
            *both as f64 >= ALIKE * (runs.len() + self.runs[*other] - *both) as f64
        };
        if shared.iter().any(is_alike) || !self.texts.insert(words) {
            return false;
        }
        let place = self.runs.len();
        self.runs.push(runs.len());
        for run in runs {
            self.holders.entry(run).or_default().push(place);
        }
        true
    }
}

/// Documents that differ, from everywhere in the corpus, each with the Trust named at its end.
fn different_documents() -> Vec<Told> {
    let corpus = corpus();
    let mut chosen = Chosen::default();
    let mut documents = Vec::new();
    let rounds = (0..NTH_DOCUMENT).flat_map(|first| corpus.iter().skip(first).step_by(NTH_DOCUMENT));
    for Invented { title, text } in rounds.filter(|document| chosen.takes(&document.text)).take(DOCUMENTS) {
        let link = format!("http://other.example/documents/{}", documents.len());
        documents.push(Told { link, title: title.clone(), text: format!("{text}\n\n{TRUST}") });
    }
    documents
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_different_documents_stay_a_thousand_stories() {
    let documents = different_documents();
    assert_eq!(documents.len(), DOCUMENTS, "the corpus has enough of them");
    let visits: Vec<&[Told]> = documents.chunks(AT_ONCE).collect();
    let stories = told(&visits).await;
    let shown = |document: &Told| {
        let start: String = document.text.chars().take(80).collect();
        format!("{:?} {start:?}", document.title)
    };
    let mut tellers: HashMap<i64, &Told> = HashMap::new();
    let mut wrong = Vec::new();
    for (document, story) in documents.iter().zip(&stories) {
        if *story == 0 {
            wrong.push(format!("no hit: {}", shown(document)));
        } else if let Some(other) = tellers.insert(*story, document) {
            wrong.push(format!("one story: {} and {}", shown(other), shown(document)));
        }
    }
    println!("{} stories of {} documents", tellers.len(), documents.len());
    assert!(wrong.is_empty() && tellers.len() == DOCUMENTS, "{wrong:#?}");
}

const PRESS: [&str; 8] = [
    "A cider press that nobody alive had seen was found on Monday below the floor of the old pump house by the canal.",
    "Two joiners who had come to lift rotten boards put a lamp into the hole and saw the great screw of it, black with \
     age and as thick as a man, lying on its side between barrels.",
    "The pump house was built when the canal was dug, and served as a store for rope, then as a stable, and for the \
     last forty years as the place where the sailing club kept what it did not want to throw away.",
    "Its secretary, who is writing a history of the lock keepers, said that a press is named in one letter of 1811 and \
     never again, and that she had long taken it for a slip of the pen.",
    "Apples are not what brought the council to the canal this week, though. Its engineers have measured how fast the \
     eastern bank gives way, and they want to drive a row of oak piles before winter, from the footbridge to the weir.",
    "That will close the towpath for seven weeks from the end of August. Walkers are to be sent along Tanner Street, \
     where a crossing with lights will be put up beside the bakery, and boats must turn at the basin.",
    "Anglers have asked for the work to begin later, because the bream gather under the footbridge in September, and \
     the owner of the floating café fears for the best part of her season.",
    "Drawings of the piles hang in the library until Friday week. Whoever has something to say about them may write it \
     on the cards beside the desk, or come to the meeting in the corn hall.",
];

/// What somebody on a forum puts before the end of it: 23 bits of the SimHash away from the whole.
const ASKED: &str = "Has anybody here seen this? I ride to the station along the canal every morning, and nobody has \
    asked me what I think of seven weeks behind the dustcart on Tanner Street. Below is the end of what they wrote, so \
    that you can judge for yourselves.";

#[tokio::test]
async fn two_stories_that_prove_one_are_merged() {
    let told = |link: &str, title: &str, paragraphs: &[&str]| Told {
        link: format!("http://{link}"),
        title: title.to_owned(),
        text: [paragraphs, &[TRUST]].concat().join("\n\n"),
    };
    let found = "Cider press found below the floor of the pump house";
    let original = told("paper.example/press", found, &PRESS);
    let rest = [&[ASKED], &PRESS[5..]].concat();
    let end = told("forum.example/towpath", "Seven weeks behind the dustcart on the way to work", &rest);
    let both = told("forum.example/towpath?utm_medium=rss", found, &PRESS);
    let world = World::new().await;
    let machine = machine(&world, &[&[original], &[end], &[both]]).await;
    machine.look().await;
    machine.look_after(30).await;
    let apart = machine.numbers(STORIES).await;
    assert!(
        apart.len() == 2 && apart[0] != apart[1] && !apart.contains(&0),
        "nothing joins them yet: {apart:?}"
    );
    assert_eq!(machine.numbers("SELECT leads FROM hit").await, [1, 1]);
    machine.look_after(30).await;
    let stories = machine.numbers("SELECT id FROM story").await;
    assert_eq!(stories.len(), 1, "the third has the text of the one and the address of the other");
    assert_eq!(machine.numbers(STORIES).await, [stories[0]; 3]);
    let oldest = machine.numbers("SELECT MIN(id) FROM hit").await;
    assert_eq!(machine.numbers("SELECT id FROM hit WHERE leads = 1").await, oldest);
    machine.close().await;
}
