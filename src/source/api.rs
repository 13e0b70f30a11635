//! JSON interfaces, read as the configuration describes them: where the list stands, where an item keeps its name, link,
//! words and date, and how the next page is asked for. Places are JSON pointers (RFC 6901).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::date::parse_date;
use super::feed::hash;
use crate::clock;
use crate::model::{DateDoubt, Entry, EntryContent};
use crate::problem::Problem;

/// Where things stand in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiOptions {
    /// The list; empty for the whole answer. A single object is a list of one.
    pub items: String,
    /// In an item: what tells it from others. Empty for the item itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its headline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its link: a pointer, or an address in which `{/pointer}` and `{}` are filled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When it was published: a date as text, or seconds or milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The request header that carries the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// What stands before the secret in it, such as `Bearer `.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// The address of the next page in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Or the parameter by which pages are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_parameter: Option<String>,
    /// What it is on the first page.
    pub page_start: u64,
    /// What it grows by.
    pub page_step: u64,
    /// Pages read at one visit.
    pub max_pages: u64,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            items: String::new(),
            id: None,
            title: None,
            url: None,
            text: None,
            published: None,
            author: None,
            header: None,
            prefix: String::new(),
            next: None,
            page_parameter: None,
            page_start: 0,
            page_step: 1,
            max_pages: 1,
        }
    }
}

/// The most pages that one visit reads.
const MAX_PAGES: u64 = 20;
/// A number beyond it is milliseconds: as seconds it lies in the year 5138.
const MILLISECONDS: i64 = 100_000_000_000;

impl ApiOptions {
    /// What is wrong with these options.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let pointers = [
            ("items", Some(&self.items)),
            ("id", self.id.as_ref()),
            ("title", self.title.as_ref()),
            ("text", self.text.as_ref()),
            ("published", self.published.as_ref()),
            ("author", self.author.as_ref()),
            ("next", self.next.as_ref()),
        ];
        for (key, pointer) in pointers {
            if pointer.is_some_and(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
                problems.push(Problem::at(key, "write a JSON pointer, such as /results or /author/name"));
            }
        }
        if self.title.is_none() && self.text.is_none() {
            problems.push(Problem::at(
                "text",
                "missing: say where an item's title or text stands, such as /text",
            ));
        }
        if self.id.is_none() && self.url.is_none() {
            problems.push(Problem::at(
                "id",
                "missing: say where an item's id or url stands, so that it is known again",
            ));
        }
        if !(1..=MAX_PAGES).contains(&self.max_pages) {
            problems.push(Problem::at("max_pages", format!("write a number from 1 to {MAX_PAGES}")));
        }
        if self.max_pages > 1 && self.next.is_none() && self.page_parameter.is_none() {
            problems.push(Problem::at("max_pages", "more than one page needs next or page_parameter"));
        }
        if self.next.is_some() && self.page_parameter.is_some() {
            problems.push(Problem::at("next", "set either next or page_parameter, not both"));
        }
        if self.page_step == 0 {
            problems.push(Problem::at("page_step", "must be at least 1"));
        }
        let is_token = |name: &String| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if self.header.as_ref().is_some_and(|name| !is_token(name)) {
            problems.push(Problem::at("header", "is no name of a header, such as Authorization"));
        }
        if self.prefix.contains(|c: char| !c.is_ascii_graphic() && c != ' ') {
            problems.push(Problem::at("prefix", "stands in a header: use plain ASCII"));
        }
        problems
    }

    /// The address of the page `number` (from 0), where pages are counted.
    pub fn counted(&self, first: &Url, number: u64) -> Option<Url> {
        let parameter = self.page_parameter.as_ref()?;
        let value = (self.page_start + number * self.page_step).to_string();
        let mut url = first.clone();
        let kept: Vec<(String, String)> = first
            .query_pairs()
            .filter(|(name, _)| name != parameter)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.query_pairs_mut().clear().extend_pairs(kept).append_pair(parameter, &value);
        Some(url)
    }
}

/// Why an answer cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// It is no JSON.
    #[error("the answer is no JSON: {0}")]
    Json(String),
    /// It has no list where the configuration says.
    #[error("the answer has no list at {0:?}: it has {1}")]
    NoList(String, String),
    /// It has items, and in none of them stands what the configuration names.
    #[error("none of its {0} items has what [source.api] names: an item has {1}")]
    NoItem(usize, String),
}

/// A page of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ApiPage {
    /// Its items.
    pub entries: Vec<Entry>,
    /// Where the next page is, where the answer says.
    pub next: Option<Url>,
}

/// Reads an answer that was fetched from `base` at `now`.
///
/// # Errors
/// Says why it cannot be read.
pub fn read_api(
    text: &str,
    base: &Url,
    now: DateTime<Utc>,
    options: &ApiOptions,
) -> Result<ApiPage, ApiError> {
    let answer: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| ApiError::Json(error.to_string()))?;
    let no_list = || ApiError::NoList(options.items.clone(), fields(&answer));
    let items: Vec<&Value> = match answer.pointer(&options.items).ok_or_else(no_list)? {
        Value::Array(items) => items.iter().collect(),
        one @ Value::Object(_) => vec![one],
        Value::Null => Vec::new(),
        _ => return Err(no_list()),
    };
    let entries: Vec<Entry> = items.iter().filter_map(|item| entry(item, base, now, options)).collect();
    if let Some(first) = items.first().filter(|_| entries.is_empty()) {
        return Err(ApiError::NoItem(items.len(), fields(first)));
    }
    let next = options.next.as_ref().and_then(|pointer| base.join(answer.pointer(pointer)?.as_str()?).ok());
    // A next page elsewhere would be asked with our key.
    Ok(ApiPage { entries, next: next.filter(|next| next.origin() == base.origin()) })
}

/// The names of what stands in a value, for whoever describes it.
fn fields(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            fields.keys().take(20).map(|key| format!("/{key}")).collect::<Vec<_>>().join(", ")
        }
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Null => "nothing".to_owned(),
        _ => "a single value".to_owned(),
    }
}

fn entry(item: &Value, base: &Url, now: DateTime<Utc>, options: &ApiOptions) -> Option<Entry> {
    let at = |pointer: &Option<String>| item.pointer(pointer.as_ref()?).and_then(words);
    let title = at(&options.title).unwrap_or_default();
    let text = at(&options.text).unwrap_or_default();
    if title.is_empty() && text.is_empty() {
        return None;
    }
    let link = options
        .url
        .as_ref()
        .and_then(|url| if url.starts_with('/') { at(&Some(url.clone())) } else { filled(url, item) });
    let url =
        link.and_then(|link| base.join(&link).ok()).filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.map(String::from).unwrap_or_default();
    let key = at(&options.id).filter(|id| !id.is_empty()).unwrap_or_else(|| url.clone());
    let key = if key.is_empty() { hash(&[&title, &text]) } else { key };
    let published = options.published.as_ref().and_then(|pointer| date(item.pointer(pointer)?));
    let doubt = match published {
        None => Some(DateDoubt::Missing),
        Some(at) if at > now + chrono::Duration::days(1) => Some(DateDoubt::Future),
        Some(_) => None,
    };
    let content = if text.contains("</") || text.contains("/>") || text.contains("<p>") {
        EntryContent::Html(text)
    } else {
        EntryContent::Text(text)
    };
    Some(Entry {
        key,
        url,
        title,
        author: at(&options.author).unwrap_or_default(),
        published,
        doubt,
        content,
        ..Entry::default()
    })
}

/// A value as text: of a list its members, of an object nothing.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Array(items) => Some(items.iter().filter_map(words).collect::<Vec<_>>().join(", ")),
        Value::Null | Value::Object(_) => None,
    }
}

/// An address with `{/pointer}` and `{}` filled in; nothing where one of them stands for nothing.
fn filled(template: &str, item: &Value) -> Option<String> {
    let mut done = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (pointer, after) = after.split_once('}')?;
        done.push_str(before);
        let value = words(item.pointer(pointer)?).filter(|value| !value.is_empty())?;
        // What begins with a slash is a path of its own; everything else is one part of an address.
        if value.starts_with('/') {
            done.push_str(&value);
        } else {
            done.extend(url::form_urlencoded::byte_serialize(value.as_bytes()));
        }
        rest = after;
    }
    done.push_str(rest);
    Some(done)
}

fn date(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => parse_date(text),
        Value::Number(number) => {
            let number = number.as_i64()?;
            Some(clock::from_ms(if number.abs() >= MILLISECONDS {
                number
            } else {
                number.saturating_mul(1000)
            }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(toml: &str) -> ApiOptions {
        toml::from_str(toml).unwrap()
    }

    fn read(text: &str, options: &ApiOptions) -> Result<ApiPage, ApiError> {
        let base = Url::parse("https://api.example/search?q=solent").unwrap();
        read_api(text, &base, "2026-11-22T12:00:00Z".parse().unwrap(), options)
    }

    #[test]
    fn items_are_read_where_the_pointers_say() {
        let options = options(
            "items = \"/results\"\nid = \"/id\"\ntitle = \"/head/line\"\nurl = \"https://www.example{/path}\"\ntext = \"/text\"\n\
             published = \"/at\"\nauthor = \"/by\"\nnext = \"/more\"",
        );
        assert_eq!(options.check(), []);
        let page = read(
            r#"{"results":[{"id":7,"head":{"line":"One"},"path":"/a/b","text":"<p>Words</p>","at":"2026-11-20T10:00:00Z","by":["A","B"]},
               {"id":8,"head":{"line":"Two"},"at":1763000000},{"id":9}],"more":"/search?page=2"}"#,
            &options,
        )
        .unwrap();
        let [one, two] = page.entries.as_slice() else { panic!("{page:?}") };
        assert_eq!(
            (one.key.as_str(), one.url.as_str(), one.author.as_str()),
            ("7", "https://www.example/a/b", "A, B")
        );
        assert_eq!(one.content, EntryContent::Html("<p>Words</p>".to_owned()));
        assert_eq!(one.published.unwrap().to_rfc3339(), "2026-11-20T10:00:00+00:00");
        assert_eq!(two.published.unwrap().to_rfc3339(), "2025-11-13T02:13:20+00:00");
        assert_eq!(page.next.unwrap().as_str(), "https://api.example/search?page=2");
    }

    #[test]
    fn what_cannot_be_read_says_what_stands_there_instead() {
        let plain = options("items = \"/results\"\nid = \"/id\"\ntext = \"/text\"");
        assert!(matches!(read("<html>", &plain), Err(ApiError::Json(_))));
        let error = read(r#"{"data":[],"meta":{}}"#, &plain).unwrap_err();
        assert_eq!(error.to_string(), "the answer has no list at \"/results\": it has /data, /meta");
        let error = read(r#"{"results":[{"body":"x"}]}"#, &plain).unwrap_err();
        assert_eq!(error.to_string(), "none of its 1 items has what [source.api] names: an item has /body");
        assert_eq!(read(r#"{"results":[]}"#, &plain), Ok(ApiPage::default()));
    }

    #[test]
    fn a_list_of_bare_names_and_counted_pages() {
        let plain = options(
            "items = \"/changes\"\nid = \"\"\ntitle = \"\"\nurl = \"https://www.example/provider/{}\"\npage_parameter = \"skip\"\npage_step = 100\nmax_pages = 3",
        );
        assert_eq!(plain.check(), []);
        let page = read(r#"{"changes":["1-101","a b"]}"#, &plain).unwrap();
        assert_eq!(page.entries[0].url, "https://www.example/provider/1-101");
        assert_eq!(page.entries[1].url, "https://www.example/provider/a+b");
        let first = Url::parse("https://api.example/x?take=100&skip=0").unwrap();
        assert_eq!(plain.counted(&first, 2).unwrap().as_str(), "https://api.example/x?take=100&skip=200");
    }

    #[test]
    fn a_next_page_on_another_site_is_not_asked() {
        let plain = options("items = \"\"\nid = \"/id\"\ntext = \"/t\"\nnext = \"/next\"");
        let page = read(r#"{"id":1,"t":"words","next":"https://evil.example/?page=2"}"#, &plain).unwrap();
        assert_eq!((page.entries.len(), page.next), (1, None));
    }

    #[test]
    fn every_problem_is_named() {
        let keys: Vec<String> =
            options("items = \"results\"\nmax_pages = 2\nheader = \"X Y\"\nprefix = \"\\n\"")
                .check()
                .into_iter()
                .map(|problem| problem.key)
                .collect();
        assert_eq!(keys, ["items", "text", "id", "max_pages", "header", "prefix"]);
    }
}
