//! Watched pages: what is new on one is a hit of its own, what comes and goes is not told twice, and the links of a
//! list are read as entries are.

use super::bed::{Machine, NEWS, World};
use super::server::Answer;

fn page(id: &str, more: &str) -> String {
    format!(
        "[[source]]\nid = \"{id}\"\nkind = \"page\"\nurl = \"http://paper.example/notices\"\ndocument_kind = \"web\"\nevery = \"30m\"\n{more}\n"
    )
}

fn notices(paragraphs: &[&str]) -> Answer {
    let body = paragraphs.iter().fold(String::new(), |all, text| all + "<p>" + *text + "</p>");
    Answer::page(format!(
        "<html><head><title>Notices</title></head><body><div class=\"clock\">It is now {} o'clock in the valley</div><main>{body}</main></body></html>",
        paragraphs.len()
    ))
}

async fn hits_and_edits(machine: &Machine) -> (usize, i64) {
    let edits = machine.numbers("SELECT COUNT(*) FROM entry WHERE edited_at IS NOT NULL").await;
    (machine.hits().await.len(), edits[0])
}

#[tokio::test]
async fn only_what_is_new_on_a_page_is_read_and_nothing_is_told_twice() {
    let world = World::new().await;
    let later = "Northmere Valley NHS Foundation Trust will close the west car park on Monday.";
    let nothing = "The Kettlewick swan has left the boating lake for the winter.";
    world.server.put(
        "paper.example",
        "/notices",
        [
            notices(&[NEWS]),
            notices(&[nothing, NEWS]),
            notices(&[later, nothing, NEWS]),
            notices(&[nothing]),
            notices(&[NEWS, later, nothing]),
        ],
    );
    let machine = world.machine(&page("notices", "[source.page]\nselect = [\"main\"]\ndiff = true\n")).await;
    for (minutes, hits) in [(0, 1), (30, 1), (30, 2), (30, 2), (30, 2)] {
        machine.look_after(minutes).await;
        assert_eq!(hits_and_edits(&machine).await, (hits, 0));
    }
    let texts = machine.numbers("SELECT COUNT(*) FROM document").await;
    assert_eq!(texts, [2], "of what names nobody nothing is kept");
    machine.close().await;
}

#[tokio::test]
async fn the_links_of_a_list_are_read_as_entries_are() {
    let world = World::new().await;
    let list = |links: &str| {
        Answer::page(format!("<html><body><a href=\"/about\">About us</a><main>{links}</main></body></html>"))
    };
    let one = "<a href=\"/one\">One</a>";
    let two = "<a href=\"/two\">Two</a>";
    world.server.put("paper.example", "/notices", [list(one), list(&format!("{two}{one}"))]);
    let story = |text: &str| {
        Answer::page(format!(
            "<html><head><title>Notice</title></head><body><article><p>{text}</p></article></body></html>"
        ))
    };
    world.server.put(
        "paper.example",
        "/one",
        [story("The swan is back on the lake, and the children feed it.")],
    );
    world.server.put("paper.example", "/two", [story(NEWS)]);
    let machine =
        world.machine(&page("notices", "follow = true\n[source.page]\nselect = [\"main\"]\n")).await;
    machine.look().await;
    assert_eq!((machine.hits().await.len(), world.server.asked_for("paper.example", "/one").len()), (0, 1));
    machine.look_after(30).await;
    assert_eq!(machine.titles().await, ["Two"]);
    assert_eq!(world.server.asked_for("paper.example", "/one").len(), 1, "read once");
    assert_eq!(world.server.asked_for("paper.example", "/about").len(), 0, "outside of the chosen part");
    machine.close().await;
}
