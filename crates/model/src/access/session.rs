//! Sessions of browsers: what the cookie says, and whether a request may change something through it.
//!
//! Invariants: a cookie counts only under the key that signed it, which is derived from the secrets, so that changing
//! either ends every session. Nothing is stored, so nothing can be listed or leak. No bytes make the reader panic.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The cookie's name.
pub const COOKIE: &str = "path_collector_session";

/// Life of a session in ms: 12 hours, a working day.
pub const LIFE_MS: u64 = 12 * 60 * 60 * 1000;

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 16;

/// Cookies of our name that are looked at; a browser has one.
const MAX_COOKIES: usize = 4;

/// Longest value that is looked at, in bytes; ours have 116 at most.
const MAX_VALUE_BYTES: usize = 256;

/// Says what the key is for, and in which version of the format.
const LABEL: &[u8] = b"path-collector/session/v1";

/// What a session may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read.
    Read,
    /// Read and change.
    Admin,
}

impl Scope {
    const fn letter(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::Admin => "a",
        }
    }
}

/// What signs sessions.
pub struct SessionKey {
    bytes: [u8; 32],
    /// Whether there is an admin token. Without one, whoever knows the read token could make this key.
    admin: bool,
}

impl SessionKey {
    /// HKDF-Extract (RFC 5869) of both secrets, each with its length before it. None without secrets: such a key would
    /// be known to everyone.
    pub fn derive(read_token: Option<&str>, admin_token: Option<&str>) -> Option<Self> {
        let [read, admin] = [read_token, admin_token].map(Option::unwrap_or_default);
        if read.is_empty() && admin.is_empty() {
            return None;
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(LABEL).ok()?;
        for token in [read, admin] {
            mac.update(&(token.len() as u64).to_be_bytes());
            mac.update(token.as_bytes());
        }
        Some(Self { bytes: mac.finalize().into_bytes().into(), admin: !admin.is_empty() })
    }

    /// The cookie's value: `v1.{scope}.{expiry in ms}.{nonce}.{HMAC-SHA-256 of the preceding text}`. None if HMAC
    /// refuses the key, which it never does.
    pub fn issue(&self, scope: Scope, now_ms: u64, nonce: [u8; NONCE_BYTES]) -> Option<String> {
        let expires_ms = now_ms.saturating_add(LIFE_MS);
        let signed = format!("v1.{}.{expires_ms}.{}", scope.letter(), hex::encode(nonce));
        let mac = hex::encode(self.mac(&signed)?.finalize().into_bytes());
        Some(format!("{signed}.{mac}"))
    }

    /// What a value allows. None if we didn't sign it or it has expired. The signature is compared in constant time,
    /// before anything else is read.
    pub fn verify(&self, value: &str, now_ms: u64) -> Option<Scope> {
        if value.len() > MAX_VALUE_BYTES {
            return None;
        }
        let (signed, given) = value.rsplit_once('.')?;
        let mut mac = [0; 32];
        hex::decode_to_slice(given, &mut mac).ok()?;
        self.mac(signed)?.verify_slice(&mac).ok()?;
        let mut fields = signed.split('.').skip(1);
        let scope = match fields.next()? {
            "r" => Scope::Read,
            "a" if self.admin => Scope::Admin,
            _ => return None,
        };
        let expires_ms: u64 = fields.next()?.parse().ok()?;
        (now_ms < expires_ms).then_some(scope)
    }

    /// The most that a request's `Cookie` header allows.
    pub fn scope(&self, cookies: &str, now_ms: u64) -> Option<Scope> {
        let scopes: Vec<Scope> = values(cookies).filter_map(|value| self.verify(value, now_ms)).collect();
        scopes.iter().find(|scope| **scope == Scope::Admin).or(scopes.first()).copied()
    }

    fn mac(&self, signed: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.bytes).ok()?;
        mac.update(signed.as_bytes());
        Some(mac)
    }
}

/// Values of our cookie in a `Cookie` header, [`MAX_COOKIES`] of them at most.
fn values(cookies: &str) -> impl Iterator<Item = &str> {
    let pairs = cookies.split(';').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| name.trim() == COOKIE).map(|(_, value)| value.trim()).take(MAX_COOKIES)
}

/// The `Set-Cookie` header that opens a session with this value, or ends it with an empty one. The path keeps it from
/// the upstream, which shares the host.
pub fn set_cookie(value: &str, path: &str, secure: bool) -> String {
    let life_s = if value.is_empty() { 0 } else { LIFE_MS / 1000 };
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path={path}; Max-Age={life_s}; HttpOnly; SameSite=Strict{secure}")
}

/// Where a request comes from, according to the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestSource {
    /// A page of this very origin.
    Same,
    /// A page of another one.
    Other,
    /// Unknown: the client is an old browser, or not a browser.
    Unknown,
}

impl RequestSource {
    /// Reads `Sec-Fetch-Site`, which no page can set, and where that is missing compares `Origin` with the origin that
    /// was asked.
    pub fn of(fetch_site: Option<&str>, origin: Option<&str>, own_origin: &str) -> Self {
        match (fetch_site, origin) {
            (Some("same-origin"), _) => Self::Same,
            (Some("none"), _) | (None, None | Some("null")) => Self::Unknown,
            (None, Some(origin)) if origin.eq_ignore_ascii_case(own_origin) => Self::Same,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_730_956_800_000;
    const NONCE: [u8; NONCE_BYTES] = [7; NONCE_BYTES];

    fn key(read: &str, admin: &str) -> SessionKey {
        SessionKey::derive(Some(read), Some(admin)).unwrap()
    }

    #[test]
    fn a_session_lasts_twelve_hours_and_keeps_its_scope() {
        let key = key("r", "a");
        for scope in [Scope::Read, Scope::Admin] {
            let value = key.issue(scope, NOW, NONCE).unwrap();
            assert!(value.len() <= 116);
            assert_eq!(key.verify(&value, NOW), Some(scope));
            assert_eq!(key.verify(&value, NOW + LIFE_MS - 1), Some(scope));
            assert_eq!(key.verify(&value, NOW + LIFE_MS), None);
        }
    }

    #[test]
    fn changing_moving_or_removing_a_secret_ends_every_session() {
        let value = key("one", "two").issue(Scope::Read, NOW, NONCE).unwrap();
        for (read, admin) in
            [("other", "two"), ("one", "other"), ("two", "one"), ("onet", "wo"), ("one", ""), ("", "two")]
        {
            assert_eq!(key(read, admin).verify(&value, NOW), None, "{read} {admin}");
        }
    }

    #[test]
    fn without_secrets_there_is_no_key_and_without_an_admin_token_no_admin() {
        assert!(SessionKey::derive(None, None).is_none() && SessionKey::derive(Some(""), Some("")).is_none());
        let readers = SessionKey::derive(Some("r"), None).unwrap();
        assert_eq!(readers.verify(&readers.issue(Scope::Admin, NOW, NONCE).unwrap(), NOW), None);
        assert_eq!(readers.verify(&readers.issue(Scope::Read, NOW, NONCE).unwrap(), NOW), Some(Scope::Read));
    }

    #[test]
    fn the_cookie_is_found_among_others_and_the_best_of_several_holds() {
        let key = key("r", "a");
        let [read, admin] = [Scope::Read, Scope::Admin].map(|scope| key.issue(scope, NOW, NONCE).unwrap());
        let scope = |cookies: &str| key.scope(cookies, NOW);
        assert_eq!(scope(&format!("a=b; {COOKIE}={read};c")), Some(Scope::Read));
        assert_eq!(scope(&format!("{COOKIE}=x; {COOKIE}={read}; {COOKIE}={admin}")), Some(Scope::Admin));
        assert_eq!(scope(&format!("x{COOKIE}={read}")), None);
        assert_eq!(scope(&format!("{}{COOKIE}={read}", format!("{COOKIE}=x; ").repeat(MAX_COOKIES))), None);
    }

    #[test]
    fn a_cookie_is_kept_from_scripts_other_sites_and_the_upstream() {
        assert_eq!(
            set_cookie("v", "/_collector", true),
            "path_collector_session=v; Path=/_collector; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            set_cookie("", "/_collector", false),
            "path_collector_session=; Path=/_collector; Max-Age=0; HttpOnly; SameSite=Strict"
        );
    }

    #[test]
    fn only_the_own_origin_is_the_same() {
        let own = "https://api.example.com";
        for (site, origin, expected) in [
            (Some("same-origin"), None, RequestSource::Same),
            (Some("same-origin"), Some("null"), RequestSource::Same),
            (Some("same-site"), Some(own), RequestSource::Other),
            (Some("cross-site"), None, RequestSource::Other),
            (Some("nonsense"), None, RequestSource::Other),
            (Some("none"), None, RequestSource::Unknown),
            (None, Some("https://API.example.com"), RequestSource::Same),
            (None, Some("http://api.example.com"), RequestSource::Other),
            (None, Some("https://api.example.com.evil"), RequestSource::Other),
            (None, Some("null"), RequestSource::Unknown),
            (None, None, RequestSource::Unknown),
        ] {
            assert_eq!(RequestSource::of(site, origin, own), expected, "{site:?} {origin:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic_or_pass(text: String, now: u64) {
            let key = key("r", "a");
            prop_assert_eq!(key.verify(&text, now), None);
            prop_assert_eq!(key.scope(&format!("{COOKIE}={text}"), now), None);
            prop_assert_eq!(key.scope(&text, now), None);
        }

        #[test]
        fn a_tampered_value_is_refused(at in 0usize..116, with in "[0-9a-z.]", admin: bool, now in 0..NOW) {
            let key = key("r", "a");
            let scope = if admin { Scope::Admin } else { Scope::Read };
            let value = key.issue(scope, NOW, NONCE).unwrap();
            let at = at % value.len();
            let tampered = format!("{}{with}{}", &value[..at], &value[at + 1..]);
            prop_assume!(tampered != value);
            prop_assert_eq!(key.verify(&tampered, now), None);
            prop_assert_eq!(key.verify(&value[..at], now), None);
        }
    }
}
