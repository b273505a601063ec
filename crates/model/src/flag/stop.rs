//! The emergency stop: a latch beside the flag, obeyed before it, and released by name.
//!
//! The latch is kept in three places that fail apart: the object `default`, D1, and KV. Each holds records of stops and
//! of their releases, and what holds is the union of all that is known:
//! - a stop is never taken back by anything that lacks it, be it older, garbage or missing: only by its own release;
//! - a release names its stop. It can't end one that it doesn't name, and is final wherever it is seen.
//!
//! So records may be written to any place in any order, again, or only to one of them, and be merged at any time: the
//! outcome is the same (a join: commutative, associative, idempotent). Nothing of it is in the flag document, so that
//! no change, rollback, ramp or repair of the flag, however stale, can undo a stop.

use serde::{Deserialize, Serialize};

use crate::error::{InputError, read_json};
use crate::sorted;
use crate::time::rfc3339;

use super::change::ChangeAuthor;
use super::document::{MAX_NAME_BYTES, MAX_REASON_BYTES};

/// Most stops that may hold at once. A further request to stop returns the newest of them, because traffic is stopped
/// already.
pub const MAX_HOLDING: usize = 20;

/// Released stops that a copy still contains, so that isolates that remember a stop learn of its release.
pub const MAX_RELEASED: usize = 50;

/// Longest text of a copy, in bytes. All of its stops fit, even with the longest names and reasons.
pub const MAX_BYTES: usize = 400_000;

/// Who stops or releases, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StopAct {
    /// When, in ms.
    pub at: u64,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl StopAct {
    /// The author of a change of the flag that is made together with this act.
    pub fn author(&self) -> ChangeAuthor {
        ChangeAuthor { by: self.by.clone(), reason: self.reason.clone(), at: rfc3339(self.at) }
    }

    /// Checks it.
    ///
    /// # Errors
    /// When nobody or no reason is named, or either is too long.
    pub fn check(&self) -> Result<(), InputError> {
        for (field, text, limit) in
            [("updatedBy", &self.by, MAX_NAME_BYTES), ("reason", &self.reason, MAX_REASON_BYTES)]
        {
            if text.trim().is_empty() {
                return Err(InputError::field(field, text, "say who does it and why, for those who come after"));
            }
            if text.len() > limit {
                return Err(InputError::field(field, text, format!("give at most {limit} bytes")));
            }
        }
        Ok(())
    }
}

/// A stop.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stop {
    /// Its name: a release has to give it.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^stop-[0-9a-f]{8}$")))]
    pub id: String,
    /// Who made it, when and why.
    #[serde(flatten)]
    pub made: StopAct,
    /// Its release; none while it holds.
    #[serde(default)]
    pub released: Option<StopAct>,
}

impl Stop {
    /// A new stop, which holds. Its name is made of `random`.
    pub fn new(random: [u8; 4], made: StopAct) -> Self {
        Self { id: format!("stop-{}", hex::encode(random)), made, released: None }
    }

    /// Whether it holds.
    pub const fn holds(&self) -> bool {
        self.released.is_none()
    }

    /// Adds what another record of the same stop knows.
    fn join(&mut self, other: Self) {
        // Two releases of one stop: the earlier ended it.
        self.released = match (self.released.take(), other.released) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
        // Names are random: two records of one differ only if somebody wrote one by hand.
        if other.made < self.made {
            self.made = other.made;
        }
    }
}

/// All stops that are known, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Latch {
    stops: Vec<Stop>,
}

impl Latch {
    /// A latch of these stops, in any order.
    pub fn of(stops: impl IntoIterator<Item = Stop>) -> Self {
        let mut latch = Self::default();
        latch.merge(Self { stops: stops.into_iter().collect() });
        latch
    }

    /// Reads a copy.
    ///
    /// # Errors
    /// Why it can't be read.
    pub fn read(text: &str) -> Result<Self, InputError> {
        if text.len() > MAX_BYTES {
            let (what, size, limit) = ("record of stops", text.len(), MAX_BYTES);
            return Err(InputError::TooLarge { what, size, unit: "bytes", limit, remedy: "delete the KV key `stop`" });
        }
        let Self { stops } = read_json("record of stops", text, "cron writes it anew within a minute")?;
        Ok(Self::of(stops))
    }

    /// Adds what another place knows.
    pub fn merge(&mut self, other: Self) {
        for stop in other.stops {
            match self.stops.binary_search_by(|known| known.id.cmp(&stop.id)) {
                Ok(place) => self.stops.get_mut(place).into_iter().for_each(|known| known.join(stop.clone())),
                Err(place) => self.stops.insert(place, stop),
            }
        }
    }

    /// Returns the latch together with what another place knows.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        self.merge(other);
        self
    }

    /// All stops, the newest first.
    pub fn all(&self) -> Vec<&Stop> {
        let mut stops: Vec<&Stop> = self.stops.iter().collect();
        sorted::sort_by(&mut stops, |a, b| (b.made.at, &b.id).cmp(&(a.made.at, &a.id)));
        stops
    }

    /// The stops that hold, the newest first.
    pub fn holding(&self) -> Vec<&Stop> {
        self.all().into_iter().filter(|stop| stop.holds()).collect()
    }

    /// Whether any holds.
    pub fn holds(&self) -> bool {
        self.stops.iter().any(Stop::holds)
    }

    /// The stop of this name.
    pub fn of_id(&self, id: &str) -> Option<&Stop> {
        self.stops.iter().find(|stop| stop.id == id)
    }

    /// When the latest release was, in ms.
    pub fn released_at(&self) -> Option<u64> {
        self.stops.iter().filter_map(|stop| stop.released.as_ref()).map(|act| act.at).max()
    }

    /// What a copy holds: all stops that hold, and the newest that were released.
    #[must_use]
    pub fn copy(&self) -> Self {
        let mut released = 0;
        let kept = self.all().into_iter().filter(|stop| {
            released += usize::from(!stop.holds());
            stop.holds() || released <= MAX_RELEASED
        });
        Self::of(kept.cloned())
    }

    /// Why a change of the flag is refused: which stop holds, and how to release it. None if no stop holds.
    pub fn refusal(&self, rfc3339: impl Fn(u64) -> String) -> Option<String> {
        let holding = self.holding();
        let Stop { id, made, .. } = holding.first()?;
        let more = match holding.len() {
            1 => String::new(),
            count => format!(" ({} more stops hold)", count - 1),
        };
        let StopAct { at, by, reason } = made;
        let at = rfc3339(*at);
        Some(format!(
            "stopped by {by} at {at}: {reason}{more}; changes are refused until it is released: POST flag/release \
             with {{\"id\":\"{id}\",\"updatedBy\":\"…\",\"reason\":\"…\"}}, or `pathctl flag release {id}`"
        ))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn act(at: u64) -> StopAct {
        StopAct { at, by: "op".into(), reason: "on fire".into() }
    }

    fn stop(n: u8, at: u64) -> Stop {
        Stop::new([n, 0, 0, 0], act(at))
    }

    fn released(n: u8, at: u64, released_at: u64) -> Stop {
        Stop { released: Some(act(released_at)), ..stop(n, at) }
    }

    #[test]
    fn a_release_ends_the_stop_that_it_names_and_no_other() {
        let mut latch = Latch::of([stop(1, 10), stop(2, 20)]);
        latch.merge(Latch::of([released(1, 10, 30)]));
        assert_eq!(latch.holding(), [&stop(2, 20)]);
        // A place that never heard of the release doesn't undo it, and one that knows of no stop ends none.
        latch.merge(Latch::of([stop(1, 10)]));
        latch.merge(Latch::default());
        assert_eq!((latch.holding(), latch.released_at()), (vec![&stop(2, 20)], Some(30)));
    }

    #[test]
    fn a_refusal_says_by_whom_when_why_and_how_to_go_on() {
        let latch = Latch::of([stop(1, 10), stop(2, 20), released(3, 30, 40)]);
        let text = latch.refusal(|ms| format!("<{ms}>")).unwrap();
        for part in ["by op at <20>", "on fire", "1 more", "flag/release", "pathctl flag release stop-02000000"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(Latch::of([released(3, 30, 40)]).refusal(|ms| ms.to_string()), None);
    }

    #[test]
    fn nobody_and_no_reason_are_refused() {
        assert!(act(1).check().is_ok());
        let longest = StopAct { at: 1, by: "b".repeat(MAX_NAME_BYTES), reason: "r".repeat(MAX_REASON_BYTES) };
        assert!(longest.check().is_ok());
        for (by, reason, field) in [(" ", "x", "updatedBy"), ("x", "", "reason"), ("x", &*"y".repeat(1_025), "reason")]
        {
            let error = StopAct { at: 1, by: by.into(), reason: reason.into() }.check().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{field}`")), "{error}");
        }
    }

    #[test]
    fn a_copy_keeps_all_that_hold_and_the_newest_that_were_released() {
        let stops = (0..=u8::MAX).map(|n| if n < 5 { stop(n, n.into()) } else { released(n, n.into(), 1_000) });
        let copy = Latch::of(stops).copy();
        assert_eq!((copy.holding().len(), copy.all().len()), (5, 5 + MAX_RELEASED));
        assert!(copy.of_id("stop-ff000000").is_some() && copy.of_id("stop-05000000").is_none());
        let text = serde_json::to_string(&copy).unwrap();
        assert_eq!(Latch::read(&text).unwrap(), copy);
        assert!(Latch::read("{ this is no record").is_err());
        let padded = |bytes: usize| text.clone() + &" ".repeat(bytes - text.len());
        assert_eq!(Latch::read(&padded(MAX_BYTES)).unwrap(), copy);
        assert!(Latch::read(&padded(MAX_BYTES + 2)).is_err());
    }

    #[test]
    fn of_two_records_of_one_name_the_earlier_holds_in_whatever_order_they_are_learnt() {
        let (earlier, later) = (Latch::of([stop(1, 10)]), Latch::of([stop(1, 20)]));
        assert_eq!(earlier.clone().merged(later.clone()), earlier);
        assert_eq!(later.merged(earlier.clone()), earlier);
    }

    #[test]
    fn the_longest_copy_can_be_read() {
        let long = StopAct { at: u64::MAX, by: "b".repeat(MAX_NAME_BYTES), reason: "r".repeat(MAX_REASON_BYTES) };
        let stops = (0..u8::try_from(MAX_HOLDING + MAX_RELEASED).unwrap()).map(|n| Stop {
            id: format!("stop-{n:08}"),
            made: long.clone(),
            released: (usize::from(n) < MAX_RELEASED).then(|| long.clone()),
        });
        let text = serde_json::to_string(&Latch::of(stops)).unwrap();
        assert!(Latch::read(&text).is_ok(), "{} bytes", text.len());
    }

    fn any_stop() -> impl Strategy<Value = Stop> {
        (0u8..5, prop::option::of(1u64..9)).prop_map(|(n, at)| match at {
            Some(at) => released(n, n.into(), at),
            None => stop(n, n.into()),
        })
    }

    proptest! {
        #[test]
        fn the_order_in_which_records_are_learnt_changes_nothing(
            stops in prop::collection::vec(any_stop(), 0..12), split in 0usize..12, mut order: Vec<prop::sample::Index>,
        ) {
            let whole = Latch::of(stops.clone());
            let (one, other) = stops.split_at(split.min(stops.len()));
            let (one, other) = (Latch::of(one.to_vec()), Latch::of(other.to_vec()));
            prop_assert_eq!(&one.clone().merged(other.clone()), &whole);
            prop_assert_eq!(&other.merged(one).merged(whole.clone()), &whole);
            let mut shuffled = stops;
            while let (Some(index), false) = (order.pop(), shuffled.is_empty()) {
                let stop = shuffled.remove(index.index(shuffled.len()));
                shuffled.push(stop);
            }
            prop_assert_eq!(Latch::of(shuffled), whole);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text: String) {
            let _ = Latch::read(&text);
        }
    }
}
