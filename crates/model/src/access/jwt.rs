//! Cloudflare Access: what a request's JSON Web Token says, and whether it is for us.
//!
//! Invariants: only RS256 is read, whatever the token asks for; what a token claims is believed only together with a
//! [`Token::signature`] that the platform found good under the team's own key. No bytes make the reader panic, and
//! everything is bounded.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;

/// Header in which Access gives the token.
pub const HEADER: &str = "Cf-Access-Jwt-Assertion";

/// Where a team's keys are, below its domain.
pub const KEYS_PATH: &str = "/cdn-cgi/access/certs";

/// Longest token, in bytes; Access's have about 1,000.
pub const MAX_TOKEN_BYTES: usize = 8_192;

/// Longest list of keys, in bytes: two keys with their certificates are 8,000.
pub const MAX_KEYS_BYTES: usize = 65_536;

/// Keys that are kept; a team has two, the one before and the present one.
const MAX_KEYS: usize = 8;

/// Longest key ID, in bytes.
const MAX_KID_BYTES: usize = 128;

/// Shortest and longest modulus, in base64url digits: 2,048 to 8,192 bits.
const MODULUS_DIGITS: std::ops::RangeInclusive<usize> = 342..=1_366;

/// How far clocks may be apart, in seconds.
const LEEWAY_S: f64 = 60.0;

/// The application whose tokens are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Origin of the team's domain, such as `https://team.cloudflareaccess.com`: who issues tokens.
    pub team: String,
    /// The application's audience tag.
    pub audience: String,
}

/// A parsed token that is not verified yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Token<'a> {
    /// Which of the team's keys is said to have signed it.
    pub kid: String,
    /// What was signed: header and claims, still encoded.
    pub signed: &'a str,
    /// Its signature.
    pub signature: Vec<u8>,
    claims: Value,
}

impl<'a> Token<'a> {
    /// Parses a token.
    ///
    /// # Errors
    /// Why it is not a valid token.
    pub fn parse(text: &'a str) -> Result<Self, &'static str> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err("it is too long");
        }
        let (signed, signature) = text.rsplit_once('.').ok_or("it has no signature")?;
        let (header, claims) = signed.split_once('.').ok_or("it has no claims")?;
        let header = json(header).ok_or("its header can't be read")?;
        if header["alg"] != "RS256" {
            return Err("it is not signed by RS256");
        }
        if !header["crit"].is_null() {
            return Err("it demands an extension");
        }
        let kid = header["kid"].as_str().filter(|kid| kid.len() <= MAX_KID_BYTES).ok_or("it names no key")?;
        let claims = json(claims).filter(Value::is_object).ok_or("its claims can't be read")?;
        let signature = decoded(signature).ok_or("its signature can't be read")?;
        Ok(Self { kid: kid.to_owned(), signed, signature, claims })
    }

    /// Whether it was issued by the team, for the application, and is valid at `now_ms`.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn check(&self, application: &Application, now_ms: u64) -> Result<(), &'static str> {
        let Application { team, audience } = application;
        if self.claims["iss"] != team.as_str() {
            return Err("another team issued it");
        }
        let meant = match &self.claims["aud"] {
            Value::Array(audiences) => audiences.iter().any(|one| one == audience.as_str()),
            one => one == audience.as_str(),
        };
        if !meant {
            return Err("it is for another application");
        }
        let seconds = |name: &str| self.claims[name].as_f64();
        // Times may have a fraction, by the standard.
        #[allow(clippy::cast_precision_loss)] // exact below 2^53
        let now = (now_ms / 1000) as f64;
        if !seconds("exp").is_some_and(|expiry| now < expiry + LEEWAY_S) {
            return Err("it has expired");
        }
        if !self.claims["nbf"].is_null() && !seconds("nbf").is_some_and(|start| start <= now + LEEWAY_S) {
            return Err("it is not valid yet");
        }
        Ok(())
    }
}

/// One of a team's public keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its ID.
    pub kid: String,
    /// Modulus, in base64url.
    modulus: String,
    /// Exponent, in base64url.
    exponent: String,
}

impl PublicKey {
    /// The key as a JSON Web Key for the platform's importer.
    pub fn jwk(&self) -> String {
        format!(r#"{{"kty":"RSA","alg":"RS256","n":"{}","e":"{}"}}"#, self.modulus, self.exponent)
    }
}

/// The keys in a team's answer, at most as many as a team may have. Keys of other types are left out.
///
/// # Errors
/// The text is not a list of keys, or has no usable key.
pub fn keys(text: &str) -> Result<Vec<PublicKey>, &'static str> {
    if text.len() > MAX_KEYS_BYTES {
        return Err("the list of keys is too long");
    }
    let answer: Value = serde_json::from_str(text).map_err(|_| "the list of keys is not JSON")?;
    let listed = answer["keys"].as_array().ok_or("the answer has no list of keys")?;
    let keys: Vec<PublicKey> = listed.iter().filter_map(key).take(MAX_KEYS).collect();
    if keys.is_empty() { Err("the list has no RSA key") } else { Ok(keys) }
}

fn key(jwk: &Value) -> Option<PublicKey> {
    let text = |name: &str| jwk[name].as_str();
    if text("kty") != Some("RSA") || text("alg").is_some_and(|alg| alg != "RS256") {
        return None;
    }
    let kid = text("kid").filter(|kid| kid.len() <= MAX_KID_BYTES)?;
    let modulus = text("n").filter(|n| MODULUS_DIGITS.contains(&n.len()) && decoded(n).is_some())?;
    let exponent = text("e").filter(|e| (2..=8).contains(&e.len()) && decoded(e).is_some())?;
    Some(PublicKey { kid: kid.to_owned(), modulus: modulus.to_owned(), exponent: exponent.to_owned() })
}

fn json(part: &str) -> Option<Value> {
    // As text, whose parser the Worker has anyway.
    serde_json::from_str(&String::from_utf8(decoded(part)?).ok()?).ok()
}

/// Decodes base64url without padding (RFC 4648, section 5), in its one canonical form.
fn decoded(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW_S: u64 = 1_730_956_800;

    fn encoded(bytes: &[u8]) -> String {
        Base64UrlUnpadded::encode_string(bytes)
    }

    fn token(header: &Value, claims: &Value) -> String {
        format!("{}.{}.c2ln", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()))
    }

    fn application() -> Application {
        Application { team: "https://team.example".into(), audience: "tag".into() }
    }

    fn claims() -> Value {
        json!({"iss": "https://team.example", "aud": ["other", "tag"], "exp": NOW_S + 10, "nbf": NOW_S, "email": "a@b.c"})
    }

    fn checked(change: &Value) -> Result<(), &'static str> {
        let mut claims = claims();
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let text = token(&json!({"alg": "RS256", "kid": "k"}), &claims);
        Token::parse(&text).unwrap().check(&application(), NOW_S * 1000)
    }

    #[test]
    fn a_token_is_taken_apart() {
        let text = token(&json!({"alg": "RS256", "kid": "k1", "typ": "JWT"}), &claims());
        let parsed = Token::parse(&text).unwrap();
        assert_eq!((parsed.kid.as_str(), parsed.signature.as_slice()), ("k1", b"sig".as_slice()));
        assert_eq!(format!("{}.c2ln", parsed.signed), text);
        assert_eq!(parsed.check(&application(), NOW_S * 1000), Ok(()));
    }

    #[test]
    fn another_algorithm_is_refused_however_it_is_named() {
        for alg in [json!("none"), json!("HS256"), json!("rs256"), json!("RS512"), json!(null), json!(["RS256"])] {
            let text = token(&json!({"alg": alg, "kid": "k"}), &claims());
            assert_eq!(Token::parse(&text), Err("it is not signed by RS256"), "{alg}");
        }
        let critical = token(&json!({"alg": "RS256", "kid": "k", "crit": ["b64"]}), &claims());
        assert!(Token::parse(&critical).is_err());
        assert!(Token::parse(&token(&json!({"alg": "RS256"}), &claims())).is_err());
    }

    #[test]
    fn each_claim_counts() {
        assert_eq!(checked(&json!({"aud": "tag", "nbf": null})), Ok(()));
        assert_eq!(checked(&json!({"nbf": NOW_S + 60})), Ok(()), "clocks differ a little");
        for change in [
            json!({"iss": "https://team.example.evil"}),
            json!({"iss": null}),
            json!({"aud": ["other"]}),
            json!({"aud": []}),
            json!({"aud": {"tag": "tag"}}),
            json!({"exp": NOW_S - 60}),
            json!({"exp": null}),
            json!({"exp": "9999999999"}),
            json!({"nbf": NOW_S + 61}),
            json!({"nbf": "0"}),
        ] {
            assert!(checked(&change).is_err(), "{change}");
        }
    }

    #[test]
    fn keys_that_fit_are_kept_and_no_more_than_eight() {
        let n = "A".repeat(342);
        let good = |kid: &str| json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid, "n": n, "e": "AQAB"});
        let without = |name: &str, value: Value| {
            let mut key = good("x");
            key[name] = value;
            key
        };
        let listed = json!({"keys": [
            good("a"), without("kty", json!("EC")), without("alg", json!("RS512")), without("n", json!("AQAB")),
            without("e", json!("")), without("n", json!("\"".repeat(342))), without("kid", json!(1)), 7, good("b"),
        ]});
        let kept = keys(&listed.to_string()).unwrap();
        assert_eq!(kept.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(kept[0].jwk(), format!(r#"{{"kty":"RSA","alg":"RS256","n":"{n}","e":"AQAB"}}"#));
        let many: Vec<Value> = (0..50).map(|number| good(&number.to_string())).collect();
        assert_eq!(keys(&json!({"keys": many}).to_string()).unwrap().len(), MAX_KEYS);
        for text in ["", "[]", "{}", r#"{"keys":[]}"#, r#"{"keys":{}}"#, &" ".repeat(MAX_KEYS_BYTES + 1)] {
            assert!(keys(text).is_err());
        }
    }

    #[test]
    fn only_canonical_base64url_is_read() {
        assert_eq!(decoded("_-8"), Some(vec![0xff, 0xef]));
        for text in ["A", "_-9", "AQ==", "+/8A", "AQ AB", "é"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_readers_panic(text: String, header in any::<Vec<u8>>(), claims in any::<Vec<u8>>(), now: u64) {
            let (header, claims) = (encoded(&header), encoded(&claims));
            let good = encoded(br#"{"alg":"RS256","kid":"k"}"#);
            for text in [text.clone(), format!("{header}.{claims}."), format!("{good}.{claims}.")] {
                if let Ok(token) = Token::parse(&text) {
                    prop_assert!(token.check(&application(), now).is_err());
                }
            }
            prop_assert!(keys(&text).is_err());
        }

        #[test]
        fn claims_of_any_kind_are_read_without_panic(number: f64, text: String, flag: bool, now: u64) {
            for value in [json!(number), json!(text), json!(flag), json!([text]), json!({"a": text}), json!(now)] {
                for name in ["iss", "aud", "exp", "nbf"] {
                    let mut claims = claims();
                    claims[name] = value.clone();
                    let token = token(&json!({"alg": "RS256", "kid": text}), &claims);
                    let _ = Token::parse(&token).map(|token| token.check(&application(), now));
                }
            }
        }
    }
}
