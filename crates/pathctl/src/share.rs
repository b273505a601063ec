//! Shares of traffic as people write them.
//!
//! Invariant: a share is a whole number of parts per million (ppm). What isn't is refused, never rounded; and what
//! [`Share`] shows, it reads back.

use std::fmt;
use std::str::FromStr;

use model::flag::MILLION;

/// A share, from nothing to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// In parts per million.
    pub ppm: u32,
}

impl Share {
    /// A share of so many ppm.
    pub const fn of_ppm(ppm: u32) -> Self {
        Self { ppm }
    }
}

/// Why a text is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    #[error("give a share such as 1%, 0.01%, 250ppm or 1/1000")]
    Unreadable,
    #[error("percent or ppm? give {0}% or {0}ppm")]
    WithoutUnit(String),
    #[error("it is more than all; give at most 100%")]
    MoreThanAll,
    #[error("it is no whole number of ppm; give at most 4 decimals of a percent")]
    NotWhole,
}

impl FromStr for Share {
    type Err = ShareError;

    /// Reads `1%`, `12.5 %`, `250ppm` or `1/1000`.
    fn from_str(text: &str) -> Result<Self, ShareError> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let whole = match unit.trim_start() {
            "" if !number.is_empty() => return Err(ShareError::WithoutUnit(number.into())),
            "%" => 100,
            "ppm" => MILLION.into(),
            fraction => {
                let whole = fraction.strip_prefix('/').and_then(|whole| whole.trim_start().parse::<u64>().ok());
                whole.filter(|whole| *whole > 0).ok_or(ShareError::Unreadable)?
            }
        };
        let (digits, scale) = decimal(number).ok_or(ShareError::Unreadable)?;
        let (parts, of) = (u128::from(digits) * u128::from(MILLION), u128::from(whole) * u128::from(scale));
        if parts > of * u128::from(MILLION) {
            return Err(ShareError::MoreThanAll);
        }
        if !parts.is_multiple_of(of) {
            return Err(ShareError::NotWhole);
        }
        u32::try_from(parts / of).map(Self::of_ppm).map_err(|_| ShareError::MoreThanAll)
    }
}

/// A decimal number as its digits and the power of ten that they are divided by.
fn decimal(number: &str) -> Option<(u64, u64)> {
    let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    // A number has a digit at least: a dot alone is none.
    let is_number = number.bytes().any(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("0{integer}{fraction}").parse().ok())?.map(|digits| (digits, scale))
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PERCENT: u32 = MILLION / 100;
        let fraction = format!("{:04}", self.ppm % PERCENT);
        let point = if self.ppm.is_multiple_of(PERCENT) { "" } else { "." };
        f.pad(&format!("{}{point}{} %", self.ppm / PERCENT, fraction.trim_end_matches('0')))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ppm(text: &str) -> Result<u32, ShareError> {
        text.parse::<Share>().map(|share| share.ppm)
    }

    #[test]
    fn shares_are_read_as_people_write_them() {
        for (text, expected) in [
            ("1%", 10_000),
            ("1 %", 10_000),
            (" 0.5% ", 5_000),
            ("12.5 %", 125_000),
            ("0.01%", 100),
            ("0.0001%", 1),
            ("0.500000%", 5_000),
            ("100%", MILLION),
            ("0%", 0),
            ("0.0%", 0),
            (".5%", 5_000),
            ("250ppm", 250),
            ("1000000 ppm", MILLION),
            ("1/1000", 1_000),
            ("3 / 3", MILLION),
        ] {
            assert_eq!(ppm(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_exact_or_not_clear_is_refused_with_the_remedy() {
        for (text, part) in [
            ("1", "1% or 1ppm"),
            ("0.5", "0.5% or 0.5ppm"),
            ("", "such as"),
            ("%", "such as"),
            (".%", "such as"),
            ("-1%", "such as"),
            ("1e3ppm", "such as"),
            ("0,5%", "such as"),
            ("1..5%", "such as"),
            ("1/0", "such as"),
            ("1%%", "such as"),
            ("99999999999999999999%", "such as"),
            ("100.0001%", "at most 100%"),
            ("1000001ppm", "at most 100%"),
            ("0.00001%", "4 decimals"),
            ("0.5ppm", "whole number of ppm"),
            ("1/3", "whole number of ppm"),
        ] {
            let error = ppm(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(ppm in 0..=MILLION) {
            let share = Share::of_ppm(ppm);
            prop_assert_eq!(share.to_string().parse(), Ok(share));
            prop_assert_eq!(format!("{ppm}ppm").parse(), Ok(share));
            prop_assert_eq!(format!("{ppm}/{MILLION}").parse(), Ok(share));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*", number in "[0-9./ ]{0,40}", unit in "(%|ppm|/[0-9]{0,30})") {
            let _ = text.parse::<Share>();
            if let Ok(share) = format!("{number}{unit}").parse::<Share>() {
                prop_assert!(share.ppm <= MILLION);
            }
        }
    }
}
