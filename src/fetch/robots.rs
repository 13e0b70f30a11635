//! robots.txt by RFC 9309: groups merged by product token, longest match wins, a tie allows, `*` and
//! `$`, compared with percent-encoding normalised. Our own parser, since a person who is refused is told
//! the line that refuses, which no crate gives.

use url::Url;

/// What is read of a file; the rest is ignored (RFC 9309, 2.5 asks for at least 500 KiB).
pub(super) const MAX_BYTES: usize = 512 * 1024;

/// Sitemaps that are kept of one file.
const MAX_SITEMAPS: usize = 50;

/// A robots.txt, for one product token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Robots {
    rules: Vec<Rule>,
    sitemaps: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Rule {
    line: usize,
    allow: bool,
    pattern: String,
}

/// What a file says of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Whether it may be fetched.
    pub allowed: bool,
    /// The deciding line, counted from 1; 0 where no line speaks of it.
    pub line: usize,
    /// What the line says.
    pub rule: String,
}

/// Lines of a group before they are joined.
#[derive(Default)]
struct Group {
    agents: Vec<String>,
    rules: Vec<Rule>,
}

impl Robots {
    /// Reads a file as it came, as far as files are read.
    pub fn read(bytes: &[u8], agent: &str) -> Self {
        Self::parse(&String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_BYTES)]), agent)
    }

    /// Reads a file for the product token `agent` (`Trustwatch`, without version).
    pub fn parse(text: &str, agent: &str) -> Self {
        let agent = product_token(agent);
        let mut groups: Vec<Group> = Vec::new();
        let mut sitemaps = Vec::new();
        let mut naming = false;
        // A mark of which octets are missing was no text either.
        let text = text.trim_start_matches(['\u{feff}', '\u{fffd}']).replace("\r\n", "\n");
        for (index, line) in text.split(['\n', '\r']).enumerate() {
            let line_number = index + 1;
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = field(trimmed(line)) else { continue };
            match key {
                Key::UserAgent => {
                    if !naming {
                        groups.push(Group::default());
                    }
                    naming = true;
                    if let Some(group) = groups.last_mut() {
                        group.agents.push(product_token(value));
                    }
                }
                Key::Allow | Key::Disallow => {
                    naming = false;
                    // An empty path says nothing: everything stays allowed.
                    if let Some(group) = groups.last_mut().filter(|_| !value.is_empty()) {
                        group.rules.push(Rule {
                            line: line_number,
                            allow: key == Key::Allow,
                            pattern: pattern(value),
                        });
                    }
                }
                // Other records belong to no group and do not end its names.
                Key::Sitemap if sitemaps.len() < MAX_SITEMAPS => sitemaps.push(value.to_owned()),
                Key::Sitemap | Key::Other => {}
            }
        }
        let ours = |group: &&Group| group.agents.iter().any(|name| name.eq_ignore_ascii_case(&agent));
        let star = |group: &&Group| group.agents.iter().any(|name| name == "*");
        let named: Vec<&Group> = groups.iter().filter(ours).collect();
        let chosen = if named.is_empty() { groups.iter().filter(star).collect() } else { named };
        let rules = chosen.into_iter().flat_map(|group| group.rules.iter().cloned()).collect();
        Self { rules, sitemaps }
    }

    /// The sitemaps that it names.
    pub fn sitemaps(&self) -> &[String] {
        &self.sitemaps
    }

    /// Whether `url` may be fetched.
    pub fn ruling(&self, url: &Url) -> Ruling {
        let path = literal(&normal(&url[url::Position::BeforePath..url::Position::AfterQuery]));
        let free = Ruling { allowed: true, line: 0, rule: String::new() };
        if path == "/robots.txt" {
            return free;
        }
        let matching = self.rules.iter().filter(|rule| matches(rule.pattern.as_bytes(), path.as_bytes()));
        // The longest pattern decides; of equal ones, the one that allows; of those, the first.
        let best = matching.max_by(|a, b| {
            a.pattern.len().cmp(&b.pattern.len()).then(a.allow.cmp(&b.allow)).then(b.line.cmp(&a.line))
        });
        best.map_or(free, |rule| Ruling {
            allowed: rule.allow,
            line: rule.line,
            rule: format!("{}: {}", if rule.allow { "Allow" } else { "Disallow" }, rule.pattern),
        })
    }
}

/// What a line speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    UserAgent,
    Allow,
    Disallow,
    Sitemap,
    Other,
}

/// How a no is written, and mistyped.
const NO: [&str; 6] = ["disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"];

/// The name and value of a line. Publishers mistype: where a word can only have been meant as a no, it is one,
/// and a line whose colon is missing is read at its white space, as the large crawlers do.
fn field(line: &str) -> Option<(Key, &str)> {
    let (name, value) = if let Some(parts) = line.split_once(':') {
        parts
    } else {
        let parts = line.split_once([' ', '\t'])?;
        // Two words: more are a sentence.
        (parts.1.split_whitespace().count() == 1).then_some(parts)?
    };
    let name: String = name
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '_'))
        .collect::<String>()
        .to_ascii_lowercase();
    let key = match name.as_str() {
        name if name.starts_with("useragent") => Key::UserAgent,
        "allow" => Key::Allow,
        "sitemap" => Key::Sitemap,
        name if NO.iter().any(|no| name.starts_with(no)) => Key::Disallow,
        _ => Key::Other,
    };
    Some((key, trimmed(value)))
}

/// Without the white space that the grammar knows.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\u{b}', '\u{c}', '\r', '\n'])
}

/// `Trustwatch/1.0 (…)` names the product `Trustwatch`. The grammar knows letters, `-` and `_`; names with
/// digits and dots occur, and stand for themselves.
fn product_token(text: &str) -> String {
    let text = trimmed(text);
    if text == "*" || text.starts_with('*') && text[1..].starts_with(char::is_whitespace) {
        return "*".to_owned();
    }
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect()
}

/// Percent-encoding as RFC 9309, 2.2.2 compares it: unreserved characters decoded, all others outside
/// ASCII encoded, hexadecimal digits in upper case.
fn normal(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut output = String::with_capacity(path.len());
    let mut at = 0;
    let mut in_query = false;
    while at < bytes.len() {
        let byte = bytes[at];
        let escaped = (byte == b'%')
            .then(|| bytes.get(at + 1..at + 3).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit)))
            .flatten()
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        in_query |= byte == b'?';
        match escaped {
            // An address within a query is the same, escaped or not (the standard's own example).
            Some(value @ (b':' | b'/')) if in_query => {
                output.push(char::from(value));
                at += 3;
            }
            Some(value) if value.is_ascii_alphanumeric() || matches!(value, b'-' | b'.' | b'_' | b'~') => {
                output.push(char::from(value));
                at += 3;
            }
            Some(value) => {
                output.push_str(&format!("%{value:02X}"));
                at += 3;
            }
            None if byte.is_ascii() => {
                output.push(char::from(byte));
                at += 1;
            }
            None => {
                output.push_str(&format!("%{byte:02X}"));
                at += 1;
            }
        }
    }
    output
}

/// A star or dollar that means itself, as a rule has to write it (RFC 9309, 2.2.3).
fn literal(path: &str) -> String {
    path.replace('*', "%2A").replace('$', "%24")
}

/// A rule's path: its stars, and a dollar at its end, keep their meaning.
fn pattern(value: &str) -> String {
    let value = normal(value);
    match value.strip_suffix('$') {
        Some(rest) => rest.replace('$', "%24") + "$",
        None => value.replace('$', "%24"),
    }
}

/// Whether `pattern` (with `*`, and `$` at its end) matches the start of `path`. Linear: the last star
/// takes up the slack, as in shell globbing.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let (pattern, anchored) = match pattern.strip_suffix(b"$") {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if p == pattern.len() && (!anchored || t == path.len()) {
            return true;
        }
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && t < path.len() && pattern[p] == path[t] {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star.filter(|(_, from)| *from < path.len()) {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
}
