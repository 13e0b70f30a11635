//! Markup to plain text: blocks become lines, what nobody reads (scripts, styles, hidden parts) goes.
//! Walks the tree without recursion, so that depth costs no stack.

use ego_tree::NodeRef;
use scraper::node::Element;
use scraper::{Html, Node};

use crate::markup;

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
    text_of(&markup::fragment(markup), |_| true)
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
}
