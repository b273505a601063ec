//! Values as operators write them: lengths of time, moments, days, windows.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp};
use model::archive::Day;
use model::delivery::kept_letter::LetterSource;
use model::error::InputError;
use model::flag::Mode;
use model::parity::window::{Window, WindowKind};

/// Longest length that is read: a year.
const MAX_MS: u64 = 365 * 86_400_000;

/// Reads a length such as `90s`, `15m`, `24h`, `7d` or `1h30m`, in ms.
pub fn length_ms(text: &str) -> Result<u64, InputError> {
    let length = text.parse::<Span>().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours())).ok();
    let ms = length.and_then(|length| u64::try_from(length.as_millis()).ok()).filter(|ms| (1..=MAX_MS).contains(ms));
    ms.ok_or_else(|| InputError::field("length", text, "give a length such as 90s, 15m, 24h or 7d; at most 365d"))
}

/// Reads a day, a moment, or ms since 1970, in ms since 1970.
pub fn moment(text: &str) -> Result<u64, InputError> {
    let refused = || {
        let remedy = "give a day such as 2026-11-23, a moment such as 2026-11-23T08:00:00Z, or ms since 1970";
        InputError::field("time", text, remedy)
    };
    if let Ok(ms) = text.parse() {
        // Years are short, ms since 1970 are long: `2026` is a slip.
        return if text.len() >= 9 { Ok(ms) } else { Err(refused()) };
    }
    let moment = text.parse::<Timestamp>().ok().or_else(|| start_of(text.parse().ok()?, 0)).ok_or_else(refused)?;
    u64::try_from(moment.as_millisecond()).map_err(|_| refused())
}

/// Reads a UTC day.
pub fn day(text: &str) -> Result<String, InputError> {
    let day = Day::parse(text).map(|day| day.to_string());
    day.ok_or_else(|| InputError::field("day", text, "give a UTC day such as 2026-11-23"))
}

/// Reads an hour such as `2026-11-23T08`, a day, or a window as the API has it.
pub fn window(text: &str) -> Result<Window, InputError> {
    if text.contains(':') {
        return Window::parse(text);
    }
    let read = || {
        let (day, hour) = text.split_once('T').map_or((text, None), |(day, hour)| (day, Some(hour)));
        let kind = if hour.is_some() { WindowKind::Hour } else { WindowKind::Day };
        let hour = hour.map_or(Some(0), |hour| (hour.len() == 2).then(|| hour.parse().ok())?)?;
        let start = u64::try_from(start_of(day.parse().ok()?, hour)?.as_millisecond()).ok()?;
        Some(Window::containing(kind, start))
    };
    let remedy = "give an hour such as 2026-11-23T08, a day such as 2026-11-23, or hour:MS, day:MS, range:MS-MS";
    let window = read().ok_or_else(|| InputError::field("window", text, remedy))?;
    // Again by its text, for the bounds that every window has.
    Window::parse(&window.to_string())
}

/// Reads a kind of window.
pub fn window_kind(text: &str) -> Result<WindowKind, InputError> {
    WindowKind::named(text).ok_or_else(|| InputError::field("kind", text, "give hour, day or range"))
}

/// Reads a mode of the flag.
pub fn mode(text: &str) -> Result<Mode, InputError> {
    let modes = [Mode::DoOnly, Mode::QueueOnly, Mode::DualWrite];
    let found = modes.into_iter().find(|mode| mode.name() == text);
    found.ok_or_else(|| InputError::field("mode", text, format!("give one of {}", modes.map(Mode::name).join(", "))))
}

/// Reads which consumer found a letter.
pub fn letter_source(text: &str) -> Result<LetterSource, InputError> {
    LetterSource::named(text).ok_or_else(|| InputError::field("source", text, "give consumer or dlq"))
}

/// The start of an hour, in UTC; none if the day has no such hour.
fn start_of(day: Date, hour: i8) -> Option<Timestamp> {
    if !(0..24).contains(&hour) {
        return None;
    }
    Some(day.at(hour, 0, 0, 0).to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_those_of_documents_and_answers() {
        assert_eq!((mode("dual-write"), letter_source("dlq")), (Ok(Mode::DualWrite), Ok(LetterSource::Dlq)));
        assert!(mode("dual").unwrap_err().to_string().contains("do-only, queue-only, dual-write"));
        assert!(letter_source("me").is_err());
    }

    #[test]
    fn lengths_have_numbers_and_units() {
        assert_eq!(
            ["90s", "15m", "7d", "1h30m"].map(|text| length_ms(text).unwrap()),
            [90_000, 900_000, 604_800_000, 5_400_000]
        );
        for text in ["", "15", "m", "-1h", "0s", "366d", "9999999999999999999d", "½h"] {
            assert!(length_ms(text).unwrap_err().to_string().contains("24h"), "{text}");
        }
    }

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
    fn hours_days_and_the_apis_own_form_are_windows() {
        for (text, expected) in [
            ("2024-11-07T05", "hour:1730955600000"),
            ("2024-11-07", "day:1730937600000"),
            ("hour:1730955600000", "hour:1730955600000"),
        ] {
            assert_eq!(window(text).unwrap().to_string(), expected);
        }
        for text in
            ["", "yesterday", "2024-11-07T5", "2024-11-07T24", "2024-13-07", "2024-11-07T05x", "1970-01-01", "hour:1"]
        {
            assert!(window(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text: String, likely in "[0-9:T+-]{0,20}") {
            for text in [text, likely] {
                let _ = (length_ms(&text), moment(&text), window(&text));
            }
        }
    }
}
