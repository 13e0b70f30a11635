//! Profiles and organisations: which Trusts are watched for, and who answers for it.

use std::path::Path;

use serde::Deserialize;

use super::layer::Layer;
use super::load::Listed;
use crate::classify::RuleSet;
use crate::model::{EmployeeConduct, Profile};
use crate::problem::Problem;

/// The profiles in the binary.
pub const SHIPPED_PROFILES: [(&str, &str); 5] = [
    ("solent", include_str!("../../config/profiles/solent.toml")),
    ("heart-of-england", include_str!("../../config/profiles/heart-of-england.toml")),
    ("essex-partnership", include_str!("../../config/profiles/essex-partnership.toml")),
    ("secamb", include_str!("../../config/profiles/secamb.toml")),
    ("northmere", include_str!("../../config/profiles/northmere.toml")),
];

/// The invented Trust of the demo: shipped, and left out where profiles are meant to be real ones.
const DEMO: &str = "northmere";

/// An organisation as the configuration names it: what its sources inherit.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct OrganisationConfig {
    /// The profile's name.
    pub(super) profile: String,
    pub(super) purpose: Option<String>,
    pub(super) basis: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) licence: Option<String>,
    pub(super) review: Option<toml::value::Datetime>,
}

/// The shipped profiles of real Trusts.
///
/// # Errors
/// Never for the profiles in the binary; a test reads them.
pub fn shipped_profiles() -> Result<Vec<Profile>, Vec<Problem>> {
    SHIPPED_PROFILES
        .iter()
        .filter(|(id, _)| *id != DEMO)
        .map(|(id, text)| read_profile(Path::new(id), text))
        .collect()
}

/// Every profile in a folder.
///
/// # Errors
/// Every problem at once.
pub fn read_profiles(folder: &Path) -> Result<Vec<Profile>, Vec<Problem>> {
    let files = toml_files(folder)
        .map_err(|error| vec![Problem::at("", format!("cannot be read: {error}")).located(folder, None)])?;
    if files.is_empty() {
        return Err(vec![
            Problem::at("", "holds no profile: put one TOML file for each Trust there").located(folder, None),
        ]);
    }
    let (read, wrong): (Vec<_>, Vec<_>) =
        files.iter().map(|(name, text)| read_profile(&folder.join(name), text)).partition(Result::is_ok);
    if wrong.is_empty() {
        Ok(read.into_iter().flatten().collect())
    } else {
        Err(wrong.into_iter().filter_map(Result::err).flatten().collect())
    }
}

/// A profile from its text; `name` stands in messages.
///
/// # Errors
/// Every problem at once.
pub fn read_profile_text(name: &str, text: &str) -> Result<Profile, Vec<Problem>> {
    read_profile(Path::new(name), text)
}

fn read_profile(file: &Path, text: &str) -> Result<Profile, Vec<Problem>> {
    let layer = Layer::read(file, text).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    let profile: Option<Profile> = layer.section(toml::Value::Table(layer.table.clone()), "", &mut problems);
    if let Some(profile) = &profile {
        if profile.employee_conduct == EmployeeConduct::On && profile.impact_assessment.is_none() {
            problems.push(layer.problem(
                "employee_conduct",
                "\"on\" needs impact_assessment, the reference of an impact assessment (SEC 2.10)",
            ));
        }
        let mistakes = super::own::mistakes(profile);
        problems.extend(mistakes.into_iter().map(|(key, message)| layer.problem(&key, message)));
    }
    match profile {
        Some(profile) if problems.is_empty() => Ok(profile),
        None if problems.is_empty() => Err(vec![layer.problem("", "holds no profile")]),
        _ => Err(problems),
    }
}

/// Thresholds that no rule reads, scores that no rule can have, and queries of watches that cannot be used.
pub(super) fn against_rules(profile: &Profile, rules: &RuleSet) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, score) in &profile.thresholds {
        let key = format!("profile {}: thresholds.{name:?}", profile.id);
        if !rules.iter().any(|rule| rule.id == *name || rule.category.as_str() == name) {
            let message = "names neither a rule nor a category: see `trustwatch rules list`";
            problems.push(Problem::at(key.clone(), message));
        }
        if !(*score > 0.0 && *score <= 1.0) {
            problems.push(Problem::at(key, "must be above 0 and at most 1"));
        }
    }
    let asking = || profile.watches.iter().filter_map(|watch| Some((watch, watch.query.as_deref()?)));
    let queries: Vec<&str> = asking().map(|(_, query)| query).collect();
    if !queries.is_empty() {
        let wrong = asking().zip(rules.wrong_with(&queries));
        problems.extend(wrong.filter_map(|((watch, _), message)| {
            Some(Problem::at(format!("profile {}: watch {:?}: query", profile.id, watch.id), message?))
        }));
    }
    problems
}

/// The profiles that the configuration's organisations name.
pub(super) fn chosen(
    organisations: &[Listed<OrganisationConfig>],
    layer: &Layer,
    folder: Option<&Path>,
    problems: &mut Vec<Problem>,
) -> Vec<Profile> {
    let (own, unread) = match folder.map(read_profiles) {
        None => (Vec::new(), false),
        Some(Ok(profiles)) => (profiles, false),
        Some(Err(found)) => {
            problems.extend(found);
            (Vec::new(), true)
        }
    };
    let mut profiles: Vec<Profile> = Vec::new();
    for (index, _, organisation) in organisations {
        let key = format!("organisation[{index}].profile");
        let name = organisation.profile.as_str();
        if profiles.iter().any(|known| known.id.as_str() == name) {
            problems.push(layer.problem(&key, format!("{name:?} is named twice")));
            continue;
        }
        let shipped = SHIPPED_PROFILES.iter().find(|(id, _)| *id == name);
        match (own.iter().find(|profile| profile.id.as_str() == name), shipped) {
            (Some(profile), _) => profiles.push(profile.clone()),
            (None, Some((id, text))) => match read_profile(Path::new(id), text) {
                Ok(profile) => profiles.push(profile),
                Err(found) => problems.extend(found),
            },
            // It may be the one that could not be read.
            (None, None) if unread => {}
            (None, None) => {
                let known: Vec<&str> = SHIPPED_PROFILES.iter().map(|(id, _)| *id).collect();
                problems.push(layer.problem(
                    &key,
                    format!(
                        "there is no profile {name:?}: name one of {} or one in overlay.profiles_dir",
                        known.join(", ")
                    ),
                ));
            }
        }
    }
    if organisations.is_empty() {
        problems.push(layer.problem("organisation", "name at least one [[organisation]] to watch for"));
    }
    profiles
}

/// The TOML files of a folder as name and text, in the order of their names.
pub(super) fn toml_files(folder: &Path) -> std::io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, std::fs::read_to_string(&path)?));
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_that_nobody_reads_is_told() {
        let (id, text) = SHIPPED_PROFILES[4];
        let text =
            format!("{text}\n[thresholds]\n\"brand.scan\" = 0.7\n\"nhs-number\" = 7\n\"brand.scam\" = 0.7\n");
        let profile = read_profile(Path::new(id), &text).unwrap();
        let told: Vec<String> =
            against_rules(&profile, &RuleSet::shipped().unwrap()).iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("brand.scan") && told[1].contains("nhs-number"), "{told:?}");
    }

    #[test]
    fn every_shipped_profile_reads() {
        for (id, text) in SHIPPED_PROFILES {
            let profile = read_profile(Path::new(id), text).unwrap_or_else(|problems| panic!("{problems:?}"));
            assert_eq!(profile.id.as_str(), id);
        }
        assert_eq!(shipped_profiles().unwrap().len(), SHIPPED_PROFILES.len() - 1);
    }
}
