//! What to do now, and what not to do, by kind of finding: at most three steps, from the policies.

use crate::model::{Category, Family, Origin};

/// Steps for a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guidance {
    /// What to do.
    pub(super) steps: &'static [&'static str],
    /// What not to do.
    pub(super) avoid: &'static str,
}

/// The guidance for the gravest finding of a hit.
pub(super) fn of(category: Option<Category>, origin: Option<Origin>) -> Guidance {
    let Some(category) = category else {
        return Guidance {
            steps: &["Nothing has to be done; read it if you have time."],
            avoid: "Do not reply in the Trust's name without need.",
        };
    };
    match category.family() {
        Family::Confidentiality
            if matches!(origin, Some(Origin::Own | Origin::Family | Origin::Bereaved)) =>
        {
            Guidance {
                steps: &[
                    "Look at the page yourself before anything else.",
                    "A kind private message may help: people often do not know what they gave away.",
                ],
                avoid: "Do not ask for removal and do not copy the details into a mail.",
            }
        }
        Family::Confidentiality => Guidance {
            steps: &[
                "Look at the page yourself and tell Information Governance at once.",
                "Ask the site to take the details down; note when you asked.",
                "If it is an incident, Information Governance starts the clock by recording that the Trust is aware.",
            ],
            avoid: "Do not copy, quote or forward the details, and do not reply in public.",
        },
        Family::Brand => Guidance {
            steps: &[
                "Look whether the account or page is in the register of approved ones.",
                "If it is not ours, report it to the platform or the site's host.",
                "If people are asked for money or details, tell Counter Fraud and Cyber Security.",
            ],
            avoid: "Do not log in, pay or enter anything there.",
        },
        Family::Conduct => Guidance {
            steps: &[
                "Look at it yourself and decide whether it needs anybody.",
                "If a person is targeted, tell their manager and Human Resources.",
            ],
            avoid: "Do not answer in anger, and do not look into the writer's other posts.",
        },
        Family::Feedback => Guidance {
            steps: &["Pass it to PALS or Complaints if the person seems to want an answer."],
            avoid: "Do not engage with the complaint in public (EPUT 7.3).",
        },
        Family::Press => Guidance {
            steps: &[
                "Log it with the clippings.",
                "If a journalist asks for something, pass it to the duty press officer.",
            ],
            avoid: "Do not comment in the Trust's name unless it is your job.",
        },
        Family::Concern => Guidance {
            steps: &[
                "Read it now and judge whether somebody is in danger.",
                "If so, follow the Trust's own protocol for people at risk; ring 999 where a place is known.",
            ],
            avoid: "Do not treat the writer as a nuisance, and do not pass this on beyond who must know.",
        },
    }
}
