//! The time range of a request.

use model::counting::grain::{DAY_MS, HOUR_MS, MINUTE_MS};
use model::error::InputError;
use model::event::identity::MAX_TIMESTAMP_MS;
use model::reading::selection::Span;

use crate::error::Error;
use api::url::Query;

/// Range where none is given, in ms: a day.
const DEFAULT_MS: u64 = DAY_MS;

/// Longest range, in ms: as long as days are kept.
const MAX_MS: u64 = 401 * DAY_MS;

/// The ranges that have a name, in ms; they end now.
const NAMED: [(&str, u64); 7] = [
    ("15m", 15 * MINUTE_MS),
    ("1h", HOUR_MS),
    ("6h", 6 * HOUR_MS),
    ("24h", DAY_MS),
    ("7d", 7 * DAY_MS),
    ("30d", 30 * DAY_MS),
    ("90d", 90 * DAY_MS),
];

/// Reads `range` (a named one that ends in a minute from now), or `from` and `to` (ms since 1970): by default the day that
/// ends in a minute from now.
///
/// # Errors
/// [`Error`].
pub fn of(query: &Query, now_ms: u64) -> Result<(u64, u64), Error> {
    let bad =
        |field: &str, text: &str, remedy: String| Error::input(InputError::field(field, text, remedy).to_string());
    let read = |name: &str, default: u64| match query.get(name).map(str::to_owned) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .ok()
            .filter(|ms| *ms <= MAX_TIMESTAMP_MS)
            .ok_or_else(|| bad(name, &text, "give milliseconds since 1970".into())),
    };
    let named = query.get("range").map(str::to_owned);
    if let (Some(_), Some(text)) = (&named, query.get("from").map(str::to_owned)) {
        return Err(bad("from", &text, "give either `range`, or `from` and `to`".into()));
    }
    let to = read("to", now_ms + MINUTE_MS)?;
    let length = match named {
        None => DEFAULT_MS,
        Some(text) => {
            let named = NAMED.iter().find(|(name, _)| *name == text);
            named
                .ok_or_else(|| bad("range", &text, format!("give one of {}", NAMED.map(|(name, _)| name).join(", "))))?
                .1
        }
    };
    let from = read("from", to.saturating_sub(length))?;
    if from >= to {
        return Err(bad("from", &from.to_string(), format!("give a time before `to` ({to})")));
    }
    if to - from > MAX_MS {
        return Err(bad("from", &from.to_string(), format!("give at most {MAX_MS} ms before `to` ({to})")));
    }
    Ok((from, to))
}

/// What a read of these spans covers of a range that ends at `to`: the spans are whole intervals, of which the last may
/// not be over yet. All that it has happened before the minute in which the range ends.
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
