//! The table of the API's routes: what there is, who may ask for it, and what a query may say.
//!
//! Invariant: what is not in this table is not answered, and a parameter that is not in it is refused by name.

use crate::parameter::Parameter;
use crate::parameters::{
    AFTER, CURSOR, DAY, DAYS_BEFORE, DETAIL, EVENT, FORMAT, FROM, KEY, KIND, LETTER, LETTERS, MINUTES, ONE_ROUTE,
    ORDER, PART, RANGE, REASON, REPORTS, ROUTE, ROWS, SEARCH, SORT, SOURCE, STORE, STORED_BEFORE, TO, WINDOW,
};
use crate::problem::Problem;
use crate::url::Query;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// To read.
    Read,
    /// To change the flag, letters or reports.
    Change,
    /// To report requests that were served elsewhere.
    Report,
}

/// What a route shows or does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the patterns below say what each is
pub enum Resource {
    Archive,
    ArchiveDay,
    ArchivePart,
    ChangeFlag,
    DeadLetter,
    DeadLetters,
    EvaluateFlag,
    EvaluateFlags,
    Exemplars,
    Flag,
    FlagDocument,
    FlagHistory,
    FlagStatus,
    Health,
    Ids,
    Ingest,
    Metrics,
    Parity,
    ParityReport,
    ParityRun,
    ParitySelfTest,
    Path,
    Paths,
    PathSeries,
    PreviewFlag,
    Probe,
    PurgeLetters,
    Readiness,
    RedriveLetters,
    ReleaseFlag,
    RollbackFlag,
    Series,
    Snapshot,
    Stats,
    StopFlag,
    Trace,
}

/// One route.
#[derive(Debug)]
pub struct ApiRoute {
    /// Method.
    pub method: &'static str,
    /// Path below the collector's prefix. A segment in braces stands for any one that is not empty.
    pub pattern: &'static str,
    /// Who may use it.
    pub right: Right,
    /// What its segments in braces are, in order.
    pub path: Parameters,
    /// Parameters that its query may have.
    pub query: Parameters,
    /// What it shows or does.
    pub resource: Resource,
}

type Parameters = &'static [&'static dyn Parameter];

const fn get(pattern: &'static str, resource: Resource) -> ApiRoute {
    ApiRoute { method: "GET", pattern, right: Right::Read, path: &[], query: &[], resource }
}

const fn order(method: &'static str, pattern: &'static str, resource: Resource) -> ApiRoute {
    ApiRoute { method, right: Right::Change, ..get(pattern, resource) }
}

impl ApiRoute {
    const fn of(self, path: Parameters) -> Self {
        Self { path, ..self }
    }

    const fn asked(self, query: Parameters) -> Self {
        Self { query, ..self }
    }

    const fn by(self, right: Right) -> Self {
        Self { right, ..self }
    }
}

/// Every route.
pub const ROUTES: &[ApiRoute] = &[
    get("/health", Resource::Probe),
    get("/metrics", Resource::Metrics),
    get("/v1/archive", Resource::Archive).asked(&[&DAYS_BEFORE]),
    get("/v1/archive/{day}", Resource::ArchiveDay).of(&[&DAY]),
    get("/v1/archive/{day}/{part}", Resource::ArchivePart).of(&[&DAY, &PART]),
    get("/v1/dead-letters", Resource::DeadLetters).asked(&[&SOURCE, &REASON, &STORED_BEFORE, &LETTERS, &AFTER]),
    // What is in a dead letter is as its sender wrote it, whatever that is: for administrators.
    get("/v1/dead-letters/{id}", Resource::DeadLetter).of(&[&LETTER]).by(Right::Change),
    get("/v1/exemplars", Resource::Exemplars).asked(&[&RANGE, &FROM, &TO, &ONE_ROUTE]),
    get("/v1/flag", Resource::Flag),
    get("/v1/flag/document", Resource::FlagDocument),
    get("/v1/flag/history", Resource::FlagHistory),
    get("/v1/flag/status", Resource::FlagStatus).asked(&[&MINUTES]),
    get("/v1/health", Resource::Health),
    get("/v1/ids", Resource::Ids).asked(&[&STORE, &RANGE, &FROM, &TO]),
    get("/v1/parity", Resource::Parity).asked(&[&KIND, &REPORTS]),
    get("/v1/parity/{window}", Resource::ParityReport).of(&[&WINDOW]),
    get("/v1/paths", Resource::Paths).asked(&[&RANGE, &FROM, &TO, &SORT, &ORDER, &ROWS, &SEARCH, &CURSOR, &FORMAT]),
    get("/v1/paths/{path}", Resource::Path).of(&[&ROUTE]).asked(&[&RANGE, &FROM, &TO]),
    get("/v1/paths/{path}/series", Resource::PathSeries).of(&[&ROUTE]).asked(&[&RANGE, &FROM, &TO]),
    get("/v1/readiness", Resource::Readiness),
    get("/v1/series", Resource::Series).asked(&[&RANGE, &FROM, &TO, &ONE_ROUTE]),
    get("/v1/snapshot", Resource::Snapshot),
    get("/v1/stats", Resource::Stats).asked(&[&RANGE, &FROM, &TO, &DETAIL]),
    get("/v1/trace/{id}", Resource::Trace).of(&[&EVENT]),
    order("POST", "/v1/events", Resource::Ingest).by(Right::Report),
    order("PUT", "/v1/flag", Resource::ChangeFlag),
    order("POST", "/v1/flag/preview", Resource::PreviewFlag),
    order("POST", "/v1/flag/rollback", Resource::RollbackFlag),
    order("POST", "/v1/flag/stop", Resource::StopFlag),
    order("POST", "/v1/flag/release", Resource::ReleaseFlag),
    order("POST", "/v1/dead-letters/redrive", Resource::RedriveLetters),
    order("POST", "/v1/dead-letters/purge", Resource::PurgeLetters),
    order("POST", "/v1/parity/run", Resource::ParityRun).asked(&[&WINDOW]),
    order("POST", "/v1/parity/selftest", Resource::ParitySelfTest),
    // Evaluating changes nothing, though it is a POST.
    order("POST", "/ofrep/v1/evaluate/flags", Resource::EvaluateFlags).by(Right::Read),
    order("POST", "/ofrep/v1/evaluate/flags/{key}", Resource::EvaluateFlag).of(&[&KEY]).by(Right::Read),
];

/// What a request asks for.
#[derive(Debug)]
pub enum RouteMatch {
    /// A route, and what stands for its segments in braces, in order and still encoded.
    Known(&'static ApiRoute, Vec<String>),
    /// A path that has only these methods.
    OtherMethod(Vec<&'static str>),
    /// No path of the API.
    Nothing,
}

impl RouteMatch {
    /// Finds what a request asks for. `HEAD` is asked of all that `GET` is.
    pub fn of(method: &str, path: &str) -> Self {
        let method = if method == "HEAD" { "GET" } else { method };
        let mut allowed = Vec::new();
        for route in ROUTES {
            let Some(segments) = segments(route.pattern, path) else { continue };
            if route.method == method {
                return Self::Known(route, segments);
            }
            allowed.push(route.method);
            if route.method == "GET" {
                allowed.push("HEAD");
            }
        }
        if allowed.is_empty() { Self::Nothing } else { Self::OtherMethod(allowed) }
    }

    /// Who may ask it. What isn't there is told to those only who may read or change what is.
    pub fn right(&self, method: &str) -> Right {
        match self {
            Self::Known(route, _) => route.right,
            _ if matches!(method, "GET" | "HEAD") => Right::Read,
            _ => Right::Change,
        }
    }
}

/// What stands in a path for a pattern's segments in braces, if it fits the pattern. A literal segment goes before.
fn segments(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut wanted, mut given, mut found) = (pattern.split('/'), path.split('/'), Vec::new());
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(name), Some(segment)) if name.starts_with('{') && !segment.is_empty() => {
                found.push(segment.to_owned());
            }
            (Some(name), Some(segment)) if name == segment => {}
            _ => return None,
        }
    }
}

impl ApiRoute {
    /// Refuses a query that has what the route doesn't know, or has something twice.
    ///
    /// # Errors
    /// Which parameter, and which there are.
    pub fn check(&self, query: &Query) -> Result<(), Problem> {
        let mut known: Vec<&str> = Vec::new();
        for name in query.names() {
            let names = || self.query.iter().map(|parameter| parameter.name());
            if !names().any(|known| known == name) {
                let remedy = match self.query {
                    [] => "takes none".to_owned(),
                    _ => format!("takes {}", names().collect::<Vec<_>>().join(", ")),
                };
                return Err(Problem::bad_request(format!("`{name}`: no such parameter; {} {remedy}", self.pattern)));
            }
            if known.contains(&name) {
                return Err(Problem::bad_request(format!("`{name}`: it is given twice; give one value")));
            }
            known.push(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(method: &str, path: &str) -> Option<(Resource, Vec<String>)> {
        match RouteMatch::of(method, path) {
            RouteMatch::Known(route, segments) => Some((route.resource, segments)),
            _ => None,
        }
    }

    #[test]
    fn a_path_finds_its_route_and_the_segments_that_vary() {
        assert_eq!(resource("GET", "/v1/stats"), Some((Resource::Stats, vec![])));
        assert_eq!(resource("HEAD", "/v1/stats"), Some((Resource::Stats, vec![])));
        assert_eq!(resource("GET", "/v1/paths/%2Fa/series"), Some((Resource::PathSeries, vec!["%2Fa".into()])));
        assert_eq!(resource("GET", "/v1/paths/"), None, "a segment is not empty");
        assert_eq!(resource("GET", "/v1/stats/"), None);
        assert_eq!(resource("POST", "/v1/parity/run"), Some((Resource::ParityRun, vec![])));
    }

    #[test]
    fn another_method_is_told_which_there_are() {
        let allowed = |method: &str, path: &str| match RouteMatch::of(method, path) {
            RouteMatch::OtherMethod(allowed) => allowed,
            _ => Vec::new(),
        };
        assert_eq!(allowed("POST", "/v1/flag"), ["GET", "HEAD", "PUT"]);
        assert_eq!(allowed("DELETE", "/v1/flag/rollback"), ["POST"]);
        assert_eq!(allowed("PUT", "/v1/parity/run"), ["GET", "HEAD", "POST"], "it could be a window's name");
        assert!(matches!(RouteMatch::of("GET", "/v1/unknown"), RouteMatch::Nothing));
    }

    #[test]
    fn no_two_routes_are_the_same() {
        for (at, route) in ROUTES.iter().enumerate() {
            let same = |other: &&ApiRoute| other.method == route.method && other.pattern == route.pattern;
            assert!(ROUTES.iter().skip(at + 1).find(same).is_none(), "{} {}", route.method, route.pattern);
        }
    }

    #[test]
    fn each_segment_in_braces_is_a_parameter_of_that_name() {
        for route in ROUTES {
            let braces = route.pattern.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
            let names = route.path.iter().map(|parameter| parameter.name());
            assert!(braces.eq(names), "{}", route.pattern);
        }
    }

    #[test]
    fn what_a_query_may_not_have_is_refused_by_name() {
        let detail = |path: &str, query: &str| match RouteMatch::of("GET", path) {
            RouteMatch::Known(route, _) => {
                route.check(&Query::of(&format!("https://a{path}?{query}"))).err().map(|p| p.detail)
            }
            _ => None,
        };
        assert_eq!(detail("/v1/stats", "range=1h&detail=total"), None);
        let unknown = detail("/v1/stats", "rnage=1h").unwrap_or_default();
        assert!(unknown.starts_with("`rnage`: no such parameter") && unknown.contains("range"), "{unknown}");
        assert!(detail("/v1/ids", "path=/a").unwrap_or_default().starts_with("`path`"));
        assert!(detail("/v1/flag", "a=1").unwrap_or_default().ends_with("takes none"));
        assert!(detail("/v1/ids", "from=1&from=2").unwrap_or_default().starts_with("`from`: it is given twice"));
    }
}
