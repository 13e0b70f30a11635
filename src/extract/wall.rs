//! Pages that stand in front of what was asked for: consent walls, logins, challenges for robots, parked domains.
//! They are states of a source, not news. Told by what such a page must say to people, and by its being short:
//! an article about cookies is long.

use std::sync::LazyLock;

use scraper::Selector;

use crate::markup;

use super::text::{every_word, plain_text};

/// What stands there instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wall {
    /// A question about cookies or data that must be answered first.
    Consent,
    /// A form for name and password.
    Login,
    /// A challenge that tells people from programs, or a refusal of programs.
    Bot,
    /// A domain that nobody uses: for sale, expired, suspended, or a server's first page.
    Parked,
}

impl Wall {
    /// The name under which it is stored and counted.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Consent => "consent_wall",
            Self::Login => "login_page",
            Self::Bot => "bot_wall",
            Self::Parked => "parked",
        }
    }

    /// What to tell people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Consent => "a question about cookies or data stands in front of it",
            Self::Login => "it asks for a name and a password",
            Self::Bot => "it turns programs away, or asks whether we are a person",
            Self::Parked => "the domain is parked: for sale, expired, suspended or not set up",
        }
    }
}

/// A page that says more than this is no wall (characters), whatever words it uses.
const MAX_CHARS: usize = 4000;
/// A page that says less than this says nothing else than its wall (characters).
const FEW_CHARS: usize = 400;
/// Beside what asks for consent, an article says more than this (characters).
const MAX_REST: usize = 350;
/// A wall whose headline says what it is says no more than this (characters).
const MAX_HEADED: usize = 800;
/// A login says no more than this (characters).
const MAX_LOGIN: usize = 1500;

/// What such a page says in its title or headline, or says and nothing else.
const BOT: [&str; 32] = [
    "javascript is disabled",
    "checking your browser",
    "checking if the site connection is secure",
    "just a moment",
    "verify you are human",
    "verifying you are human",
    "verify that you are human",
    "confirm you are human",
    "are you a robot",
    "are you a human",
    "not a robot",
    "not a bot",
    "unusual traffic",
    "automated access",
    "automated requests",
    "automated queries",
    "bot detection",
    "bot protection",
    "ddos protection",
    "complete the security check",
    "security check to access",
    "enable javascript and cookies to continue",
    "please enable cookies and javascript",
    "performing security verification",
    "performance & security by",
    "attention required",
    "you have been blocked",
    "access to this page has been denied",
    "access denied",
    "solve the captcha",
    "complete the captcha",
    "request blocked",
];
const CONSENT: [&str; 31] = [
    "before you go on",
    "before you read",
    "cookie consent",
    "your cookies",
    "we use cookies",
    "before you continue",
    "we value your privacy",
    "we care about your privacy",
    "your privacy matters",
    "your privacy choices",
    "your privacy is important",
    "we and our partners",
    "our partners store",
    "accept all cookies",
    "accept all",
    "accept cookies",
    "reject all",
    "reject cookies",
    "manage cookies",
    "manage preferences",
    "manage options",
    "manage settings",
    "privacy settings",
    "cookie settings",
    "cookie preferences",
    "consent to",
    "your consent",
    "legitimate interest",
    "i agree",
    "agree and continue",
    "accept and continue",
];
const PARKED: [&str; 36] = [
    "domain has been suspended",
    "domain name is suspended",
    "domain is for sale",
    "domain may be for sale",
    "domain name is for sale",
    "domain for sale",
    "name for sale",
    "buy this domain",
    "purchase this domain",
    "get this domain",
    "make an offer",
    "inquire about this domain",
    "enquire about this domain",
    "domain is parked",
    "parked domain",
    "parked free",
    "domain parking",
    "domain has been registered",
    "domain name has been registered",
    "domain is registered",
    "domain has expired",
    "domain name has expired",
    "domain name expired",
    "domain expired",
    "renew your domain",
    "account has been suspended",
    "account suspended",
    "website is currently unavailable",
    "welcome to nginx",
    "apache2 default page",
    "apache2 debian default page",
    "default web page",
    "default web site page",
    "website coming soon",
    "future home of",
    "under construction",
];
const LOGIN: [&str; 14] = [
    "log in",
    "login",
    "sign in",
    "signin",
    "sign-in",
    "forgot your password",
    "forgotten your password",
    "forgotten password",
    "forgot password",
    "lost your password",
    "reset password",
    "remember me",
    "username",
    "mewngofnodi",
];
/// Scripts and elements that such a page alone is made of.
const BOT_MARKS: [&str; 9] = [
    "challenge-container",
    "awswaf",
    "cf-challenge",
    "cf_chl_",
    "challenge-platform",
    "px-captcha",
    "cf-turnstile",
    "_incapsula_resource",
    "datadome",
];
const PARKED_MARKS: [&str; 6] =
    ["sedoparking", "parkingcrew", "bodis.com", "afternic", "dan.com/buy-domain", "hugedomains.com"];

fn selector(css: &str) -> Selector {
    Selector::parse(css).expect("a constant selector parses")
}

static TITLE: LazyLock<Selector> = LazyLock::new(|| selector("title, h1"));
static FORM: LazyLock<Selector> =
    LazyLock::new(|| selector("input[type='password' i], input[autocomplete='username' i]"));
/// Words of lines that ask for consent.
const CONSENT_WORDS: [&str; 9] = [
    "cookie",
    "consent",
    "privacy",
    "partners",
    "advertis",
    "personalis",
    "accept all",
    "reject all",
    "javascript",
];

impl Wall {
    /// What stands in the page instead of what was asked for; `None` for an ordinary page.
    pub fn of(html: &str) -> Option<Self> {
        let tree = markup::document(html);
        let heads = tree.select(&TITLE).map(|element| element.text().collect::<String>());
        let head = plain(&heads.collect::<Vec<_>>().join(" "));
        // The parser keeps the markup of `<noscript>` as text.
        let lines = plain_text(&every_word(&tree));
        let lines: Vec<String> = lines.lines().map(plain).collect();
        let chars: usize = lines.iter().map(|line| line.chars().count()).sum();
        if chars > MAX_CHARS {
            return None;
        }
        let raw = html.to_ascii_lowercase();
        let heading = |phrases: &[&str]| phrases.iter().any(|phrase| head.contains(phrase));
        let said = |phrases: &[&str]| {
            phrases.iter().filter(|phrase| lines.iter().any(|line| line.contains(**phrase))).count()
        };
        let marked = |marks: &[&str]| marks.iter().any(|mark| raw.contains(mark));
        // In the middle of an article such words are its subject, and in the headline of a long one too.
        let is = |phrases: &[&str], marks: &[&str]| {
            let few = chars < FEW_CHARS || marked(marks);
            chars > 0 && (heading(phrases) && chars < MAX_HEADED || said(phrases) > 0 && few)
        };
        if is(&BOT, &BOT_MARKS) {
            return Some(Self::Bot);
        }
        if is(&PARKED, &PARKED_MARKS) {
            return Some(Self::Parked);
        }
        let has_form = tree.select(&FORM).next().is_some();
        if has_form && chars < MAX_LOGIN && (heading(&LOGIN) || chars < FEW_CHARS && said(&LOGIN) > 0) {
            return Some(Self::Login);
        }
        let rest = lines.iter().filter(|line| !CONSENT_WORDS.iter().any(|word| line.contains(word)));
        let rest: usize = rest.map(|line| line.chars().count()).sum();
        (said(&CONSENT) >= 2 && rest < MAX_REST).then_some(Self::Consent)
    }
}

/// Lower case with single spaces and plain apostrophes.
fn plain(text: &str) -> String {
    text.to_lowercase().replace('’', "'").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walls_are_told_apart() {
        for (html, wall) in [
            (
                "<title>Just a moment...</title><p>Checking your browser before you go on.</p>",
                Some(Wall::Bot),
            ),
            ("<title>Access denied</title><p>Reference 18.2f</p>", Some(Wall::Bot)),
            ("<h1>kettlewick.example</h1><p>This domain is for sale. Make an offer.</p>", Some(Wall::Parked)),
            ("<h1>Welcome to nginx!</h1><p>Further configuration is required.</p>", Some(Wall::Parked)),
            (
                "<form><label>Username</label><input name=u><input type=Password><button>Sign in</button></form><h1>Sign in</h1>",
                Some(Wall::Login),
            ),
            (
                "<h1>Before you continue</h1><p>We and our partners use cookies.</p><button>Accept all</button> Reject all",
                Some(Wall::Consent),
            ),
            (
                "<h1>Ward reopens</h1><p>The ward of the hospital reopened on Monday after the flood.</p>",
                None,
            ),
            ("", None),
        ] {
            assert_eq!(Wall::of(html), wall, "{html}");
        }
    }

    #[test]
    fn an_article_about_such_things_is_an_article() {
        let long = |head: &str, body: &str, times: usize| format!("{head}{}", body.repeat(times));
        let article = long(
            "<h1>Trust says sorry for cookie banner</h1>",
            "<p>People who wanted to accept all cookies, or to reject all of them, could not, the trust said.</p>",
            60,
        );
        assert_eq!(Wall::of(&article), None);
        let short = long(
            "<h1>Booking form no longer asks about buses</h1><p>",
            "The hospital's booking form has lost its captcha and no longer asks people to tell buses from bridges. ",
            5,
        );
        assert_eq!(Wall::of(&short), None);
        let words = "<p>The ward reopened on Monday, the trust said, and the tea was hot.</p>";
        let guarded = long("<h1>Ward reopens</h1>", words, 12)
            + "<form class=g-recaptcha>This site is protected by reCAPTCHA</form>";
        assert_eq!(Wall::of(&guarded), None);
        let headline = long(
            "<h1>New hospital under construction: access denied to visitors</h1>",
            "<p>The fence went up on Monday, the trust said, and the cranes will follow before the frost.</p>",
            12,
        );
        assert_eq!(Wall::of(&headline), None);
        let footer =
            "<h1>Ward reopens</h1><p>The ward reopened.</p><footer>Cookie settings</footer><a>Log in</a>";
        assert_eq!(Wall::of(footer), None);
    }
}
