//! Both stores of a range, read and merged: what figures and previews are made of.

use std::cell::RefCell;

use litemap::LiteMap;
use worker::Env;

use crate::domain::ambiguous::ambiguous;
use crate::domain::blocks::Memo;
use crate::domain::grain::{Grain, MINUTE_MS};
use crate::domain::intervals::Intervals;
use crate::domain::merge::{self, Grouping, Merged, Recount};
use crate::domain::selection::{Parts, Routes, Selection, Span};
use crate::edge::config::Config;
use crate::edge::problem::Problem;
use crate::edge::{clock, stores};

use super::stats::unreadable;

/// Most events that a read fetches to recount ambiguous minutes: some 10 MB and 100 ms.
const MAX_RECOUNT: u64 = 40_000;

/// Most ambiguous hours or days that a read looks into by their minutes or hours.
const MAX_REFINED: usize = 6;

thread_local! {
    /// What this isolate has summed.
    static MEMO: RefCell<Memo> = RefCell::default();
}

/// What the stores hold of a range.
pub struct Both {
    /// Of the object.
    pub old: Intervals,
    /// Of D1.
    pub new: Intervals,
    routes: Routes,
    recounts: LiteMap<Span, Recount>,
    window_ms: u64,
}

impl Both {
    /// Both as one: in steps of this length (ms), or the whole range.
    pub fn merged(&self, step_ms: Option<u64>) -> Merged {
        let grouping = Grouping { routes: self.routes.clone(), step_ms };
        let stores = (&self.old, &self.new);
        MEMO.with_borrow_mut(|memo| merge::merge(stores, &self.recounts, &grouping, self.window_ms, memo))
    }
}

/// Reads these intervals of both stores.
pub async fn read(env: &Env, config: &Config, spans: Vec<Span>, routes: Routes, parts: Parts) -> Result<Both, Problem> {
    let mut selection = Selection { spans, routes, parts, dual: parts };
    let (old, new) = stores::for_merge(env, config, &selection).await;
    let (mut old, mut new) = (old.map_err(unreadable)?, new.map_err(unreadable)?);
    // Ambiguous days become hours, and ambiguous hours minutes, as far as those are kept.
    while let Some((coarse, fine)) = refinable(&old, &new, config) {
        selection.spans = fine;
        let (fine_old, fine_new) = stores::for_merge(env, config, &selection).await;
        for (store, fine) in [(&mut old, fine_old), (&mut new, fine_new)] {
            let fine = fine.map_err(unreadable)?;
            store.retain(|(start, grain), _| !coarse.iter().any(|span| span.grain == *grain && span.holds(*start)));
            store.extend(fine);
        }
    }
    let recounts = recount(&old, &new, env, config).await?;
    Ok(Both { old, new, routes: selection.routes, recounts, window_ms: config.window_ms })
}

/// A few ambiguous intervals, and the finer ones in their stead; none where there are too many, or nothing finer.
fn refinable(old: &Intervals, new: &Intervals, config: &Config) -> Option<(Vec<Span>, Vec<Span>)> {
    let now_ms = clock::now_ms();
    let finer = |span: &Span| {
        let grain = span.grain.finer()?;
        (span.from >= config.retention.first(grain, now_ms)).then_some(Span { grain, ..*span })
    };
    let found = ambiguous(old, new, config.window_ms).into_iter();
    let (coarse, fine): (Vec<Span>, Vec<Span>) = found.filter_map(|span| Some((span, finer(&span)?))).unzip();
    (1..=MAX_REFINED).contains(&coarse.len()).then_some((coarse, fine))
}

/// Fetches the events of ambiguous minutes, the newest first, as far as a read may.
async fn recount(
    old: &Intervals,
    new: &Intervals,
    env: &Env,
    config: &Config,
) -> Result<LiteMap<Span, Recount>, Problem> {
    let size = |span: &Span| -> u64 {
        old.iter().chain(new).filter(|((start, _), _)| span.holds(*start)).map(|(_, held)| held.requests()).sum()
    };
    let mut budget = MAX_RECOUNT;
    let mut chosen = LiteMap::new();
    let found = ambiguous(old, new, config.window_ms).into_iter();
    for span in found.rev().take_while(|span| span.grain == Grain::Minute) {
        match budget.checked_sub(size(&span)) {
            Some(rest) => budget = rest,
            None => break,
        }
        chosen.insert(span, Recount::default());
    }
    let (Some((first, _)), Some((last, _))) = (chosen.first(), chosen.last()) else {
        return Ok(chosen);
    };
    let (from_old, from_new) = stores::events(env, config, first.from, last.to).await;
    let (from_old, from_new) = (from_old.map_err(unreadable)?, from_new.map_err(unreadable)?);
    if from_old.1 || from_new.1 {
        return Ok(LiteMap::new());
    }
    let minute = |ms: u64| Span::around(Grain::Minute, ms, ms - ms % MINUTE_MS + 1);
    for event in from_old.0 {
        if let Some((old, _)) = chosen.get_mut(&minute(event.timestamp)) {
            old.push(event);
        }
    }
    for event in from_new.0 {
        if let Some((_, new)) = chosen.get_mut(&minute(event.timestamp)) {
            new.push(event);
        }
    }
    Ok(chosen)
}
