//! What readers ask: the total of a range, its table of paths, both stores as one.

use std::collections::BTreeMap;

use litemap::LiteMap;

use model::counting::figures::Figures;
use model::counting::grain::{DAY_MS, Retention};
use model::counting::rollup::{Rollup, Rollups};
use model::reading::blocks::BlockMemory;
use model::reading::grouping::Grouping;
use model::reading::intervals::by_interval;
use model::reading::merge::{Merged, merge};
use model::reading::selection::{RollupParts, RouteSelection, Selection, cover};
use store::events::event_store::{EventStore, WriterMemory};

use crate::case::{Case, metered};
use crate::metered::Metered;
use crate::scale::Scale;
use crate::traffic::{NOW, events, fill, record};
use rig::{block_on, store};

const WINDOW_MS: u64 = model::event::identity::DEFAULT_WINDOW_MS;

/// All kept days, as the API selects them.
fn selection(days: u64, routes: RouteSelection, parts: RollupParts, dual: RollupParts) -> Selection {
    Selection { spans: cover(NOW - days * DAY_MS, NOW, NOW, &Retention::default()), routes, parts, dual }
}

fn read(store: &EventStore, selection: &Selection) -> Rollups {
    block_on(store.rollups(selection)).unwrap()
}

fn sum(rollups: &Rollups) -> Rollup {
    let mut total = Rollup::default();
    for rollup in rollups.values() {
        total.merge(rollup);
    }
    total
}

/// Requests of the last days in a store.
pub fn requests(store: &EventStore, days: u64) -> u64 {
    sum(&read(store, &selection(days, RouteSelection::Together, RollupParts::Counts, RollupParts::Counts))).requests
}

/// A store with days of events.
fn filled(scale: Scale) -> Metered {
    let sql = Metered::new();
    fill(&sql, &events(scale), scale.days);
    sql
}

/// `GET stats?detail=total` of one store.
fn totalling(sql: Metered, scale: Scale) -> Case {
    Box::new(move || {
        let store = store(&sql);
        metered(
            &sql,
            move || {
                let selection =
                    selection(scale.days, RouteSelection::Together, RollupParts::Figures, RollupParts::Figures);
                Figures::from(&sum(&read(&store, &selection)))
            },
            move |figures| assert_eq!(figures.requests, scale.events * scale.days, "each event is counted once"),
        )
    })
}

pub fn total(scale: Scale) -> Case {
    totalling(filled(scale), scale)
}

pub fn total_unfolded(scale: Scale) -> Case {
    let sql = Metered::new();
    record(&sql, &mut WriterMemory::default(), &events(scale));
    totalling(sql, scale)
}

/// `GET paths` of one store.
pub fn table(scale: Scale) -> Case {
    let sql = filled(scale);
    Box::new(move || {
        let store = store(&sql);
        metered(
            &sql,
            move || {
                let selection = selection(scale.days, RouteSelection::Each, RollupParts::Latency, RollupParts::Latency);
                let mut rows: BTreeMap<String, Rollup> = BTreeMap::new();
                for (key, rollup) in read(&store, &selection) {
                    rows.entry(key.path).or_default().merge(&rollup);
                }
                rows.into_iter().map(|(path, rollup)| (path, Figures::from(&rollup))).collect::<Vec<_>>()
            },
            move |rows| {
                let requests: u64 = rows.iter().map(|(_, figures)| figures.requests).sum();
                assert_eq!(requests, scale.events * scale.days, "each event is counted once");
                assert_eq!(rows.len() as u64, scale.paths.min(scale.events), "each path has a row");
            },
        )
    })
}

/// `GET paths`, of which nothing is remembered: the same dual events in both stores, of which the second gives no
/// sketches.
pub fn both(scale: Scale) -> Case {
    let old = filled(scale);
    let new = old.beside();
    fill(&new, &events(scale), scale.days);
    Box::new(move || {
        let (first, second) = (store(&old), store(&new));
        metered(
            &old,
            move || {
                let ask = |dual| selection(scale.days, RouteSelection::Each, RollupParts::Latency, dual);
                let [old, new] = [read(&first, &ask(RollupParts::Latency)), read(&second, &ask(RollupParts::Counts))];
                merge(
                    (&by_interval(old), &by_interval(new)),
                    &LiteMap::new(),
                    &Grouping::BY_ROUTE,
                    WINDOW_MS,
                    &mut BlockMemory::default(),
                )
            },
            move |merged: Merged| {
                assert!(merged.exact);
                let events = scale.events * scale.days;
                assert_eq!((merged.total().requests, merged.both), (events, events), "each event is counted once");
            },
        )
    })
}
