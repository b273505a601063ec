//! URLs of requests, cut by hand: the platform has parsed and normalised them already, and a full parser would be a
//! quarter of the Worker's size.

/// What follows the host in an absolute URL, without the fragment.
pub fn path_and_query(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(after_scheme..).unwrap_or_default();
    let start = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let rest = rest.get(start..).unwrap_or_default();
    rest.split('#').next().unwrap_or_default()
}

/// Scheme and host of an absolute URL, as the header `Origin` gives them.
pub fn origin(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(after_scheme..).unwrap_or_default();
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    url.get(..after_scheme + host).unwrap_or_default()
}

/// The path of an absolute URL, without its query.
pub fn path(url: &str) -> &str {
    let path = path_and_query(url).split('?').next().unwrap_or_default();
    if path.is_empty() { "/" } else { path }
}

/// The query of a URL, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// That of an absolute URL.
    pub fn of(url: &str) -> Self {
        let query = path_and_query(url).split_once('?').map_or("", |(_, query)| query);
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The first value of a parameter, if it is given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The names of all parameters, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_out_of_urls() {
        for (url, all, only) in [
            ("https://a.b/c/d?e=f/g#h", "/c/d?e=f/g", "/c/d"),
            ("https://a.b", "", "/"),
            ("https://a.b?x", "?x", "/"),
            ("http://a.b:80/%20", "/%20", "/%20"),
            ("", "", "/"),
            ("nonsense", "", "/"),
        ] {
            assert_eq!((path_and_query(url), path(url)), (all, only), "{url}");
        }
    }

    #[test]
    fn origins_are_cut_out_of_urls() {
        for (url, expected) in [
            ("https://a.b/c?d=e://f", "https://a.b"),
            ("http://a.b:8787?x", "http://a.b:8787"),
            ("http://a.b", "http://a.b"),
            ("", ""),
        ] {
            assert_eq!(origin(url), expected);
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let url = "https://a.b/c?from=1&to=%32&to=3&x";
        let query = Query::of(url);
        assert_eq!(["from", "to", "x", "y"].map(|name| query.get(name)), [Some("1"), Some("2"), Some(""), None]);
        assert_eq!(query.names().collect::<Vec<_>>(), ["from", "to", "to", "x"]);
        assert!(["https://a.b/c", "https://a.b/c?"].iter().all(|url| Query::of(url) == Query::default()));
    }
}
