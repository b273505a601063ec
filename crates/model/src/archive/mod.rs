//! The archive of details: which events go into which file, and what the files are called.
//!
//! **Lives here:** days and names, what a list and a manifest say ([`listed_day`], [`manifest`]), where the next part ends ([`plan`]) and which
//! copy of an event that both stores hold is written ([`union`]).
//! **Invariant:** all of it depends on the events alone, so that a repeat writes the same files.

pub mod listed_day;
pub mod manifest;
pub mod plan;
pub mod union;

use std::fmt;

use crate::counting::grain::DAY_MS;

/// A UTC day, in days since 1970. An event belongs to the day in which its ID window starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub u64);

/// Days from 0000-03-01 to 1970-01-01, and those of 400 years.
const DAYS_TO_1970: u64 = 719_468;
const DAYS_OF_ERA: u64 = 146_097;

impl Day {
    /// The day of a time in ms.
    pub const fn of(ms: u64) -> Self {
        Self(ms / DAY_MS)
    }

    /// Its beginning, in ms.
    pub const fn start_ms(self) -> u64 {
        self.0 * DAY_MS
    }

    /// Its end, in ms.
    pub const fn end_ms(self) -> u64 {
        (self.0 + 1) * DAY_MS
    }

    /// Year, month and day: `civil_from_days` of <https://howardhinnant.github.io/date_algorithms.html>.
    const fn civil(self) -> (u64, u64, u64) {
        let days = self.0 + DAYS_TO_1970;
        let (era, of_era) = (days / DAYS_OF_ERA, days % DAYS_OF_ERA);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        (year + era * 400 + (month <= 2) as u64, month, day)
    }

    /// Parses `YYYY-MM-DD`. None if it is not a day since 1970.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split('-').map(|field| field.parse::<u64>().ok());
        let (year, month, day) = (fields.next()??, fields.next()??, fields.next()??);
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        // `days_from_civil`, of the same source.
        let from_march = if month <= 2 { year - 1 } else { year };
        let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
        let (era, of_era) = (from_march / 400, from_march % 400);
        let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        let found = Self((era * DAYS_OF_ERA + of_era).checked_sub(DAYS_TO_1970)?);
        // What names no day (February 30) comes out as another; and there is one way to write each.
        (found.to_string() == text).then_some(found)
    }

    /// Name of its manifest.
    pub fn manifest_name(self) -> String {
        format!("{}/manifest.json", self.folder())
    }

    /// Name of one of its parts, numbered from 0.
    pub fn part_name(self, number: u64) -> String {
        format!("{}/{}", self.folder(), part_file(number))
    }

    fn folder(self) -> String {
        let (year, month, day) = self.civil();
        format!("events/{year:04}/{month:02}/{day:02}")
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// File name of a part, `part-NNNN.ndjson.gz`.
pub fn part_file(number: u64) -> String {
    format!("part-{number:04}.ndjson.gz")
}

/// The number in a part's file name. None if it is not the name of a part.
pub fn part_number(file: &str) -> Option<u64> {
    let number = file.strip_prefix("part-")?.strip_suffix(".ndjson.gz")?.parse().ok()?;
    (part_file(number) == file).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_have_names() {
        let day = Day::of(1_730_956_800_000);
        assert_eq!(day.to_string(), "2024-11-07");
        assert_eq!(day.manifest_name(), "events/2024/11/07/manifest.json");
        assert_eq!(day.part_name(3), "events/2024/11/07/part-0003.ndjson.gz");
        for (days, text) in [(0, "1970-01-01"), (11_016, "2000-02-29"), (19_782, "2024-02-29"), (20_088, "2024-12-31")]
        {
            assert_eq!(Day(days).to_string(), text);
        }
    }

    #[test]
    fn only_names_that_are_given_are_read() {
        for text in ["", "2024-02-30", "2023-02-29", "2024-2-03", "1969-12-31", "2024-13-01", "2024-01", "2024-01-01-"]
        {
            assert_eq!(Day::parse(text), None, "{text}");
        }
        for file in ["", "part-1.ndjson.gz", "part-00001.ndjson.gz", "part-+001.ndjson.gz", "../part-0001.ndjson.gz"] {
            assert_eq!(part_number(file), None, "{file}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_read_back(day in 0u64..2_900_000, number in 0u64..100_000) {
            prop_assert_eq!(Day::parse(&Day(day).to_string()), Some(Day(day)));
            prop_assert_eq!(part_number(&part_file(number)), Some(number));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = (Day::parse(&text), part_number(&text));
        }
    }
}
