//! When a feed asks to be polled: `ttl`, `skipHours` and `skipDays` of RSS, `sy:updatePeriod` and
//! `sy:updateFrequency` of its syndication module.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use serde::{Deserialize, Serialize};

/// What a feed says about its own rhythm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hints {
    /// The shortest interval that it asks for (seconds).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_s: Option<u64>,
    /// Hours of the day (UTC) in which it asks not to be polled: bit 0 is midnight to one.
    #[serde(skip_serializing_if = "is_zero")]
    pub skip_hours: u32,
    /// Days on which it asks not to be polled: bit 0 is Monday.
    #[serde(skip_serializing_if = "is_zero")]
    pub skip_days: u8,
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How far into a feed its own words about itself are looked for (bytes).
const HEAD_BYTES: usize = 64 * 1024;
/// A `ttl` beyond this is a typing error (minutes).
const MAX_TTL_MINUTES: u64 = 7 * 24 * 60;
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

macro_rules! pattern {
    ($name:ident, $pattern:literal) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($pattern).expect("a constant pattern compiles"));
    };
}

pattern!(TTL, r"(?i)<ttl>\s*(\d{1,9})\s*</ttl>");
pattern!(PERIOD, r"(?i)<(?:\w+:)?updatePeriod>\s*(hourly|daily|weekly|monthly|yearly)\s*<");
pattern!(FREQUENCY, r"(?i)<(?:\w+:)?updateFrequency>\s*(\d{1,6})\s*<");
pattern!(SKIP_HOURS, r"(?is)<skipHours>(.*?)</skipHours>");
pattern!(SKIP_DAYS, r"(?is)<skipDays>(.*?)</skipDays>");
pattern!(HOUR, r"(?i)<hour>\s*(\d{1,2})\s*</hour>");
pattern!(DAY, r"(?i)<day>\s*(\w+)\s*</day>");

impl Hints {
    /// Reads them from a feed's text, before its first item.
    pub fn read(text: &str) -> Self {
        let mut end = text.len().min(HEAD_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        // Channel elements may also follow the items, but nobody writes these there.
        let head = &text[..end];
        let head = &head[..head.find("<item").or_else(|| head.find("<entry")).unwrap_or(head.len())];
        let number = |pattern: &Regex| pattern.captures(head)?[1].parse::<u64>().ok();
        let ttl = number(&TTL).filter(|minutes| *minutes <= MAX_TTL_MINUTES).map(|minutes| minutes * 60);
        let period = PERIOD.captures(head).map(|found| match found[1].to_ascii_lowercase().as_str() {
            "hourly" => 3600,
            "daily" => 86_400,
            "weekly" => 604_800,
            "monthly" => 2_592_000,
            _ => 31_536_000,
        });
        let update = period.map(|period: u64| period / number(&FREQUENCY).unwrap_or(1).max(1));
        let interval_s = ttl.into_iter().chain(update).max().filter(|seconds| *seconds > 0);
        Self { interval_s, skip_hours: skip_hours(head), skip_days: skip_days(head) }
    }

    /// The interval that it asks for.
    pub fn interval(&self) -> Option<Duration> {
        self.interval_s.map(Duration::from_secs)
    }
}

/// A feed that leaves no hour open has said nothing that can be obeyed.
fn skip_hours(head: &str) -> u32 {
    let Some(list) = SKIP_HOURS.captures(head) else { return 0 };
    let hours = HOUR.captures_iter(&list[1]).filter_map(|found| found[1].parse::<u32>().ok());
    // Some count from 1 to 24.
    let bits = hours.filter(|hour| *hour <= 24).fold(0_u32, |bits, hour| bits | 1 << (hour % 24));
    if bits == 0x00ff_ffff { 0 } else { bits }
}

fn skip_days(head: &str) -> u8 {
    let Some(list) = SKIP_DAYS.captures(head) else { return 0 };
    let days = DAY.captures_iter(&list[1]);
    let place = |name: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(name));
    let bits = days.filter_map(|found| place(&found[1])).fold(0_u8, |bits, day| bits | 1 << day);
    if bits == 0x7f { 0 } else { bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_channel_asks_for_is_read_before_its_items() {
        let hints = Hints::read(
            "<rss><channel><ttl>60</ttl><sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>\
             <skipHours><hour>0</hour><hour>24</hour><hour>3</hour></skipHours><skipDays><day>Sunday</day></skipDays>\
             <item><title>&lt;ttl>9</title><ttl>99</ttl></item></channel></rss>",
        );
        assert_eq!(hints, Hints { interval_s: Some(3600), skip_hours: 0b1001, skip_days: 0b100_0000 });
    }

    #[test]
    fn what_cannot_be_meant_is_left_out() {
        let all = (0..24).fold(String::new(), |all, hour| all + format!("<hour>{hour}</hour>").as_str());
        let text = format!("<rss><channel><ttl>0</ttl><skipHours>{all}</skipHours></channel></rss>");
        assert_eq!(Hints::read(&text), Hints::default());
        assert_eq!(Hints::read("<ttl>99999999</ttl>"), Hints::default());
        assert_eq!(Hints::read("{}"), Hints::default());
    }
}
