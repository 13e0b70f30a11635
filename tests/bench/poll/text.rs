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
const VERBS: [&str; 12] = [
    "has asked for",
    "wants to pay for",
    "is planning",
    "turned down",
    "has promised",
    "will look again at",
    "spoke out against",
    "has put off",
    "raised money for",
    "is proud of",
    "hopes to win",
    "was surprised by",
];
const OBJECTS: [&str; 14] = [
    "a wider footbridge",
    "longer opening hours",
    "a street market",
    "repairs to the sea wall",
    "a home for lost dogs",
    "cheaper parking",
    "an exhibition of old maps",
    "two hundred young trees",
    "a late bus",
    "the paving of the square",
    "a garden for everybody",
    "the sale of the library",
    "a film about the flood",
    "new lights for the pitch",
];
const PLACES: [&str; 12] = [
    "in the old town",
    "beside the canal",
    "behind the fire station",
    "on the Quarry Lane estate",
    "between the two schools",
    "at the top of the hill",
    "near the allotments",
    "where the brewery stood",
    "along the river",
    "under the viaduct",
    "opposite the chapel",
    "outside the post office",
];
const TIMES: [&str; 12] = [
    "from next month",
    "before the year ends",
    "after a vote on Tuesday",
    "for the third summer running",
    "as soon as the weather allows",
    "in spite of a long dispute",
    "within ten weeks",
    "during the spring holidays",
    "at a meeting last night",
    "on the first Sunday of March",
    "once the money is found",
    "following a public inquiry",
];
const REASONS: [&str; 12] = [
    "because the present one is often under water",
    "after years of complaints about noise",
    "so that children can walk there safely",
    "although it will cost more than was thought",
    "which nobody in the street had expected",
    "and invites everyone to come and see it",
    "while shops nearby say that trade has halved",
    "though a petition against it has nine hundred names",
    "as the lease runs out in the autumn",
    "and has asked readers to send their own ideas",
    "if enough volunteers come forward by Friday",
    "since the roof was damaged in the storm",
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
    let (subject, verb, object) = (words.of(&SUBJECTS), words.of(&VERBS), words.of(&OBJECTS));
    text.push_str(&format!(
        "<item><title>{subject} {verb} {object}</title><link>http://paper{source}.example/news/{number}</link>\
         <guid isPermaLink=\"false\">http://paper{source}.example/?p={number}</guid><dc:creator>Newsdesk</dc:creator>\
         <pubDate>{}</pubDate><category>News</category><description><![CDATA[<p>",
        at.format("%a, %d %b %Y %H:%M:%S GMT")
    ));
    words.sentence(text, subject);
    let second = if number.is_multiple_of(ENTRIES) { words.of(&NAMING) } else { words.of(&SUBJECTS) };
    words.sentence(text, second);
    let third = [&SUBJECTS[..], &VERBS, &OBJECTS, &PLACES].map(|list| words.of(list)).join(" ");
    text.push_str(&third);
    text.push('.');
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

    fn sentence(&mut self, text: &mut String, subject: &str) {
        let rest = [&VERBS[..], &OBJECTS, &PLACES, &TIMES, &REASONS].map(|list| self.of(list));
        text.push_str(subject);
        for part in rest {
            text.push(' ');
            text.push_str(part);
        }
        text.push_str(". ");
    }
}
