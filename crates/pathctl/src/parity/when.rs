//! Windows as people write them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use model::parity::window::{Kind, Window};

/// Reads `2026-11-23T08`, `2026-11-23`, or a window as the API has it.
///
/// # Errors
/// The remedy.
pub fn parse(text: &str) -> Result<Window, String> {
    if text.contains(':') {
        return Window::parse(text).map_err(|error| error.to_string());
    }
    let start = |time: DateTime| {
        let ms = time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_millisecond());
        ms.and_then(|ms| u64::try_from(ms).ok()).ok_or_else(|| REMEDY.to_owned())
    };
    let day: Date = text.get(..10).and_then(|day| day.parse().ok()).ok_or(REMEDY)?;
    let (kind, hour) = match text.get(10..).and_then(|rest| rest.strip_prefix('T')) {
        None if text.len() == 10 => (Kind::Day, 0),
        Some(hour) if hour.len() == 2 => {
            (Kind::Hour, hour.parse::<i8>().ok().filter(|hour| (0..24).contains(hour)).ok_or(REMEDY)?)
        }
        _ => return Err(REMEDY.to_owned()),
    };
    // Again by its text, for the bounds that every window has.
    let window = Window::containing(kind, start(day.at(hour, 0, 0, 0))?);
    Window::parse(&window.to_string()).map_err(|error| error.to_string())
}

/// Reads a kind of window.
///
/// # Errors
/// The remedy.
pub fn kind(text: &str) -> Result<Kind, String> {
    Kind::named(text).ok_or_else(|| "give hour, day or range".to_owned())
}

const REMEDY: &str = "give an hour such as 2026-11-23T08, a day such as 2026-11-23, or hour:MS, day:MS, range:MS-MS";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hours_days_and_the_apis_own_form_are_read() {
        for (text, window) in [
            ("2024-11-07T05", "hour:1730955600000"),
            ("2024-11-07", "day:1730937600000"),
            ("hour:1730955600000", "hour:1730955600000"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), window);
        }
        for text in
            ["", "yesterday", "2024-11-07T5", "2024-11-07T24", "2024-13-07", "2024-11-07T05x", "1970-01-01", "hour:1"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = parse(&text);
        }
    }
}
