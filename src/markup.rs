//! Trees of pages and of parts of them. Every tree of ours is made here, watched while it grows: markup that nests deeper
//! than any page does, or that grows while it is read, becomes a tree of its words. What walks trees has a stack, and the
//! parsers' time grows with the square of the depth. A library that parses for itself gets only what was bearable here.
//!
//! Only a parser of the standard knows how deep markup nests (end tags within attributes, comments, scripts and
//! foreign content end nothing; formatting is opened anew in each paragraph), so its own sink is watched.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::time::Duration;

use html5ever::driver::Parser;
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeBuilderOpts, TreeSink};
use html5ever::{Attribute, ParseOpts, QualName, local_name, ns, parse_document, parse_fragment};
use rustix::time::{ClockId, clock_gettime};
use scraper::{Html, HtmlTreeSink};

/// Elements inside elements beyond which markup is an attack, not a page; the deepest of 1,500 real pages has 60.
const MAX_DEPTH: u32 = 256;
/// Bytes that are read between two looks at what has become of them: bounds what a page may cost beyond its limits.
const CHUNK: usize = 4 * 1024;
/// The bytes that the shortest element takes. Where there are more elements than could have been written, the
/// parser repeats some: it opens formatting that was left open anew in each block.
const SHORTEST: usize = "<p>".len();
/// Nodes of one tree: far more than the elements of a page that are looked at (`extract.max_elements`).
const MAX_NODES: usize = 1_000_000;
/// The parser compares each attribute of a tag with all before it: a chunk on which a processor works so long is part
/// of a tag with tens of thousands of them. An ordinary one takes a thousandth of it.
const SLOW: Duration = Duration::from_millis(20);
/// All the time that one page may spend on such chunks.
const MAX_SLOW: Duration = Duration::from_millis(300);
/// Elements that the standard adds to any page, and the repetitions that small ones may have.
const SPARE: usize = 1_000;
/// Bytes of attributes that may be repeated on top of twice the markup.
const SPARE_SAID: usize = 1_000_000;

/// The tree of a page.
pub fn document(html: &str) -> Html {
    bearable_document(html)
        .or_else(|| bearable_document(&without_tags(html)))
        .or_else(|| bearable_document(""))
        .unwrap_or_else(Html::new_document)
}

/// The tree of a part of a page.
pub fn fragment(markup: &str) -> Html {
    let read = |markup: &str| {
        let sink = Watched::new(HtmlTreeSink::new(Html::new_fragment()));
        let body = QualName::new(None, ns!(html), local_name!("body"));
        let tree = watched(parse_fragment(sink, ParseOpts::default(), body, Vec::new(), false), markup)?;
        is_shallow(&tree).then_some(tree)
    };
    read(markup)
        .or_else(|| read(&without_tags(markup)))
        .or_else(|| read(""))
        .unwrap_or_else(Html::new_fragment)
}

/// The tree of a page; nothing where it would be too deep or too large.
pub fn bearable_document(html: &str) -> Option<Html> {
    let sink = Watched::new(HtmlTreeSink::new(Html::new_document()));
    let tree = watched(parse_document(sink, ParseOpts::default()), html)?;
    is_shallow(&tree).then_some(tree)
}

/// The same as the library that finds articles keeps it: what stands in `<noscript>` is part of the page, and so is HTML
/// in a formula's annotation.
pub fn bearable_article(html: &str) -> Option<dom_query::Document> {
    let tree_builder = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    let options = ParseOpts { tree_builder, ..ParseOpts::default() };
    let page = watched(parse_document(Watched::new(dom_query::Document::default()), options), html)?;
    let deepest = deepest(page.root(), |node| node.children_it(false));
    (deepest <= MAX_DEPTH).then_some(page)
}

/// The words between the tags of markup that no tree can be made of.
pub fn without_tags(markup: &str) -> String {
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

fn is_shallow(tree: &Html) -> bool {
    deepest(tree.tree.root(), ego_tree::NodeRef::children) <= MAX_DEPTH
}

/// How deep a finished tree is: subtrees may have moved since their depth was noted.
fn deepest<N, I: Iterator<Item = N>>(root: N, children: impl Fn(&N) -> I) -> u32 {
    let mut deepest = 0;
    let mut open = vec![(root, 0)];
    while let Some((node, depth)) = open.pop() {
        deepest = deepest.max(depth);
        open.extend(children(&node).map(|child| (child, depth + 1)));
    }
    deepest
}

/// Reads markup piece by piece; nothing where what has become of it is too much.
fn watched<S: TreeSink>(mut parser: Parser<Watched<S>>, markup: &str) -> Option<S::Output> {
    let limits = Limits {
        nodes: (markup.len() / SHORTEST + SPARE).min(MAX_NODES),
        said: markup.len() * 2 + SPARE_SAID,
    };
    parser.tokenizer.sink.sink.limits.set(limits);
    let (mut rest, mut slow, mut worked) = (markup, Duration::ZERO, work_done());
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.floor_char_boundary(CHUNK));
        parser.process(StrTendril::from_slice(chunk));
        let now = work_done();
        let took = now.saturating_sub(worked);
        if took > SLOW {
            slow += took;
        }
        if parser.tokenizer.sink.sink.is_over() || slow > MAX_SLOW {
            return None;
        }
        (rest, worked) = (after, now);
    }
    Some(parser.finish())
}

/// The processor's time that this thread has had. Not the wall's: a machine with much to do must not make a page another.
fn work_done() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// What a tree may grow to.
#[derive(Debug, Clone, Copy, Default)]
struct Limits {
    nodes: usize,
    /// Bytes of all attributes.
    said: usize,
}

/// A sink that notes how deep the nodes lie and how many there are.
struct Watched<S> {
    sink: S,
    /// How deep each node lay when it was put there.
    depths: RefCell<Vec<u32>>,
    /// Bytes of all attributes: formatting that is opened anew has them all again.
    said: Cell<usize>,
    deepest: Cell<u32>,
    limits: Cell<Limits>,
}

/// A node of the sink, and where its depth is noted.
#[derive(Clone)]
struct Node<H> {
    node: H,
    place: usize,
}

impl<S: TreeSink> Watched<S> {
    fn new(sink: S) -> Self {
        // The first is the document's.
        Self {
            sink,
            depths: RefCell::new(vec![0]),
            said: Cell::new(0),
            deepest: Cell::new(0),
            limits: Cell::default(),
        }
    }

    /// Whether this is no tree to go on with.
    fn is_over(&self) -> bool {
        let limits = self.limits.get();
        self.deepest.get() > MAX_DEPTH
            || self.said.get() > limits.said
            || self.depths.borrow().len() > limits.nodes
    }

    fn made(&self, node: S::Handle) -> Node<S::Handle> {
        let mut depths = self.depths.borrow_mut();
        depths.push(0);
        Node { node, place: depths.len() - 1 }
    }

    fn depth(&self, node: &Node<S::Handle>) -> u32 {
        self.depths.borrow().get(node.place).copied().unwrap_or_default()
    }

    /// Notes how deep a node lies that has just found its place.
    fn placed(&self, child: NodeOrText<Node<S::Handle>>, depth: u32) -> NodeOrText<S::Handle> {
        match child {
            NodeOrText::AppendNode(Node { node, place }) => {
                if let Some(noted) = self.depths.borrow_mut().get_mut(place) {
                    *noted = depth;
                }
                self.deepest.set(self.deepest.get().max(depth));
                NodeOrText::AppendNode(node)
            }
            NodeOrText::AppendText(text) => NodeOrText::AppendText(text),
        }
    }

    /// Counts attributes, and keeps none once there are too many: a tag of many, opened anew in each paragraph, takes
    /// gigabytes before the next look.
    fn kept(&self, attributes: Vec<Attribute>) -> Vec<Attribute> {
        // Each takes a place in memory too, however short.
        let said = attributes.iter().map(|one| one.name.local.len() + one.value.len() + 2);
        self.said.set(self.said.get() + said.sum::<usize>());
        if self.is_over() { Vec::new() } else { attributes }
    }
}

impl<S: TreeSink> TreeSink for Watched<S> {
    type Handle = Node<S::Handle>;
    type Output = S::Output;
    type ElemName<'a>
        = S::ElemName<'a>
    where
        S: 'a;

    fn finish(self) -> S::Output {
        self.sink.finish()
    }

    fn get_document(&self) -> Self::Handle {
        Node { node: self.sink.get_document(), place: 0 }
    }

    fn elem_name<'a>(&'a self, target: &'a Self::Handle) -> S::ElemName<'a> {
        self.sink.elem_name(&target.node)
    }

    fn create_element(
        &self,
        name: QualName,
        attributes: Vec<Attribute>,
        flags: ElementFlags,
    ) -> Self::Handle {
        let attributes = self.kept(attributes);
        self.made(self.sink.create_element(name, attributes, flags))
    }

    fn create_comment(&self, text: StrTendril) -> Self::Handle {
        self.made(self.sink.create_comment(text))
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Self::Handle {
        self.made(self.sink.create_pi(target, data))
    }

    fn append(&self, parent: &Self::Handle, child: NodeOrText<Self::Handle>) {
        let child = self.placed(child, self.depth(parent) + 1);
        self.sink.append(&parent.node, child);
    }

    fn append_before_sibling(&self, sibling: &Self::Handle, child: NodeOrText<Self::Handle>) {
        let child = self.placed(child, self.depth(sibling));
        self.sink.append_before_sibling(&sibling.node, child);
    }

    fn append_based_on_parent_node(
        &self,
        element: &Self::Handle,
        previous: &Self::Handle,
        child: NodeOrText<Self::Handle>,
    ) {
        // The sink decides which: beside the one or inside the other.
        let depth = self.depth(element).max(self.depth(previous) + 1);
        let child = self.placed(child, depth);
        self.sink.append_based_on_parent_node(&element.node, &previous.node, child);
    }

    fn remove_from_parent(&self, target: &Self::Handle) {
        self.sink.remove_from_parent(&target.node);
    }

    fn reparent_children(&self, node: &Self::Handle, parent: &Self::Handle) {
        self.sink.reparent_children(&node.node, &parent.node);
    }

    fn get_template_contents(&self, target: &Self::Handle) -> Self::Handle {
        // As deep as the template itself: asked for anew for each node that is put there.
        Node { node: self.sink.get_template_contents(&target.node), place: target.place }
    }

    fn same_node(&self, one: &Self::Handle, other: &Self::Handle) -> bool {
        self.sink.same_node(&one.node, &other.node)
    }

    fn is_mathml_annotation_xml_integration_point(&self, node: &Self::Handle) -> bool {
        self.sink.is_mathml_annotation_xml_integration_point(&node.node)
    }

    fn append_doctype_to_document(&self, name: StrTendril, public_id: StrTendril, system_id: StrTendril) {
        self.sink.append_doctype_to_document(name, public_id, system_id);
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.sink.set_quirks_mode(mode);
    }

    fn add_attrs_if_missing(&self, target: &Self::Handle, attributes: Vec<Attribute>) {
        let attributes = self.kept(attributes);
        self.sink.add_attrs_if_missing(&target.node, attributes);
    }

    /// Nobody asks what is wrong with a page.
    fn parse_error(&self, _: Cow<'static, str>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_borne(html: &str) -> bool {
        bearable_document(html).is_some() && bearable_article(html).is_some()
    }

    fn words(tree: &Html) -> String {
        tree.root_element().text().collect::<String>().trim().to_owned()
    }

    #[test]
    fn a_page_of_many_elements_stays_as_it_is() {
        assert!(is_borne(&"<div><p>a <b>b</b></p></div>".repeat(10_000)));
        assert!(is_borne(&format!("{}x{}", "<div>".repeat(200), "</div>".repeat(200))));
        assert!(is_borne(&format!("<template>{}</template>", "x<p>".repeat(30_000))));
        assert!(is_borne(""));
    }

    #[test]
    fn what_is_too_deep_becomes_its_words() {
        let deep = format!("{}x{}", "<div>".repeat(100_000), "</div>".repeat(100_000));
        assert!(!is_borne(&deep));
        assert_eq!(words(&document(&deep)), "x");
        assert_eq!(words(&fragment(&deep)), "x");
    }

    #[test]
    fn a_tree_is_the_librarys_own() {
        let html = "<!doctype html><title>A</title><body class=x><p>b<table><tr>c<td>d</table><b>e<p>f</b><template><i>g</template>\
                    <math><annotation-xml encoding='text/html'><p>h</math><noscript><p>i</noscript><!--j--><body id=y>";
        assert_eq!(document(html).html(), reference(html).html());
        let article = bearable_article(html).unwrap();
        assert_eq!(article.html(), dom_query::Document::from(html).html());
    }

    #[expect(clippy::disallowed_methods, reason = "compared with")]
    fn reference(html: &str) -> Html {
        Html::parse_document(html)
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
            for tree in [document(&markup), fragment(&markup)] {
                let deepest = tree.tree.root().descendants().map(|node| node.ancestors().count()).max();
                assert!(deepest.unwrap() <= MAX_DEPTH as usize, "{open}: {deepest:?}");
                assert!(words(&tree).starts_with('x'), "{open}");
            }
            if let Some(article) = bearable_article(&markup) {
                let deepest = deepest(article.root(), |node| node.children_it(false));
                assert!(deepest <= MAX_DEPTH, "{open}: {deepest}");
            }
        }
    }

    #[test]
    fn a_formula_is_as_deep_as_the_strictest_library_reads_it() {
        let voids = "<input>".repeat(5_000);
        let markup = format!("<body><p>x<noscript><math><annotation-xml>{voids}</math></noscript>");
        assert!(bearable_article(&markup).is_none());
    }

    #[test]
    fn attributes_without_number_cost_no_time() {
        let attributes: Vec<String> = (0..200_000).map(|number| format!("a{number}=1")).collect();
        assert!(!is_borne(&format!("<body><p>x</p><div {}>y</div>", attributes.join(" "))));
        // Opened anew in each paragraph, a few thousand are too many as well.
        let again = format!("<p><font {}>{}", attributes[..2_000].join(" "), "<p>xxx".repeat(30_000));
        assert!(!is_borne(&again));
        // Nothing of what is too many is kept until the next look, and cheap chunks between dear ones pay for none.
        let again = format!("<p><font {}>{}", attributes[..40_000].join(" "), "<p>x".repeat(3_000));
        assert!(!is_borne(&again));
        let long = format!("b=\"{}\"", "x".repeat(CHUNK * 2));
        let mixed: Vec<String> =
            attributes.chunks(2_000).map(|some| format!("{} {long}", some.join(" "))).collect();
        assert!(!is_borne(&format!("<body><div {}>y</div>", mixed.join(" "))));
    }

    #[test]
    fn a_page_of_a_million_elements_is_cut() {
        assert!(!is_borne(&"<p>".repeat(1_200_000)));
    }

    #[test]
    fn formatting_opened_anew_is_cut() {
        let paragraphs: Vec<String> = (0..4_000).map(|size| format!("<p><font size={size}>x</p>")).collect();
        assert!(!is_borne(&paragraphs.concat()));
        // A few hundred paragraphs within some formatting are how editors wrote, once.
        assert!(is_borne(&format!("<font size=2><b><i>{}", "<p>x</p>".repeat(500))));
    }
}
