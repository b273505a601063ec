//! The time range of a request.

use model::counting::grain::{DAY_MS, MINUTE_MS};
use model::error::InputError;
use model::reading::selection::Span;

use crate::error::Error;
use api::parameters::{FROM, RANGE, TO};
use api::url::Query;

/// Range where none is given, in ms: a day.
const DEFAULT_MS: u64 = DAY_MS;

/// Longest range, in ms: as long as days are kept.
const MAX_MS: u64 = 401 * DAY_MS;

/// Reads `range` (a named one that ends in a minute from now), or `from` and `to` (ms since 1970): by default the day that
/// ends in a minute from now.
///
/// # Errors
/// [`Error`].
pub fn of(query: &Query, now_ms: u64) -> Result<(u64, u64), Error> {
    let bad = |from: u64, remedy: String| Error::input(InputError::field(FROM.name(), from, remedy));
    let length = RANGE.of(query)?;
    if let (Some(_), Some(from)) = (length, FROM.of(query)?) {
        return Err(bad(from, "give either `range`, or `from` and `to`".into()));
    }
    let to = TO.of(query)?.unwrap_or(now_ms + MINUTE_MS);
    let from = FROM.of(query)?.unwrap_or(to.saturating_sub(length.unwrap_or(DEFAULT_MS)));
    if from >= to {
        return Err(bad(from, format!("give a time before `to` ({to})")));
    }
    if to - from > MAX_MS {
        return Err(bad(from, format!("give at most {MAX_MS} ms before `to` ({to})")));
    }
    Ok((from, to))
}

/// The range, from start to end, that a read of these spans covers if the request ends at `to`. Spans are whole
/// intervals. If the last one is not over yet, the range ends with the current minute, or with that of `to` if that is
/// later.
pub fn covered(spans: &[Span], to: u64, now_ms: u64) -> (u64, u64) {
    let from = spans.first().map_or(to, |span| span.from);
    let end = spans.last().map_or(to, |span| span.to);
    (from, if end > now_ms { end.min(to.max(now_ms).next_multiple_of(MINUTE_MS)) } else { end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_checked() {
        let range = |query: &str| of(&Query::of(&format!("http://x/?{query}")), 1_730_956_800_000);
        assert_eq!(range("").unwrap(), (1_730_956_860_000 - DEFAULT_MS, 1_730_956_860_000));
        assert_eq!(range("from=5&to=9").unwrap(), (5, 9));
        assert_eq!(range("range=1h&to=9000000").unwrap(), (5_400_000, 9_000_000));
        for (query, field) in [
            ("range=1h&from=5", "from"),
            ("from=x", "from"),
            ("to=-1", "to"),
            ("range=2h", "range"),
            ("from=9&to=9", "from"),
            ("from=0", "from"),
            ("to=99999999999999", "to"),
        ] {
            let detail = range(query).unwrap_err().to_string();
            assert!(detail.starts_with(&format!("`{field}`")), "{query}: {detail}");
        }
    }
}
