//! What each part costs natively: `cargo bench --bench micro`.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // a benchmark is a test

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use litemap::LiteMap;
use model::counting::grain::Grain;
use model::counting::rollup::{self, Rollups};
use model::event::identity::IdempotentId;
use model::event::message;
use model::event::path::{Normalizer, RequestPath};
use model::event::{Cohort, Event};
use model::flag::Flag;
use model::flag::route::route;
use model::parity::window::Window;
use model::reading::blocks::BlockMemory;
use model::reading::grouping::Grouping;
use model::reading::intervals::by_interval;
use model::reading::merge::merge;
use rig::{START, Sqlite, block_on, event, store};
use store::events::event_store::WriterMemory;
use store::parity::compare::{ComparisonRun, ComparisonSettings};
use store::parity::comparer::Comparer;
use store::parity::reports::Reports;

/// An event on one of 100 paths, at 1,000 events a second.
fn one_of_100_paths(n: u64) -> Event {
    Event { path: format!("/v1/path-{}", n * 37 % 100), cohort: Cohort::Dual, ..event(n, n) }
}

fn events(from: u64, count: u64) -> Vec<Event> {
    (from..from + count).map(one_of_100_paths).collect()
}

fn identity(c: &mut Criterion) {
    c.bench_function("id", |b| {
        b.iter(|| {
            let [address, path, request] = black_box(["192.168.1.1", "/api/users", "req-123"]);
            IdempotentId::generate(black_box(START), address, path, request)
        });
    });
}

fn routing(c: &mut Criterion) {
    let flag = Flag::parse(include_str!("../../../flags/scheme-b.json")).unwrap();
    let id = IdempotentId::generate(START, "192.168.1.1", "/api/users", "req-123").unwrap();
    c.bench_function("route", |b| {
        b.iter(|| route(black_box(&flag), &RequestPath::of_route(black_box("/api/users")), black_box(&id)));
    });
    let (normalizer, _) = Normalizer::new(["/api/users/{id}", "/api/orders/{id}/lines/{line}"]);
    c.bench_function("normalize", |b| b.iter(|| normalizer.normalize(black_box("/api/orders/4711/lines/12"), 200)));
}

/// A consumer's batch: 100 messages of 50 events each, over SQLite in memory.
fn consumer(c: &mut Criterion) {
    let messages: Vec<String> = (0..100).flat_map(|n| message::write(events(n * 50, 50)).unwrap()).collect();
    let parse = || messages.iter().flat_map(|text| message::parse(text, START).events).collect::<Vec<Event>>();
    c.bench_function("consumer_parse_5000", |b| b.iter(parse));
    let apply = || {
        let sqlite = Sqlite::new();
        move |events: Vec<Event>| {
            block_on(store(&sqlite).record(&mut WriterMemory::default(), &events, START)).unwrap();
            sqlite
        }
    };
    c.bench_function("consumer_apply_5000", |b| {
        b.iter_batched(|| (apply(), parse()), |(apply, events)| apply(events), BatchSize::LargeInput);
    });
    c.bench_function("fold_5000", |b| {
        b.iter_batched(
            || apply()(parse()),
            |sqlite| {
                block_on(store(&sqlite).fold(START)).unwrap();
                sqlite
            },
            BatchSize::LargeInput,
        );
    });
}

/// Parity of ten minutes with 10,000 events that both stores hold.
fn parity(c: &mut Criterion) {
    let (old, new) = (Sqlite::new(), Sqlite::new());
    for sqlite in [&old, &new] {
        let mut memory = WriterMemory::default();
        for n in 0..10 {
            let minute: Vec<Event> = events(n * 60_000, 1_000);
            block_on(store(sqlite).record(&mut memory, &minute, START)).unwrap();
        }
        while block_on(store(sqlite).fold(START)).unwrap() > 0 {}
    }
    let window = Window::parse(&format!("range:{START}-{}", START + 600_000)).unwrap();
    let settings = ComparisonSettings { id_window_ms: 60_000, lag_ms: 900_000, limit_ppm: 10_000 };
    let (old, kept, new) = (store(&old), Reports::new(new.clone()), store(&new));
    c.bench_function("parity_10_minutes", |b| {
        b.iter(|| {
            let comparer = Comparer { old: &*old, new: &*new, kept: &kept };
            match block_on(comparer.run(window, START + 2_000_000, settings)).unwrap() {
                ComparisonRun::Done(report) => report,
                ComparisonRun::Refused(reason) => panic!("{reason}"),
                ComparisonRun::Interrupted(left) => panic!("{left} minutes are left"),
            }
        });
    });
}

/// The merged read of ten minutes, 100 paths.
fn merged(c: &mut Criterion) {
    let mut rollups = Rollups::new();
    for n in 0..10 {
        for event in events(n * 60_000, 1_000) {
            rollup::add(&mut rollups, Grain::Minute, &event.path, &event);
        }
    }
    let held = by_interval(rollups);
    c.bench_function("merge_1000_rollups", |b| {
        b.iter(|| {
            let stores = (black_box(&held), black_box(&held));
            merge(stores, &LiteMap::new(), &Grouping::BY_ROUTE, 60_000, &mut BlockMemory::default())
        });
    });
}

criterion_group! {
    name = all;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = identity, routing, consumer, parity, merged
}
criterion_main!(all);
