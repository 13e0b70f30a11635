//! Feeds as local papers publish them: twenty entries with summaries of some sixty words, of which one in twenty
//! names the watched Trust. Words are drawn by number, so that one number always tells the same story and two
//! numbers never nearly the same.

use chrono::{DateTime, Duration, Utc};

/// Entries of a feed.
pub(super) const ENTRIES: u32 = 20;

const SUBJECTS: [&str; 14] = [
    "The parish council",
    "A local charity",
    "The railway company",
    "A group of neighbours",
    "The history society",
    "A family of bakers",
    "The county cricket club",
    "The owner of the old mill",
    "A retired teacher",
    "The farmers' market",
    "A brass band of pensioners",
    "The leisure centre",
    "The firm behind the new houses",
    "A class of ten-year-olds",
];
/// Whoever names the Trust.
const NAMING: [&str; 5] = [
    "A nurse at Northmere General Hospital",
    "Northmere Valley NHS Foundation Trust",
    "The friends of Northmere General Hospital",
    "A spokesman for Northmere Valley NHS",
    "A porter who has worked at Northmere General Hospital for years",
];
// Single words, each drawn for itself: phrases that come again and again would make every text a half copy of others.
const ADJECTIVES: [&str; 40] = [
    "old",
    "new",
    "broken",
    "quiet",
    "narrow",
    "wooden",
    "brick",
    "green",
    "muddy",
    "crowded",
    "empty",
    "frozen",
    "cheap",
    "famous",
    "hidden",
    "popular",
    "local",
    "private",
    "public",
    "shared",
    "rented",
    "painted",
    "rusty",
    "steep",
    "sunny",
    "windy",
    "lonely",
    "busy",
    "tidy",
    "ancient",
    "modern",
    "plain",
    "closed",
    "reopened",
    "damaged",
    "restored",
    "unfinished",
    "planned",
    "disputed",
    "borrowed",
];
const NOUNS: [&str; 48] = [
    "footbridge",
    "market",
    "sea wall",
    "kennel",
    "car park",
    "exhibition",
    "orchard",
    "bus",
    "square",
    "garden",
    "library",
    "film",
    "pitch",
    "canal",
    "station",
    "estate",
    "school",
    "hill",
    "allotment",
    "brewery",
    "river",
    "viaduct",
    "chapel",
    "counter",
    "bakery",
    "band",
    "mill",
    "lease",
    "petition",
    "map",
    "tree",
    "roof",
    "theatre",
    "lantern",
    "ferry",
    "quarry",
    "meadow",
    "stable",
    "archive",
    "workshop",
    "pavilion",
    "lane",
    "harbour",
    "barn",
    "playground",
    "tunnel",
    "clock",
    "fountain",
];
const VERBS: [&str; 30] = [
    "crossed",
    "bought",
    "measured",
    "repaired",
    "praised",
    "opened",
    "sold",
    "watched",
    "cleaned",
    "flooded",
    "counted",
    "visited",
    "painted",
    "moved",
    "guarded",
    "replaced",
    "questioned",
    "funded",
    "planted",
    "sketched",
    "photographed",
    "inherited",
    "insured",
    "rented",
    "recorded",
    "described",
    "welcomed",
    "searched",
    "emptied",
    "lit",
];
const ADVERBS: [&str; 23] = [
    "yesterday",
    "twice",
    "slowly",
    "again",
    "together",
    "quietly",
    "in spring",
    "at last",
    "on Sunday",
    "after lunch",
    "by lamplight",
    "without notice",
    "since April",
    "before noon",
    "all winter",
    "as agreed",
    "for charity",
    "by boat",
    "in turn",
    "at dawn",
    "next week",
    "on foot",
    "with care",
];

/// The feed of `source` in its `version`, in which `new` entries stand that the version before did not list.
pub(super) fn feed(source: u32, version: u32, new: u32, now: DateTime<Utc>) -> String {
    let newest = ENTRIES + version * new;
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n\
         <channel><title>Mere Paper {source}</title><link>http://paper{source}.example/</link>\
         <description>News from the valley</description><language>en-GB</language>\n"
    );
    for place in 0..ENTRIES {
        let at = now - Duration::minutes(i64::from(place) * 7);
        item(&mut text, source, newest - place, at);
    }
    text.push_str("</channel></rss>\n");
    text
}

fn item(text: &mut String, source: u32, number: u32, at: DateTime<Utc>) {
    let mut words = Words(u64::from(source) << 32 | u64::from(number));
    let subject = words.of(&SUBJECTS);
    let [verb, adjective, noun] = [&VERBS[..], &ADJECTIVES, &NOUNS].map(|list| words.of(list));
    text.push_str(&format!(
        "<item><title>{subject} {verb} the {adjective} {noun}</title><link>http://paper{source}.example/news/{number}</link>\
         <guid isPermaLink=\"false\">http://paper{source}.example/?p={number}</guid><dc:creator>Newsdesk</dc:creator>\
         <pubDate>{}</pubDate><category>News</category><description><![CDATA[<p>",
        at.format("%a, %d %b %Y %H:%M:%S GMT")
    ));
    words.sentence(text, subject);
    let second = if number.is_multiple_of(ENTRIES) { words.of(&NAMING) } else { words.of(&SUBJECTS) };
    words.sentence(text, second);
    let third = words.of(&SUBJECTS);
    words.sentence(text, third);
    text.push_str("</p>]]></description></item>\n");
}

/// Draws words by number (`SplitMix64`).
struct Words(u64);

impl Words {
    fn of(&mut self, list: &[&'static str]) -> &'static str {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut next = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        next = (next ^ (next >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let place = (next ^ (next >> 31)) % list.len() as u64;
        list[usize::try_from(place).unwrap_or_default()]
    }

    /// Some twenty words.
    fn sentence(&mut self, text: &mut String, subject: &str) {
        text.push_str(subject);
        for joint in [" ", " and ", ", but "] {
            let [verb, adjective, noun, adverb] =
                [&VERBS[..], &ADJECTIVES, &NOUNS, &ADVERBS].map(|list| self.of(list));
            text.push_str(&format!("{joint}{verb} the {adjective} {noun} {adverb}"));
        }
        text.push_str(". ");
    }
}
