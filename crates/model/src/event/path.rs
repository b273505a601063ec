//! The normalised route of a path: few values, no identifiers, nothing personal.
//!
//! Invariant: the result is at most [`MAX_PATH_BYTES`] long and free of what looks like an identifier, so that
//! the number of distinct routes is bounded by the application's own and not by its data.

use std::borrow::Cow;
use std::collections::HashMap;

use super::MAX_PATH_BYTES;
use super::canonical::{canonical, segments};
use super::template::Template;
use super::token::looks_like_id;
use crate::error::InputError;

/// Route of a path that no template matches and that the upstream answers with 404: scanners have no bound.
pub const UNMATCHED: &str = "(unmatched)";

/// Route of all paths beyond those that are counted separately.
pub const OTHER: &str = "(other)";

/// Segments after which a path is cut to `{*rest}`.
pub const MAX_SEGMENTS: usize = 10;

/// Bytes after which a segment counts as an identifier.
pub const MAX_SEGMENT_BYTES: usize = 40;

/// Longest path, as it arrived, that counts as ordinary, in bytes.
pub const MAX_RAW_BYTES: usize = 2_000;

/// Most templates in a configuration.
pub const MAX_TEMPLATES: usize = 1_000;

const ID: &str = "{id}";
const REST: &str = "{*rest}";

/// What is known of a request's path before the response. Routing uses only this, never the route that the request is
/// finally counted under: clients can provoke a 404, or use up the limited number of distinct routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPath<'a> {
    /// The path itself.
    pub own: &'a str,
    /// Its canonical form, for templates.
    pub canonical: Cow<'a, str>,
    /// Its route, whatever the answer.
    pub route: Cow<'a, str>,
    /// Whether a template of the configuration gave the route.
    pub has_template: bool,
}

impl<'a> RequestPath<'a> {
    /// A route by itself, without a request.
    pub const fn of_route(route: &'a str) -> Self {
        Self { own: route, canonical: Cow::Borrowed(route), route: Cow::Borrowed(route), has_template: false }
    }

    /// The route under which the request is counted, given the response's `status`.
    pub fn counted(self, status: u16) -> Cow<'a, str> {
        if status == 404 && !self.has_template { Cow::Borrowed(UNMATCHED) } else { self.route }
    }
}

/// Turns request paths into routes: by template where one matches, else by what segments look like.
#[derive(Debug, Clone, Default)]
pub struct Normalizer {
    /// Templates that match the same paths, if letters of any case count as the same, have one place.
    templates: Vec<Vec<Template>>,
    router: matchit::Router<usize>,
}

impl Normalizer {
    /// A normaliser for these templates. The most specific match wins, whatever their order. Invalid templates are left
    /// out and returned with the reason; the others still apply.
    pub fn new<'a>(templates: impl IntoIterator<Item = &'a str>) -> (Self, Vec<(String, String)>) {
        let (mut normalizer, mut accepted) = (Self::default(), 0);
        let (mut places, mut refused) = (HashMap::new(), Vec::new());
        for text in templates {
            let added = match Template::parse(text) {
                _ if accepted == MAX_TEMPLATES => Err(format!("give at most {MAX_TEMPLATES} templates")),
                Ok(template) => normalizer.add(template, &mut places),
                Err(reason) => Err(reason.to_string()),
            };
            match added {
                Ok(()) => accepted += 1,
                Err(reason) => refused.push((text.to_owned(), reason)),
            }
        }
        (normalizer, refused)
    }

    /// Adds a template, given the place of each pattern.
    fn add(&mut self, template: Template, places: &mut HashMap<String, usize>) -> Result<(), String> {
        let pattern = template.pattern();
        if let Some(same) = places.get(&pattern).and_then(|place| self.templates.get_mut(*place)) {
            if same.iter().any(|other| other.is_same_but_for_names(&template)) {
                return Err("an earlier template matches the same paths".to_owned());
            }
            same.push(template);
            return Ok(());
        }
        let place = self.templates.len();
        self.router.insert(pattern.as_str(), place).map_err(|error| error.to_string())?;
        places.insert(pattern, place);
        self.templates.push(vec![template]);
        Ok(())
    }

    /// The templates.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.templates.iter().flatten().map(Template::as_str)
    }

    /// Normalises a URL's path (without query). A path that is already a normalised route is left unchanged.
    pub fn place<'a>(&'a self, path: &'a str) -> RequestPath<'a> {
        let canonical = canonical(path);
        let template = self.template(&canonical);
        let route = match template {
            Some(template) => Cow::Borrowed(template.as_str()),
            None => Cow::Owned(heuristic(&canonical)),
        };
        RequestPath { own: path, route, has_template: template.is_some(), canonical }
    }

    /// The template of a path in canonical form: of several that differ in case alone, the one that has its case.
    fn template(&self, canonical: &str) -> Option<&Template> {
        let path = if canonical.len() > 1 { canonical.trim_end_matches('/') } else { canonical };
        let lower = if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(path.to_ascii_lowercase())
        } else {
            Cow::Borrowed(path)
        };
        let found = self.router.at(&lower).ok()?;
        let same = self.templates.get(*found.value)?;
        same.iter().find(|template| template.has_case_of(path)).or_else(|| same.first())
    }

    /// The route of a URL's path (without query) that was answered with `status`.
    pub fn normalize(&self, path: &str, status: u16) -> String {
        self.place(path).counted(status).into_owned()
    }
}

/// Reports what is unusual about a path: its length, or escapes that are not UTF-8. Such a path is still counted. The
/// error doesn't contain the path, which may be personal.
///
/// # Errors
/// What is unusual.
pub fn check(path: &str) -> Result<(), InputError> {
    if path.len() > MAX_RAW_BYTES {
        let remedy = "its route is cut after the first segments";
        return Err(InputError::TooLarge {
            what: "path",
            size: path.len(),
            unit: "bytes",
            limit: MAX_RAW_BYTES,
            remedy,
        });
    }
    if percent_encoding::percent_decode_str(path).decode_utf8().is_err() {
        return Err(InputError::field("path", "not UTF-8", "escaped segments count as {id}"));
    }
    Ok(())
}

/// Replaces what looks like an identifier in a canonical path by `{id}`, and cuts what is too deep or too long.
fn heuristic(canonical: &str) -> String {
    let mut route = String::with_capacity(canonical.len().min(MAX_PATH_BYTES));
    for (index, segment) in segments(canonical).enumerate() {
        let shown = if looks_like_id(segment) { ID } else { segment };
        if index == MAX_SEGMENTS || segment == REST || route.len() + 1 + shown.len() + 1 + REST.len() > MAX_PATH_BYTES {
            route.push('/');
            route.push_str(REST);
            break;
        }
        route.push('/');
        route.push_str(shown);
    }
    if route.is_empty() { "/".to_owned() } else { route }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normalizer(templates: &[&str]) -> Normalizer {
        let (normalizer, refused) = Normalizer::new(templates.iter().copied());
        assert_eq!(refused, []);
        normalizer
    }

    #[test]
    fn identifiers_become_a_placeholder() {
        let n = normalizer(&[]);
        for (path, route) in [
            ("/", "/"),
            ("", "/"),
            ("/api/test", "/api/test"),
            ("/api/test/", "/api/test"),
            ("//api//test", "/api/test"),
            ("/users/42", "/users/{id}"),
            ("/users/42/orders/7", "/users/{id}/orders/{id}"),
            ("/o/550e8400-e29b-41d4-a716-446655440000", "/o/{id}"),
            ("/o/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/o/{id}"),
            ("/c/9fceb02d0ae598e95dc970b74767f19372d61af8", "/c/{id}"),
            ("/u/jane@example.org", "/u/{id}"),
            ("/u/J%C3%BCrgen", "/u/{id}"),
            ("/u/%FF%FE", "/u/{id}"),
            ("/v1/items", "/v1/items"),
            ("/assets/app.3f2a9c1b77.js", "/assets/{id}"),
            ("/oauth2/token", "/oauth2/token"),
            ("/oauth2-token", "/oauth2-token"),
            ("/checkout2", "/checkout2"),
            ("/c/cafe12", "/c/{id}"),
            ("/c/cafe1234", "/c/{id}"),
            ("/c/feed-beef", "/c/feed-beef"),
            ("/c/feed-123", "/c/{id}"),
            ("/feature-flags", "/feature-flags"),
            ("/a/b/c/d/e/f/g/h/i/j/k/l", "/a/b/c/d/e/f/g/h/i/j/{*rest}"),
        ] {
            assert_eq!(n.normalize(path, 200), route, "{path}");
        }
    }

    #[test]
    fn a_route_that_was_cut_is_cut_there_again() {
        assert_eq!(normalizer(&[]).normalize("/a/{*rest}", 200), "/a/{*rest}");
        assert_eq!(normalizer(&[]).normalize("/a/{*rest}/b", 200), "/a/{*rest}");
    }

    #[test]
    fn a_long_segment_is_an_identifier() {
        let name = "n".repeat(MAX_SEGMENT_BYTES);
        assert_eq!(normalizer(&[]).normalize(&format!("/a/{name}"), 200), format!("/a/{name}"));
        assert_eq!(normalizer(&[]).normalize(&format!("/a/{name}n"), 200), "/a/{id}");
    }

    #[test]
    fn a_route_is_cut_where_what_is_cut_off_could_no_longer_be_said() {
        let start = format!("/{}", "n".repeat(MAX_SEGMENT_BYTES)).repeat(5) + "/" + &"n".repeat(20);
        let room = MAX_PATH_BYTES - start.len() - "/".len() - "/{*rest}".len();
        let fits = format!("{start}/{}", "n".repeat(room));
        assert_eq!(normalizer(&[]).normalize(&fits, 200), fits);
        let with_more = format!("{fits}/n");
        let cut = normalizer(&[]).normalize(&with_more, 200);
        assert_eq!((cut.as_str(), cut.len()), (format!("{fits}/{{*rest}}").as_str(), MAX_PATH_BYTES));
        assert_eq!(normalizer(&[]).normalize(&format!("{fits}n"), 200), format!("{start}/{{*rest}}"));
    }

    #[test]
    fn a_template_comes_before_the_heuristics_and_the_most_specific_first() {
        let n = normalizer(&["/files/{*path}", "/users/{name}", "/users/me"]);
        assert_eq!(n.normalize("/users/jane", 200), "/users/{name}");
        assert_eq!(n.normalize("/users/me", 200), "/users/me");
        assert_eq!(n.normalize("/files/a/b/1", 404), "/files/{*path}");
    }

    #[test]
    fn what_an_upstream_takes_for_the_same_gets_the_same_template() {
        let n = normalizer(&["/users/{name}", "/", "/Reports/{year}"]);
        for path in [
            "/users/jane/",
            "//users/jane",
            "/users//jane",
            "/users/./jane",
            "/x/../users/jane",
            "/x/%2e%2E/users/jane",
            "/Users/jane",
            "/USERS/Jane",
            "/users\\jane",
            "/u%73ers/jane",
            "/users/jane;v=1",
            "/users;x/jane",
        ] {
            let place = n.place(path);
            assert_eq!((&*place.route, place.has_template, place.own), ("/users/{name}", true, path), "{path}");
            assert_eq!(n.normalize(path, 404), "/users/{name}", "{path}");
        }
        assert_eq!(n.normalize("/reports/2024", 404), "/Reports/{year}");
        assert_eq!(n.normalize("/x/..", 404), "/");
        // What is escaped may be a slash of the upstream's, or not: it is stored as neither.
        assert_eq!(n.normalize("/users%2Fjane", 200), "/{id}");
    }

    #[test]
    fn templates_that_differ_in_case_alone_are_told_apart_by_it() {
        let n = normalizer(&["/users/{name}", "/Users/{id}", "/Files/{*rest}", "/files/{*rest}"]);
        assert_eq!(n.normalize("/users/jane", 200), "/users/{name}");
        assert_eq!(n.normalize("/Users/jane", 200), "/Users/{id}");
        assert_eq!(n.normalize("/USERS/jane", 200), "/users/{name}");
        assert_eq!(n.normalize("/files/a/b", 200), "/files/{*rest}");
        let (_, refused) = Normalizer::new(["/users/{name}", "/users/{id}/"]);
        assert_eq!(refused, [("/users/{id}/".to_owned(), "an earlier template matches the same paths".to_owned())]);
    }

    #[test]
    fn no_parameter_of_a_segment_is_stored() {
        assert_eq!(normalizer(&[]).normalize("/users;jsessionid=jane/list;x", 200), "/users/list");
    }

    #[test]
    fn a_404_without_a_template_is_unmatched() {
        let n = normalizer(&["/users/{name}"]);
        assert_eq!(n.normalize("/wp-login.php", 404), UNMATCHED);
        assert_eq!(n.normalize("/users/nobody", 404), "/users/{name}");
    }

    #[test]
    fn bad_templates_are_refused_with_a_remedy_and_the_good_ones_hold() {
        let long = format!("/{}", "x".repeat(MAX_PATH_BYTES));
        let (n, refused) =
            Normalizer::new(["users", "/a{b}", "/{}", "/{*x}/y", "/a b", "/ok/{id}", "/ok/{other}", &long]);
        assert_eq!(refused.len(), 7, "{refused:?}");
        assert_eq!(n.normalize("/ok/1", 200), "/ok/{id}");
    }

    #[test]
    fn odd_paths_are_told_without_being_shown() {
        assert_eq!(check("/a/%C3%A4/%zz/%"), Ok(()));
        assert_eq!(check(&"x".repeat(MAX_RAW_BYTES)), Ok(()));
        let secret = format!("/secret{}", "x".repeat(MAX_RAW_BYTES));
        for odd in [secret.as_str(), "/secret/%FF%FE", "/secret/%C3"] {
            let error = check(odd).unwrap_err().to_string();
            assert!(error.contains("path") && !error.contains("secret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_path_makes_the_check_panic(path: String) {
            let _ = check(&path);
        }

        #[test]
        fn any_path_has_a_short_route(path in "(/|[a-z0-9%@{}ä.-]{0,60}){0,40}", status in 100u16..600) {
            let route = normalizer(&["/a/{b}"]).normalize(&path, status);
            prop_assert!(!route.is_empty() && route.len() <= MAX_PATH_BYTES);
        }

        #[test]
        fn a_route_is_its_own_route(path in "(/|[a-z0-9%@.-]{0,50}){0,20}") {
            let n = normalizer(&["/a/{b}", "/files/{*rest}"]);
            let route = n.place(&path).route.into_owned();
            prop_assert_eq!(&*n.place(&route).route, &*route);
        }

        #[test]
        fn a_route_is_the_route_of_itself_but_for_its_placeholders(path in "(/(users|v2|s3|oauth2|health-check|getUserById)){1,9}") {
            prop_assert_eq!(normalizer(&[]).normalize(&path, 200), path);
        }
    }
}
