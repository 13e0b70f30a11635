//! Bytes to text. Order: byte order mark, HTTP header, the document's own declaration, detector.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Text and how it was decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text.
    pub text: String,
    /// The encoding's name.
    pub encoding: &'static str,
    /// Whether some bytes meant nothing in it.
    pub lossy: bool,
}

/// How far into a document its own declaration may stand.
const DECLARATION_BYTES: usize = 1024;

/// Decodes a body. `content_type` is the HTTP header's value.
pub fn decode(bytes: &[u8], content_type: Option<&str>) -> Decoded {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return with(encoding, &bytes[mark..]);
    }
    if let Some(encoding) = unmarked_utf16(bytes) {
        return with(encoding, bytes);
    }
    let claimed = content_type.and_then(charset_of_header).or_else(|| declared(bytes));
    match claimed {
        // A wrong claim of UTF-8 is the commonest lie: the detector answers where it shows.
        Some(encoding) if encoding != UTF_8 || std::str::from_utf8(bytes).is_ok() => with(encoding, bytes),
        _ if std::str::from_utf8(bytes).is_ok() => with(UTF_8, bytes),
        _ => with(detected(bytes), bytes),
    }
}

fn with(encoding: &'static Encoding, bytes: &[u8]) -> Decoded {
    let (text, lossy) = encoding.decode_without_bom_handling(bytes);
    // Control characters mean nothing in text, break parsers and hide names.
    let means_nothing = |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | b'\x0c');
    let text = if text.bytes().any(means_nothing) {
        text.chars().filter(|c| !u8::try_from(*c).is_ok_and(means_nothing)).collect()
    } else {
        text.into_owned()
    };
    Decoded { text, encoding: encoding.name(), lossy }
}

fn unmarked_utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [b'<', 0, b'?' | b'r', 0, ..] | [b'{', 0, ..] => Some(UTF_16LE),
        [0, b'<', 0, b'?' | b'r', ..] | [0, b'{', ..] => Some(UTF_16BE),
        _ => None,
    }
}

fn charset_of_header(content_type: &str) -> Option<&'static Encoding> {
    let lower = content_type.to_ascii_lowercase();
    let value = lower.split("charset=").nth(1)?;
    let label = value.trim_start_matches(['"', '\'']).split(['"', '\'', ';', ' ', ',']).next()?;
    Encoding::for_label(label.as_bytes())
}

/// `<?xml encoding="…"?>` or `<meta charset="…">`.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(DECLARATION_BYTES)];
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let after = |marker: &str| head.split(marker).nth(1);
    let xml = head.trim_start().starts_with("<?xml").then(|| after("encoding")).flatten();
    let value = xml.or_else(|| after("charset"))?;
    let value = value.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let label = value.split(['"', '\'', '>', ';', ' ', '?', '/']).next()?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // Whoever could write the declaration in ASCII did not write UTF-16.
    Some(if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding })
}

fn detected(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(Some(b"uk"), Utf8Detection::Allow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_then_header_then_declaration_then_detector() {
        let text = |bytes: &[u8], header| decode(bytes, header).text;
        assert_eq!(text(b"\xef\xbb\xbfcaf\xc3\xa9", Some("text/html; charset=latin1")), "café");
        assert_eq!(text(b"caf\xe9", Some("text/html; charset=ISO-8859-1")), "café");
        assert!(text(b"<?xml version='1.0' encoding='windows-1252'?><a>\x93x\x94</a>", None).contains("“x”"));
        assert_eq!(
            text(b"<meta charset=iso-8859-1><p>\xa320", Some("text/html")),
            "<meta charset=iso-8859-1><p>£20"
        );
        assert_eq!(
            text(b"The caf\xe9 costs \xa320, na\xefve as it is", Some("text/xml; charset=utf-8")),
            "The café costs £20, naïve as it is"
        );
        assert_eq!(text(b"<\0r\0s\0s\0>\0", None), "<rss>");
    }
}
