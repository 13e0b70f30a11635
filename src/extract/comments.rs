//! Comments and replies below a page, where its markup shows where each begins: microdata and JSON-LD (schema.org), the
//! classes of `WordPress` and of what follows its example. Each is a document of its own: somebody else said it.

use std::collections::HashSet;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use scraper::{ElementRef, Selector};
use serde_json::Value;

use crate::markup;

use super::metadata::{json_ld, parse_page_date};
use super::text::collapsed;

/// A comment or reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Comment {
    /// What names it on its page; empty where nothing does.
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// When.
    pub published: Option<DateTime<Utc>>,
    /// What it says, without the replies below it.
    pub text: String,
}

/// Comments of one page that are read.
const MAX_COMMENTS: usize = 500;
/// Nodes of a page that are looked at for its comments, each as often as it is.
const MAX_WORK: usize = 500_000;
/// Fewer words say nothing.
const MIN_WORDS: usize = 2;

fn selector(css: &str) -> Selector {
    Selector::parse(css).expect("a constant selector parses")
}

static COMMENTS: LazyLock<Selector> = LazyLock::new(|| {
    selector(
        "[itemtype$='schema.org/Comment'], [itemprop~='comment'], li.comment, article.comment, div.comment, .comment-item, \
         .comment__item, .commentItem, [data-comment-id], [id^='comment-'].depth-1, [itemtype$='schema.org/Answer']",
    )
});
static WORDS: LazyLock<Selector> = LazyLock::new(|| {
    selector(
        "[itemprop='text'], .comment-content, .comment-text, .comment__text, .comment__body, .comment-body__text, .commentText, .comment-message",
    )
});
static AUTHOR: LazyLock<Selector> = LazyLock::new(|| {
    selector(
        "[itemprop='author'] [itemprop='name'], [itemprop='author'], .comment-author .fn, .comment-author, .comment__author, .commentAuthor, cite.fn, .fn",
    )
});
static HEADLINE: LazyLock<Selector> = LazyLock::new(|| selector("h1"));
static TIME: LazyLock<Selector> = LazyLock::new(|| {
    selector("time[datetime], [itemprop='dateCreated'][content], [itemprop='datePublished'][content]")
});

/// The comments that a page shows, in its order, each once; and the page without them, where it had some in its markup.
pub fn comments(html: &str) -> (Vec<Comment>, Option<String>) {
    // Most pages have none: then nothing is parsed.
    if !html.as_bytes().windows(7).any(|part| part.eq_ignore_ascii_case(b"comment")) {
        return (Vec::new(), None);
    }
    let mut tree = markup::document(html);
    let (mut found, mut places) = (Vec::new(), Vec::new());
    let mut work = 0;
    for element in tree.select(&COMMENTS).take(MAX_COMMENTS) {
        // Comments within comments within comments are read again at each level.
        work += element.descendants().take(MAX_WORK).count();
        if work > MAX_WORK {
            break;
        }
        if let Some(comment) = in_markup(element).filter(is_somebodys) {
            // What holds the headline is the article, whatever it is called.
            if element.select(&HEADLINE).next().is_none() {
                places.push(element.id());
                found.push(comment);
            }
        }
    }
    if found.is_empty() {
        for object in json_ld(&tree) {
            in_json(&object, &mut found);
        }
    }
    let mut seen = HashSet::new();
    found.retain(|comment| {
        comment.text.split_whitespace().count() >= MIN_WORDS
            && seen.insert((comment.author.clone(), comment.text.clone()))
    });
    found.truncate(MAX_COMMENTS);
    if found.is_empty() || places.is_empty() {
        return (found, None);
    }
    for place in places {
        if let Some(mut node) = tree.tree.get_mut(place) {
            node.detach();
        }
    }
    (found, Some(tree.html()))
}

/// Opinion pieces and answers to frequent questions are named like comments: those say who wrote them, or when.
fn is_somebodys(comment: &Comment) -> bool {
    !comment.author.is_empty() || comment.published.is_some() || comment.id.to_lowercase().contains("comment")
}

fn in_markup(element: ElementRef<'_>) -> Option<Comment> {
    let own = |css: &Selector| element.select(css).find(|part| belongs_to(*part, element));
    // A list or a form around comments is named after them too.
    let text = match own(&WORDS) {
        Some(words) => words_of(words, element),
        None if element.select(&COMMENTS).next().is_some() && element.value().name() != "li" => return None,
        None => words_of(element, element),
    };
    let author = own(&AUTHOR).map(|author| collapsed(&author.text().collect::<String>()).replace('\n', " "));
    let published = own(&TIME).and_then(|time| time.attr("datetime").or_else(|| time.attr("content")));
    let id = element.attr("id").or_else(|| element.attr("data-comment-id")).unwrap_or_default();
    Some(Comment {
        id: id.to_owned(),
        author: author.unwrap_or_default().trim_end_matches(" says:").trim_end_matches(" says").to_owned(),
        published: published.and_then(parse_page_date),
        text,
    })
}

/// Whether a part belongs to this comment and not to a reply below it.
fn belongs_to(part: ElementRef<'_>, comment: ElementRef<'_>) -> bool {
    let nearest = part.ancestors().filter_map(ElementRef::wrap).find(|above| COMMENTS.matches(above));
    nearest.is_none_or(|nearest| nearest.id() == comment.id()) || part.id() == comment.id()
}

/// The text of a part without replies, names and dates that stand in it.
fn words_of(part: ElementRef<'_>, comment: ElementRef<'_>) -> String {
    let mut text = String::new();
    for node in part.descendants() {
        let Some(words) = node.value().as_text() else { continue };
        let mut above = node.ancestors().filter_map(ElementRef::wrap);
        let is_left_out = above.by_ref().take_while(|element| element.id() != part.id()).any(|element| {
            let name = element.value().name();
            element.id() != comment.id() && COMMENTS.matches(&element)
                || matches!(name, "time" | "button" | "form" | "script" | "style" | "cite")
                || AUTHOR.matches(&element)
                || element
                    .value()
                    .classes()
                    .any(|class| matches!(class, "reply" | "comment-meta" | "comment-metadata" | "children"))
        });
        if !is_left_out {
            text.push_str(words);
            text.push(' ');
        }
    }
    collapsed(&text).lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Comments that JSON-LD names, replies among them. Walks without recursion.
fn in_json(object: &Value, found: &mut Vec<Comment>) {
    let mut open = vec![object];
    while let Some(object) = open.pop() {
        for key in ["comment", "suggestedAnswer", "acceptedAnswer"] {
            let below = match object.get(key) {
                Some(Value::Array(list)) => list.iter().collect(),
                Some(one @ Value::Object(_)) => vec![one],
                _ => Vec::new(),
            };
            for comment in below {
                if found.len() >= MAX_COMMENTS {
                    return;
                }
                found.extend(comment_of(comment));
                open.push(comment);
            }
        }
    }
}

fn comment_of(object: &Value) -> Option<Comment> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
    let author = object.get("author").and_then(|author| author.get("name").unwrap_or(author).as_str());
    Some(Comment {
        id: text("@id")
            .or_else(|| text("url"))
            .and_then(|id| Some(id.rsplit_once('#')?.1.to_owned()))
            .unwrap_or_default(),
        author: author.unwrap_or_default().to_owned(),
        published: text("dateCreated")
            .or_else(|| text("datePublished"))
            .and_then(|date| parse_page_date(&date)),
        text: super::plain_text(&text("text")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(html: &str) -> Vec<(String, String, String)> {
        comments(html).0.into_iter().map(|comment| (comment.id, comment.author, comment.text)).collect()
    }

    #[test]
    fn comments_and_replies_of_wordpress_are_told_apart() {
        let html = "<ol class='comment-list'><li class='comment even depth-1' id='comment-7'><article class='comment-body'>\
            <footer class='comment-meta'><div class='comment-author vcard'><b class='fn'>Jo</b> <span class='says'>says:</span></div>\
            <time datetime='2026-11-20T10:00:00+00:00'>20 November</time></footer><div class='comment-content'><p>The ward was cold.</p></div>\
            <div class='reply'><a>Reply</a></div></article><ol class='children'><li class='comment odd depth-2' id='comment-8'>\
            <article class='comment-body'><div class='comment-author'><b class='fn'>Al</b></div><div class='comment-content'><p>Ours was warm.</p></div></article></li></ol></li></ol>\
            <form class='comment-form'>Leave a comment here please</form>";
        let (found, rest) = comments(html);
        let rest = rest.unwrap();
        assert!(rest.contains("Leave a comment") && !rest.contains("The ward was cold"), "{rest}");
        let told: Vec<_> =
            found.iter().map(|c| (c.id.as_str(), c.author.as_str(), c.text.as_str())).collect();
        assert_eq!(told, [("comment-7", "Jo", "The ward was cold."), ("comment-8", "Al", "Ours was warm.")]);
        assert_eq!(found[0].published.unwrap().to_rfc3339(), "2026-11-20T10:00:00+00:00");
    }

    #[test]
    fn microdata_and_json_are_read() {
        let micro = "<div itemscope itemtype='https://schema.org/Comment' id='c1'><span itemprop='author' itemscope><span itemprop='name'>Jo</span></span>\
            <p itemprop='text'>Thank you to the nurses.</p></div>";
        assert_eq!(said(micro), [("c1".to_owned(), "Jo".to_owned(), "Thank you to the nurses.".to_owned())]);
        let json = "<script type='application/ld+json'>{\"@type\":\"DiscussionForumPosting\",\"comment\":[{\"@type\":\"Comment\",\"text\":\"First <b>one</b> here\",\
            \"author\":{\"name\":\"Al\"},\"url\":\"https://f.example/t/7#c2\",\"comment\":{\"text\":\"And a reply\"}}]}</script>";
        assert_eq!(
            said(json),
            [
                ("c2".to_owned(), "Al".to_owned(), "First one here".to_owned()),
                (String::new(), String::new(), "And a reply".to_owned())
            ]
        );
    }

    #[test]
    fn pages_without_comments_have_none() {
        assert_eq!(
            said("<p>No comment, said the Trust.</p><div class='comments-closed'>Comments are closed</div>"),
            []
        );
        assert_eq!(said("<div class=comment>x</div>"), []);
    }
}
