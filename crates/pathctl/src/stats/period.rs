//! Which period a command reads.

use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The ranges that the API knows by name; each ends now.
const NAMED: [&str; 7] = ["15m", "1h", "6h", "24h", "7d", "30d", "90d"];

/// A period: a named range that ends now, or from and to.
#[derive(Args, Debug, Clone)]
pub struct PeriodArgs {
    /// Length of a period that ends now.
    #[arg(long, value_name = "LENGTH", value_parser = NAMED, conflicts_with = "from")]
    #[arg(default_value = "1h")]
    range: String,
    /// Beginning: 2026-11-23, 2026-11-23T08:00:00Z, or ms since 1970.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<u64>,
    /// End, in the same forms. [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<u64>,
}

impl PeriodArgs {
    /// The period as the API is asked for it.
    pub fn query(&self) -> String {
        let to = self.to.map(|to| format!("&to={to}")).unwrap_or_default();
        match self.from {
            Some(from) => format!("from={from}{to}"),
            None => format!("range={}{to}", self.range),
        }
    }
}

/// Reads a day, a moment, or ms since 1970.
///
/// # Errors
/// The remedy.
pub fn moment(text: &str) -> Result<u64, String> {
    const REMEDY: &str = "give a day such as 2026-11-23, a moment such as 2026-11-23T08:00:00Z, or ms since 1970";
    if let Ok(ms) = text.parse() {
        // Years are short, ms since 1970 are long: `2026` is a slip.
        return if text.len() >= 9 { Ok(ms) } else { Err(REMEDY.into()) };
    }
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let moment = text.parse::<Timestamp>().ok().or_else(day).ok_or(REMEDY)?;
    u64::try_from(moment.as_millisecond()).map_err(|_| "give a time after 1970".into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_moments_and_ms_are_read() {
        for (text, ms) in [
            ("2024-11-07", 1_730_937_600_000),
            ("2024-11-07T05:20:00Z", 1_730_956_800_000),
            ("2024-11-07T06:20:00+01:00", 1_730_956_800_000),
            ("1730956800000", 1_730_956_800_000),
        ] {
            assert_eq!(moment(text), Ok(ms), "{text}");
        }
        for text in ["", "2024", "yesterday", "2024-13-01", "1969-12-31", "-5"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_period_is_asked_for_by_its_name_or_by_its_ends() {
        let period = |from, to| PeriodArgs { range: "1h".into(), from, to };
        assert_eq!(period(None, None).query(), "range=1h");
        assert_eq!(period(None, Some(9)).query(), "range=1h&to=9");
        assert_eq!(period(Some(5), None).query(), "from=5");
        assert_eq!(period(Some(5), Some(9)).query(), "from=5&to=9");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = moment(&text);
        }
    }
}
