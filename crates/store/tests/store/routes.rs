//! The routes of a day are bounded in the store, whatever is scanned, and by however many isolates.

use std::collections::HashSet;
use std::rc::Rc;

use model::counting::admission::{DEFAULT_ROUTES, RouteLimit};
use model::counting::grain::Grain;
use model::event::path::OTHER;
use model::event::{Cohort, Event, ProducerId};
use model::reading::selection::RouteSelection;
use rig::{START, Sqlite, block_on, deliver, event, rollups, store};
use store::events::event_store::WriterMemory;

/// A path of its own for each number, that looks like a name.
fn ordinary_path(n: u64) -> String {
    let syllables = ["ba", "de", "fi", "lo", "mu", "na", "re", "si", "to", "lu"];
    let digits = [n / 10_000, n / 1_000, n / 100, n / 10, n].map(|n| syllables[usize::try_from(n % 10).unwrap()]);
    format!("/{}/{}", digits[..2].concat(), digits[2..].concat())
}

#[test]
fn a_hundred_thousand_scanned_paths_over_ten_isolates_stay_within_the_bound() {
    const SCANNED: u64 = 100_000;
    let limit = RouteLimit { most: DEFAULT_ROUTES, always: Rc::new(HashSet::from(["/users/{name}".to_owned()])) };
    let sqlite = Sqlite::new();
    let store = store(&sqlite).counting(limit);
    let mut memories: Vec<WriterMemory> = (0..10).map(|_| WriterMemory::default()).collect();
    let scanned = |n: u64| Event {
        path: match n % 1_000 {
            0 => format!("/works/{}", ["ape", "bear", "cat", "dog", "elk"][usize::try_from(n / 1_000 % 5).unwrap()]),
            1 => "/users/{name}".to_owned(),
            _ => ordinary_path(n),
        },
        status: if n.is_multiple_of(1_000) { 200 } else { 401 },
        cohort: Cohort::Single,
        producer: ProducerId(n % 10),
        ..event(n, n * 5)
    };
    for batch in 0..SCANNED / 1_000 {
        let events: Vec<Event> = (batch * 1_000..(batch + 1) * 1_000).map(scanned).collect();
        let isolate = usize::try_from(batch % 10).unwrap();
        block_on(deliver(&store, &mut memories[isolate], &events));
        if batch % 7 == 0 {
            while block_on(store.fold(START)).unwrap() > 0 {}
        }
    }
    while block_on(store.fold(START)).unwrap() > 0 {}
    let before = sqlite.steps();
    let day = rollups(&store, Grain::Day, RouteSelection::Each);
    let steps = sqlite.steps() - before;
    // Half of the room is left to routes that work: three met it full of errors. The template and others need none.
    assert_eq!(day.len(), DEFAULT_ROUTES / 2 + 3 + 2);
    assert!(steps < 60 * DEFAULT_ROUTES as u64, "the read takes {steps} steps");
    let requests =
        |path: &str| -> u64 { day.iter().filter(|(key, _)| key.path == path).map(|(_, rollup)| rollup.requests).sum() };
    assert_eq!(day.values().map(|rollup| rollup.requests).sum::<u64>(), SCANNED);
    assert_eq!((requests("/users/{name}"), requests("/works/ape"), requests("/works/elk")), (100, 20, 20));
    assert!(requests(OTHER) > 90_000);
}

#[test]
fn folds_of_any_size_admit_the_same_routes() {
    let figures = |folds_each: usize| {
        let sqlite = Sqlite::new();
        let store = store(&sqlite).counting(RouteLimit { most: 100, ..RouteLimit::default() });
        let mut memory = WriterMemory::default();
        let events: Vec<Event> =
            (0..3_000).map(|n| Event { path: ordinary_path(n * 7 % 400), ..event(n, n * 20) }).collect();
        for (n, events) in events.chunks(50).enumerate() {
            block_on(deliver(&store, &mut memory, events));
            if n % folds_each == 0 {
                while block_on(store.fold(START)).unwrap() > 0 {}
            }
        }
        while block_on(store.fold(START)).unwrap() > 0 {}
        rig::figures(&store)
    };
    assert_eq!(figures(1), figures(11));
    assert_eq!(figures(1), figures(1_000));
}
