//! What a relay may answer, and what becomes of the mail: sent, tried again as the same message, or
//! given up with its reason. One bad address holds nobody up.

use std::time::{Duration, Instant};

use super::post::{Post, TO, plaintext};
use super::sink::{Act, Sink, Verb};

/// A temporary failure waits a minute before the next try.
const NEXT_TRY_S: i64 = 61;

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_accepted_is_sent_once() {
    let (post, sink) = (Post::new().await, Sink::start().await);
    post.alert(1, &[TO]).await;
    let deliverer = post.deliverer(plaintext(sink.port));
    assert_eq!(deliverer.round().await.unwrap(), 1);
    let sent = post.only().await;
    assert_eq!((sent.state.as_str(), sent.attempts), ("sent", 1));
    post.advance(7 * 86_400);
    assert_eq!(deliverer.round().await.unwrap(), 0);
    let received = sink.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].to, [TO]);
    assert_eq!(received[0].message_id(), "1@northmerevalley.nhs.uk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_refused_for_now_leaves_later_as_the_same_message() {
    let (post, sink) = (Post::new().await, Sink::start().await);
    sink.script(|step| match (step.verb, step.earlier) {
        (Verb::Rcpt, 0) => Act::Reply("451 4.7.1 greylisted"),
        // The second try gets as far as the dot, so that its headers can be compared.
        (Verb::Dot, 0) => Act::Reply("452 4.3.1 disk full"),
        _ => Act::Usual,
    });
    post.alert(1, &[TO]).await;
    let deliverer = post.deliverer(plaintext(sink.port));
    assert_eq!(deliverer.round().await.unwrap(), 1);
    let waiting = post.only().await;
    assert_eq!(waiting.state, "queued");
    assert!(waiting.detail.contains("451"), "{waiting:?}");
    assert_eq!(deliverer.round().await.unwrap(), 0, "not at once again");
    for _ in 0..2 {
        post.advance(2 * NEXT_TRY_S);
        assert_eq!(deliverer.round().await.unwrap(), 1);
    }
    assert_eq!(post.only().await.state, "sent");
    let received = sink.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].message_id(), received[1].message_id());
    assert_eq!(received[0].header("Date"), received[1].header("Date"));
    assert_eq!(received[0].parsed().date().unwrap().to_rfc3339(), "2026-11-22T09:00:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_refused_for_good_holds_nobody_up() {
    let (post, sink) = (Post::new().await, Sink::start().await);
    sink.script(|step| match step.verb {
        Verb::Rcpt if step.line.contains("gone@") => Act::Reply("550 5.1.1 no such user"),
        _ => Act::Usual,
    });
    let gone = "gone@northmerevalley.nhs.uk";
    post.alert(1, &[gone, TO]).await;
    post.alert(2, &[TO, gone, "press@northmerevalley.nhs.uk"]).await;
    let deliverer = post.deliverer(plaintext(sink.port));
    assert_eq!(deliverer.round().await.unwrap(), 5);
    for delivery in post.deliveries().await {
        if delivery.recipient == gone {
            assert_eq!(delivery.state, "failed");
            assert!(delivery.detail.contains("550"), "{delivery:?}");
        } else {
            assert_eq!(delivery.state, "sent");
        }
    }
    assert_eq!(sink.accepted().len(), 3);
    post.advance(NEXT_TRY_S);
    assert_eq!(deliverer.round().await.unwrap(), 0, "what was refused for good is not tried again");
    assert_eq!(post.store.deliveries_waiting(0).await.unwrap().failed, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_away_is_tried_again() {
    let post = Post::new().await;
    // A port that was free a moment ago.
    let port = Sink::start().await.port;
    post.alert(1, &[TO]).await;
    let deliverer = post.deliverer(plaintext(port));
    // The listener of the port closes a moment after its owner is gone.
    let end = Instant::now() + Duration::from_secs(5);
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
        assert!(Instant::now() < end, "the port stays open");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(deliverer.round().await.unwrap(), 1);
    assert_eq!(post.only().await.state, "queued");
    let sink = Sink::start_on(port).await;
    post.advance(NEXT_TRY_S);
    assert_eq!(deliverer.round().await.unwrap(), 1);
    assert_eq!(post.only().await.state, "sent");
    assert_eq!(sink.accepted().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_vanishes_after_the_dot_gets_the_same_message_again() {
    let (post, sink) = (Post::new().await, Sink::start().await);
    sink.script(|step| if step.verb == Verb::Dot && step.earlier == 0 { Act::Drop } else { Act::Usual });
    post.alert(1, &[TO]).await;
    let deliverer = post.deliverer(plaintext(sink.port));
    assert_eq!(deliverer.round().await.unwrap(), 1);
    assert_eq!(post.only().await.state, "queued", "nobody said 250");
    post.advance(NEXT_TRY_S);
    assert_eq!(deliverer.round().await.unwrap(), 1);
    assert_eq!(post.only().await.state, "sent");
    let received = sink.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].message_id(), received[1].message_id());
    assert_eq!(received.iter().filter(|message| message.accepted).count(), 1);
}

/// A relay that accepts the connection and then says nothing must not stop all mail for ever, nor may its
/// late answers be taken for answers to the next message.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_hangs_at_any_verb_costs_one_try() {
    for verb in [Verb::Connect, Verb::Ehlo, Verb::Mail, Verb::Rcpt, Verb::Data, Verb::Dot] {
        let (post, sink) = (Post::new().await, Sink::start().await);
        sink.script(move |step| if step.verb == verb { Act::Hang } else { Act::Usual });
        post.alert(1, &[TO]).await;
        let deliverer = post.deliverer(plaintext(sink.port));
        let round = tokio::time::timeout(Duration::from_secs(15), deliverer.round()).await;
        assert_eq!(round.unwrap_or_else(|_| panic!("stuck at {verb:?}")).unwrap(), 1);
        let waiting = post.only().await;
        assert_eq!(waiting.state, "queued", "{verb:?}: {waiting:?}");
        sink.recover();
        post.alert(2, &[TO]).await;
        post.advance(NEXT_TRY_S);
        assert_eq!(deliverer.round().await.unwrap(), 2, "{verb:?}");
        assert!(post.deliveries().await.iter().all(|delivery| delivery.state == "sent"), "{verb:?}");
        let mut ids: Vec<String> = sink.accepted().iter().map(super::sink::Received::message_id).collect();
        ids.sort();
        assert_eq!(ids, ["1@northmerevalley.nhs.uk", "2@northmerevalley.nhs.uk"], "{verb:?}");
    }
}

/// The answer to the first message's dot comes after its time; the second is refused for good. A client
/// that went on in the old conversation would take the first's 250 for its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_not_taken_for_the_next_messages() {
    let (post, sink) = (Post::new().await, Sink::start().await);
    sink.script(|step| match (step.verb, step.earlier) {
        (Verb::Dot, 0) => Act::Late(Duration::from_millis(1300)),
        (Verb::Dot, _) => Act::Reply("554 5.7.1 we do not want that"),
        _ => Act::Usual,
    });
    post.alert(1, &[TO]).await;
    post.alert(2, &[TO]).await;
    assert_eq!(post.deliverer(plaintext(sink.port)).round().await.unwrap(), 2);
    let states: Vec<String> = post.deliveries().await.into_iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, ["queued", "failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_nobody_takes_is_given_up_after_three_days() {
    let (post, sink) = (Post::new().await, Sink::start().await);
    sink.script(|step| if step.verb == Verb::Rcpt { Act::Reply("451 4.3.0 later") } else { Act::Usual });
    post.alert(1, &[TO]).await;
    let deliverer = post.deliverer(plaintext(sink.port));
    let mut hours = 0;
    while post.only().await.state == "queued" {
        assert!(hours < 100, "never given up");
        deliverer.round().await.unwrap();
        post.advance(3600);
        hours += 1;
    }
    let failed = post.only().await;
    assert_eq!(failed.state, "failed");
    assert!(failed.detail.contains("451"), "the last reason stays: {failed:?}");
    // The try at hour 72 is the last one.
    assert_eq!(hours, 73);
    assert!(failed.attempts >= 60, "tried at least hourly: {failed:?}");
    sink.recover();
    post.advance(3600);
    assert_eq!(deliverer.round().await.unwrap(), 0);
    assert_eq!(sink.received().len(), 0);
}
