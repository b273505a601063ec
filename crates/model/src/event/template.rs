//! Path templates, as settings and the flag write them.
//!
//! Invariant: a template matches every path that the upstream may take for one that it matches. So paths are compared in
//! canonical form, and letters in any case. Otherwise a request could escape an override, or the placeholder for a name.

use std::fmt::Write as _;

use super::MAX_PATH_BYTES;
use super::canonical::{canonical, segments};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Any,
    Rest,
}

/// A path pattern: literal segments, `{name}` for any one segment, `{*name}` at the end for any rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

/// Why a text is no template; says the remedy, for an error that names the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTemplate {
    /// It doesn't begin with a slash.
    #[error("give a path that begins with /, such as /users/{{id}}")]
    NoSlash,
    /// It is too long.
    #[error("give at most {MAX_PATH_BYTES} bytes")]
    TooLong,
    /// It has a query, a fragment or white space.
    #[error("give a path alone, without query, fragment or white space")]
    MoreThanPath,
    /// Something follows the placeholder for the rest.
    #[error("{{*name}} must be the last segment")]
    RestNotLast,
    /// A placeholder has no name.
    #[error("name each placeholder, such as {{id}} or {{*rest}}")]
    Nameless,
    /// A placeholder shares its segment with something else.
    #[error("a placeholder must fill its whole segment, such as /users/{{id}}")]
    PartOfSegment,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`NoTemplate`].
    pub fn parse(text: &str) -> Result<Self, NoTemplate> {
        if !text.starts_with('/') {
            return Err(NoTemplate::NoSlash);
        }
        if text.len() > MAX_PATH_BYTES {
            return Err(NoTemplate::TooLong);
        }
        if text.contains(['?', '#']) || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(NoTemplate::MoreThanPath);
        }
        let mut parts = Vec::new();
        for segment in canonical(text).split('/').skip(1) {
            if matches!(parts.last(), Some(Part::Rest)) {
                return Err(NoTemplate::RestNotLast);
            }
            let part = match segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
                Some("" | "*") => return Err(NoTemplate::Nameless),
                None if segment.contains(['{', '}']) => return Err(NoTemplate::PartOfSegment),
                Some(name) if name.contains(['{', '}']) => return Err(NoTemplate::PartOfSegment),
                Some(name) if name.starts_with('*') => Part::Rest,
                Some(_) => Part::Any,
                None if segment.is_empty() => continue,
                None => Part::Literal(segment.to_owned()),
            };
            parts.push(part);
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a path in [canonical form](canonical), or a normalised route, matches, in any case. The rest may be empty
    /// where a slash ends the path.
    pub fn matches(&self, path: &str) -> bool {
        if !path.starts_with('/') {
            return false;
        }
        let mut segments = segments(path);
        for part in &self.parts {
            match (part, segments.next()) {
                (Part::Rest, next) => return next.is_some() || path.ends_with('/'),
                (Part::Any, Some(_)) => {}
                (Part::Literal(literal), Some(segment)) if literal.eq_ignore_ascii_case(segment) => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }

    /// Whether its literals have the very letters of a path that it matches.
    pub(super) fn has_case_of(&self, path: &str) -> bool {
        let mut pairs = self.parts.iter().zip(segments(path));
        pairs.all(|(part, segment)| !matches!(part, Part::Literal(literal) if literal != segment))
    }

    /// Whether it is the other one, with other names of placeholders.
    pub(super) fn is_same_but_for_names(&self, other: &Self) -> bool {
        self.parts == other.parts
    }

    /// What it matches, in small letters and with placeholders that have numbers for names.
    pub(super) fn pattern(&self) -> String {
        let mut pattern = String::with_capacity(self.text.len());
        for (index, part) in self.parts.iter().enumerate() {
            let written = match part {
                Part::Literal(literal) => write!(pattern, "/{}", literal.to_ascii_lowercase()),
                Part::Any => write!(pattern, "/{{{index}}}"),
                Part::Rest => write!(pattern, "/{{*{index}}}"),
            };
            debug_assert_eq!(written, Ok(()));
        }
        if pattern.is_empty() { "/".to_owned() } else { pattern }
    }

    /// Whether there is a path that both match.
    pub fn overlaps(&self, other: &Self) -> bool {
        let mut theirs = other.parts.iter();
        for part in &self.parts {
            match (part, theirs.next()) {
                (Part::Rest, _) | (_, Some(Part::Rest)) => return true,
                (Part::Any, Some(_)) | (Part::Literal(_), Some(Part::Any)) => {}
                (Part::Literal(mine), Some(Part::Literal(literal))) if mine.eq_ignore_ascii_case(literal) => {}
                _ => return false,
            }
        }
        matches!(theirs.next(), None | Some(Part::Rest))
    }

    /// Whether it matches every path that the other one matches.
    pub fn covers(&self, other: &Self) -> bool {
        let mut theirs = other.parts.iter();
        for (index, part) in self.parts.iter().enumerate() {
            match (part, theirs.next()) {
                // The root alone always ends with a slash.
                (Part::Rest, next) => return next.is_some() || index == 0,
                (Part::Any, Some(Part::Any | Part::Literal(_))) => {}
                (Part::Literal(mine), Some(Part::Literal(literal))) if mine.eq_ignore_ascii_case(literal) => {}
                _ => return false,
            }
        }
        theirs.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_match_paths_and_routes() {
        let matches = |template: &str, path| Template::parse(template).unwrap().matches(path);
        assert!(matches("/users/{id}", "/users/{id}") && matches("/users/{id}", "/users/7"));
        assert!(!matches("/users/{id}", "/users/") && !matches("/users/{id}", "/users/7/x"));
        assert!(matches("/{*rest}", "/a/b") && matches("/", "/") && !matches("/", "/a"));
        assert!(!matches("/{*rest}", "(unmatched)"));
        assert!(
            matches("/Users/{id}", "/users/7/") && matches("/users/", "/users") && !matches("/users/{id}", "/users2/7")
        );
        assert!(matches("/a/{*rest}", "/a/") && !matches("/a/{*rest}", "/a") && matches("/{*rest}", "/"));
    }

    #[test]
    fn a_brace_is_part_of_no_name() {
        for text in ["/{}}", "/{{}", "/{a{b}", "/{*}}", "/{a}b", "/{a"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_template_is_as_long_as_a_route_may_be_and_no_longer() {
        let text = format!("/{}", "x".repeat(MAX_PATH_BYTES - 1));
        assert!(Template::parse(&text).is_ok());
        assert_eq!(Template::parse(&format!("{text}xx")), Err(NoTemplate::TooLong));
    }

    #[test]
    fn templates_overlap_where_a_path_matches_both() {
        let overlap = |a: &str, b: &str| Template::parse(a).unwrap().overlaps(&Template::parse(b).unwrap());
        for (a, b, expected) in [
            ("/users/me", "/users/{id}", true),
            ("/users/{id}", "/users/{*rest}", true),
            ("/{a}/b", "/a/{b}", true),
            ("/a", "/a", true),
            ("/{a}/x", "/{b}/x", true),
            ("/a/{*rest}", "/a", true),
            ("/a/{*rest}", "/b", false),
            ("/Users/{id}", "/users/me", true),
            ("/a/{id}", "/a/", false),
            ("/a/{id}", "/b/{id}", false),
            ("/a", "/a/{id}", false),
        ] {
            assert_eq!((overlap(a, b), overlap(b, a)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn a_template_covers_those_that_match_nothing_more() {
        let covers = |a: &str, b: &str| Template::parse(a).unwrap().covers(&Template::parse(b).unwrap());
        for (wide, narrow) in [
            ("/{*rest}", "/"),
            ("/{*rest}", "/a/{id}/b"),
            ("/{*rest}", "/{*r}"),
            ("/a/{id}", "/a/{other}"),
            ("/a/{id}", "/a/b"),
            ("/a", "/a"),
            ("/a", "/A/"),
            ("/a/{id}", "/a//./b;c"),
        ] {
            assert!(covers(wide, narrow), "{wide} covers {narrow}");
        }
        for (one, other) in [
            ("/a/b", "/a/{id}"),
            ("/{id}", "/{*rest}"),
            ("/{id}", "/"),
            ("/a/{*rest}", "/a"),
            ("/a", "/a/b"),
            ("/a", "/b"),
        ] {
            assert!(!covers(one, other), "{one} does not cover {other}");
        }
    }
}
