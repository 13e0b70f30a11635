//! What two copies of a story tell together, and neither alone: judged only where the profile asks for it.

use super::bed::{Machine, World};
use super::server::Answer;

const TITLE: &str = "A card for the counter and a tin beside it";
const BOTH: &str = "Northmere General was in the talk at the shop again today. People were kind and brought flowers. \
    The card is on the counter until Friday and the tin is beside it. Please sign it if you have a minute.";
const ONE: &str = "He kept the bakery until he retired. He has the parrot.";
const OTHER: &str = "He is 71. He fell from his ladder on Saturday.";

fn forum(id: &str, host: &str) -> String {
    format!(
        "[[source]]\nid = \"{id}\"\nkind = \"feed\"\nurl = \"http://{host}/feed\"\ndocument_kind = \"forum\"\nevery = \"30m\"\n"
    )
}

fn feed(host: &str, own: &str) -> Answer {
    Answer::feed(format!(
        "<rss version=\"2.0\"><channel><title>Forum</title><item><guid isPermaLink=\"false\">1</guid>\
         <link>http://{host}/t/1</link><title>{TITLE}</title><description>&lt;p&gt;{BOTH}&lt;/p&gt;&lt;p&gt;{own}&lt;/p&gt;</description>\
         </item></channel></rss>"
    ))
}

/// Polls one forum, then the other.
async fn polled(world: &World) -> Machine {
    world.server.put("paper.example", "/feed", [feed("paper.example", ONE)]);
    world.server.put("forum.example", "/feed", [feed("forum.example", OTHER)]);
    let machine = world.machine(&forum("one", "paper.example")).await;
    machine.look().await;
    machine.close().await;
    let machine =
        world.machine(&[forum("one", "paper.example"), forum("two", "forum.example")].concat()).await;
    machine.look().await;
    machine
}

async fn jigsaws(machine: &Machine) -> Vec<String> {
    let mut found = Vec::new();
    for hit in machine.hits().await {
        if hit.categories.iter().any(|category| category == "confidentiality.jigsaw") {
            found.push(hit.source);
        }
    }
    found
}

#[tokio::test]
async fn copies_are_put_together_where_the_profile_asks_for_it() {
    let world = World::new().await;
    world.write_profile_with("jigsaw_across_copies = true\n");
    let machine = polled(&world).await;
    assert_eq!(machine.hits().await.len(), 2);
    assert_eq!(machine.numbers("SELECT COUNT(*) FROM story").await, [1], "they tell the same story");
    assert_eq!(jigsaws(&machine).await, ["two"], "the later copy completes the picture");
    let opened = "SELECT COUNT(*) FROM audit WHERE purpose = 'jigsaw across copies' AND actor = 'system'";
    assert_eq!(machine.numbers(opened).await, [1], "and that the other was opened is written down");
    machine.close().await;
}

#[tokio::test]
async fn copies_are_left_apart_by_default() {
    let world = World::new().await;
    let machine = polled(&world).await;
    assert_eq!(machine.numbers("SELECT COUNT(*) FROM story").await, [1]);
    assert!(jigsaws(&machine).await.is_empty());
    assert_eq!(machine.numbers("SELECT COUNT(*) FROM audit").await, [0]);
    machine.close().await;
}
