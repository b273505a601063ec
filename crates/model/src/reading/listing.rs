//! The table of routes: sorted, searched, a page at a time.
//!
//! Invariant: a cursor names the last row that was returned, not a position. So a table that changes between pages
//! doesn't repeat a row, or skip one that moved by one.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::counting::figures::{ResponseTime, StatusClasses};
use crate::error::InputError;
use crate::sorted;

/// A route in the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RouteRow {
    /// Normalised route.
    pub path: String,
    /// Number of requests.
    pub requests: u64,
    /// By status class.
    pub status: StatusClasses,
    /// Response times.
    pub response_time: Option<ResponseTime>,
    /// Requests of each step of the range.
    pub spark: Vec<u64>,
}

impl RouteRow {
    /// What it is sorted by, as a number; the names of routes sort themselves.
    #[allow(clippy::cast_precision_loss)] // counts stay far below 2^53
    fn key(&self, sort: SortColumn) -> f64 {
        let time = |figure: fn(&ResponseTime) -> f64| self.response_time.as_ref().map_or(0.0, figure);
        match sort {
            SortColumn::Path => 0.0,
            SortColumn::Requests => self.requests as f64,
            SortColumn::Errors => self.status.server_error as f64,
            SortColumn::P50 => time(|t| t.p50),
            SortColumn::P95 => time(|t| t.p95),
            SortColumn::P99 => time(|t| t.p99),
        }
    }
}

/// Column by which the table is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortColumn {
    /// Name of the route.
    Path,
    /// Requests.
    Requests,
    /// Responses with a status from 500 on.
    Errors,
    /// Median response time.
    P50,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
}

impl SortColumn {
    /// All, with their names.
    pub const NAMED: [(&str, Self); 6] = [
        ("requests", Self::Requests),
        ("errors", Self::Errors),
        ("p50", Self::P50),
        ("p95", Self::P95),
        ("p99", Self::P99),
        ("path", Self::Path),
    ];
}

/// Which part of the table to return.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingSelection {
    /// By which column.
    pub sort: SortColumn,
    /// Whether the largest comes first.
    pub descending: bool,
    /// Text that the route's name contains, whatever its case.
    pub search: String,
    /// Most rows.
    pub limit: usize,
    /// After this row.
    pub after: Option<ListingCursor>,
}

/// The last row of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingCursor {
    key: f64,
    path: String,
}

impl ListingCursor {
    /// As text that needs no escaping in a URL.
    fn text(&self) -> String {
        format!("{:x}-{}", self.key.to_bits(), hex::encode(&self.path))
    }

    /// Reads a page's `next`.
    ///
    /// # Errors
    /// If it is not a cursor.
    pub fn parse(text: &str) -> Result<Self, InputError> {
        let parts = || {
            let (key, path) = text.split_once('-')?;
            let key = f64::from_bits(u64::from_str_radix(key, 16).ok()?);
            let path = String::from_utf8(hex::decode(path).ok()?).ok()?;
            key.is_finite().then_some(Self { key, path })
        };
        parts().ok_or_else(|| InputError::field("cursor", text, "give `next` of the page before, or leave it out"))
    }
}

/// A page of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingPage {
    /// Routes that match the search, on all pages.
    pub routes: usize,
    /// Rows of this page.
    pub rows: Vec<RouteRow>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// Returns the selected page.
pub fn page(rows: Vec<RouteRow>, wanted: &ListingSelection) -> ListingPage {
    let search = wanted.search.to_ascii_lowercase();
    let mut rows: Vec<RouteRow> =
        rows.into_iter().filter(|row| row.path.to_ascii_lowercase().contains(&search)).collect();
    let routes = rows.len();
    let before = |a: (f64, &str), b: (f64, &str)| {
        let by_key = if wanted.descending { b.0.total_cmp(&a.0) } else { a.0.total_cmp(&b.0) };
        // Equal figures come in the order of names, whatever the direction; names themselves obey it.
        let by_name = if wanted.descending && wanted.sort == SortColumn::Path { b.1.cmp(a.1) } else { a.1.cmp(b.1) };
        by_key.then(by_name)
    };
    let place = |row: &RouteRow| row.key(wanted.sort);
    sorted::sort_by(&mut rows, |a, b| before((place(a), &a.path), (place(b), &b.path)));
    if let Some(ListingCursor { key, path }) = &wanted.after {
        rows.retain(|row| before((*key, path), (place(row), &row.path)).is_lt());
    }
    let more = rows.len() > wanted.limit;
    rows.truncate(wanted.limit);
    let last = rows.last().filter(|_| more);
    let next = last.map(|row| ListingCursor { key: place(row), path: row.path.clone() }.text());
    ListingPage { routes, rows, next }
}

/// The table as CSV (RFC 4180).
pub fn csv(rows: &[RouteRow]) -> String {
    let mut text = "path,requests,1xx,2xx,3xx,4xx,5xx,mean_ms,min_ms,max_ms,p50_ms,p95_ms,p99_ms\r\n".to_owned();
    for row in rows {
        let StatusClasses { informational, success, redirection, client_error, server_error } = row.status;
        let counts = [row.requests, informational, success, redirection, client_error, server_error];
        let times = row.response_time.as_ref().map_or_else(
            || ",,,,,".to_owned(),
            |t| format!("{},{},{},{},{},{}", t.mean, t.min, t.max, t.p50, t.p95, t.p99),
        );
        text.push_str(&field(&row.path));
        for count in counts {
            let _ = write!(text, ",{count}");
        }
        let _ = write!(text, ",{times}\r\n");
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
    use proptest::prelude::*;

    use super::*;
    use crate::counting::rollup::Rollup;
    use crate::event::Event;
    use crate::event::tests::example;

    fn row(path: &str, requests: u64) -> RouteRow {
        let mut rollup = Rollup::default();
        rollup.add(&Event { status: 404, ..example() });
        let response_time = ResponseTime::of(&rollup);
        RouteRow { path: path.into(), requests, status: (&rollup).into(), response_time, spark: Vec::new() }
    }

    fn wanted(sort: SortColumn, descending: bool, limit: usize) -> ListingSelection {
        ListingSelection { sort, descending, search: String::new(), limit, after: None }
    }

    #[test]
    fn a_table_is_searched_sorted_and_told_to_go_on() {
        let rows = vec![row("/b", 1), row("/A", 3), row("/c", 2)];
        let cut = |wanted: &ListingSelection| page(rows.clone(), wanted);
        let names = |page: &ListingPage| page.rows.iter().map(|row| row.path.clone()).collect::<Vec<_>>();
        let first = cut(&wanted(SortColumn::Requests, true, 2));
        assert_eq!((names(&first), first.routes), (vec!["/A".to_owned(), "/c".to_owned()], 3));
        let after = Some(ListingCursor::parse(&first.next.unwrap()).unwrap());
        let second = cut(&ListingSelection { after, ..wanted(SortColumn::Requests, true, 2) });
        assert_eq!((names(&second), second.next), (vec!["/b".to_owned()], None));
        let found = cut(&ListingSelection { search: "a".into(), ..wanted(SortColumn::Path, true, 9) });
        assert_eq!((names(&found), found.routes), (vec!["/A".to_owned()], 1));
    }

    #[test]
    fn a_cursor_that_is_none_is_refused() {
        for text in ["", "-", "x-", "1-zz", "7ff0000000000000-2f", "1-ff"] {
            assert!(ListingCursor::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn csv_quotes_what_it_must_and_starts_no_formula() {
        let rows = [row("/a,\"b\"", 1), row("=1+1", 2)];
        let text = csv(&rows);
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(lines[1], "\"/a,\"\"b\"\"\",1,0,0,0,1,0,12,12,12,12,12,12");
        assert!(lines[2].starts_with("'=1+1,2,"), "{text}");
        assert_eq!(
            csv(&[RouteRow { response_time: None, ..row("/", 0) }]).lines().nth(1).unwrap().matches(',').count(),
            12
        );
    }

    proptest! {
        #[test]
        fn pages_together_are_the_whole_table_in_order(
            requests in prop::collection::vec(0u64..5, 0..40), limit in 1usize..7, descending: bool, sort in 0usize..6,
        ) {
            let rows: Vec<RouteRow> = (0..).zip(requests).map(|(n, count)| row(&format!("/{n}"), count)).collect();
            let whole = page(rows.clone(), &wanted(SortColumn::NAMED[sort].1, descending, 1_000)).rows;
            let (mut got, mut after) = (Vec::new(), None);
            loop {
                let wanted = wanted(SortColumn::NAMED[sort].1, descending, limit);
                let page = page(rows.clone(), &ListingSelection { after, ..wanted });
                prop_assert!(page.rows.len() <= limit);
                got.extend(page.rows);
                let Some(next) = page.next else { break };
                after = Some(ListingCursor::parse(&next).unwrap());
            }
            prop_assert_eq!(got, whole);
        }
    }
}
