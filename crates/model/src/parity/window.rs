//! The time that a report is about.
//!
//! Invariant: a window is whole minutes of event time, in UTC.

use serde::{Deserialize, Serialize};

use crate::counting::grain::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::error::InputError;
use crate::event::identity::{MAX_TIMESTAMP_MS, MIN_TIMESTAMP_MS};

/// Longest window that is compared on demand: the minutes of longer ones may be rolled up already.
pub const MAX_MS: u64 = 2 * DAY_MS;

/// What a window is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum WindowKind {
    /// Scheme B: an hour.
    Hour,
    /// Scheme A: a day.
    Day,
    /// Any other, on demand.
    Range,
}

impl WindowKind {
    /// Its name in tables and addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Range => "range",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Hour, Self::Day, Self::Range].into_iter().find(|kind| kind.name() == name)
    }

    /// Length of its windows in ms; none for a range.
    pub const fn length_ms(self) -> Option<u64> {
        match self {
            Self::Hour => Some(HOUR_MS),
            Self::Day => Some(DAY_MS),
            Self::Range => None,
        }
    }
}

/// A window, written `hour:{start}`, `day:{start}` or `range:{from}-{to}`, in ms since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Window {
    /// What it is for.
    pub kind: WindowKind,
    /// Its beginning, in ms.
    pub from: u64,
    /// Its end, in ms, which is not in it.
    pub to: u64,
}

impl Window {
    /// The window of this kind that `at_ms` lies in.
    pub const fn containing(kind: WindowKind, at_ms: u64) -> Self {
        let length = match kind.length_ms() {
            Some(length) => length,
            None => MINUTE_MS,
        };
        let from = at_ms - at_ms % length;
        Self { kind, from, to: from + length }
    }

    /// Reads a window.
    ///
    /// # Errors
    /// If it is not a window, is not a whole number of minutes, or is too long.
    pub fn parse(text: &str) -> Result<Self, InputError> {
        let error = |remedy: &str| InputError::field("window", text, remedy);
        let form = "give hour:{start}, day:{start} or range:{from}-{to}, in ms since 1970";
        let number = |text: &str| -> Result<u64, InputError> {
            let number = text.parse().ok().filter(|ms| (MIN_TIMESTAMP_MS..=MAX_TIMESTAMP_MS).contains(ms));
            number.ok_or_else(|| error(form))
        };
        let window = match text.split_once(':') {
            Some(("hour", start)) => Self::containing(WindowKind::Hour, number(start)?),
            Some(("day", start)) => Self::containing(WindowKind::Day, number(start)?),
            Some(("range", range)) => {
                let (from, to) = range.split_once('-').ok_or_else(|| error(form))?;
                Self { kind: WindowKind::Range, from: number(from)?, to: number(to)? }
            }
            _ => return Err(error(form)),
        };
        if window.from % MINUTE_MS != 0 || window.to % MINUTE_MS != 0 || window.to <= window.from {
            return Err(error("give whole minutes, the beginning before the end"));
        }
        if window.to - window.from > MAX_MS {
            return Err(error("give at most two days: the minutes of longer windows are not kept"));
        }
        Ok(window)
    }

    /// Whether the window has ended and the time for late events is over.
    pub const fn is_closed(&self, now_ms: u64, lag_ms: u64) -> bool {
        now_ms >= self.to.saturating_add(lag_ms)
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            WindowKind::Range => write!(f, "range:{}-{}", self.from, self.to),
            kind => write!(f, "{}:{}", kind.name(), self.from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_survive_text() {
        for text in ["hour:1730955600000", "day:1730937600000", "range:1730956800000-1730956860000"] {
            assert_eq!(Window::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Window::parse("hour:1730956800000").unwrap().to_string(), "hour:1730955600000");
    }

    #[test]
    fn a_kind_is_found_by_its_name() {
        for kind in [WindowKind::Hour, WindowKind::Day, WindowKind::Range] {
            assert_eq!(WindowKind::named(kind.name()), Some(kind));
        }
        assert_eq!(WindowKind::named("week"), None);
    }

    #[test]
    fn two_days_are_the_longest_window() {
        let text = |minutes| format!("range:1730937600000-{}", 1_730_937_600_000 + MAX_MS + minutes * MINUTE_MS);
        assert_eq!(Window::parse(&text(0)).unwrap().to_string(), text(0));
        assert!(Window::parse(&text(1)).unwrap_err().to_string().contains("two days"));
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in [
            "",
            "hour",
            "hour:",
            "hour:x",
            "week:1730955600000",
            "hour:7",
            "range:1730956800000",
            "range:1730956800000-1730956800000",
            "range:1730956800000-1730956860001",
            "range:1730956800000-1740956880000",
        ] {
            assert!(Window::parse(text).unwrap_err().to_string().starts_with("`window`"), "{text}");
        }
    }

    #[test]
    fn a_window_is_closed_once_stragglers_had_their_time() {
        let window = Window::containing(WindowKind::Hour, 1_730_956_800_000);
        assert!(!window.is_closed(window.to + 9, 10) && window.is_closed(window.to + 10, 10));
    }
}
