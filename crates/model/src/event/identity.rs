//! Who an event is: the idempotent ID for people and logs, the digest for dedup.
//!
//! Invariant: both are frozen. Their test vectors are in `tests/vectors/identity.json`; any change of theirs is a new
//! schema version. Both come from one hash, `SHA-256("{address}:{path}:{requestId}")`, over the request's own
//! address and its path *as it arrived* (without query): the hash's only secret is the request ID.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

use crate::error::InputError;

/// Length of the ID window in ms where nothing else is configured: 60 s.
pub const DEFAULT_WINDOW_MS: u64 = 60_000;

/// The largest timestamp with 13 digits, in ms (2286-11-20).
pub const MAX_TIMESTAMP_MS: u64 = 9_999_999_999_999;

/// The smallest timestamp with 13 digits, in ms (2001-09-09).
pub const MIN_TIMESTAMP_MS: u64 = 1_000_000_000_000;

/// First 64 bits, big endian, of the identity hash: the dedup key. 16 hex digits in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub u64);

impl Digest {
    /// Hashes what identifies a request.
    pub fn of(address: &str, path: &str, request_id: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [address, ":", path, ":", request_id] {
            hash.update(part.as_bytes());
        }
        Self(first_u64(&hash.finalize()))
    }

    /// The half of the digest that the idempotent ID shows.
    #[allow(clippy::cast_possible_truncation)] // the upper 32 of 64 bits always fit
    pub const fn hash8(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// First 8 bytes of a hash as a big-endian number.
pub fn first_u64(hash: &[u8]) -> u64 {
    hash.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Digest {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        hex16(text).map(Self).ok_or_else(|| InputError::field("digest", text, "give 16 lower-case hex digits"))
    }
}

/// 16 lower-case hex digits as a number.
pub fn hex16(text: &str) -> Option<u64> {
    let lower_hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (text.len() == 16 && lower_hex).then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

/// The idempotent ID, `{timestamp}-{hash8}`: 13 digits of milliseconds, a hyphen, 8 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotentId {
    timestamp_ms: u64,
    hash8: u32,
}

impl IdempotentId {
    /// The plan's generator, a pure function of its four inputs. The collector passes the event time floored by
    /// [`window_start`], so that a repeat inside one window has the same ID.
    ///
    /// # Errors
    /// When `timestamp_ms` has not 13 digits (2001-09-09 to 2286-11-20).
    pub fn generate(timestamp_ms: u64, address: &str, path: &str, request_id: &str) -> Result<Self, InputError> {
        Self::with_digest(timestamp_ms, Digest::of(address, path, request_id))
    }

    /// The ID for a digest that is already known; saves hashing twice.
    ///
    /// # Errors
    /// As [`IdempotentId::generate`].
    pub fn with_digest(timestamp_ms: u64, digest: Digest) -> Result<Self, InputError> {
        if (MIN_TIMESTAMP_MS..=MAX_TIMESTAMP_MS).contains(&timestamp_ms) {
            Ok(Self { timestamp_ms, hash8: digest.hash8() })
        } else {
            Err(InputError::field(
                "timestamp",
                timestamp_ms,
                "give milliseconds since 1970 with 13 digits (seconds times 1000)",
            ))
        }
    }

    /// The timestamp that the ID carries, in ms: the start of its window.
    pub const fn timestamp_ms(self) -> u64 {
        self.timestamp_ms
    }

    /// The 32 bits after the hyphen: the first half of the digest.
    pub const fn hash8(self) -> u32 {
        self.hash8
    }

    /// Whether `text` has the form `^\d{13}-[0-9a-f]{8}$`.
    pub fn is_valid(text: &str) -> bool {
        text.parse::<Self>().is_ok()
    }

    /// The timestamp in `text` (ms), or none if it is not a valid ID.
    pub fn extract_timestamp_ms(text: &str) -> Option<u64> {
        text.parse::<Self>().ok().map(Self::timestamp_ms)
    }
}

impl fmt::Display for IdempotentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:013}-{:08x}", self.timestamp_ms, self.hash8)
    }
}

impl FromStr for IdempotentId {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        let parsed = text.split_once('-').and_then(|(time, hash)| {
            let digits = time.len() == 13 && time.bytes().all(|b| b.is_ascii_digit());
            let hex = hash.len() == 8 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            (digits && hex).then_some((time.parse().ok()?, u32::from_str_radix(hash, 16).ok()?))
        });
        let (timestamp_ms, hash8) = parsed.ok_or_else(|| {
            InputError::field("idempotentId", text, "give 13 digits, a hyphen and 8 lower-case hex digits")
        })?;
        Ok(Self { timestamp_ms, hash8 })
    }
}

/// Start of the ID window that `timestamp_ms` lies in. A window of 0 ms leaves the timestamp as it is.
pub const fn window_start(timestamp_ms: u64, window_ms: u64) -> u64 {
    match timestamp_ms.checked_rem(window_ms) {
        Some(past) => timestamp_ms - past,
        None => timestamp_ms,
    }
}

/// Serialises a value as the text it displays as, and reads it back with its `FromStr`. The text matches `pattern`.
macro_rules! serde_as_text {
    ($type:ident, $pattern:literal, $description:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern, "description": $description })
            }
        }
    };
}
pub(crate) use serde_as_text;

serde_as_text!(Digest, "^[0-9a-f]{16}$", "The first 64 bits of what identifies a request, hashed: the dedup key.");
serde_as_text!(
    IdempotentId,
    "^[0-9]{13}-[0-9a-f]{8}$",
    "Start of the ID window in ms, and the first half of the digest: `1730956800000-1a2b3c4d`."
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_plans_worked_vector_has_the_format_and_is_stable() {
        let id = IdempotentId::generate(1_730_956_800_000, "192.168.1.1", "/api/users", "req-123").unwrap();
        // printf '192.168.1.1:/api/users:req-123' | sha256sum
        assert_eq!(id.to_string(), "1730956800000-ca81a161");
        assert!(IdempotentId::is_valid(&id.to_string()));
    }

    #[test]
    fn one_millisecond_apart_is_another_id() {
        let id = |ms| IdempotentId::generate(ms, "192.168.1.1", "/api/users", "req-123").unwrap();
        assert_ne!(id(1_730_956_800_000), id(1_730_956_800_001));
    }

    #[test]
    fn one_second_apart_inside_a_window_is_the_same_id() {
        let id = |ms| {
            IdempotentId::generate(window_start(ms, DEFAULT_WINDOW_MS), "192.168.1.1", "/api/test", "test-duplicate")
                .unwrap()
        };
        assert_eq!(id(1_730_956_800_000), id(1_730_956_801_000));
    }

    #[test]
    fn an_invalid_id_yields_no_timestamp() {
        for text in [
            "",
            "-",
            "1730956800000",
            "1730956800000-",
            "173095680000-0123abcd",
            "1730956800000-0123ABCD",
            "1730956800000-0123abcg",
            "1730956800000-0123abcde",
            "+730956800000-0123abcd",
            "1730956800000_0123abcd",
            "1730956800000-0123abcd\n",
            "１730956800000-0123abcd",
        ] {
            assert_eq!(IdempotentId::extract_timestamp_ms(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_digest_has_16_lower_case_hex_digits_and_nothing_else() {
        assert_eq!("00000000000000ff".parse(), Ok(Digest(255)));
        for text in ["", "ff", "00000000000000fff", "00000000000000FF", "+0000000000000ff", "00000000000000fg"] {
            let error = text.parse::<Digest>().unwrap_err().to_string();
            assert!(error.starts_with("`digest`"), "{error}");
        }
    }

    #[test]
    fn an_absurd_timestamp_is_refused_with_a_remedy() {
        for ms in [0, 1_730_956_800, MAX_TIMESTAMP_MS + 1, u64::MAX] {
            let error = IdempotentId::generate(ms, "a", "/", "r").unwrap_err().to_string();
            assert!(error.contains("timestamp") && error.contains("13 digits"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn an_id_survives_text(ms in MIN_TIMESTAMP_MS..=MAX_TIMESTAMP_MS, address: String, path: String, request: String) {
            let digest = Digest::of(&address, &path, &request);
            let id = IdempotentId::generate(ms, &address, &path, &request).unwrap();
            let text = id.to_string();
            prop_assert_eq!(text.parse::<IdempotentId>().unwrap(), id);
            prop_assert_eq!(IdempotentId::extract_timestamp_ms(&text), Some(ms));
            prop_assert_eq!(&text[14..], &digest.to_string()[..8]);
            prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        }

        #[test]
        fn any_text_is_valid_exactly_when_it_has_the_form(text in "[0-9]{12,14}[-_][0-9a-gA]{7,9}") {
            let form = text.len() == 22
                && text.as_bytes()[13] == b'-'
                && text[..13].bytes().all(|b| b.is_ascii_digit())
                && text[14..].bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            prop_assert_eq!(IdempotentId::is_valid(&text), form);
        }

        #[test]
        fn a_window_starts_at_or_before_its_events(ms in 0..=MAX_TIMESTAMP_MS, window in 0u64..100_000_000) {
            let start = window_start(ms, window);
            prop_assert!(start <= ms && ms - start < window.max(1));
            prop_assert_eq!(window_start(start, window), start);
        }
    }
}
