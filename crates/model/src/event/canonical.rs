//! The canonical form of a path: one text for all that an upstream takes for the same.
//!
//! Invariant: two paths with one canonical form name one resource, by RFC 3986 or by what servers commonly do. It serves
//! templates and routes alone; IDs and digests hash the path as it arrived.

use std::borrow::Cow;

/// The canonical form of a URL's path.
///
/// By RFC 3986, section 6.2.2: escapes of unreserved characters are decoded (`u%73ers`), and dot segments are resolved
/// (`/x/../users`). By convention: `\` is `/`, as in the URL standard of browsers; a segment's parameters are cut
/// (`users;v=1`), and empty segments dropped (`//users`). A slash at the end stays, for whoever has a use for it. Other
/// escapes stay, because `%2F` is not `/`.
pub fn canonical(path: &str) -> Cow<'_, str> {
    if is_canonical(path) {
        return Cow::Borrowed(path);
    }
    let decoded = decode_unreserved(path);
    let mut segments: Vec<&str> = Vec::new();
    let mut is_folder = false;
    for segment in decoded.split(['/', '\\']) {
        let name = segment.split(';').next().unwrap_or_default();
        is_folder = matches!(name, "" | "." | "..");
        match name {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    let mut folded = String::with_capacity(path.len());
    for segment in &segments {
        folded.push('/');
        folded.push_str(segment);
    }
    if is_folder || segments.is_empty() {
        folded.push('/');
    }
    Cow::Owned(folded)
}

/// Segments of a path in canonical form.
pub(super) fn segments(canonical: &str) -> impl Iterator<Item = &str> {
    canonical.split('/').filter(|segment| !segment.is_empty())
}

/// Whether there is nothing to do, as with nearly all paths.
fn is_canonical(path: &str) -> bool {
    let bytes = path.as_bytes();
    let is_dotted = |pair: &[u8]| matches!(pair, [b'/', b'/' | b'.']);
    bytes.first() == Some(&b'/')
        && !bytes.iter().any(|byte| matches!(byte, b'%' | b';' | b'\\'))
        && !bytes.windows(2).any(is_dotted)
}

/// Decodes the escapes of letters, digits, `-`, `.`, `_` and `~`.
fn decode_unreserved(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut parts = path.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let escaped = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).map(char::from);
        match escaped.zip(part.get(2..)) {
            Some((c, rest)) if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~') => {
                decoded.push(c);
                decoded.push_str(rest);
            }
            _ => {
                decoded.push('%');
                decoded.push_str(part);
            }
        }
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_an_upstream_takes_for_the_same_has_one_form() {
        for same in [
            "//users/jane",
            "/users//jane",
            "/users/./jane",
            "/x/../users/jane",
            "/../users/jane",
            "/users\\jane",
            "\\users/jane",
            "/u%73ers/jane",
            "/users/%6Aane",
            "/users/%2e/jane",
            "/x/%2E%2e/users/jane",
            "/x/..;/users/jane",
            "/users/jane;v=1",
            "/users;jsessionid=1F/jane;a;b=c",
            "users/jane",
        ] {
            assert_eq!(canonical(same), "/users/jane", "{same}");
        }
        for (path, form) in [
            ("/users/jane/", "/users/jane/"),
            ("/users/jane/.", "/users/jane/"),
            ("/users/jane/x/..", "/users/jane/"),
            ("/users/jane/;v=1", "/users/jane/"),
            ("", "/"),
            ("/..", "/"),
            ("//", "/"),
        ] {
            assert_eq!(canonical(path), form, "{path}");
        }
    }

    #[test]
    fn what_an_upstream_tells_apart_stays_apart() {
        for path in [
            "/",
            "/Users/jane",
            "/a%2Fb",
            "/a%5Cb",
            "/a%3Bb",
            "/a%2573",
            "/%",
            "/a%7",
            "/%zz",
            "/%+1",
            "/a...",
            "/ä%C3",
        ] {
            assert_eq!(canonical(path), path);
        }
        assert!(matches!(canonical("/a/b.c/d"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn a_canonical_form_is_its_own(path in r"[/\\.;%a2fF5eä]{0,30}") {
            let form = canonical(&path).into_owned();
            // Decoding may make a new escape of what was none (`%%341`): nobody decodes twice.
            prop_assume!(!path.contains("%%"));
            prop_assert_eq!(canonical(&form), form.as_str());
        }

        #[test]
        fn a_canonical_form_begins_with_a_slash_and_has_no_odd_segment(path: String) {
            let form = canonical(&path).into_owned();
            prop_assert!(form.starts_with('/') && !form.contains("//") && !form.contains("/./") && !form.contains("/../"));
        }
    }
}
