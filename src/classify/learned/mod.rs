//! A small statistical model beside the rules: one logistic regression for each category over the words
//! and lists of a document, trained on documents of our own making (`tests/train`). It has a say in a rule
//! only where the rule gives it a weight, and its say is explained like any other evidence.

mod features;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use foldhash::fast::RandomState;

pub(super) use features::of as features_of;
pub use features::{Feature, Features, Letters};

use crate::model::Category;

/// The model in the binary.
const SHIPPED: &[u8] = include_bytes!("../../../config/model.tsv.zst");
/// How long the values of words, letters and facts are together, beside each other.
const LENGTHS: [f64; 3] = [1.0, 0.7, 0.4];
/// The share of known words from which a document counts as one that the model can read.
const READABLE: f64 = 0.7;
/// Words named in a reason.
const NAMED: usize = 4;

/// Why a model cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the statistical model cannot be read: {0}")]
pub struct ModelError(String);

/// What one feature says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    /// How rare it is.
    pub rarity: f64,
    /// What it adds for each category.
    pub of: Vec<(Category, f64)>,
}

/// A trained model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Learned {
    /// What each category adds to begin with; the others it knows nothing of.
    biases: Vec<(Category, f64)>,
    words: HashMap<Box<str>, usize, RandomState>,
    letters: HashMap<Letters, usize, RandomState>,
    /// How rare each feature is, at the place that its word or letters give, and where its weights end.
    features: Vec<(f64, usize)>,
    /// What the features add, one behind the other.
    weights: Vec<(Category, f64)>,
}

/// What the model says of a document: log-odds by category, and the words that it saw, each with its place and value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Opinion {
    odds: Vec<(Category, f64)>,
    words: Vec<(String, usize, f64)>,
}

impl Opinion {
    /// The log-odds of a category, 0 where the model knows nothing of it.
    pub fn odds(&self, category: Category) -> f64 {
        self.odds.iter().find(|(of, _)| *of == category).map_or(0.0, |(_, odds)| *odds)
    }
}

impl Learned {
    /// The model compiled into the binary.
    ///
    /// # Errors
    /// Never for the model in the binary; a test reads it.
    pub fn shipped() -> Result<&'static Self, ModelError> {
        static MODEL: LazyLock<Result<Learned, ModelError>> = LazyLock::new(|| Learned::read(SHIPPED));
        MODEL.as_ref().map_err(Clone::clone)
    }

    /// Reads a model as [`write`](Self::write) wrote it.
    ///
    /// # Errors
    /// What is not in its form.
    pub fn read(bytes: &[u8]) -> Result<Self, ModelError> {
        let wrong = |message: &str| ModelError(message.to_owned());
        let text = zstd::decode_all(bytes).map_err(|error| ModelError(error.to_string()))?;
        let text = String::from_utf8(text).map_err(|error| ModelError(error.to_string()))?;
        let mut model = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let mut parts = line.split('\t');
            let (Some(feature), Some(rarity)) = (parts.next(), parts.next()) else {
                return Err(wrong("a line without a rarity"));
            };
            let rarity: f64 = rarity.parse().map_err(|_| wrong("a rarity that is no number"))?;
            let mut weights = Vec::new();
            for part in parts {
                let (category, weight) =
                    part.split_once('=').ok_or_else(|| wrong("a weight without a category"))?;
                let category: Category = category.parse().map_err(|error| ModelError(format!("{error}")))?;
                weights.push((
                    category,
                    weight.parse::<f64>().map_err(|_| wrong("a weight that is no number"))?,
                ));
            }
            if feature.is_empty() {
                model.biases = weights;
                continue;
            }
            let place = model.features.len();
            model.weights.extend(weights);
            model.features.push((rarity, model.weights.len()));
            match feature.parse() {
                Ok(letters) => model.letters.insert(letters, place),
                Err(()) => model.words.insert(feature.into(), place),
            };
        }
        Ok(model)
    }

    /// Writes a model: biases, then for each feature its rarity and weights, in order of the features.
    pub fn write(
        note: &str,
        biases: &[(Category, f64)],
        weights: &[(String, Weights)],
    ) -> std::io::Result<Vec<u8>> {
        let mut text = format!("# {note}\n");
        let list = |weights: &[(Category, f64)]| {
            weights.iter().fold(String::new(), |mut list, (category, weight)| {
                let _ = write!(list, "\t{category}={weight:.2}");
                list
            })
        };
        let _ = writeln!(text, "\t1{}", list(biases));
        for (feature, Weights { rarity, of: weights }) in weights {
            let _ = writeln!(text, "{feature}\t{rarity:.3}{}", list(weights));
        }
        zstd::encode_all(text.as_bytes(), 19)
    }

    /// What the model says of a document.
    pub fn opinion(&self, features: &Features) -> Opinion {
        let values = values(features, |feature| {
            let place = match feature {
                Feature::Word(word) => *self.words.get(word)?,
                Feature::Letters(letters) => *self.letters.get(&letters)?,
            };
            Some((place, self.features.get(place)?.0))
        });
        let mut odds = [0.0; Category::ALL.len()];
        let mut words = Vec::new();
        for (feature, place, value) in values {
            for (category, weight) in self.weights_at(place) {
                odds[*category as usize] += weight * value;
            }
            if let Feature::Word(word) = feature
                && is_for_people(word)
            {
                words.push((word.to_owned(), place, value));
            }
        }
        let sure = (self.share_known(features) / READABLE).min(1.0);
        let odds = self.biases.iter().map(|(category, bias)| {
            let odds = bias + odds[*category as usize];
            (*category, if odds > 0.0 { odds * sure } else { odds })
        });
        Opinion { odds: odds.collect(), words }
    }

    fn weights_at(&self, place: usize) -> &[(Category, f64)] {
        let end_of = |place: usize| self.features.get(place).map(|(_, end)| *end);
        let start = place.checked_sub(1).map_or(Some(0), end_of);
        start.zip(end_of(place)).and_then(|(start, end)| self.weights.get(start..end)).unwrap_or_default()
    }

    /// The words that speak most for a category, those that count most first.
    pub fn words<'o>(&self, opinion: &'o Opinion, category: Category) -> Vec<&'o str> {
        let share = |(word, place, value): &'o (String, usize, f64)| {
            let (_, weight) = self.weights_at(*place).iter().find(|(of, _)| *of == category)?;
            Some((weight * value, word.as_str())).filter(|(share, _)| *share > 0.0)
        };
        let mut words: Vec<(f64, &str)> = opinion.words.iter().filter_map(share).collect();
        words.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        words.into_iter().take(NAMED).map(|(_, word)| word).collect()
    }

    /// Of the single words of a document, the share that the model has seen: in a language that it cannot read, a
    /// few words that look like English ones must not speak for all.
    fn share_known(&self, features: &Features) -> f64 {
        let single = features.words.keys().filter(|word| !word.contains([' ', '*', '<', '#']));
        let (mut all, mut known) = (0_u32, 0_u32);
        for word in single {
            all += 1;
            known += u32::from(self.words.contains_key(word.as_str()));
        }
        if all == 0 { 1.0 } else { f64::from(known) / f64::from(all) }
    }
}

/// Stems, marks and facts mean nothing to a reader.
fn is_for_people(feature: &str) -> bool {
    !feature.contains(['*', '{', '<', ':', '#'])
}

/// The values of a document's features at their places: by number and rarity, words, letters and facts each of
/// a length of their own. `known` gives a feature's place and rarity, and leaves out what is unknown.
pub fn values<'f>(
    features: &'f Features,
    known: impl Fn(Feature<'f>) -> Option<(usize, f64)>,
) -> Vec<(Feature<'f>, usize, f64)> {
    let words = features.words.iter().map(|(word, n)| (Feature::Word(word), *n));
    let letters = features.letters.iter().map(|(letters, n)| (Feature::Letters(*letters), *n));
    let facts = features.facts.iter().map(|fact| (Feature::Word(fact), 1));
    let mut all = Vec::with_capacity(features.words.len() + features.letters.len() + features.facts.len());
    add_values(&mut all, words, &known, LENGTHS[0]);
    add_values(&mut all, letters, &known, LENGTHS[1]);
    add_values(&mut all, facts, &known, LENGTHS[2]);
    all
}

fn add_values<'f>(
    all: &mut Vec<(Feature<'f>, usize, f64)>,
    features: impl Iterator<Item = (Feature<'f>, u32)>,
    known: impl Fn(Feature<'f>) -> Option<(usize, f64)>,
    length: f64,
) {
    let from = all.len();
    all.extend(features.filter_map(|(feature, n)| {
        let (place, rarity) = known(feature)?;
        // Most stand there once, and the logarithm of one is nought.
        let often = if n == 1 { 1.0 } else { 1.0 + f64::from(n).ln() };
        Some((feature, place, often * rarity))
    }));
    scale(all.get_mut(from..).unwrap_or_default(), length);
}

fn scale(values: &mut [(Feature<'_>, usize, f64)], length: f64) {
    let now = values.iter().map(|(_, _, value)| value * value).sum::<f64>().sqrt();
    if now > 0.0 {
        for (_, _, value) in values {
            *value *= length / now;
        }
    }
}
