//! The Trust's label with words that registrants add to it.

/// Words that registrants add to sound official.
const ADDED: [&str; 132] = [
    "nhs",
    "nhsuk",
    "nhstrust",
    "trust",
    "health",
    "healthcare",
    "hospital",
    "hospitals",
    "clinic",
    "clinics",
    "care",
    "medical",
    "doctor",
    "doctors",
    "nurse",
    "nurses",
    "ambulance",
    "foundation",
    "ft",
    "university",
    "partnership",
    "service",
    "services",
    "pay",
    "payroll",
    "payslip",
    "payslips",
    "payment",
    "payments",
    "refund",
    "refunds",
    "invoice",
    "pension",
    "pensions",
    "wages",
    "job",
    "jobs",
    "career",
    "careers",
    "recruit",
    "recruitment",
    "recruiting",
    "vacancy",
    "vacancies",
    "apply",
    "hr",
    "bank",
    "staff",
    "staffbank",
    "staffing",
    "work",
    "login",
    "logins",
    "log",
    "in",
    "signin",
    "sign",
    "logon",
    "account",
    "accounts",
    "portal",
    "secure",
    "security",
    "verify",
    "verification",
    "update",
    "online",
    "web",
    "mail",
    "email",
    "webmail",
    "owa",
    "my",
    "app",
    "support",
    "help",
    "helpdesk",
    "it",
    "official",
    "patient",
    "patients",
    "appointment",
    "appointments",
    "booking",
    "bookings",
    "book",
    "results",
    "records",
    "test",
    "tests",
    "vaccine",
    "vaccination",
    "vaccinations",
    "covid",
    "uk",
    "gov",
    "www",
    "the",
    "org",
    "com",
    "net",
    "co",
    "info",
    "ac",
    "claim",
    "claims",
    "compensation",
    "fine",
    "fines",
    "fee",
    "fees",
    "penalty",
    "parking",
    "ticket",
    "tickets",
    "survey",
    "surveys",
    "dental",
    "dentist",
    "dentists",
    "therapy",
    "therapies",
    "rota",
    "rotas",
    "shifts",
    "letter",
    "letters",
    "prescription",
    "prescriptions",
    "desk",
    "referral",
    "referrals",
];

/// Whether all of `label` but the Trust's own is made of added words.
pub(super) fn with_added_words(label: &str, own: &str) -> bool {
    let bare: String = label.replace('-', "");
    // Hyphens show where words part; a name of few letters needs them.
    let by_hyphen = label.contains('-') && {
        let parts: Vec<&str> = label.split('-').filter(|part| !part.is_empty()).collect();
        let own_parts = parts.iter().filter(|part| **part == own).count();
        own_parts == 1 && parts.iter().all(|part| *part == own || is_made_of_added(part))
    };
    by_hyphen
        || bare.match_indices(own).any(|(at, _)| {
            let (before, after) = (&bare[..at], &bare[at + own.len()..]);
            !(before.is_empty() && after.is_empty()) && is_made_of_added(before) && is_made_of_added(after)
        })
}

/// Whether `text` can be cut into added words (none counts); a year or a digit or two may stand among them.
pub(super) fn is_made_of_added(text: &str) -> bool {
    let text = text.trim_matches(|c: char| c.is_ascii_digit());
    let mut reachable = vec![false; text.len() + 1];
    reachable[0] = true;
    for at in 0..text.len() {
        if !reachable[at] || !text.is_char_boundary(at) {
            continue;
        }
        for word in ADDED {
            if text[at..].starts_with(word) {
                reachable[at + word.len()] = true;
            }
        }
    }
    reachable[text.len()]
}
