//! Markup that nests deeper than any page does, or that grows while it is read, is cut to its words before a
//! tree is made of it: what walks trees has a stack, and the parsers' time grows with the square of the depth.
//!
//! Only a parser of the standard knows how deep markup nests (end tags within attributes, comments, scripts and
//! foreign content end nothing; formatting is opened anew in each paragraph), so the same parser that makes
//! the trees is run first on a sink that counts.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use ego_tree::iter::Edge;
use ego_tree::{NodeId, Tree};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeBuilderOpts, TreeSink};
use html5ever::{
    Attribute, ParseOpts, QualName, expanded_name, local_name, ns, parse_document, parse_fragment,
};

/// Elements inside elements beyond which markup is an attack, not a page; the deepest of 1,500 real pages has 60.
const MAX_DEPTH: u32 = 256;
/// Bytes that are read between two looks at what has become of them: bounds what a page may cost beyond its limits.
const CHUNK: usize = 4 * 1024;
/// The bytes that the shortest element takes. Where there are more elements than could have been written, the
/// parser repeats some: it opens formatting that was left open anew in each block.
const SHORTEST: usize = "<p>".len();
/// Markup in which no attributes are too many (bytes).
const SMALL: usize = 16 * 1024;
/// The parser compares each attribute of a tag with all before it: a chunk in which that takes so long, so many times in a
/// row, is part of a tag with tens of thousands of them. An ordinary one takes a thousandth of it.
const SLOW: Duration = Duration::from_millis(50);
const MAX_SLOW: usize = 6;
/// Elements that the standard adds to any page, and the repetitions that small ones may have.
const SPARE: usize = 1_000;
/// Bytes of attributes that may be repeated on top of twice the markup.
const SPARE_SAID: usize = 1_000_000;

/// A page's markup itself or, where a tree of it would be too deep or too large, its words.
pub fn shallow(html: &str) -> Cow<'_, str> {
    checked(html, Context::Page)
}

/// The same for markup that is part of a page.
pub(super) fn shallow_fragment(markup: &str) -> Cow<'_, str> {
    checked(markup, Context::Fragment)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Page,
    Fragment,
}

fn checked(markup: &str, context: Context) -> Cow<'_, str> {
    // Each element has a tag: few tags make no depth, and little text makes few attributes.
    let is_small = markup.len() <= SMALL;
    if is_small && markup.bytes().filter(|byte| *byte == b'<').nth(MAX_DEPTH as usize / 2).is_none() {
        return Cow::Borrowed(markup);
    }
    // One page is read for several ends, each of which asks.
    let print = (PRINTS.hash_one(markup), markup.len(), context);
    if BORNE.get() == Some(print) {
        return Cow::Borrowed(markup);
    }
    let differs = READ_IN_TWO_WAYS.iter().any(|name| holds(markup, name));
    let is_bearable = is_bearable(markup, context, Way::Browser)
        && (!differs || is_bearable(markup, context, Way::WithoutScripts));
    if !is_bearable {
        return Cow::Owned(without_tags(markup));
    }
    BORNE.set(Some(print));
    Cow::Borrowed(markup)
}

/// Seeded anew in each process: nobody outside can make two pages that share a print.
static PRINTS: LazyLock<RandomState> = LazyLock::new(RandomState::default);

thread_local! {
    /// What was found bearable last: the print and length of markup, and what it was part of.
    static BORNE: Cell<Option<(u64, usize, Context)>> = const { Cell::new(None) };
}

/// Two ways in which the libraries read a page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// What stands in `<noscript>` is text, in formulas' annotations no HTML.
    Browser,
    /// Both are elements of the page, the latter where the annotation says that it holds HTML.
    WithoutScripts,
}

/// What the two ways tell apart.
const READ_IN_TWO_WAYS: [&[u8]; 2] = [b"<noscript", b"<annotation-xml"];

fn holds(markup: &str, name: &[u8]) -> bool {
    let starts = markup.bytes().enumerate().filter(|(_, byte)| *byte == b'<');
    let mut names = starts.filter_map(|(at, _)| markup.as_bytes().get(at..at + name.len()));
    names.any(|found| found.eq_ignore_ascii_case(name))
}

fn is_bearable(markup: &str, context: Context, way: Way) -> bool {
    let scripting_enabled = way == Way::Browser;
    let tree_builder = TreeBuilderOpts { scripting_enabled, ..TreeBuilderOpts::default() };
    let options = ParseOpts { tree_builder, ..ParseOpts::default() };
    let mut parser = match context {
        Context::Page => parse_document(Counter::new(way), options),
        Context::Fragment => {
            let body = QualName::new(None, ns!(html), local_name!("body"));
            parse_fragment(Counter::new(way), options, body, Vec::new(), scripting_enabled)
        }
    };
    let most = markup.len() / SHORTEST + SPARE;
    let most_said = markup.len() * 2 + SPARE_SAID;
    let (mut rest, mut slow) = (markup, 0);
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.floor_char_boundary(CHUNK));
        let started = Instant::now();
        parser.process(StrTendril::from_slice(chunk));
        slow = if started.elapsed() > SLOW { slow + 1 } else { 0 };
        let seen = &parser.tokenizer.sink.sink;
        let is_large = seen.made.get() > most || seen.said.get() > most_said;
        if seen.deepest.get() > MAX_DEPTH || is_large || slow > MAX_SLOW {
            return false;
        }
        rest = after;
    }
    parser.finish() <= MAX_DEPTH
}

/// Counts the elements of a page and how deep they lie; keeps neither words nor attributes.
struct Counter {
    way: Way,
    /// How deep each node lay when it was put there.
    tree: RefCell<Tree<u32>>,
    document: Rc<Made>,
    made: Cell<usize>,
    /// Bytes of all attributes: formatting that is opened anew has them all again.
    said: Cell<usize>,
    deepest: Cell<u32>,
}

/// A node that the parser holds.
struct Made {
    id: NodeId,
    name: QualName,
    /// The node that holds what a `<template>` contains.
    content: Option<NodeId>,
    /// Whether a formula's annotation says that it holds HTML.
    holds_html: bool,
}

fn nameless() -> QualName {
    QualName::new(None, ns!(), local_name!(""))
}

impl Counter {
    fn new(way: Way) -> Self {
        let tree = Tree::new(0);
        let document =
            Rc::new(Made { id: tree.root().id(), name: nameless(), content: None, holds_html: false });
        Self {
            way,
            tree: RefCell::new(tree),
            document,
            made: Cell::new(0),
            said: Cell::new(0),
            deepest: Cell::new(0),
        }
    }

    fn make(&self, name: QualName, has_content: bool, holds_html: bool) -> Rc<Made> {
        self.made.set(self.made.get() + 1);
        let mut tree = self.tree.borrow_mut();
        let mut node = tree.orphan(0);
        let content = has_content.then(|| node.append(1).id());
        Rc::new(Made { id: node.id(), name, content, holds_html })
    }

    /// Notes how deep a node lies that has just found its place.
    fn placed(&self, tree: &mut Tree<u32>, id: NodeId) {
        let above = |tree: &Tree<u32>| Some(*tree.get(id)?.parent()?.value());
        let depth = above(tree).unwrap_or_default() + 1;
        if let Some(mut node) = tree.get_mut(id) {
            *node.value() = depth;
            if let Some(mut content) = node.first_child() {
                *content.value() = depth + 1;
            }
        }
        self.deepest.set(self.deepest.get().max(depth));
    }
}

/// What the tree builder promises: it only names nodes that this sink has made, so that looking them up cannot fail.
impl TreeSink for Counter {
    type Handle = Rc<Made>;
    type Output = u32;
    type ElemName<'a> = &'a QualName;

    /// How deep the tree is in the end: subtrees may have moved since they were counted.
    fn finish(self) -> u32 {
        let (mut depth, mut deepest) = (0_u32, 0);
        for edge in self.tree.borrow().root().traverse() {
            match edge {
                Edge::Open(_) => depth += 1,
                Edge::Close(_) => depth -= 1,
            }
            deepest = deepest.max(depth);
        }
        deepest.saturating_sub(1)
    }

    fn get_document(&self) -> Rc<Made> {
        Rc::clone(&self.document)
    }

    fn elem_name<'a>(&'a self, target: &'a Rc<Made>) -> &'a QualName {
        &target.name
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, flags: ElementFlags) -> Rc<Made> {
        let is_template = name.expanded() == expanded_name!(html "template");
        // Each takes a place in memory too, however short.
        let said = attributes.iter().map(|one| one.name.local.len() + one.value.len() + 2);
        self.said.set(self.said.get() + said.sum::<usize>());
        self.make(name, is_template, flags.mathml_annotation_xml_integration_point)
    }

    fn create_comment(&self, _: StrTendril) -> Rc<Made> {
        self.make(nameless(), false, false)
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Rc<Made> {
        self.make(nameless(), false, false)
    }

    fn append(&self, parent: &Rc<Made>, child: NodeOrText<Rc<Made>>) {
        let NodeOrText::AppendNode(child) = child else { return };
        let mut tree = self.tree.borrow_mut();
        if let Some(mut parent) = tree.get_mut(parent.id) {
            parent.append_id(child.id);
        }
        self.placed(&mut tree, child.id);
    }

    fn append_before_sibling(&self, sibling: &Rc<Made>, child: NodeOrText<Rc<Made>>) {
        let NodeOrText::AppendNode(child) = child else { return };
        self.remove_from_parent(&child);
        let mut tree = self.tree.borrow_mut();
        if let Some(mut sibling) = tree.get_mut(sibling.id)
            && sibling.parent().is_some()
        {
            sibling.insert_id_before(child.id);
        }
        self.placed(&mut tree, child.id);
    }

    fn append_based_on_parent_node(
        &self,
        element: &Rc<Made>,
        previous: &Rc<Made>,
        child: NodeOrText<Rc<Made>>,
    ) {
        let has_parent = self.tree.borrow().get(element.id).is_some_and(|node| node.parent().is_some());
        if has_parent { self.append_before_sibling(element, child) } else { self.append(previous, child) }
    }

    fn remove_from_parent(&self, target: &Rc<Made>) {
        if let Some(mut node) = self.tree.borrow_mut().get_mut(target.id) {
            node.detach();
        }
    }

    fn reparent_children(&self, node: &Rc<Made>, parent: &Rc<Made>) {
        if let Some(mut parent) = self.tree.borrow_mut().get_mut(parent.id) {
            parent.reparent_from_id_append(node.id);
        }
    }

    fn get_template_contents(&self, target: &Rc<Made>) -> Rc<Made> {
        let id = target.content.unwrap_or(target.id);
        Rc::new(Made { id, name: nameless(), content: None, holds_html: false })
    }

    fn same_node(&self, one: &Rc<Made>, other: &Rc<Made>) -> bool {
        one.id == other.id
    }

    fn is_mathml_annotation_xml_integration_point(&self, node: &Rc<Made>) -> bool {
        self.way == Way::WithoutScripts && node.holds_html
    }

    fn parse_error(&self, _: Cow<'static, str>) {}
    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}
    fn set_quirks_mode(&self, _: QuirksMode) {}
    fn add_attrs_if_missing(&self, _: &Rc<Made>, _: Vec<Attribute>) {}
}

/// The words between the tags.
fn without_tags(markup: &str) -> String {
    let mut output = String::with_capacity(markup.len() / 2);
    for (index, part) in markup.split('<').enumerate() {
        let text = if index == 0 { part } else { part.split_once('>').map_or("", |(_, text)| text) };
        if !text.trim().is_empty() {
            output.push_str(text);
            output.push('\n');
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::plain_text;

    #[test]
    fn a_page_of_many_elements_stays_as_it_is() {
        let wide = "<div><p>a <b>b</b></p></div>".repeat(10_000);
        assert_eq!(shallow(&wide), wide);
        let nested = format!("{}x{}", "<div>".repeat(200), "</div>".repeat(200));
        assert_eq!(shallow(&nested), nested);
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{}x{}", "<div>".repeat(100_000), "</div>".repeat(100_000));
        assert_eq!(plain_text(&deep), "x");
    }

    #[test]
    fn what_only_looks_as_if_it_ended_nests() {
        for (open, close) in [
            ("<div title='</div>'>", ""),
            ("<div><!--</div>-->", ""),
            ("<div><script></div></script>", ""),
            ("<span><div></span>", ""),
            ("<table><tr><td></table>", ""),
            ("<br-x>", ""),
            ("<b><ul></b>", ""),
            ("<svg></svg><div/>", ""),
            ("<noscript><div></noscript>", ""),
            ("<math><annotation-xml encoding='text/html'><div>", "</math>"),
            ("<template><div>", ""),
        ] {
            let markup = format!("<body>x{}{}", open.repeat(20_000), close.repeat(20_000));
            for read in [shallow(&markup), shallow_fragment(&markup)] {
                let tree = scraper::Html::parse_document(&read);
                let mut deepest = 0;
                let mut depth = 0_u32;
                for edge in tree.tree.root().traverse() {
                    match edge {
                        Edge::Open(_) => depth += 1,
                        Edge::Close(_) => depth -= 1,
                    }
                    deepest = deepest.max(depth);
                }
                assert!(deepest <= MAX_DEPTH + 2, "{open}: {deepest}");
            }
        }
    }

    #[test]
    fn a_formula_is_as_deep_as_the_strictest_library_reads_it() {
        let voids = "<input>".repeat(5_000);
        let markup = format!("<body><p>x<noscript><math><annotation-xml>{voids}</math></noscript>");
        assert!(!shallow(&markup).contains('<'));
    }

    #[test]
    fn attributes_without_number_cost_no_time() {
        let attributes: Vec<String> = (0..200_000).map(|number| format!("a{number}=1")).collect();
        let many = format!("<body><p>x</p><div {}>y</div>", attributes.join(" "));
        assert!(!shallow(&many).contains('<'));
        // Opened anew in each paragraph, a few thousand are too many as well.
        let again = format!("<p><font {}>{}", attributes[..2_000].join(" "), "<p>xxx".repeat(30_000));
        assert!(!shallow(&again).contains('<'));
    }

    #[test]
    fn formatting_opened_anew_is_cut() {
        let paragraphs: Vec<String> = (0..4_000).map(|size| format!("<p><font size={size}>x</p>")).collect();
        let paragraphs = paragraphs.concat();
        assert!(!shallow(&paragraphs).contains('<'));
        // A few hundred paragraphs within some formatting are how editors wrote, once.
        let old = format!("<font size=2><b><i>{}", "<p>x</p>".repeat(500));
        assert_eq!(shallow(&old), old);
    }
}
