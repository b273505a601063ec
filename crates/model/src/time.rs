//! Times as people write them: RFC 3339 in UTC, to the millisecond.

use crate::archive::Day;
use crate::counting::grain::{DAY_MS, HOUR_MS, MINUTE_MS};

/// The last time that has a four-digit year: 9999-12-31T23:59:59.999Z, in ms since 1970.
const LAST_MS: u64 = 253_402_300_799_999;

/// A time in ms since 1970 as RFC 3339; empty beyond the year 9999, which that can't write.
pub fn rfc3339(ms: u64) -> String {
    if ms > LAST_MS {
        return String::new();
    }
    let (hours, minutes, of_minute) = (ms % DAY_MS / HOUR_MS, ms % HOUR_MS / MINUTE_MS, ms % MINUTE_MS);
    format!("{}T{hours:02}:{minutes:02}:{:02}.{:03}Z", Day::of(ms), of_minute / 1_000, of_minute % 1_000)
}

/// The ms since 1970 of a time that [`rfc3339`] wrote, with or without its milliseconds; none for any other text.
pub fn ms_of_rfc3339(text: &str) -> Option<u64> {
    let (day, time) = text.split_once('T')?;
    let time = time.strip_suffix('Z')?;
    let (time, ms) = match time.split_once('.') {
        Some((time, ms)) if ms.len() == 3 => (time, ms.parse().ok()?),
        Some(_) => return None,
        None => (time, 0_u64),
    };
    let mut fields = time.split(':').map(|field| field.parse::<u64>().ok().filter(|_| field.len() == 2));
    let (hours, minutes, seconds) = (fields.next()??, fields.next()??, fields.next()??);
    let fits = fields.next().is_none() && hours < 24 && minutes < 60 && seconds < 60;
    fits.then_some(Day::parse(day)?.start_ms() + hours * HOUR_MS + minutes * MINUTE_MS + seconds * 1_000 + ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_being_written() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_730_956_800_123, "2024-11-07T05:20:00.123Z"),
            (LAST_MS, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!((rfc3339(ms).as_str(), ms_of_rfc3339(text)), (text, Some(ms)));
        }
        assert_eq!(rfc3339(LAST_MS + 1), "");
        assert_eq!(ms_of_rfc3339("2024-11-07T05:20:00Z"), Some(1_730_956_800_000));
        for text in ["", "2024-11-07", "2024-11-07T24:00:00Z", "2024-11-07T05:20:00+01:00", "2024-02-30T00:00:00Z"] {
            assert_eq!(ms_of_rfc3339(text), None, "{text}");
        }
    }
}
