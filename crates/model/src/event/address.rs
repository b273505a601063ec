//! The client's address, and the only form in which it leaves the router.
//!
//! Invariant: an address is never stored or logged; [`ClientIpHash`] is all that others see. Under the default scheme
//! it can't be inverted without the day's key, which is deleted after 48 h.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

use super::identity::{first_u64, hex16, serde_as_text};
use crate::error::InputError;

/// Bytes of a daily key: the block-independent strength of SHA-256.
pub const KEY_BYTES: usize = 32;

/// Address that stands for a missing `CF-Connecting-IP`.
pub const UNKNOWN: &str = "unknown";

/// A random key that lives for one UTC day.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DailyKey(pub [u8; KEY_BYTES]);

impl fmt::Debug for DailyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DailyKey(…)")
    }
}

/// First 64 bits of the hash of an address: 16 hex digits in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientIpHash(pub u64);

/// A daily key whose HMAC state is already computed, which halves the hashing per address.
#[derive(Clone)]
pub struct PreparedKey(Hmac<Sha256>);

impl fmt::Debug for PreparedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreparedKey(…)")
    }
}

impl PreparedKey {
    /// Prepares a key.
    pub fn new(key: &DailyKey) -> Self {
        // A key as long as HMAC's block is taken as it is; a shorter one is the same with zeros behind it.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block.iter_mut().zip(key.0).for_each(|(place, byte)| *place = byte);
        Self(Hmac::new(&block))
    }

    /// HMAC-SHA-256 over the address's canonical form: IPv4 whole, IPv6 cut to its /64 network (a household changes the
    /// lower half at will).
    pub fn hash(&self, address: &str) -> ClientIpHash {
        let mut mac = self.0.clone();
        mac.update(canonical(address).as_bytes());
        ClientIpHash(first_u64(&mac.finalize().into_bytes()))
    }
}

/// How a deployment's addresses become hashes.
#[derive(Debug, Clone)]
pub enum AddressHashing {
    /// The founding plan's, [`ClientIpHash::plain`].
    Plain,
    /// Under the day's key.
    Keyed(PreparedKey),
    /// There is no key: every address counts as [`UNKNOWN`], because a hash under a key that others know can be inverted.
    Withheld,
}

impl AddressHashing {
    /// An address's hash.
    pub fn hash(&self, address: &str) -> ClientIpHash {
        match self {
            Self::Plain => ClientIpHash::plain(address),
            Self::Keyed(key) => key.hash(address),
            Self::Withheld => ClientIpHash::plain(UNKNOWN),
        }
    }
}

impl ClientIpHash {
    /// The hash of one address under a key; for many, [`PreparedKey`].
    pub fn keyed(key: &DailyKey, address: &str) -> Self {
        PreparedKey::new(key).hash(address)
    }

    /// The founding plan's unsalted SHA-256 of the address as given. It can be inverted by trying every address, so use
    /// it only to compare with data that was collected this way.
    pub fn plain(address: &str) -> Self {
        Self(first_u64(&Sha256::digest(address.as_bytes())))
    }
}

/// Text that two addresses share exactly when they count as one.
fn canonical(address: &str) -> Cow<'_, str> {
    let address = address.trim();
    match address.parse() {
        Ok(IpAddr::V6(v6)) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.to_string().into(),
            None => format!("{}/64", Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))).into(),
        },
        // An IPv4 address has but one form that is read: leading zeros are refused.
        Ok(IpAddr::V4(_)) | Err(_) => address.into(),
    }
}

impl fmt::Display for ClientIpHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for ClientIpHash {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        // What stands in the place of a hash might be an address: it is not shown.
        let error = || InputError::field("clientIpHash", "other text", "give 16 lower-case hex digits");
        hex16(text).map(Self).ok_or_else(error)
    }
}

serde_as_text!(ClientIpHash, "^[0-9a-f]{16}$", "Keyed hash of a client's address.");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: DailyKey = DailyKey([7; KEY_BYTES]);

    #[test]
    fn ipv6_counts_by_its_network() {
        let hash = |address| ClientIpHash::keyed(&KEY, address);
        assert_eq!(hash("2001:db8:1:2::1"), hash("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(hash("2001:db8:1:2::1"), hash("2001:db8:1:3::1"));
        assert_eq!(hash("::ffff:192.0.2.1"), hash("192.0.2.1"));
    }

    #[test]
    fn another_day_is_another_hash_and_the_key_is_not_printed() {
        assert_ne!(ClientIpHash::keyed(&KEY, "192.0.2.1"), ClientIpHash::keyed(&DailyKey([8; KEY_BYTES]), "192.0.2.1"));
        assert_eq!(format!("{KEY:?} {:?}", PreparedKey::new(&KEY)), "DailyKey(…) PreparedKey(…)");
    }

    #[test]
    fn what_is_no_address_still_has_a_hash() {
        assert_ne!(ClientIpHash::keyed(&KEY, UNKNOWN), ClientIpHash::keyed(&KEY, ""));
    }

    proptest! {
        #[test]
        fn any_text_hashes_and_the_hash_survives_text(address: String) {
            let hash = ClientIpHash::keyed(&KEY, &address);
            prop_assert_eq!(hash.to_string().parse::<ClientIpHash>().unwrap(), hash);
        }
    }
}
