//! What a reader remembers of a store's rollups.
//!
//! Invariant: what is recalled is what the store would answer. A rollup changes only by a fold, and each answer says from
//! which time on folds since then have changed any; what lies before is as it was. What has not been confirmed for a while
//! is forgotten: the store tells changes by segments, and they are not kept for ever.
//!
//! All that is remembered is of one timeline, that of the newest fold heard of. A store that lacks it was restored: then
//! all is forgotten, and answers on their way are believed once and not remembered.

use litemap::LiteMap;
use std::rc::Rc;

use model::event::Cohort;
use model::forget;
use model::reading::intervals::{self, Interval, IntervalSlot, Intervals};
use model::reading::selection::{FoldId, KnownIntervals, RollupParts, RouteSelection, Selection, joined};

use super::retention::MIN_SEGMENT_AGE_MS;
use super::rollup_rows::decode;
use crate::sql::StoreError;
use model::reading::found::SelectedRollups;

/// What an isolate may remember of all stores, in bytes, of its 128 MB.
pub const MAX_BYTES: usize = 40 * 1024 * 1024;

/// What was not confirmed for so long is forgotten, in ms: long before segments are deleted that tell of changes, even
/// those with events as old as are accepted.
pub const FORGET_AFTER_MS: u64 = 60 * 60 * 1000;
const _: () = assert!(FORGET_AFTER_MS < MIN_SEGMENT_AGE_MS - model::event::MAX_AGE_MS);

/// One interval as a fold left it.
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
    /// About how much memory it takes.
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

/// What is remembered of one store. It may be lost at no harm.
pub struct Recall {
    kept: LiteMap<RouteSelection, LiteMap<IntervalSlot, Kept>>,
    max_bytes: usize,
    reads: u64,
    newest: Option<FoldId>,
    /// How often all was forgotten.
    timeline: u64,
}

/// What is remembered of one selection.
#[derive(Default)]
pub struct RecalledIntervals {
    intervals: Intervals,
    /// The oldest of the folds as of which they are.
    fold: Option<FoldId>,
    newest: Option<FoldId>,
    timeline: u64,
}

impl RecalledIntervals {
    /// What to tell the store.
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
    /// Nothing as yet, and at most so many bytes, about.
    pub const fn new(max_bytes: usize) -> Self {
        Self { kept: LiteMap::new(), max_bytes, reads: 0, newest: None, timeline: 0 }
    }

    /// What is remembered of a selection.
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

    /// The figures that were selected: what was recalled and has not changed, and what was found; remembers them.
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

    /// The fold as of which an answer may be remembered, if it is known to be of the timeline of what is remembered.
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

    /// Remembers an interval as of a fold, unless a later one is remembered.
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

    /// Keeps to the bound: what was read longest ago goes first.
    fn forget(&mut self) {
        let kept = self.kept.values().flat_map(LiteMap::values);
        let gone = forget::up_to(kept.map(|kept| (kept.read, kept.bytes())), self.max_bytes);
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
