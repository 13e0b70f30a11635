//! Phone numbers and e-mail addresses of people (Ofcom's numbering plan tells mobiles and free numbers).

use super::Place;
use crate::mask::Shape;

/// Mail services that private people use.
const FREE_MAIL: [&str; 32] = [
    "gmail",
    "googlemail",
    "hotmail",
    "outlook",
    "live",
    "yahoo",
    "ymail",
    "icloud",
    "me",
    "mac",
    "msn",
    "aol",
    "btinternet",
    "btopenworld",
    "sky",
    "virginmedia",
    "ntlworld",
    "blueyonder",
    "talktalk",
    "tiscali",
    "tesco",
    "gmx",
    "protonmail",
    "proton",
    "mail",
    "fastmail",
    "freemail",
    "zoho",
    "rocketmail",
    "fsmail",
    "orange",
    "plusnet",
];

pub(super) fn phone_signals(shape: &Shape) -> Place {
    let digits: String = shape.text.chars().filter(char::is_ascii_digit).collect();
    let national =
        digits.trim_start_matches("00").trim_start_matches("44").trim_start_matches('0').to_owned();
    let mut place = Place::default();
    if national.starts_with('7') && !national.starts_with("70") {
        place.signals.push("mobile");
    }
    if ["800", "808", "300", "303", "330", "333", "343", "345", "844", "845", "870", "871", "9"]
        .iter()
        .any(|prefix| national.starts_with(prefix))
    {
        place.signals.push("freephone");
    }
    place
}

pub(super) fn email_signals(shape: &Shape) -> Place {
    let mut place = Place::default();
    let host = shape.text.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let provider = host.split('.').next().unwrap_or_default();
    // `.example` stands in for any of them in documents made for tests.
    if FREE_MAIL.contains(&provider) || provider.contains("mail") || provider.contains("inbox") {
        place.signals.push("free_mail");
    }
    place
}
