//! What a profile says is the Trust's own, checked: a domain that is none, a handle with a space in it or a period that
//! ends before it begins would protect nothing, in silence.

use std::collections::HashSet;

use crate::model::{OfficeHolder, Profile, RegisterKind, Watch};

/// Days of the longest pre-election period that anybody plans.
const LONGEST_PERIOD: i64 = 120;

/// Every mistake with its key.
pub(super) fn mistakes(profile: &Profile) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut ids = HashSet::new();
    for (index, watch) in profile.watches.iter().enumerate() {
        if !ids.insert(watch.id.as_str()) {
            found.push((format!("watch[{index}].id"), format!("{:?} is the name of two watches", watch.id)));
        }
        found.extend(terms(index, watch));
    }
    for (list, domains) in [("domains", &profile.domains), ("elsewhere", &profile.elsewhere)] {
        for (index, domain) in domains.iter().enumerate() {
            found.extend(domain_mistake(domain).map(|message| (format!("{list}[{index}]"), message)));
        }
    }
    for (index, handle) in profile.handles.iter().enumerate() {
        found.extend(handle_mistake(handle).map(|message| (format!("handles[{index}]"), message)));
    }
    for (index, entry) in profile.register.iter().enumerate() {
        let mistake = match entry.kind {
            RegisterKind::Account => handle_mistake(&entry.name),
            RegisterKind::Domain => domain_mistake(&entry.name),
            RegisterKind::Site => site_mistake(&entry.name),
        };
        found.extend(mistake.map(|message| (format!("register[{index}].name"), message)));
    }
    for (index, holder) in profile.office_holders.iter().enumerate() {
        let mistakes = holder_mistakes(holder).into_iter();
        found.extend(mistakes.map(|(key, message)| (format!("office_holder[{index}].{key}"), message)));
    }
    for (index, period) in profile.pre_election.iter().enumerate() {
        let days = (period.to - period.from).num_days();
        if days < 0 {
            let message = format!("ends on {} before it begins on {}", period.to, period.from);
            found.push((format!("pre_election[{index}].to"), message));
        } else if days > LONGEST_PERIOD {
            let message =
                format!("{days} days from {} to {}: no period is that long", period.from, period.to);
            found.push((format!("pre_election[{index}].to"), message));
        }
    }
    found
}

/// Whether a role is one of the board: nobody below it is watched for by name (SEC 2.10).
fn is_of_the_board(role: &str) -> bool {
    const BOARD: [&str; 7] =
        ["chair", "chairman", "chairwoman", "chairperson", "chief", "director", "governor"];
    const BELOW: [&str; 13] = [
        "assistant",
        "associate",
        "personal",
        "pa",
        "aide",
        "office",
        "to",
        "clinical",
        "trainee",
        "clerk",
        "staff",
        "choir",
        "pharmacist",
    ];
    let role = role.to_lowercase();
    let words: Vec<&str> = role.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let has = |word: &str| words.contains(&word);
    if has("secretary") {
        return has("company") || has("board") || has("trust");
    }
    let deputy_below = has("deputy") && !(has("chair") || has("chief"));
    words.iter().any(|word| BOARD.contains(word))
        && !words.iter().any(|word| BELOW.contains(word))
        && !deputy_below
}

fn holder_mistakes(holder: &OfficeHolder) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    if holder.plain_name().split_whitespace().count() < 2 {
        found.push(("name", format!("{:?} is no full name: write forename and surname", holder.name)));
    }
    if !is_of_the_board(&holder.role) {
        let message = format!(
            "{:?} is no office of the board: only chair, chief officers and directors may be watched for by name (SEC 2.10)",
            holder.role
        );
        found.push(("role", message));
    }
    if holder.justification.trim().is_empty() {
        found.push(("justification", "say why the public has an interest in this office".to_owned()));
    }
    found
}

fn terms(index: usize, watch: &Watch) -> Vec<(String, String)> {
    if watch.terms.iter().all(|term| term.trim().is_empty()) {
        return vec![(format!("watch[{index}].terms"), "name at least one word or phrase".to_owned())];
    }
    let letters = |term: &str| term.chars().filter(|c| c.is_alphanumeric()).count();
    let short = watch.terms.iter().enumerate().filter(|(_, term)| letters(term) < 2);
    let message = |term: &str| format!("{term:?} is too short: it would stand in every other text");
    short.map(|(place, term)| (format!("watch[{index}].terms[{place}]"), message(term))).collect()
}

fn domain_mistake(domain: &str) -> Option<String> {
    let labels: Vec<&str> = domain.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-') && !label.starts_with('-')
    };
    (labels.len() < 2 || !labels.iter().all(is_label))
        .then(|| format!("{domain:?} is no domain: write it as solent.nhs.uk, without https:// or @"))
}

fn handle_mistake(handle: &str) -> Option<String> {
    let name = handle.strip_prefix('@').unwrap_or(handle);
    let fits = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    (!fits).then(|| {
        format!("{handle:?} is no account name: write it as @SolentNHSTrust, as its platform shows it")
    })
}

fn site_mistake(site: &str) -> Option<String> {
    let is_address = url::Url::parse(site).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    (!is_address && domain_mistake(site).is_some())
        .then(|| format!("{site:?} is no address: write it as https://www.example.org/page"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_below_the_board_is_watched_for_by_name() {
        for role in
            ["chief executive", "Chair, non-executive", "Vice-chair", "Medical director", "Company secretary"]
        {
            assert!(is_of_the_board(role), "{role}");
        }
        for role in [
            "ward manager",
            "Medical secretary",
            "Assistant director of estates",
            "PA to the chief executive",
            "Deputy director of nursing",
            "Clinical director",
            "nurse",
        ] {
            assert!(!is_of_the_board(role), "{role}");
        }
    }

    #[test]
    fn what_would_protect_nothing_is_told() {
        for wrong in ["@solent.nhs.uk", "https://solent.nhs.uk", "solent", "solent nhs uk", ""] {
            assert!(domain_mistake(wrong).is_some(), "{wrong}");
        }
        assert_eq!(domain_mistake("jobs.solent.nhs.uk"), None);
        for wrong in ["@Solent Childrens", "", "@", "https://x.example/Solent"] {
            assert!(handle_mistake(wrong).is_some(), "{wrong}");
        }
        assert_eq!(handle_mistake("@SolentNHSTrust").or(handle_mistake("Solent.Childrens_1")), None);
        let text = include_str!("../../config/profiles/solent.toml");
        let wrong = text
            .replace("to = 2026-05-07", "to = 2026-02-07")
            .replace("\"Solent NHS Trust\", \"", "\"S\", \"");
        let found = mistakes(&toml::from_str(&wrong).unwrap());
        let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["watch[0].terms[0]", "pre_election[0].to"]);
        assert_eq!(mistakes(&toml::from_str(text).unwrap()), []);
    }
}
