//! Both stores of a range, read and merged: what figures and previews are made of.

use litemap::LiteMap;

use model::counting::grain::{Grain, MINUTE_MS};
use model::reading::ambiguous::ambiguous;
use model::reading::grouping::Grouping;
use model::reading::intervals::Intervals;
use model::reading::merge::{self, Merged, Recount};
use model::reading::missing::MissingData;
use model::reading::selection::{RollupParts, RouteSelection, Selection, Span};

use super::stores;
use crate::app::App;
use crate::deadline::Deadline;
use crate::error::Error;

/// Most events that a read fetches to recount ambiguous minutes: some 10 MB and 100 ms.
pub const MAX_RECOUNT: u64 = 40_000;

/// Most ambiguous hours or days that a read looks into by their minutes or hours.
const MAX_REFINED: usize = 6;

/// The intervals of a range in both stores.
pub struct StoreIntervals {
    /// Those of the object. None if nothing could be read.
    pub old: Option<Intervals>,
    /// Those of D1. None if it could not be read.
    pub new: Option<Intervals>,
    /// What could not be read. Its events are in no figure.
    pub missing: Vec<MissingData>,
    routes: RouteSelection,
    recounts: LiteMap<Span, Recount>,
    window_ms: u64,
}

impl StoreIntervals {
    /// Merges both stores, in steps of this length (ms), or over the whole range.
    pub fn merged(&self, app: &App, step_ms: Option<u64>) -> Merged {
        let grouping = Grouping { routes: self.routes.clone(), step_ms };
        let nothing = Intervals::new();
        let stores = (self.old.as_ref().unwrap_or(&nothing), self.new.as_ref().unwrap_or(&nothing));
        let mut sums = app.isolate.sums.borrow_mut();
        let merged = merge::merge(stores, &self.recounts, &grouping, self.window_ms, &mut sums);
        Merged { exact: merged.exact && self.missing.is_empty(), ..merged }
    }
}

/// Reads these intervals of both stores, as far as they answer in time.
///
/// # Errors
/// Neither store answered.
pub async fn read(
    app: &App,
    spans: Vec<Span>,
    routes: RouteSelection,
    parts: RollupParts,
) -> Result<StoreIntervals, Error> {
    let mut selection = Selection { spans, routes, parts, dual: parts };
    let deadline = app.read_deadline();
    let (old, new) = stores::for_merge(app, &selection, deadline).await;
    let missing = [old.missing, new.missing].concat();
    let routes = selection.routes.clone();
    let both = |old, new, missing, recounts| StoreIntervals {
        old,
        new,
        missing,
        routes,
        recounts,
        window_ms: app.config.window_ms,
    };
    let (mut old, mut new) = match (old.found, new.found) {
        (None, None) => return Err(Error::nothing_is_readable(&missing)),
        (Some(old), Some(new)) if missing.is_empty() => (old, new),
        // What both stores share can't be told from one of them.
        (old, new) => return Ok(both(old, new, missing, LiteMap::new())),
    };
    // Ambiguous days become hours, and ambiguous hours minutes, as far as those are kept. What can't be read any more
    // stays ambiguous, so that the answer is not exact.
    while let Some((coarse, fine)) = refinable(&old, &new, app) {
        selection.spans = fine;
        let (fine_old, fine_new) = stores::for_merge(app, &selection, deadline).await;
        let (Ok(fine_old), Ok(fine_new)) = (fine_old.whole(), fine_new.whole()) else { break };
        for (store, fine) in [(&mut old, fine_old), (&mut new, fine_new)] {
            store.retain(|(start, grain), _| !coarse.iter().any(|span| span.grain == *grain && span.holds(*start)));
            store.extend(fine);
        }
    }
    let recounts = recount(&old, &new, app, deadline).await;
    Ok(both(Some(old), Some(new), Vec::new(), recounts))
}

/// A few ambiguous intervals, and the finer ones in their stead; none where there are too many, or nothing finer.
fn refinable(old: &Intervals, new: &Intervals, app: &App) -> Option<(Vec<Span>, Vec<Span>)> {
    let now_ms = app.now_ms();
    let finer = |span: &Span| {
        let grain = span.grain.finer()?;
        (span.from >= app.config.retention.first(grain, now_ms)).then_some(Span { grain, ..*span })
    };
    let found = ambiguous(old, new, app.config.window_ms).into_iter();
    let (coarse, fine): (Vec<Span>, Vec<Span>) = found.filter_map(|span| Some((span, finer(&span)?))).unzip();
    (1..=MAX_REFINED).contains(&coarse.len()).then_some((coarse, fine))
}

/// Fetches the events of ambiguous minutes, the newest first, as far as a read may; none where they can't be read.
async fn recount(old: &Intervals, new: &Intervals, app: &App, deadline: Deadline) -> LiteMap<Span, Recount> {
    let size = |span: &Span| -> u64 {
        old.iter().chain(new).filter(|((start, _), _)| span.holds(*start)).map(|(_, held)| held.requests()).sum()
    };
    let mut budget = MAX_RECOUNT;
    let mut chosen = LiteMap::new();
    let found = ambiguous(old, new, app.config.window_ms).into_iter();
    for span in found.rev().take_while(|span| span.grain == Grain::Minute) {
        match budget.checked_sub(size(&span)) {
            Some(rest) => budget = rest,
            None => break,
        }
        chosen.insert(span, Recount::default());
    }
    let (Some((first, _)), Some((last, _))) = (chosen.first(), chosen.last()) else {
        return chosen;
    };
    let (from_old, from_new) = stores::events(app, first.from, last.to, deadline).await;
    let (Ok((from_old, false)), Ok((from_new, false))) = (from_old.whole(), from_new.whole()) else {
        return LiteMap::new();
    };
    let minute = |ms: u64| Span::around(Grain::Minute, ms, ms - ms % MINUTE_MS + 1);
    for event in from_old {
        if let Some((old, _)) = chosen.get_mut(&minute(event.timestamp)) {
            old.push(event);
        }
    }
    for event in from_new {
        if let Some((_, new)) = chosen.get_mut(&minute(event.timestamp)) {
            new.push(event);
        }
    }
    chosen
}
