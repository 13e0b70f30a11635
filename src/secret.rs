//! Secrets: values that never print, the store's own key with what is derived from it, sealing and
//! keyed fingerprints.
//!
//! One key file of 32 random bytes; HKDF-SHA-256 (RFC 5869) derives a key for sealing
//! (XChaCha20-Poly1305) and one for fingerprints (HMAC-SHA-256), so that neither tells of the other.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub use secrecy::{ExposeSecret, SecretString};

/// Why the key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("the key file {path} cannot be used: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not 32 bytes.
    #[error("the key file {0} holds {1} bytes instead of 32: restore it from your backup")]
    Length(PathBuf, usize),
    /// Others may read it.
    #[error("the key file {0} can be read by others (mode {1:o}): run chmod 600 on it")]
    Exposed(PathBuf, u32),
    /// The system gave no random bytes.
    #[error("no random bytes from the system: {0}")]
    Random(String),
}

/// Why something sealed cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// Cut short, altered, or sealed with another key.
    #[error("the sealed text cannot be opened: it was altered or sealed with another key")]
    Broken,
}

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// zstd's own default: fast, and articles are small.
const COMPRESSION_LEVEL: i32 = 3;
/// More than any extracted text can be; stops a crafted length from asking for memory.
const MAX_UNSEALED_BYTES: usize = 64 * 1024 * 1024;

/// The store's key and what is derived from it.
pub struct ServiceKey {
    seal: XChaCha20Poly1305,
    /// Keyed once: setting the key up costs more than most fingerprints.
    fingerprint: Hmac<Sha256>,
    id: String,
}

impl std::fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServiceKey({})", self.id)
    }
}

impl ServiceKey {
    /// Reads the key file, or makes one with mode 0600 where there is none. Returns whether it was made.
    pub fn load_or_create(path: &Path) -> Result<(Self, bool), KeyError> {
        let wrap = |source| KeyError::File { path: path.to_owned(), source };
        match fs::File::open(path) {
            Ok(_) => Ok((Self::load(path)?, false)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut bytes = Zeroizing::new([0; KEY_BYTES]);
                getrandom::fill(bytes.as_mut()).map_err(|error| KeyError::Random(error.to_string()))?;
                // Written whole beside its place first: a crash leaves no half key that refuses every start.
                let draft = path.with_extension(format!("new-{}", random_token()?));
                let written = fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&draft)
                    .and_then(|mut file| file.write_all(bytes.as_ref()).and_then(|()| file.sync_all()))
                    .and_then(|()| fs::hard_link(&draft, path));
                let _ = fs::remove_file(&draft);
                match written {
                    // Another process that started with us was faster: its key is the store's.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        return Ok((Self::load(path)?, false));
                    }
                    written => written.map_err(wrap)?,
                }
                Ok((Self::from_bytes(&bytes), true))
            }
            Err(error) => Err(wrap(error)),
        }
    }

    /// Reads the key file.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let wrap = |source| KeyError::File { path: path.to_owned(), source };
        let mode = fs::metadata(path).map_err(wrap)?.permissions().mode() & 0o777;
        if mode & 0o007 != 0 {
            return Err(KeyError::Exposed(path.to_owned(), mode));
        }
        let bytes = Zeroizing::new(fs::read(path).map_err(wrap)?);
        let key: [u8; KEY_BYTES] =
            bytes.as_slice().try_into().map_err(|_| KeyError::Length(path.to_owned(), bytes.len()))?;
        Ok(Self::from_bytes(&Zeroizing::new(key)))
    }

    /// A key from its 32 bytes.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, bytes);
        let derive = |label: &[u8]| {
            let mut key = Zeroizing::new([0; KEY_BYTES]);
            hkdf.expand(label, key.as_mut()).expect("32 bytes are within HKDF's limit");
            key
        };
        let id = hex(&derive(b"trustwatch key id v1")[..8]);
        let seal_key: [u8; KEY_BYTES] = *derive(b"trustwatch seal v1");
        let seal = XChaCha20Poly1305::new(&seal_key.into());
        let fingerprint = Hmac::new_from_slice(derive(b"trustwatch fingerprint v1").as_ref())
            .expect("HMAC takes keys of any length");
        Self { seal, fingerprint, id }
    }

    /// What names the key in the store without telling anything of it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Compresses and seals `text`; `context` (such as the table's name) must be given again to open it.
    pub fn seal(&self, context: &str, text: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| KeyError::Random(error.to_string()))?;
        let packed = zstd::bulk::compress(text, COMPRESSION_LEVEL)
            .map_err(|error| KeyError::Random(error.to_string()))?;
        let payload = Payload { msg: &packed, aad: context.as_bytes() };
        let sealed = self.seal.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| KeyError::Random("the text is too long to seal".to_owned()))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`Self::seal`] sealed under the same context.
    pub fn unseal(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, UnsealError> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES).ok_or(UnsealError::Broken)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| UnsealError::Broken)?;
        let payload = Payload { msg: rest, aad: context.as_bytes() };
        let packed = self.seal.decrypt(&XNonce::from(nonce), payload).map_err(|_| UnsealError::Broken)?;
        zstd::bulk::decompress(&packed, MAX_UNSEALED_BYTES).map_err(|_| UnsealError::Broken)
    }

    /// A keyed fingerprint, as hexadecimal: the same for the same parts, and telling nothing without
    /// the key. Parts are length-prefixed, so that no two lists run together.
    pub fn fingerprint(&self, parts: &[&str]) -> String {
        let mut mac = self.fingerprint.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        hex(&mac.finalize().into_bytes()[..16])
    }
}

/// SHA-256 of `bytes` as hexadecimal, for what needs no key.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| DIGITS[usize::from(digit)]).collect()
}

/// A random token of 16 bytes as hexadecimal, for worker and message names.
pub fn random_token() -> Result<String, KeyError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| KeyError::Random(error.to_string()))?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_with_its_key_and_context() {
        let key = ServiceKey::from_bytes(&[7; 32]);
        let sealed = key.seal("document", b"Solent").unwrap();
        assert_eq!(key.unseal("document", &sealed).unwrap(), b"Solent");
        assert_eq!(key.unseal("entry", &sealed), Err(UnsealError::Broken));
        assert_eq!(ServiceKey::from_bytes(&[8; 32]).unseal("document", &sealed), Err(UnsealError::Broken));
        assert_eq!(key.unseal("document", &sealed[..10]), Err(UnsealError::Broken));
    }

    #[test]
    fn a_key_file_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let (first, made) = ServiceKey::load_or_create(&path).unwrap();
        let (second, made_again) = ServiceKey::load_or_create(&path).unwrap();
        assert!(made && !made_again);
        assert_eq!(first.id(), second.id());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(ServiceKey::load(&path), Err(KeyError::Exposed(..))));
    }

    #[test]
    fn a_cut_key_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, [1; 31]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(ServiceKey::load_or_create(&path), Err(KeyError::Length(_, 31))));
    }

    #[test]
    fn fingerprints_keep_their_parts_apart() {
        let key = ServiceKey::from_bytes(&[7; 32]);
        assert_ne!(key.fingerprint(&["ab", "c"]), key.fingerprint(&["a", "bc"]));
        assert_eq!(key.fingerprint(&["ab"]), key.fingerprint(&["ab"]));
    }
}
