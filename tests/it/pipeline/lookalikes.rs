//! Look-alike domains, with a name server on loopback: what is registered, what serves a page, what looks like the
//! Trust's own site, and what is remembered of it.

use std::collections::HashMap;
use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, MX};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;

use super::bed::World;
use super::server::Answer;

/// What is registered.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Zone {
    Served,
    Mail,
    Broken,
}

#[derive(Debug, Default)]
struct Zones {
    names: HashMap<String, Zone>,
    asked: Vec<String>,
}

/// A name server that knows these names and no others.
async fn name_server() -> (SocketAddr, Arc<Mutex<Zones>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (address, zones) = (socket.local_addr().unwrap(), Arc::new(Mutex::new(Zones::default())));
    let shared = zones.clone();
    tokio::spawn(async move {
        let mut packet = [0; 1500];
        while let Ok((n, from)) = socket.recv_from(&mut packet).await {
            let Ok(question) = Message::from_vec(&packet[..n]) else { continue };
            let answer = answer(&question, &shared);
            let _ = socket.send_to(&answer.to_vec().unwrap(), from).await;
        }
    });
    (address, zones)
}

fn answer(question: &Message, zones: &Mutex<Zones>) -> Message {
    let query = question.queries.first().unwrap().clone();
    let name = query.name().to_ascii().trim_end_matches('.').to_lowercase();
    let mut zones = zones.lock().unwrap();
    if query.query_type() == RecordType::A {
        zones.asked.push(name.clone());
    }
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.metadata.message_type = MessageType::Response;
    answer.metadata.recursion_available = true;
    answer.add_query(query.clone());
    let owner = query.name().clone();
    let record = match (zones.names.get(&name), query.query_type()) {
        (None, _) => {
            answer.metadata.response_code = ResponseCode::NXDomain;
            None
        }
        (Some(Zone::Broken), _) => {
            answer.metadata.response_code = ResponseCode::ServFail;
            None
        }
        (Some(Zone::Served), RecordType::A) => Some(RData::A(A::new(93, 184, 216, 34))),
        (Some(Zone::Mail), RecordType::MX) => {
            Some(RData::MX(MX::new(10, Name::from_ascii("mx.example.").unwrap())))
        }
        (Some(_), _) => None,
    };
    if let Some(data) = record {
        answer.add_answer(Record::from_rdata(owner, 60, data));
    }
    answer
}

fn logo() -> Vec<u8> {
    let mut picture = image::RgbImage::from_pixel(96, 96, image::Rgb([255, 255, 255]));
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if (x / 11 + y / 17) % 3 == 0 || x.abs_diff(60).pow(2) + y.abs_diff(40).pow(2) < 500 {
            *pixel = image::Rgb([0, 94, 184]);
        }
    }
    let mut bytes = Cursor::new(Vec::new());
    image::DynamicImage::ImageRgb8(picture).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[tokio::test]
async fn look_alikes_are_found_compared_and_remembered() {
    let world = World::new().await;
    let (server, zones) = name_server().await;
    let page = |title: &str, text: &str| {
        Answer::page(format!(
            "<html><head><title>{title}</title></head><body><img class=logo src=/logo.png><p>{text}</p></body></html>"
        ))
    };
    let put_logo = |host: &str| world.server.put(host, "/logo.png", [Answer::new(200, "image/png", logo())]);
    world.server.put(
        "northmerevalley.nhs.uk",
        "/",
        [page("Northmere Valley NHS Foundation Trust", "Care for everybody in the valley.")],
    );
    put_logo("northmerevalley.nhs.uk");
    let jobs = "Pay a fee of £40 to start your new job with us, log in below with your bank details.";
    world.server.put(
        "northmerevalley-careers.co.uk",
        "/",
        [page("Northmere Valley NHS Foundation Trust", jobs)],
    );
    put_logo("northmerevalley-careers.co.uk");
    let sale = Answer::page(
        "<html><head><title>northmerevalley.com</title></head><body><h1>This domain is for sale</h1><p>Buy this domain. The domain northmerevalley.com may be for sale by its owner!</p></body></html>",
    );
    world.server.put("northmerevalley.com", "/", [sale]);
    zones.lock().unwrap().names.extend([
        ("northmerevalley-careers.co.uk".to_owned(), Zone::Served),
        ("northmerevalley.com".to_owned(), Zone::Served),
        ("northmerevalley.net".to_owned(), Zone::Mail),
        ("northmerevalley.org".to_owned(), Zone::Broken),
    ]);
    let source = "[[source]]\nid = \"look-alikes\"\nkind = \"lookalike\"\nevery = \"1h\"\n[source.lookalike]\ndaily_lookups = 10000\n";
    let config = world.with_fetch(&format!("name_servers = [\"{server}\"]"));
    let machine = config.machine(source).await;
    machine.look().await;
    let found = |hits: &[trustwatch::store::HitSummary]| -> Vec<(String, String)> {
        hits.iter()
            .map(|hit| {
                (hit.url.trim_start_matches("http://").trim_end_matches('/').to_owned(), hit.severity.clone())
            })
            .collect()
    };
    let mut hits = found(&machine.hits().await);
    hits.sort();
    assert_eq!(
        hits,
        [
            ("northmerevalley-careers.co.uk".to_owned(), "high".to_owned()),
            ("northmerevalley.com".to_owned(), "low".to_owned()),
            ("northmerevalley.net".to_owned(), "low".to_owned()),
        ]
    );
    let copy = machine.hits().await.into_iter().find(|hit| hit.url.contains("careers")).unwrap();
    assert!(copy.categories.contains(&"brand.lookalike_domain".to_owned()), "{copy:?}");
    assert!(copy.categories.contains(&"brand.logo_misuse".to_owned()), "the logo is the Trust's: {copy:?}");
    assert_eq!(copy.backlog, 1, "it stood there before anybody looked");
    // An hour later the next part of the list is asked, nothing twice on one day.
    let asked = zones.lock().unwrap().asked.len();
    machine.look_after(60).await;
    let mut all = zones.lock().unwrap().asked.clone();
    assert!(all.len() > asked);
    all.retain(|name| name != "northmerevalley.org");
    let different: std::collections::HashSet<&String> = all.iter().collect();
    assert_eq!(different.len(), all.len(), "asked twice on one day");
    assert_eq!(machine.hits().await.len(), 3, "nothing is told twice");
    // The next day the one for sale is somebody's.
    let portal =
        page("Staff portal", "Sign in to your Northmere Valley payslip with your password to see your pay.");
    world.server.put("northmerevalley.com", "/", [portal]);
    machine.look_after(24 * 60).await;
    let hits = machine.hits().await;
    assert_eq!(hits.len(), 3);
    let changed = hits.iter().find(|hit| hit.url.contains("northmerevalley.com")).unwrap();
    assert_eq!(changed.severity, "high", "{changed:?}");
    machine.close().await;
}

#[tokio::test]
async fn name_servers_that_do_not_answer_blind_the_source() {
    let world = World::new().await;
    let (server, zones) = name_server().await;
    // Everything is broken: nothing may be taken for gone.
    let names = trustwatch::source::variants("northmerevalley.nhs.uk", &[]);
    zones.lock().unwrap().names.extend(names.into_iter().map(|name| (name, Zone::Broken)));
    let source = "[[source]]\nid = \"look-alikes\"\nkind = \"lookalike\"\n";
    let machine = world.with_fetch(&format!("name_servers = [\"{server}\"]")).machine(source).await;
    machine.look().await;
    assert_eq!(machine.source("look-alikes").await.last_outcome, "name_servers");
    machine.close().await;
}
