//! Which segments of a path become `{id}`: tokens of every common kind do, names of real APIs don't.

use model::event::path::Normalizer;

/// Names of routes, files and products.
const ORDINARY: &str = include_str!("ordinary_segments.txt");

const DIGITS: &str = "0123456789";
const HEX: &str = "0123456789abcdef";
const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE32_LOWER: &str = "abcdefghijklmnopqrstuvwxyz234567";
const CROCKFORD: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BASE36: &str = "0123456789abcdefghijklmnopqrstuvwxyz";
const BASE58: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BASE62: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE64URL: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

/// Kinds of tokens: name, pattern (`{alphabet length}`), and the share that becomes `{id}`, in percent, rounded down. What
/// is left is bounded by the store.
fn kinds() -> Vec<(&'static str, Vec<Part>, usize)> {
    use Part::{Random, Text};
    let random = |alphabet, length| vec![Random(alphabet, length)];
    let uuid = [8, 4, 4, 4, 12].map(|length| [Random(HEX, length), Text("-")]).concat()[..9].to_vec();
    let date = || vec![Text("20"), Random("12", 1), Random(DIGITS, 1), Text("-0"), Random("123456789", 1), Text("-1")];
    let time = [Text("T1"), Random(DIGITS, 1), Text(":30:00Z")];
    vec![
        ("UUID", uuid, 100),
        ("UUID without dashes", random(HEX, 32), 100),
        ("ULID", random(CROCKFORD, 26), 99),
        ("KSUID", random(BASE62, 27), 99),
        ("NanoID", random(BASE64URL, 21), 99),
        ("NanoID of 10", random(BASE64URL, 10), 97),
        ("video ID, 11 of base64url", random(BASE64URL, 11), 97),
        ("32 of base64url", random(BASE64URL, 32), 99),
        ("8 of base62", random(BASE62, 8), 95),
        ("12 of base62", random(BASE62, 12), 99),
        ("22 of base62", random(BASE62, 22), 99),
        ("8 of base58", random(BASE58, 8), 96),
        ("8 of base36", random(BASE36, 8), 90),
        ("12 of base36", random(BASE36, 12), 97),
        ("8 of base32", random(BASE32, 8), 86),
        ("16 of base32", random(BASE32, 16), 97),
        ("8 of base32, small letters", random(BASE32_LOWER, 8), 86),
        ("16 of base32, small letters", random(BASE32_LOWER, 16), 97),
        ("26 of base32", random(BASE32, 26), 99),
        ("6 hexadecimal digits", random(HEX, 6), 99),
        ("8 hexadecimal digits", random(HEX, 8), 99),
        ("24 hexadecimal digits", random(HEX, 24), 100),
        ("40 hexadecimal digits", random(HEX, 40), 100),
        ("Stripe's customers", vec![Text("cus_"), Random(BASE62, 14)], 99),
        ("Stripe's payments", vec![Text("pi_"), Random(BASE62, 24)], 99),
        ("Stripe's keys", vec![Text("sk_live_"), Random(BASE62, 24)], 99),
        ("file with a hash", vec![Text("app."), Random(HEX, 8), Text(".min.js")], 99),
        ("number", random(DIGITS, 3), 100),
        ("snowflake", random(DIGITS, 18), 100),
        ("numbered order", vec![Text("order-"), Random(DIGITS, 5)], 100),
        ("date", [date(), random(DIGITS, 1)].concat(), 100),
        ("time", [date(), random(DIGITS, 1), time.to_vec()].concat(), 100),
        ("network address", vec![Text("192.168.1."), Random(DIGITS, 2)], 100),
        ("e-mail address", vec![Random("abcdefghij", 6), Text("@example.org")], 100),
        ("escaped e-mail address", vec![Random("abcdefghij", 6), Text("%40example.org")], 100),
        ("escaped name", vec![Text("J%C3%BCr"), Random("abcdefghij", 3)], 100),
        ("escaped token", vec![Random(BASE62, 8), Text("%3D%3D")], 100),
        ("UUID in an escaped letter's disguise", vec![Text("%61"), Random(HEX, 31)], 100),
    ]
}

#[derive(Clone, Copy)]
enum Part {
    Text(&'static str),
    Random(&'static str, usize),
}

/// SplitMix64: the same numbers everywhere.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[allow(clippy::cast_possible_truncation)] // an index into a short list
fn token(parts: &[Part], state: &mut u64) -> String {
    let mut token = String::new();
    for part in parts {
        match *part {
            Part::Text(text) => token.push_str(text),
            Part::Random(alphabet, length) => {
                let letters: Vec<char> = alphabet.chars().collect();
                token.extend((0..length).map(|_| letters[(random(state) % letters.len() as u64) as usize]));
            }
        }
    }
    token
}

#[test]
fn tokens_become_a_placeholder() {
    const OF_EACH_KIND: usize = 2_000;
    let normalizer = Normalizer::default();
    let mut state = 7;
    let mut short = Vec::new();
    for (kind, parts, least) in kinds() {
        let replaced = (0..OF_EACH_KIND)
            .filter(|_| normalizer.normalize(&format!("/users/{}", token(&parts, &mut state)), 200) == "/users/{id}")
            .count();
        let percent = replaced * 100 / OF_EACH_KIND;
        println!("{kind}: {replaced} of {OF_EACH_KIND}");
        if percent < least {
            short.push(format!("{kind}: {replaced} of {OF_EACH_KIND}, expected {least} %"));
        }
    }
    assert!(short.is_empty(), "{short:#?}");
}

#[test]
fn names_stay_names() {
    let normalizer = Normalizer::default();
    let replaced: Vec<&str> = ORDINARY
        .split_whitespace()
        .filter(|segment| normalizer.normalize(&format!("/{segment}"), 200) != format!("/{segment}"))
        .collect();
    assert!(ORDINARY.split_whitespace().count() > 200);
    assert_eq!(replaced, [""; 0]);
}
