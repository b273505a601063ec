//! Rollups that a reader remembers of a store, so that it reads only what has changed.
//!
//! Invariant: what is remembered equals what the store would answer. Only folds change rollups, and each answer says
//! from which time on later folds have changed any: everything before is unchanged. What was not confirmed for a while
//! is forgotten, because the store finds changes by its segments, which it does not keep for ever.
//!
//! Everything that is remembered belongs to one timeline: that of the newest known fold. A store that lacks this fold
//! was restored. Then everything is forgotten, and answers that are on their way are used but not remembered.

use litemap::LiteMap;
use std::rc::Rc;

use model::event::Cohort;
use model::eviction;
use model::reading::intervals::{self, Interval, IntervalSlot, Intervals};
use model::reading::selection::{FoldId, KnownIntervals, RollupParts, RouteSelection, Selection, joined};

use super::retention::MIN_SEGMENT_AGE_MS;
use super::rollup_rows::decode;
use crate::sql::StoreError;
use model::reading::answers::SelectedRollups;

/// Memory that an isolate may use for this, over all stores, in bytes. It has 128 MB.
pub const MAX_BYTES: usize = 40 * 1024 * 1024;

/// What was not confirmed for this long is forgotten, in ms. It is far less than the time after which segments are
/// deleted, even those with the oldest events that are accepted.
pub const FORGET_AFTER_MS: u64 = 60 * 60 * 1000;
const _: () = assert!(FORGET_AFTER_MS < MIN_SEGMENT_AGE_MS - model::event::MAX_AGE_MS);

/// An interval as of a fold.
#[derive(Clone)]
struct Kept {
    interval: Rc<Interval>,
    parts: RollupParts,
    dual: RollupParts,
    fold: FoldId,
    confirmed_at: u64,
    /// The last read that selected it.
    read: u64,
}

impl Kept {
    /// Roughly how much memory it takes, in bytes.
    fn bytes(&self) -> usize {
        // A rollup's numbers, and what its parts add where all are there: bins for 1 ms to 10 s, registers.
        let of = |parts| match parts {
            RollupParts::Counts => 400,
            RollupParts::Latency => 2_400,
            RollupParts::Figures => 4_800,
            RollupParts::All => 6_400,
        };
        let count = |cohort| self.interval.of(cohort).routes();
        let dual = count(Cohort::Dual) * of(self.dual);
        100 + dual + (count(Cohort::Single) + count(Cohort::Fallback)) * of(self.parts)
    }
}

/// What is remembered of one store. Losing it is harmless.
pub struct Recall {
    kept: LiteMap<RouteSelection, LiteMap<IntervalSlot, Kept>>,
    max_bytes: usize,
    reads: u64,
    newest: Option<FoldId>,
    /// How often everything was forgotten.
    timeline: u64,
}

/// What is remembered of one selection.
#[derive(Default)]
pub struct RecalledIntervals {
    intervals: Intervals,
    /// The oldest of the folds as of which the intervals are known.
    fold: Option<FoldId>,
    newest: Option<FoldId>,
    timeline: u64,
}

impl RecalledIntervals {
    /// What is known, for the store's statements. `None` if nothing is.
    pub fn known(&self) -> Option<KnownIntervals> {
        let spans = joined(self.intervals.keys().map(|(start, grain)| (*start, *grain)));
        let newest = self.newest?;
        Some(KnownIntervals { fold: self.fold.unwrap_or(newest), newest, spans })
    }
}

fn slots(selection: &Selection) -> impl Iterator<Item = IntervalSlot> {
    selection.spans.iter().flat_map(|span| span.starts().map(|start| (start, span.grain)))
}

impl Recall {
    /// An empty memory of at most about this many bytes.
    pub const fn new(max_bytes: usize) -> Self {
        Self { kept: LiteMap::new(), max_bytes, reads: 0, newest: None, timeline: 0 }
    }

    /// Returns what is remembered of a selection.
    pub fn recall(&self, selection: &Selection, now_ms: u64) -> RecalledIntervals {
        let mut recalled =
            RecalledIntervals { newest: self.newest, timeline: self.timeline, ..RecalledIntervals::default() };
        let Some(of_routes) = self.kept.get(&selection.routes) else { return recalled };
        for slot in slots(selection) {
            let Some(kept) = of_routes.get(&slot) else { continue };
            let is_enough = kept.parts >= selection.parts && kept.dual >= selection.dual;
            if is_enough && now_ms.abs_diff(kept.confirmed_at) < FORGET_AFTER_MS {
                recalled.intervals.insert(slot, Rc::clone(&kept.interval));
                recalled.fold = Some(recalled.fold.map_or(kept.fold, |fold| fold.min(kept.fold)));
            }
        }
        recalled
    }

    /// Returns the selected figures: those that were remembered and have not changed, and those that the store
    /// returned. Remembers them.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn learn(
        &mut self,
        selection: &Selection,
        recalled: &RecalledIntervals,
        found: &SelectedRollups,
        now_ms: u64,
    ) -> Result<Intervals, StoreError> {
        self.reads += 1;
        let fold = self.believe(recalled, found);
        let mut fresh = Intervals::new();
        add(&mut fresh, &found.folded)?;
        let mut all = Intervals::new();
        for slot in slots(selection) {
            let known = recalled.intervals.get(&slot).filter(|_| slot.0 + slot.1.ms() <= found.changed_from);
            let is_known = known.is_some();
            let interval = known.cloned().or_else(|| fresh.remove(&slot)).unwrap_or_default();
            if let Some(fold) = fold {
                self.keep(slot, &interval, selection, is_known, (fold, now_ms));
            }
            all.insert(slot, interval);
        }
        self.forget();
        add(&mut all, &found.waiting)?;
        Ok(all)
    }

    /// The fold as of which an answer may be remembered. `None` if it may be of another timeline.
    fn believe(&mut self, recalled: &RecalledIntervals, found: &SelectedRollups) -> Option<FoldId> {
        if recalled.timeline != self.timeline {
            return None;
        }
        if recalled.newest.is_some() && !found.is_continued {
            self.kept = LiteMap::new();
            self.newest = None;
            self.timeline += 1;
        } else if recalled.newest != self.newest && found.fold != self.newest {
            // Another answer came in between: both go on from what was known, but maybe not one from the other.
            return None;
        }
        self.newest = found.fold.or(self.newest);
        found.fold
    }

    /// Remembers an interval as of a fold, unless it is already remembered as of a later one.
    fn keep(
        &mut self,
        slot: IntervalSlot,
        interval: &Rc<Interval>,
        selection: &Selection,
        is_known: bool,
        at: (FoldId, u64),
    ) {
        let (fold, confirmed_at) = at;
        let (parts, dual, read) = (selection.parts, selection.dual, self.reads);
        let of_routes = match self.kept.get_mut(&selection.routes) {
            Some(of_routes) => of_routes,
            None => self.kept.entry(selection.routes.clone()).or_default(),
        };
        match of_routes.get_mut(&slot) {
            Some(kept) if kept.fold > fold => {}
            // What was remembered may have more parts than were asked for.
            Some(kept) if is_known => (kept.fold, kept.confirmed_at, kept.read) = (fold, confirmed_at, read),
            _ => {
                let interval = Rc::clone(interval);
                of_routes.insert(slot, Kept { interval, parts, dual, fold, confirmed_at, read });
            }
        }
    }

    /// Evicts what was read longest ago, down to the bound.
    fn forget(&mut self) {
        let kept = self.kept.values().flat_map(LiteMap::values);
        let gone = eviction::up_to(kept.map(|kept| (kept.read, kept.bytes())), self.max_bytes);
        for (_, of_routes) in &mut self.kept {
            of_routes.retain(|_, kept| kept.read > gone);
        }
        self.kept.retain(|_, of_routes| !of_routes.is_empty());
    }
}

fn add(all: &mut Intervals, texts: &[String]) -> Result<(), StoreError> {
    for text in texts {
        let (key, rollup) = decode(text)?;
        intervals::add(all, (key.start, key.grain), key.path, key.cohort, rollup);
    }
    Ok(())
}
