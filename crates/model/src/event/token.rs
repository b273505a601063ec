//! Whether a segment of a path is data, such as an identifier, or a name that the application gave.
//!
//! A token is random, so its letters follow each other as they don't in words, and digits and capitals stand anywhere.
//! That is counted as *breaks*. What is too short to tell stays a name: the store bounds how many of them it counts.

use super::path::MAX_SEGMENT_BYTES;

/// For each letter, those that often follow it. They make up 98 % of the neighbours in the 74,000 words of Debian's
/// `wamerican` 2020.12.07 that have three letters or more, together with those in `html`, `http`, `php`, `sql`, `xmlrpc`,
/// `json`, `mysql`, `grpc`, `jwt` and `wss`. Of two random letters half are among them.
const FOLLOWERS: [&str; 26] = [
    "bcdefghiklmnprstuvwxyz",
    "abeilorsuy",
    "acehiklorstuy",
    "adegilorsuy",
    "abcdefghiklmnopqrstuvwxy",
    "aefilorstuy",
    "aeghilnorsuy",
    "aeilmoprstuy",
    "abcdefgklmnoprstuvxz",
    "aeosuw",
    "aeilnosy",
    "abcdefiklmoprstuvy",
    "abeilmopsuy",
    "abcdefghiklnorstuvy",
    "abcdefghiklmnoprstuvwxy",
    "acehiloprstuy",
    "lu",
    "abcdefghiklmnoprstuvwy",
    "acehiklmnopqstuwy",
    "acehilmoprstuwy",
    "abcdefgilmnoprst",
    "aeio",
    "aehilnorst",
    "ceimpt",
    "aceilmnoprs",
    "aeiz",
];

/// Letters and digits below which nothing but digits is a token.
const MIN_TOKEN_BYTES: usize = 5;

/// Breaks that a word may have.
const BREAKS_OF_WORDS: usize = 2;

/// Whether a segment is data: a number, a date, a UUID, hash or random token, and anything escaped, personal (`@`), long,
/// or with a brace, as placeholders have.
pub(super) fn looks_like_id(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let is_plain = bytes.iter().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'%' | b'@' | b'{' | b'}'));
    if !is_plain || bytes.len() > MAX_SEGMENT_BYTES {
        return true;
    }
    if is_version(segment) {
        return false;
    }
    let words = || segment.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    is_number_or_hash(segment) || words().any(|word| is_token(&[word])) || is_token(&words().collect::<Vec<_>>())
}

/// Whether a segment is a version: `v2`, `v1.2.3`, `1.0`, `v1beta1`, `v2-rc.1`.
fn is_version(segment: &str) -> bool {
    let (prefixed, text) = segment.strip_prefix(['v', 'V']).map_or((false, segment), |text| (true, text));
    let stage = ["alpha", "beta", "preview", "rc"].iter().find_map(|stage| text.split_once(stage));
    let (number, revision) = stage.unwrap_or((text, ""));
    let number = if stage.is_some() { number.trim_end_matches(['-', '.']) } else { number };
    let is_short = |digits: &str, most| digits.len() <= most && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_part = |digits: &str, most| !digits.is_empty() && is_short(digits, most);
    let mut parts = number.split('.');
    let has_major = parts.next().is_some_and(|major| is_part(major, if prefixed { 3 } else { 1 }));
    let minors = number.split('.').count() - 1;
    let (fewest, digits) = if prefixed { (0, 3) } else { (1, 2) };
    has_major
        && (fewest..=2).contains(&minors)
        && parts.all(|minor| is_part(minor, digits))
        && is_short(revision.trim_start_matches(['-', '.']), 2)
}

/// Whether a segment is a number, or six or more hexadecimal digits of which one is no letter, with or without dashes,
/// dots or colons: also a date, and an address.
fn is_number_or_hash(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let has_digit = bytes.iter().any(u8::is_ascii_digit);
    let is_hex = bytes.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b'.' | b':'));
    bytes.iter().all(u8::is_ascii_digit) || (has_digit && is_hex && bytes.len() >= 6)
}

/// Whether some words of a segment, together, are a token.
fn is_token(words: &[&str]) -> bool {
    if let [word] = words {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let is_number = digits == word.len() && digits >= 3;
        if is_number || longest_number(word) >= 4 || (digits > 0 && is_number_or_hash(word)) && word.len() >= 6 {
            return true;
        }
    }
    let words = || words.iter().map(|word| without_number(word));
    let bytes: usize = words().map(str::len).sum();
    let breaks: usize = words().map(breaks).sum();
    let neighbours: usize = words().map(|word| word.len().saturating_sub(1)).sum();
    bytes >= MIN_TOKEN_BYTES && breaks > BREAKS_OF_WORDS && breaks * 3 >= neighbours
}

/// Digits in the longest number in a word.
fn longest_number(word: &str) -> usize {
    word.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0)
}

/// A word without the number or version at its end, if that is all its digits: `svc` for `svc12`, `ListObjects` for
/// `ListObjectsV2`.
fn without_number(word: &str) -> &str {
    let name = word.trim_end_matches(|c: char| c.is_ascii_digit());
    if name.len() == word.len() || longest_number(name) > 0 {
        return word;
    }
    name.strip_suffix(['v', 'V']).filter(|name| !name.is_empty()).unwrap_or(name)
}

/// How many neighbours in a word are a digit and a letter, a small letter and a capital, or letters that seldom follow
/// each other; and how often small letters follow several capitals.
fn breaks(word: &str) -> usize {
    let bytes = word.as_bytes();
    let breaks = bytes.windows(2).filter(|pair| matches!(pair, [first, second] if is_break(*first, *second))).count();
    breaks + bytes.windows(3).filter(|three| matches!(three, [b'A'..=b'Z', b'A'..=b'Z', b'a'..=b'z'])).count()
}

fn is_break(first: u8, second: u8) -> bool {
    if !first.is_ascii_alphabetic() || !second.is_ascii_alphabetic() {
        return first.is_ascii_digit() != second.is_ascii_digit();
    }
    let followers = FOLLOWERS.get(usize::from(first.to_ascii_lowercase() - b'a'));
    let is_usual = followers.is_some_and(|letters| letters.as_bytes().contains(&second.to_ascii_lowercase()));
    !is_usual || (first.is_ascii_lowercase() && second.is_ascii_uppercase())
}
