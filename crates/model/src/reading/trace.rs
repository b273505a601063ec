//! Where the details of an ID's time are, whether or not any store knows the ID.
//!
//! Invariant: an ID that isn't found is never taken as proof that it never existed. The answer says whether its details
//! would still be kept.

use serde::{Deserialize, Serialize};

use crate::archive::Day;
use crate::event::MAX_AHEAD_MS;

/// How far the archive has come with a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ArchiveProgress {
    /// It has not begun: the day's details are kept meanwhile.
    Waiting,
    /// Its parts are being written.
    Writing,
    /// They are looked at again.
    Checking,
    /// It is written whole.
    Done,
}

impl ArchiveProgress {
    /// The state of this name in the database.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "writing" => Some(Self::Writing),
            "checking" => Some(Self::Checking),
            "done" => Some(Self::Done),
            _ => None,
        }
    }
}

/// What is known of an ID's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age {
    /// Start of the ID's window, in ms.
    pub window_start: u64,
    /// Now, in ms.
    pub now_ms: u64,
    /// How long details are kept at least, in ms.
    pub kept_ms: u64,
    /// How far the archive is with the ID's day. None if there is no archive, or if it began later.
    pub archiving: Option<ArchiveProgress>,
}

/// Where details of a time are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DetailsPlace {
    /// No gateway can have made such an ID yet.
    Future,
    /// In the stores.
    Stores,
    /// In the archive, and perhaps still in the stores.
    Archive,
    /// Nowhere: they are older than what is kept, and not archived.
    Nowhere,
}

/// Where details of an ID's time are, in one word and in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DetailsNote {
    /// In one word.
    pub place: DetailsPlace,
    /// In words.
    pub note: String,
}

/// Tells where an ID's details are.
pub fn details(age: &Age) -> DetailsNote {
    let day = Day::of(age.window_start);
    let over = age.now_ms >= age.window_start.saturating_add(age.kept_ms);
    let (place, note) = if age.window_start > age.now_ms + MAX_AHEAD_MS {
        (DetailsPlace::Future, "its time has not come: no gateway made it".to_owned())
    } else {
        match age.archiving {
            Some(ArchiveProgress::Done) => (DetailsPlace::Archive, format!("its details are in the archive of {day}")),
            Some(_) if over => (DetailsPlace::Stores, format!("details of {day} are kept until they are archived")),
            None if over => (DetailsPlace::Nowhere, "it is older than what is kept".to_owned()),
            _ => (DetailsPlace::Stores, "details of its time are kept".to_owned()),
        }
    };
    DetailsNote { place, note }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counting::grain::DAY_MS;

    const NOW: u64 = 20_000 * DAY_MS;

    fn place(window_start: u64, archiving: Option<ArchiveProgress>) -> (DetailsPlace, String) {
        let DetailsNote { place, note } = details(&Age { window_start, now_ms: NOW, kept_ms: 7 * DAY_MS, archiving });
        (place, note)
    }

    #[test]
    fn where_details_are_follows_from_age_and_archive() {
        assert_eq!(place(NOW + MAX_AHEAD_MS + 1, None).0, DetailsPlace::Future);
        assert_eq!(place(NOW + MAX_AHEAD_MS, None).0, DetailsPlace::Stores);
        assert_eq!(place(NOW - 7 * DAY_MS + 1, None).0, DetailsPlace::Stores);
        assert_eq!(place(NOW - 7 * DAY_MS, None), (DetailsPlace::Nowhere, "it is older than what is kept".into()));
        for waiting in [ArchiveProgress::Waiting, ArchiveProgress::Writing, ArchiveProgress::Checking] {
            assert_eq!(place(NOW - 9 * DAY_MS, Some(waiting)).0, DetailsPlace::Stores);
        }
        let archived = place(NOW - 9 * DAY_MS, Some(ArchiveProgress::Done));
        assert_eq!(archived, (DetailsPlace::Archive, "its details are in the archive of 2024-09-25".into()));
    }

    #[test]
    fn states_have_the_names_of_the_database() {
        for (name, state) in [
            ("writing", ArchiveProgress::Writing),
            ("checking", ArchiveProgress::Checking),
            ("done", ArchiveProgress::Done),
        ] {
            assert_eq!(ArchiveProgress::named(name), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), name);
        }
        assert_eq!(ArchiveProgress::named("waiting"), None);
    }
}
