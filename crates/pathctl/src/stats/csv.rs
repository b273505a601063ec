//! Routes as CSV (RFC 4180, but that lines end as text tools have it).

use std::fmt::Write as _;

use crate::collector::traffic::{Classes, Route};

const HEADER: &str = "path,requests,1xx,2xx,3xx,4xx,5xx,mean_ms,min_ms,max_ms,p50_ms,p95_ms,p99_ms";

/// A line for each route, under a header.
pub fn table(routes: &[Route]) -> String {
    let mut text = HEADER.to_owned();
    for Route { path, figures } in routes {
        let Classes { informational, success, redirection, client_error, server_error } = figures.status;
        let _ = write!(text, "\n{},{}", field(path), figures.requests); // writing to a string can't fail
        for count in [informational, success, redirection, client_error, server_error] {
            let _ = write!(text, ",{count}");
        }
        let time = figures.response_time.map(|time| [time.mean, time.min, time.max, time.p50, time.p95, time.p99]);
        for place in 0..6 {
            let ms = time.and_then(|time| time.get(place).copied());
            let _ = write!(text, ",{}", ms.map(|ms| ms.to_string()).unwrap_or_default());
        }
    }
    text
}

/// A field: quoted where it must be, and never what a spreadsheet would take for a formula.
fn field(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::tests::route;

    #[test]
    fn each_line_has_a_field_for_each_column() {
        let text = table(&[route("/a,\"b\"", 3, 1, Some(12.5)), route("=1", 0, 0, None)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "\"/a,\"\"b\"\"\",3,0,2,0,0,1,12.5,12.5,12.5,12.5,12.5,12.5");
        assert_eq!(lines[2], "'=1,0,0,0,0,0,0,,,,,,");
        assert_eq!(lines[2].matches(',').count(), HEADER.matches(',').count());
    }
}
