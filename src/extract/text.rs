//! Markup to plain text: blocks become lines, what nobody reads (scripts, styles, hidden parts) goes.
//! Walks the tree without recursion, so that depth costs no stack.

use std::borrow::Cow;

use ego_tree::NodeRef;
use scraper::node::Element;
use scraper::{Html, Node};

/// Elements whose content is no text for readers.
const SILENT: [&str; 14] = [
    "script", "style", "noscript", "template", "svg", "iframe", "object", "head", "select", "textarea",
    "button", "canvas", "audio", "video",
];
/// Elements that start a new line.
const BLOCKS: [&str; 31] = [
    "p",
    "div",
    "br",
    "li",
    "ul",
    "ol",
    "tr",
    "table",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "section",
    "article",
    "header",
    "footer",
    "aside",
    "nav",
    "main",
    "blockquote",
    "pre",
    "dl",
    "dt",
    "dd",
    "figure",
    "figcaption",
    "form",
    "hr",
    "address",
];
/// Cells are kept apart by more than a space.
const CELLS: [&str; 2] = ["td", "th"];

/// The text of a fragment of markup, or of text that holds none.
pub fn plain_text(markup: &str) -> String {
    if !markup.contains(['<', '&']) {
        return collapsed(markup);
    }
    text_of(&Html::parse_fragment(&shallow(markup)), |_| true)
}

/// Elements inside elements beyond which markup is an attack, not a page: the tree builder's time
/// grows with the square of the depth.
const MAX_DEPTH: usize = 512;
/// Elements that hold nothing.
const VOID: [&str; 14] = [
    "br", "hr", "img", "input", "meta", "link", "area", "base", "col", "embed", "source", "track", "wbr",
    "param",
];
/// Elements that end by themselves where the other begins: what begins, and what it ends.
const ENDED_BY: [(&str, &[&str]); 11] = [
    ("p", &["p"]),
    ("li", &["p", "li"]),
    ("dt", &["p", "dt", "dd"]),
    ("dd", &["p", "dt", "dd"]),
    ("td", &["p", "td", "th"]),
    ("th", &["p", "td", "th"]),
    ("tr", &["p", "td", "th", "tr"]),
    ("tbody", &["p", "td", "th", "tr", "thead", "tbody"]),
    ("tfoot", &["p", "td", "th", "tr", "thead", "tbody"]),
    ("option", &["option"]),
    ("div", &["p"]),
];

/// The markup itself, or, where it nests deeper than any page does, its text with the tags cut out: the parsers' time
/// grows with the square of the depth, and what walks their trees has a stack.
pub fn shallow(markup: &str) -> Cow<'_, str> {
    let mut open: Vec<String> = Vec::new();
    let mut foreign = 0_usize;
    let is_foreign = |name: &str| matches!(name, "svg" | "math");
    for (position, _) in markup.match_indices('<') {
        let rest = &markup[position + 1..];
        let (closing, rest) = rest.strip_prefix('/').map_or((false, rest), |rest| (true, rest));
        let end = rest.bytes().take(MAX_NAME).position(|b| !b.is_ascii_alphanumeric()).unwrap_or(MAX_NAME);
        let Some(name) = rest.get(..end).filter(|name| !name.is_empty()).map(str::to_ascii_lowercase) else {
            continue;
        };
        if closing {
            // An end without its beginning ends nothing.
            if let Some(at) = open.iter().rposition(|known| *known == name) {
                foreign -= open[at..].iter().filter(|known| is_foreign(known)).count();
                open.truncate(at);
            }
            continue;
        }
        if foreign == 0 {
            if VOID.contains(&name.as_str()) {
                continue;
            }
            let ended =
                ENDED_BY.iter().find(|(begins, _)| *begins == name).map_or(&[][..], |(_, ended)| *ended);
            while open.last().is_some_and(|last| ended.contains(&last.as_str())) {
                open.pop();
            }
        } else if rest.split('>').next().is_some_and(|tag| tag.len() < MAX_TAG && tag.ends_with('/')) {
            // Within pictures and formulas a tag may close itself.
            continue;
        }
        foreign += usize::from(is_foreign(&name));
        open.push(name);
        if open.len() > MAX_DEPTH {
            return Cow::Owned(without_tags(markup));
        }
    }
    Cow::Borrowed(markup)
}

/// The longest name of a tag that is looked at (bytes).
const MAX_NAME: usize = 32;
/// The longest tag in a picture that is believed to close itself (bytes).
const MAX_TAG: usize = 64 * 1024;

fn without_tags(markup: &str) -> String {
    let mut output = String::with_capacity(markup.len() / 2);
    for part in markup.split('<') {
        let text = if output.is_empty() && !markup.starts_with('<') {
            part
        } else {
            part.split_once('>').map_or("", |(_, text)| text)
        };
        if !text.trim().is_empty() {
            output.push_str(text);
            output.push('\n');
        }
    }
    output
}

/// The text of a parsed tree, without the elements that `keep` refuses.
pub(super) fn text_of(html: &Html, keep: impl Fn(&Element) -> bool) -> String {
    walked(html, |element| !SILENT.contains(&element.name()) && !is_hidden(element) && keep(element))
}

/// Everything that a page may show to anybody, labels of buttons and words for those without scripts included.
pub(super) fn every_word(html: &Html) -> String {
    walked(html, |element| !matches!(element.name(), "script" | "style" | "template" | "svg"))
}

fn walked(html: &Html, keep: impl Fn(&Element) -> bool) -> String {
    enum Step<'a> {
        Enter(NodeRef<'a, Node>),
        Leave,
    }
    let mut output = String::new();
    let mut stack = vec![Step::Enter(html.tree.root())];
    while let Some(step) = stack.pop() {
        let node = match step {
            Step::Leave => {
                output.push('\n');
                continue;
            }
            Step::Enter(node) => node,
        };
        match node.value() {
            Node::Text(text) => {
                output.push_str(&text.text);
                continue;
            }
            Node::Element(element) => {
                if !keep(element) {
                    continue;
                }
                if CELLS.contains(&element.name()) {
                    output.push('\t');
                } else if BLOCKS.contains(&element.name()) {
                    output.push('\n');
                    stack.push(Step::Leave);
                }
            }
            _ => {}
        }
        stack.extend(node.children().rev().map(Step::Enter));
    }
    collapsed(&output)
}

fn is_hidden(element: &Element) -> bool {
    element.attr("hidden").is_some()
        || element.attr("aria-hidden") == Some("true") && element.name() != "body"
        || element.attr("style").is_some_and(|style| {
            let style = style.replace(' ', "").to_ascii_lowercase();
            style.contains("display:none") || style.contains("visibility:hidden")
        })
}

/// White space as a browser shows it: runs fold, at most one empty line, none at the ends of lines.
pub(super) fn collapsed(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    for line in text.lines() {
        let mut words = line.split_whitespace().peekable();
        if words.peek().is_none() {
            continue;
        }
        if !output.is_empty() {
            output.push('\n');
        }
        for (index, word) in words.enumerate() {
            if index > 0 {
                output.push(' ');
            }
            output.push_str(word);
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_lines_and_scripts_go() {
        let text =
            plain_text("<h1>A</h1><p>b <b>c</b></p><script>x()</script><p hidden>no</p><ul><li>1<li>2</ul>");
        assert_eq!(text, "A\nb c\n1\n2");
    }

    #[test]
    fn entities_are_read() {
        assert_eq!(plain_text("Fish &amp; Chips &pound;5&nbsp;each"), "Fish & Chips £5 each");
        assert_eq!(plain_text("a < b"), "a < b");
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{}x{}", "<div>".repeat(100_000), "</div>".repeat(100_000));
        assert_eq!(plain_text(&deep), "x");
    }
}
