//! The language of a text, English and Welsh told apart first of all.

use std::sync::LazyLock;

use lingua::{Language, LanguageDetector, LanguageDetectorBuilder};

/// Enough to tell, some seventy words; more costs time and changes nothing (characters).
const SAMPLE_CHARS: usize = 400;
/// Below this the declared language is believed (characters).
const MIN_CHARS: usize = 20;
/// How sure the detector must be to contradict a declaration.
const MIN_CONFIDENCE: f64 = 0.8;

static DETECTOR: LazyLock<LanguageDetector> = LazyLock::new(|| {
    LanguageDetectorBuilder::from_languages(&[
        Language::English,
        Language::Welsh,
        Language::French,
        Language::Polish,
    ])
    .build()
});

/// The ISO 639-1 code of `text`'s language. The text itself speaks first: British sites declare `en`
/// on Welsh pages. `declared` answers where the text is too short or the detector unsure.
pub fn language_of(text: &str, declared: Option<&str>) -> Option<String> {
    // From the middle: a text often begins in the language of its site.
    let before = text.chars().count().saturating_sub(SAMPLE_CHARS) / 2;
    let sample: String = text.chars().skip(before).take(SAMPLE_CHARS).collect();
    if sample.trim().chars().count() >= MIN_CHARS {
        let best = DETECTOR.compute_language_confidence_values(sample).into_iter().next();
        if let Some((language, confidence)) = best
            && (confidence >= MIN_CONFIDENCE || declared.is_none() && confidence >= 0.5)
        {
            return Some(language.iso_code_639_1().to_string().to_lowercase());
        }
    }
    declared.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_and_welsh_are_told_apart() {
        let welsh = "Mae'r ysbyty wedi agor ward newydd i gleifion hŷn yng nghanol y dref yr wythnos hon.";
        let english =
            "The hospital has opened a new ward for older patients in the centre of town this week.";
        assert_eq!(language_of(welsh, Some("en")).as_deref(), Some("cy"));
        assert_eq!(language_of(english, None).as_deref(), Some("en"));
        assert_eq!(language_of("Hi", Some("cy")).as_deref(), Some("cy"));
        let page = format!("Skip to main content. Sign in. {}", format!("{welsh} ").repeat(20));
        assert_eq!(language_of(&page, Some("en")).as_deref(), Some("cy"));
    }
}
