//! Both stores' sums for each minute. Minutes with equal sums are not looked into.

use litemap::LiteMap;

use crate::sql::StoreError;
use model::parity::ask::{Minute, ParityAnswer, ParityQuestion};
use model::parity::minute::fingerprint;
use model::parity::window::Window;
use model::reading::ambiguous::reach_ms;
use model::sorted::{self, distinct, within};

use super::comparer::{Comparer, unfitting};

/// Both stores' sums for each minute of a window and of the time around it.
#[derive(Debug, Default)]
pub struct Overview {
    old: LiteMap<u64, Minute>,
    new: LiteMap<u64, Minute>,
    /// Hours whose minutes are no longer all kept: in the old store, and in the new one.
    incomplete: [Vec<u64>; 2],
    pub(super) newest_window: u64,
    reach_ms: u64,
}

impl Overview {
    /// Minutes of a window whose dual events differ, or in which a store counts an event twice. (If both stores do,
    /// their sums agree.)
    pub(super) fn differing(&self, window: Window) -> Vec<u64> {
        let known = [&self.old, &self.new].into_iter().flat_map(|minutes| within(minutes, window.from..window.to));
        let differs = |start: &u64| {
            let [old, new] = self.minute(*start);
            old.dual != new.dual || old.counted_twice() > 0 || new.counted_twice() > 0
        };
        distinct(known.map(|(start, _)| *start).filter(differs))
    }

    /// The sums of a minute: of the old store, and of the new one.
    pub(super) fn minute(&self, start: u64) -> [Minute; 2] {
        [&self.old, &self.new].map(|minutes| minutes.get(&start).copied().unwrap_or_default())
    }

    /// The sums of each minute of a window: of the old store, and of the new one.
    pub(super) fn minutes(&self, window: Window) -> [LiteMap<u64, Minute>; 2] {
        let of_window = |minutes| within(minutes, window.from..window.to).map(|(start, minute)| (*start, *minute));
        [&self.old, &self.new].map(|minutes| sorted::map_of(of_window(minutes)))
    }

    /// Why the window can't be compared, if minutes were deleted: a report on the rest would say less than an earlier
    /// report. `None` if all minutes are kept.
    pub(super) fn gone(&self) -> Option<String> {
        let gone =
            ["old", "new"].into_iter().zip(&self.incomplete).find_map(|(side, hours)| Some((side, hours.first()?)));
        gone.map(|(side, hour)| {
            format!(
                "the {side} store no longer has all minutes of the hour that begins at {hour}: it can't be compared"
            )
        })
    }

    /// Whether neither store has events in a window.
    pub fn is_empty(&self, window: Window) -> bool {
        let none = |minutes: &LiteMap<u64, Minute>| within(minutes, window.from..window.to).next().is_none();
        none(&self.old) && none(&self.new)
    }

    /// Fingerprint of both stores' sums for `from..to` (ms) and for as much time around it as dedup reaches.
    pub fn fingerprint(&self, from: u64, to: u64) -> String {
        let range = from.saturating_sub(self.reach_ms)..to.saturating_add(self.reach_ms);
        fingerprint(within(&self.old, range.clone()).chain(within(&self.new, range)))
    }
}

impl Comparer<'_> {
    /// Asks both stores for their sums of each minute in `from..to` (ms).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn overview(&self, from: u64, to: u64, id_window_ms: u64) -> Result<Overview, StoreError> {
        let reach_ms = reach_ms(id_window_ms);
        let ask = ParityQuestion::Minutes { from: from.saturating_sub(reach_ms), to: to.saturating_add(reach_ms) };
        match (self.old.ask(&ask).await?, self.new.ask(&ask).await?) {
            (ParityAnswer::Minutes(old), ParityAnswer::Minutes(new)) => Ok(Overview {
                old: old.by_start,
                new: new.by_start,
                incomplete: [old.incomplete, new.incomplete],
                newest_window: new.newest_window,
                reach_ms,
            }),
            _ => Err(unfitting()),
        }
    }
}
