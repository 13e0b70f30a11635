//! The decision: for each group of recipients a named reason. Pure.
//!
//! High and critical go to Communications at once, all else into their digest. A protected disclosure
//! (`concern.safety`) goes to the restricted group alone; somebody in danger (`concern.welfare`) to the
//! crisis contact at once; employees' conduct to nobody. A first pass is backlog, except what is
//! critical and under seven days old.

use chrono::{DateTime, Duration, Utc};

use crate::model::{Category, Finding, Severity};
use crate::store::OutboxItem;

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Who answers when somebody may be in danger.
    Crisis,
    /// Who may read protected disclosures.
    Restricted,
    /// The Communications Team.
    Communications,
}

impl Group {
    /// Every group, most urgent first.
    pub const ALL: [Self; 3] = [Self::Crisis, Self::Restricted, Self::Communications];

    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crisis => "crisis",
            Self::Restricted => "restricted",
            Self::Communications => "communications",
        }
    }
}

/// Why a group is told now, later or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Nobody was told of this before: at once.
    First,
    /// It got graver than what was told: at once.
    Escalated,
    /// Another copy of a story that was told at this severity: in the digest.
    NewInStory,
    /// Not grave: in the digest.
    Digest,
    /// Part of a first pass: in its summary.
    Backlog,
    /// Nobody is told: employees' conduct, or nothing new.
    Quiet,
}

impl Reason {
    /// The name as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Escalated => "escalated",
            Self::NewInStory => "new_in_story",
            Self::Digest => "digest",
            Self::Backlog => "backlog",
            Self::Quiet => "quiet",
        }
    }

    /// Whether a mail leaves at once.
    pub const fn is_immediate(self) -> bool {
        matches!(self, Self::First | Self::Escalated)
    }
}

/// What was decided for one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Who.
    pub group: Group,
    /// Why.
    pub reason: Reason,
    /// How grave what the group is told of.
    pub severity: Severity,
}

/// What was told before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Earlier {
    /// Groups that were told of this hit at once, and how grave it was then.
    pub told_at_once: Vec<(String, Severity)>,
    /// Groups that had it in a digest or summary.
    pub told_later: Vec<String>,
    /// Whether Communications were told at once of another hit of its story, as grave as this one.
    pub story_told: bool,
    /// Whether they were told at once of the very same page, listed by another source.
    pub page_told: bool,
}

/// How old a critical hit of a first pass may be to be told at once.
const FRESH: Duration = Duration::days(7);

/// Decides about one hit. At least one decision comes back.
pub fn decide(item: &OutboxItem, earlier: &Earlier, now: DateTime<Utc>) -> Vec<Decision> {
    let mut decisions = Vec::new();
    let has = |category: Category| item.findings.iter().any(|finding| finding.category == category);
    let mut push = |group: Group, at_once: bool, severity: Severity| {
        decisions.push(Decision {
            group,
            reason: reason(item, earlier, group, (at_once, severity), now),
            severity,
        });
    };
    if has(Category::Welfare) {
        push(Group::Crisis, true, Severity::Critical);
    }
    if let Some(safety) = item.findings.iter().find(|finding| finding.category == Category::Safety) {
        push(Group::Restricted, true, safety.severity);
    }
    let open: Vec<&Finding> = open_findings(item).collect();
    let only_conduct = item.findings.iter().all(|finding| finding.category.is_employee_conduct());
    if let Some(severity) = open.iter().map(|finding| finding.severity).max() {
        push(Group::Communications, severity >= Severity::High, severity);
    } else if item.findings.is_empty() && item.hit.withheld == 0 {
        push(Group::Communications, false, Severity::Info);
    } else if only_conduct {
        decisions.push(Decision {
            group: Group::Communications,
            reason: Reason::Quiet,
            severity: Severity::Info,
        });
    }
    decisions
}

/// The findings that Communications may read.
fn open_findings(item: &OutboxItem) -> impl Iterator<Item = &Finding> {
    item.findings.iter().filter(|finding| is_for(Group::Communications, finding.category))
}

/// Whether a group may read findings of a category. Employees' conduct is for nobody.
pub(super) const fn is_for(group: Group, category: Category) -> bool {
    match group {
        Group::Crisis => matches!(category, Category::Welfare),
        Group::Restricted => category.is_restricted(),
        Group::Communications => {
            !category.is_restricted()
                && !matches!(category, Category::Welfare)
                && !category.is_employee_conduct()
        }
    }
}

fn reason(
    item: &OutboxItem,
    earlier: &Earlier,
    group: Group,
    (at_once, severity): (bool, Severity),
    now: DateTime<Utc>,
) -> Reason {
    let name = group.as_str();
    let told =
        earlier.told_at_once.iter().filter(|(told, _)| told == name).map(|(_, severity)| *severity).max();
    if let Some(told) = told {
        // Something was added. What is critical, or graver than before, or for people who are never
        // digested, is told at once again; the rest is worth a line.
        let again = severity > told || severity == Severity::Critical || group != Group::Communications;
        return if again { Reason::Escalated } else { Reason::Digest };
    }
    let fresh = severity == Severity::Critical && crate::clock::from_ms(item.hit.at) > now - FRESH;
    if item.hit.backlog != 0 && !fresh {
        return Reason::Backlog;
    }
    if !at_once {
        return Reason::Digest;
    }
    if earlier.told_later.iter().any(|told| told == name) {
        return Reason::Escalated;
    }
    let copy = earlier.page_told || earlier.story_told && severity < Severity::Critical;
    if group == Group::Communications && copy { Reason::NewInStory } else { Reason::First }
}

#[cfg(test)]
mod tests;
