//! A small statistical model beside the rules: one logistic regression for each category over the words
//! and lists of a document, trained on documents of our own making (`tests/train`). It has a say in a rule
//! only where the rule gives it a weight, and its say is explained like any other evidence.

mod features;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

pub use features::Features;
pub(super) use features::of as features_of;

use crate::model::Category;

/// The model in the binary.
const SHIPPED: &[u8] = include_bytes!("../../../config/model.tsv.zst");
/// How much facts count beside words.
const FACTS_LENGTH: f64 = 0.4;
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

/// What the features add up to, with each one's share.
type Sum<'f> = (f64, Vec<(f64, &'f str)>);

/// A trained model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Learned {
    /// What each category adds to begin with.
    biases: HashMap<Category, f64>,
    /// For each feature how rare it is, and its weight for each category.
    weights: HashMap<Box<str>, Weights>,
}

/// What the model says of a document: log-odds by category, with the words that count most.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Opinion {
    by_category: HashMap<Category, (f64, Vec<String>)>,
}

impl Opinion {
    /// The log-odds of a category, 0 where the model knows nothing of it, and the words that count most.
    pub fn of(&self, category: Category) -> (f64, &[String]) {
        self.by_category.get(&category).map_or((0.0, &[]), |(odds, words)| (*odds, words.as_slice()))
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
                model.biases.extend(weights);
            } else {
                model.weights.insert(feature.into(), Weights { rarity, of: weights });
            }
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
        let rarity = |feature: &str| self.weights.get(feature).map(|weights| weights.rarity);
        let values = values(features, rarity);
        let mut sums: HashMap<Category, Sum<'_>> =
            self.biases.iter().map(|(category, bias)| (*category, (*bias, Vec::new()))).collect();
        for (feature, value) in values {
            let Some(weights) = self.weights.get(feature) else { continue };
            for (category, weight) in &weights.of {
                if let Some((sum, words)) = sums.get_mut(category) {
                    *sum += weight * value;
                    words.push((weight * value, feature));
                }
            }
        }
        let by_category = sums.into_iter().map(|(category, (sum, mut words))| {
            words.retain(|(share, feature)| (*share > 0.0) == (sum > 0.0) && is_for_people(feature));
            words.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()).then(a.1.cmp(b.1)));
            let named = words.into_iter().take(NAMED).map(|(_, word)| word.to_owned()).collect();
            (category, (sum, named))
        });
        Opinion { by_category: by_category.collect() }
    }
}

/// Stems, marks and facts mean nothing to a reader.
fn is_for_people(feature: &str) -> bool {
    !feature.contains(['*', '{', '<', ':', '#'])
}

/// How much each feature counts: words by their number and rarity, together as long as 1; facts by their
/// rarity, together somewhat shorter.
pub fn values<'f>(features: &'f Features, rarity: impl Fn(&str) -> Option<f64>) -> Vec<(&'f str, f64)> {
    let known =
        |feature: &'f String, n: u32| Some((feature.as_str(), (1.0 + f64::from(n).ln()) * rarity(feature)?));
    let mut words: Vec<(&str, f64)> = features.words.iter().filter_map(|(word, n)| known(word, *n)).collect();
    let mut facts: Vec<(&str, f64)> = features.facts.iter().filter_map(|fact| known(fact, 1)).collect();
    scale(&mut words, 1.0);
    scale(&mut facts, FACTS_LENGTH);
    words.append(&mut facts);
    words
}

fn scale(values: &mut [(&str, f64)], length: f64) {
    let now = values.iter().map(|(_, value)| value * value).sum::<f64>().sqrt();
    if now > 0.0 {
        for (_, value) in values {
            *value *= length / now;
        }
    }
}
