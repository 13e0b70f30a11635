//! Trains the statistical model from the labelled documents in `tests/corpus` and writes it to
//! `config/model.tsv.zst`. The same documents give the same bytes.
//!
//! `cargo run --release --example train` trains; with `-- --check N` it trains on N-1 parts of N and judges the
//! part left out, and writes what the model says of each document to standard output as JSON Lines.

#![expect(clippy::cast_precision_loss, reason = "counts of documents are far below 2^52")]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use trustwatch::classify::{Classifier, Feature, Features, Learned, RuleSet, Weights, values};
use trustwatch::config::shipped_profiles;
use trustwatch::model::{Category, Document};

/// Documents in which a feature must stand before it counts.
const MIN_DOCUMENTS: u32 = 2;
/// Rounds over all documents.
const ROUNDS: usize = 30;
/// First step of the descent.
const STEP: f64 = 2.0;
/// How dear a wrong document is beside large weights (the C of liblinear).
const COST: f64 = 30.0;
/// Features kept for each category, those with the largest weights.
const KEPT: usize = 12000;

/// One labelled document as the model sees it.
struct Example {
    id: String,
    features: Features,
    must: Vec<Category>,
    may: Vec<Category>,
}

/// What one category learnt: a bias and a weight for each feature.
struct Learnt {
    bias: f64,
    of: Vec<f64>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("tests/corpus");
    let (examples, digest) = read(&folder);
    match arguments.as_slice() {
        [] => {
            let (names, rarities, weights) = train(&examples.iter().collect::<Vec<_>>());
            let note = format!("{} documents, sha256 {digest}", examples.len());
            let bytes = write(&note, &names, &rarities, &weights);
            let file = root.join("config/model.tsv.zst");
            std::fs::write(&file, &bytes).expect("the model can be written");
            eprintln!("{}: {} bytes from {} documents", file.display(), bytes.len(), examples.len());
        }
        [flag, parts] if flag == "--check" => check(&examples, parts.parse().expect("a number of parts")),
        _ => eprintln!("usage: train [--check PARTS]"),
    }
}

/// Every document that mentions somebody, in the order of files and lines.
fn read(folder: &Path) -> (Vec<Example>, String) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("tests/corpus can be read")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    let profiles = shipped_profiles().unwrap_or_else(|problems| panic!("{problems:?}"));
    let rules = RuleSet::shipped().unwrap_or_else(|problems| panic!("{problems:?}"));
    let classifier = Classifier::new(profiles, rules).unwrap_or_else(|error| panic!("{error}"));
    let mut digest = Sha256::new();
    let mut examples = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a corpus file can be read");
        digest.update(text.as_bytes());
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).expect("a line of JSON");
            let categories = |key: &str| -> Vec<Category> {
                let list = value["expect"][key].as_array().cloned().unwrap_or_default();
                list.iter()
                    .map(|name| name.as_str().unwrap_or_default().parse().expect("a category"))
                    .collect()
            };
            let mut document = value.clone();
            if let Some(fields) = document.as_object_mut() {
                fields.retain(|key, field| {
                    !(field.is_null() || key == "published" && field.as_str().is_some_and(|at| at.len() < 20))
                });
            }
            let html = document["html"].as_str().map(str::to_owned);
            let mut document: Document = serde_json::from_value(document).expect("a document");
            if let Some(html) = html.filter(|html| !html.is_empty()) {
                let page =
                    trustwatch::extract::Page::read(&html, None, &trustwatch::extract::Options::default());
                document.text = page.text;
            }
            for features in classifier.features(&document).into_iter().take(1) {
                let id = value["id"].as_str().unwrap_or_default().to_owned();
                examples.push(Example { id, features, must: categories("must"), may: categories("may") });
            }
        }
    }
    let digest =
        digest.finalize().iter().fold(String::new(), |text, byte| text + format!("{byte:02x}").as_str());
    (examples, digest)
}

/// Logistic regression for every category, the rarer answer weighing as much as the commoner one, by averaged
/// stochastic gradient descent (Bottou 2010).
fn train(examples: &[&Example]) -> (Vec<String>, Vec<f64>, BTreeMap<Category, Learnt>) {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for example in examples {
        let words = example.features.words.keys().chain(&example.features.facts).cloned();
        let letters = example.features.letters.iter().map(|(letters, _)| letters.to_string());
        for feature in words.chain(letters) {
            *counts.entry(feature).or_default() += 1;
        }
    }
    counts.retain(|_, n| *n >= MIN_DOCUMENTS);
    let total = examples.len() as f64;
    let rarities: Vec<f64> = counts.values().map(|n| (total / f64::from(*n)).ln() + 1.0).collect();
    let names: Vec<String> = counts.into_keys().collect();
    let place: HashMap<&str, usize> =
        names.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    let rows: Vec<Vec<(usize, f64)>> = examples
        .iter()
        .map(|example| {
            let known = values(&example.features, |feature| {
                let at = match feature {
                    Feature::Word(word) => *place.get(word)?,
                    Feature::Letters(letters) => *place.get(letters.to_string().as_str())?,
                };
                Some((at, rarities[at]))
            });
            known.into_iter().map(|(_, at, value)| (at, value)).collect()
        })
        .collect();
    let weights = Category::ALL
        .iter()
        .filter_map(|&category| Some((category, learn(category, examples, &rows, names.len())?)))
        .collect();
    (names, rarities, weights)
}

fn learn(
    category: Category,
    examples: &[&Example],
    rows: &[Vec<(usize, f64)>],
    features: usize,
) -> Option<Learnt> {
    let told: Vec<usize> = (0..examples.len())
        .filter(|at| examples[*at].must.contains(&category) || !examples[*at].may.contains(&category))
        .collect();
    let yes = told.iter().filter(|at| examples[**at].must.contains(&category)).count();
    if yes < 4 {
        return None;
    }
    let no = told.len() - yes;
    let (for_yes, for_no) = (told.len() as f64 / (2.0 * yes as f64), told.len() as f64 / (2.0 * no as f64));
    let decay = 1.0 / (COST * told.len() as f64);
    // Weights are `scale * of`, so that holding all of them back costs one multiplication.
    let (mut bias, mut of, mut scale) = (0.0, vec![0.0; features], 1.0);
    let mut mean = Learnt { bias: 0.0, of: vec![0.0; features] };
    let mut order = told;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut seen = 0.0;
    for round in 0..ROUNDS {
        for at in (1..order.len()).rev() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            order.swap(at, usize::try_from(random % (at as u64 + 1)).unwrap_or_default());
        }
        for &at in &order {
            let odds =
                bias + scale * rows[at].iter().map(|(feature, value)| of[*feature] * value).sum::<f64>();
            let (wanted, weight) =
                if examples[at].must.contains(&category) { (1.0, for_yes) } else { (0.0, for_no) };
            let step = STEP / (1.0 + STEP * decay * seen);
            seen += 1.0;
            let slope = weight * (1.0 / (1.0 + (-odds).exp()) - wanted);
            // One step never moves the odds of its own document by more than 2.
            let slope = slope.clamp(-2.0 / step, 2.0 / step);
            scale *= 1.0 - step * decay;
            bias -= 0.1 * step * slope;
            for &(feature, value) in &rows[at] {
                of[feature] -= step * slope * value / scale;
            }
        }
        if round >= ROUNDS / 2 {
            let share = 1.0 / (ROUNDS - ROUNDS / 2) as f64;
            mean.bias += share * bias;
            mean.of.iter_mut().zip(&of).for_each(|(mean, of)| *mean += share * scale * of);
        }
    }
    Some(mean)
}

fn write(note: &str, names: &[String], rarities: &[f64], weights: &BTreeMap<Category, Learnt>) -> Vec<u8> {
    let mut lines: BTreeMap<usize, Vec<(Category, f64)>> = BTreeMap::new();
    for (category, learnt) in weights {
        let mut order: Vec<usize> = (0..names.len()).filter(|at| learnt.of[*at].abs() >= 0.05).collect();
        order.sort_by(|a, b| learnt.of[*b].abs().total_cmp(&learnt.of[*a].abs()).then(a.cmp(b)));
        for at in order.into_iter().take(KEPT) {
            lines.entry(at).or_default().push((*category, learnt.of[at]));
        }
    }
    let biases: Vec<(Category, f64)> =
        weights.iter().map(|(category, learnt)| (*category, learnt.bias)).collect();
    let lines: Vec<_> =
        lines.into_iter().map(|(at, of)| (names[at].clone(), Weights { rarity: rarities[at], of })).collect();
    Learned::write(note, &biases, &lines).expect("a model fits into memory")
}

/// Judges each part of the documents by a model of the others.
fn check(examples: &[Example], parts: usize) {
    for part in 0..parts {
        let others: Vec<&Example> =
            examples.iter().enumerate().filter(|(at, _)| at % parts != part).map(|(_, e)| e).collect();
        let (names, rarities, weights) = train(&others);
        let model = Learned::read(&write("", &names, &rarities, &weights)).expect("what was written reads");
        for example in examples.iter().skip(part).step_by(parts) {
            let opinion = model.opinion(&example.features);
            let odds: BTreeMap<&str, f64> =
                Category::ALL.iter().map(|category| (category.as_str(), opinion.odds(*category))).collect();
            println!("{}", json!({"id": example.id, "odds": odds}));
        }
    }
}
