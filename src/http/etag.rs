//! Entity tags: what a reader has already is not sent again (RFC 9110, sections 8.8.3 and 13.1.2).

/// Whether a header `If-None-Match` names this tag, by weak comparison. It may be `*` or a list; some clients and proxies
/// send tags without their quotes.
pub fn is_known(header: &str, etag: &str) -> bool {
    let header = header.trim();
    header == "*" || tags(header).any(|tag| opaque(tag) == opaque(etag))
}

/// The tags of a list. A tag in quotes may hold commas.
fn tags(header: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    header.split(move |character| {
        quoted ^= character == '"';
        character == ',' && !quoted
    })
}

/// A tag without what marks it as weak, and without quotes.
fn opaque(tag: &str) -> &str {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_alone_in_a_list_weak_strong_or_without_quotes() {
        for header in ["\"7\"", "W/\"7\"", "7", "\"6\", \"7\"", "\"a,b\" ,W/\"7\"", "*", " * "] {
            assert!(is_known(header, "\"7\"") && is_known(header, "W/\"7\""), "{header}");
        }
        for header in ["", "\"\"", "\"77\"", "\"6\"", "\"a,7,b\"", "W/", ","] {
            assert!(!is_known(header, "\"7\""), "{header}");
        }
    }
}
