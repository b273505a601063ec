//! What both stores say of each minute: where it is the same, nothing is looked into.

use litemap::LiteMap;

use crate::sql::StoreError;
use model::parity::ask::{Minute, ParityAnswer, ParityQuestion};
use model::parity::minute::fingerprint;
use model::parity::window::Window;
use model::reading::ambiguous::reach_ms;
use model::sorted::{distinct, within};

use super::comparer::{Comparer, unfitting};

/// What both stores say of each minute of a window and those around it.
#[derive(Debug, Default)]
pub struct Overview {
    old: LiteMap<u64, Minute>,
    new: LiteMap<u64, Minute>,
    /// Hours of which a store no longer keeps all minutes: of the old, and of the new one.
    incomplete: [Vec<u64>; 2],
    pub(super) newest_window: u64,
    reach_ms: u64,
}

impl Overview {
    /// Minutes of a window in which the dual events differ, or a store counts an event twice: if both do, the sums
    /// agree.
    pub(super) fn differing(&self, window: Window) -> Vec<u64> {
        let known = [&self.old, &self.new].into_iter().flat_map(|minutes| within(minutes, window.from..window.to));
        let differs = |start: &u64| {
            let [old, new] = self.minute(*start);
            old.dual != new.dual || old.counted_twice() > 0 || new.counted_twice() > 0
        };
        distinct(known.map(|(start, _)| *start).filter(differs))
    }

    /// What both stores say of a minute.
    pub(super) fn minute(&self, start: u64) -> [Minute; 2] {
        [&self.old, &self.new].map(|minutes| minutes.get(&start).copied().unwrap_or_default())
    }

    /// What the old store and the new one say of each minute of a window.
    pub(super) fn minutes(&self, window: Window) -> [LiteMap<u64, Minute>; 2] {
        let of_window = |minutes| within(minutes, window.from..window.to).map(|(start, minute)| (*start, *minute));
        [&self.old, &self.new].map(|minutes| of_window(minutes).collect())
    }

    /// Why this can't be compared, if minutes are gone: a sum over what is left of them would say less than a report that
    /// was made before.
    pub(super) fn gone(&self) -> Option<String> {
        let gone =
            ["old", "new"].into_iter().zip(&self.incomplete).find_map(|(side, hours)| Some((side, hours.first()?)));
        gone.map(|(side, hour)| {
            format!(
                "the {side} store no longer has all minutes of the hour that begins at {hour}: it can't be compared"
            )
        })
    }

    /// Whether there is nothing in a window.
    pub fn is_empty(&self, window: Window) -> bool {
        let none = |minutes: &LiteMap<u64, Minute>| within(minutes, window.from..window.to).next().is_none();
        none(&self.old) && none(&self.new)
    }

    /// Fingerprint of what was said of a time and, as far as dedup reaches, around it.
    pub fn fingerprint(&self, from: u64, to: u64) -> String {
        let range = from.saturating_sub(self.reach_ms)..to.saturating_add(self.reach_ms);
        fingerprint(within(&self.old, range.clone()).chain(within(&self.new, range)))
    }
}

impl Comparer<'_> {
    /// Asks both stores about each minute of a time.
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
