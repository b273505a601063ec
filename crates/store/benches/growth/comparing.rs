//! Parity of the last hour, over two stores.

use model::counting::grain::HOUR_MS;
use model::event::Event;
use model::event::identity::DEFAULT_WINDOW_MS;
use model::parity::window::Window;
use store::parity::compare::{ComparisonRun, ComparisonSettings};
use store::parity::comparer::Comparer;
use store::parity::reports::Reports;

use crate::case::{Case, metered};
use crate::metered::Metered;
use crate::scale::Scale;
use crate::traffic::{NOW, events, fill};
use rig::{block_on, store};

const SETTINGS: ComparisonSettings =
    ComparisonSettings { id_window_ms: DEFAULT_WINDOW_MS, lag_ms: 900_000, limit_ppm: 50_000 };

/// In so many minutes all events lie (`traffic`): in the first one, one event of as many is missing, 1 % of all.
const MINUTES: usize = 10;

/// Both stores hold the same.
pub fn equal(scale: Scale) -> Case {
    let events = events(scale);
    comparing(scale, &events, &events)
}

/// The new store lacks 1 %.
pub fn differing(scale: Scale) -> Case {
    let events = events(scale);
    let is_missing = |n: usize| n < events.len() / MINUTES && n.is_multiple_of(MINUTES);
    let fewer: Vec<Event> =
        (0..).zip(&events).filter(|(n, _)| !is_missing(*n)).map(|(_, event)| event.clone()).collect();
    comparing(scale, &events, &fewer)
}

fn comparing(scale: Scale, in_old: &[Event], in_new: &[Event]) -> Case {
    let old = Metered::new();
    let new = old.beside();
    fill(&old, in_old, scale.days);
    fill(&new, in_new, scale.days);
    let (union, missing) = (in_old.len() as u64, (in_old.len() - in_new.len()) as u64);
    let window = Window::parse(&format!("hour:{}", NOW - HOUR_MS)).unwrap();
    Box::new(move || {
        // What was found is kept, and would be used again: each call has a database of its own for it.
        let (old_store, new_store, kept) = (store(&old), store(&new), Reports::new(old.beside()));
        metered(
            &old,
            move || {
                let comparer = Comparer { old: &*old_store, new: &*new_store, kept: &kept };
                block_on(comparer.run(window, NOW + HOUR_MS, SETTINGS)).unwrap()
            },
            move |run| {
                let ComparisonRun::Done(report) = run else { panic!("one run is enough for {window:?}") };
                let found = &report.total;
                assert_eq!((found.union, found.mismatches), (union, missing), "what is missing is found, and no more");
            },
        )
    })
}
