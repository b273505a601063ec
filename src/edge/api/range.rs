//! The time range of a request.

use crate::domain::error::InputError;
use crate::domain::identity::MAX_TIMESTAMP_MS;
use crate::edge::problem::Problem;
use crate::edge::query::parameter;

/// Range where none is given, in ms: a day.
const DEFAULT_MS: u64 = 24 * 60 * 60 * 1000;

/// Longest range, in ms: 8 days, more than details are kept.
const MAX_MS: u64 = 8 * 24 * 60 * 60 * 1000;

/// Reads `from` and `to` (ms since 1970): by default the day that ends in a minute from now.
pub fn of(url: &str, now_ms: u64) -> Result<(u64, u64), Problem> {
    let bad = |field: &str, text: &str, remedy: String| {
        Problem::bad_request(InputError::field(field, text, remedy).to_string())
    };
    let read = |name: &str, default: u64| match parameter(url, name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .ok()
            .filter(|ms| *ms <= MAX_TIMESTAMP_MS)
            .ok_or_else(|| bad(name, &text, "give milliseconds since 1970".into())),
    };
    let to = read("to", now_ms + 60_000)?;
    let from = read("from", to.saturating_sub(DEFAULT_MS))?;
    if from >= to {
        return Err(bad("from", &from.to_string(), format!("give a time before `to` ({to})")));
    }
    if to - from > MAX_MS {
        return Err(bad("from", &from.to_string(), format!("give at most {MAX_MS} ms before `to` ({to})")));
    }
    Ok((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_checked() {
        let range = |query: &str| of(&format!("http://x/?{query}"), 1_730_956_800_000);
        assert_eq!(range("").unwrap(), (1_730_956_860_000 - DEFAULT_MS, 1_730_956_860_000));
        assert_eq!(range("from=5&to=9").unwrap(), (5, 9));
        for (query, field) in [
            ("from=x", "from"),
            ("to=-1", "to"),
            ("from=9&to=9", "from"),
            ("from=0", "from"),
            ("to=99999999999999", "to"),
        ] {
            let detail = range(query).unwrap_err().detail;
            assert!(detail.starts_with(&format!("`{field}`")), "{query}: {detail}");
        }
    }
}
