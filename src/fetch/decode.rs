//! Content-Encoding undone between two counters: what came over the wire was counted before, what
//! comes out is counted here, so that a bomb ends at the limit.

use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::FetchError;

/// What we say that we can decode.
pub(super) const ACCEPT_ENCODING: &str = "gzip, br, zstd, deflate";

/// Above this size a body may not have grown by more than [`MAX_RATIO`] (bytes).
const RATIO_FROM: u64 = 1024 * 1024;
/// Honest text compresses to about a tenth; this is far beyond.
const MAX_RATIO: u64 = 100;
/// Read at once (bytes).
const CHUNK: usize = 64 * 1024;

/// Decodes `wire`, at most one layer, at most `limit` bytes.
pub(super) async fn decode(wire: Vec<u8>, encoding: Option<&str>, limit: u64) -> Result<Vec<u8>, FetchError> {
    let encoding = encoding.unwrap_or_default().trim().to_ascii_lowercase();
    let size = wire.len() as u64;
    let read = wire.as_slice();
    match encoding.as_str() {
        "" | "identity" => plain(wire, limit),
        // Some servers label what they did not compress.
        "gzip" | "x-gzip" if !wire.starts_with(&[0x1f, 0x8b]) => plain(wire, limit),
        "gzip" | "x-gzip" => drain(multi(GzipDecoder::new(read)), size, limit).await,
        "br" => drain(BrotliDecoder::new(read), size, limit).await,
        "zstd" => drain(ZstdDecoder::new(read), size, limit).await,
        // The standard means zlib by it, some servers send the bare stream.
        "deflate" if is_zlib(read) => drain(ZlibDecoder::new(read), size, limit).await,
        "deflate" => drain(DeflateDecoder::new(read), size, limit).await,
        // A charset written where the compression belongs.
        label if encoding_rs::Encoding::for_label(label.as_bytes()).is_some() => plain(wire, limit),
        other => Err(FetchError::Encoding(format!(
            "Content-Encoding {other:?} is not one layer of gzip, br, zstd or deflate"
        ))),
    }
}

/// Whether a stream starts as zlib's do (RFC 1950, 2.2).
fn is_zlib(wire: &[u8]) -> bool {
    matches!(wire, [method, flags, ..] if method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0)
}

fn plain(wire: Vec<u8>, limit: u64) -> Result<Vec<u8>, FetchError> {
    if wire.len() as u64 > limit {
        return Err(FetchError::TooLarge { limit, stage: "after decoding" });
    }
    Ok(wire)
}

/// A gzip file may be several, one after the other.
fn multi(mut decoder: GzipDecoder<&[u8]>) -> GzipDecoder<&[u8]> {
    decoder.multiple_members(true);
    decoder
}

async fn drain(mut reader: impl AsyncRead + Unpin, wire: u64, limit: u64) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let n = reader.read(&mut chunk).await.map_err(|error| FetchError::Encoding(error.to_string()))?;
        if n == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..n]);
        let size = body.len() as u64;
        if size > limit || size > RATIO_FROM && size > wire.saturating_mul(MAX_RATIO) {
            return Err(FetchError::TooLarge {
                limit: limit.min(wire.saturating_mul(MAX_RATIO)),
                stage: "after decoding",
            });
        }
    }
}

/// A file that is gzip itself (`sitemap.xml.gz`), unpacked; any other as it is. At most `limit` bytes.
///
/// # Errors
/// When it is broken, or larger than that.
pub async fn unpacked(body: Vec<u8>, limit: u64) -> Result<Vec<u8>, FetchError> {
    let encoding = body.starts_with(&[0x1f, 0x8b]).then_some("gzip");
    decode(body, encoding, limit).await
}
