//! Feed parsing: ours, with charset decoding and repair behind it, against feed-rs alone on the same
//! bytes in the same run. Prints the ratio.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use trustwatch::extract::decode;
use trustwatch::source::{Options, parse_feed};
use url::Url;

/// Entries in the feed that is parsed.
const ENTRIES: usize = 100;

fn feed() -> Vec<u8> {
    let paragraph =
        "Northmere's market hall was full on Saturday when the council showed its plans for the square. "
            .repeat(8);
    let items: String = (0..ENTRIES)
        .map(|n| {
            format!(
                "<item><title>Story number {n}</title><link>https://paper.example/{n}</link><guid>{n}</guid>\
                 <pubDate>Fri, 20 Nov 2026 10:00:00 GMT</pubDate><description>&lt;p&gt;{paragraph}&lt;/p&gt;</description></item>"
            )
        })
        .collect::<Vec<_>>()
        .concat();
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><rss version=\"2.0\"><channel><title>Paper</title>{items}</channel></rss>").into_bytes()
}

fn ours(bytes: &[u8], base: &Url) -> usize {
    let text = decode(bytes, Some("application/rss+xml; charset=utf-8")).text;
    let now = trustwatch::clock::from_ms(1_795_000_000_000);
    parse_feed(&text, base, now, &Options::default()).map_or(0, |feed| feed.entries.len())
}

fn theirs(bytes: &[u8]) -> usize {
    feed_rs::parser::parse(bytes).map_or(0, |feed| feed.entries.len())
}

/// Median time of `work` over a second, both sides alternating so that noise falls on both.
fn ratio(bytes: &[u8], base: &Url) -> f64 {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        let start = Instant::now();
        black_box(ours(bytes, base));
        a.push(start.elapsed());
        let start = Instant::now();
        black_box(theirs(bytes));
        b.push(start.elapsed());
    }
    a.sort();
    b.sort();
    b[b.len() / 2].as_secs_f64() / a[a.len() / 2].as_secs_f64()
}

fn bench(criterion: &mut Criterion) {
    let bytes = feed();
    let base = Url::parse("https://paper.example/feed").expect("a constant address parses");
    assert_eq!(ours(&bytes, &base), ENTRIES);
    let mut group = criterion.benchmark_group("feed");
    group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(30);
    group.bench_function("trustwatch", |bencher| bencher.iter(|| ours(&bytes, &base)));
    group.bench_function("feed-rs", |bencher| bencher.iter(|| theirs(&bytes)));
    group.finish();
    println!("feed parsing: {:.2} of feed-rs alone", ratio(&bytes, &base));
}

criterion_group!(benches, bench);
criterion_main!(benches);
