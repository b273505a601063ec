//! What the platform gives at most, how much of it a load takes, and which setting moves that.
//!
//! Loads are computed from [`super::ratios`] and the figures below. Those of time were measured on a developer's machine:
//! a load of half of what there is may be too much elsewhere.

use flow::reading::merged::MAX_RECOUNT;
use indicatif::HumanCount;
use model::event::message::MAX_MESSAGE_BYTES;

use super::load::CostLoad;
use super::ratios::{self, Coalescing, DAY_S, HOUR_S, MINUTE_S, Store};
use super::short;
use crate::table::markdown;

/// Bytes of an event in a message, and in a segment (digest included): `crates/store/benches/growth`, 100 paths.
const MESSAGE_BYTES: f64 = 271.0;
const STORED_BYTES: f64 = 30.0;

/// Bytes that a segment adds to its events: its row, and each of its routes once (`model::log::segment`).
const SEGMENT_BYTES: f64 = 100.0;
const ROUTE_BYTES: f64 = 13.0;

/// Bytes of a rollup's row, of a busy route.
const ROLLUP_BYTES: f64 = 2_500.0;

/// Time to parse and record an event in the runtime, in s: 71 ms for 100 messages of 50 events (`bench/consumer.mjs`).
const EVENT_S: f64 = 71e-3 / 5_000.0;

/// Time to fold an event, and a rollup, in s: `crates/store/benches/growth`, times three for WebAssembly.
const FOLD_EVENT_S: f64 = 3.0 * 2e-6;
const FOLD_ROLLUP_S: f64 = 3.0 * 80e-6;

/// Time that a batch of statements takes, there and back, in s: an assumption for a database nearby.
const ROUND_TRIP_S: f64 = 20e-3;

/// Batches of statements of a record, and of a fold (`store::events`).
const RECORD_TRIPS: f64 = 2.0;
const FOLD_TRIPS: f64 = 4.0;

/// Windows whose digests a writer remembers with events in them, and bytes of a digest while they are read for the
/// first time: in hexadecimal twice, decoded, and in the set (`store::events`, `model::log::dedup`).
const WINDOWS: f64 = 3.0;
const DIGEST_BYTES: f64 = 8.0 + 16.0 + 16.0 + 8.0;

/// How often a fold holds a rollup: as a value, as text, as what it is merged with (`store::events::fold`).
const ROLLUP_COPIES: f64 = 5.0;

/// Memory of an isolate that handles nothing, in MB, and bytes of an event while a batch is recorded.
const IDLE_MB: f64 = 10.0;
const EVENT_BYTES: f64 = 1_500.0;

const MB: f64 = 1e6;
const GB: f64 = 1e9;

/// How many times the load the table shows.
const TIMES: [f64; 3] = [1.0, 10.0, 100.0];

/// A setting that changes how much of a limit a load takes.
#[derive(Clone, Copy)]
struct Lever {
    /// Its name in the Worker's settings or in wrangler.toml.
    name: &'static str,
    /// The value that it ends at, and how far apart those are that are tried.
    to: f64,
    step: f64,
    of: fn(&mut CostLoad) -> &mut f64,
}

/// A limit: what is limited in which unit, the most there is, what moves it, and how much a load takes: 0 where it has
/// nothing to do with it.
struct Limit {
    what: &'static str,
    unit: &'static str,
    most: f64,
    levers: &'static [Lever],
    load: fn(&CostLoad) -> f64,
}

const LINGER: Lever = Lever { name: "LINGER_MS", to: 4_000.0, step: 100.0, of: |load| &mut load.linger_ms };
const FLUSH: Lever = Lever { name: "FLUSH_EVENTS", to: 150.0, step: 50.0, of: |load| &mut load.flush_events };
const SHARDS: Lever = Lever { name: "COLLECTOR_SHARDS", to: 256.0, step: 1.0, of: |load| &mut load.shards };
const WINDOW: Lever = Lever { name: "ID_WINDOW_MS", to: 1_000.0, step: 1_000.0, of: |load| &mut load.window_ms };
const HOURS: Lever = Lever { name: "KEEP_HOURS_DAYS", to: 10.0, step: 1.0, of: |load| &mut load.hours_days };
const DETAILS: Lever = Lever { name: "KEEP_DETAILS_DAYS", to: 7.0, step: 1.0, of: |load| &mut load.details_days };
const CONSUMERS: Lever = Lever { name: "max_concurrency", to: 8.0, step: 1.0, of: |load| &mut load.consumer.lanes };

const fn limit(
    what: &'static str,
    unit: &'static str,
    most: f64,
    levers: &'static [Lever],
    load: fn(&CostLoad) -> f64,
) -> Limit {
    Limit { what, unit, most, levers, load }
}

/// All of them, in the order in which an event meets them.
#[allow(clippy::cast_precision_loss)] // constants far below 2^53
const ALL: [Limit; 14] = [
    // https://developers.cloudflare.com/queues/platform/limits/
    limit("queue: messages", "/s", 5_000.0, &[LINGER, FLUSH], ratios::messages),
    limit("queue: a message, else it is split", "KB", MAX_MESSAGE_BYTES as f64 / 1e3, &[FLUSH], |load| {
        of_database(load, |store| Coalescing::of(load, store.events()).events * MESSAGE_BYTES / 1e3)
    }),
    // max_concurrency in wrangler.toml: one batch at a time.
    limit("consumer: busy", "%", 100.0, &[LINGER, FLUSH, CONSUMERS], |load| {
        of_database(load, |store| 100.0 * busy(store) / load.consumer.lanes)
    }),
    // https://developers.cloudflare.com/workers/platform/limits/
    limit("consumer: memory", "MB", 128.0, &[WINDOW], |load| of_database(load, |store| memory_mb(load, store))),
    // The same page: CPU time of a cron run, unless limits.cpu_ms.
    limit("cron: folding a minute's events", "s", 30.0, &[], |load| {
        of_database(load, |store| fold_s(store, MINUTE_S * store.events()))
    }),
    // https://developers.cloudflare.com/d1/platform/limits/
    limit("D1: busy, one query at a time", "%", 100.0, &[LINGER, FLUSH], |load| {
        of_database(load, |store| 100.0 * trips(store) * ROUND_TRIP_S / 2.0)
    }),
    limit("D1: figures kept", "GB", 10.0, &[HOURS], |load| of_database(load, |store| figures_gb(load, store))),
    limit("D1: figures and details kept", "GB", 10.0, &[DETAILS, HOURS], |load| {
        of_database(load, |store| figures_gb(load, store) + details_gb(load, store))
    }),
    // https://developers.cloudflare.com/durable-objects/platform/limits/: 1,000/s; half of it for transactions.
    limit("object: records", "/s", 500.0, &[LINGER, SHARDS], |load| of_object(load, Store::records)),
    limit("object: busy, one call at a time", "%", 100.0, &[SHARDS], |load| {
        of_object(load, |store| 100.0 * (store.events() * EVENT_S + folding(store)))
    }),
    limit("object: memory", "MB", 128.0, &[WINDOW, SHARDS], |load| of_object(load, |store| memory_mb(load, store))),
    limit("object: figures and details kept", "GB", 10.0, &[SHARDS, HOURS], |load| {
        of_object(load, |store| figures_gb(load, store) + details_gb(load, store))
    }),
    // https://developers.cloudflare.com/kv/platform/limits/
    limit("KV: writes of a key", "/s", 1.0, &[], |_| 1.0 / MINUTE_S),
    limit("read: events of a minute whose sums differ, else not exact", "", MAX_RECOUNT as f64, &[], |load| {
        if load.dual > 0.0 { MINUTE_S * load.rps * (1.0 + load.dual) } else { 0.0 }
    }),
];

fn of_database(load: &CostLoad, figure: impl Fn(&Store) -> f64) -> f64 {
    ratios::database(load).map_or(0.0, |store| figure(&store))
}

fn of_object(load: &CostLoad, figure: impl Fn(&Store) -> f64) -> f64 {
    ratios::object(load).map_or(0.0, |store| figure(&store))
}

/// Batches of statements that records and folds send, each second.
fn trips(store: &Store) -> f64 {
    store.records() * RECORD_TRIPS + store.folds() * FOLD_TRIPS
}

/// Share of time in which a consumer works or waits for its database, of 1.
fn busy(store: &Store) -> f64 {
    store.events() * EVENT_S + folding(store) + trips(store) * ROUND_TRIP_S
}

/// Time that folding takes, each second.
fn folding(store: &Store) -> f64 {
    fold_s(store, store.events() / store.folds()) * store.folds()
}

/// Time of a fold of so many events, in s.
fn fold_s(store: &Store, events: f64) -> f64 {
    events * FOLD_EVENT_S + store.rollups() * FOLD_ROLLUP_S
}

fn memory_mb(load: &CostLoad, store: &Store) -> f64 {
    let digests = WINDOWS * store.events() * load.window_ms / 1_000.0 * DIGEST_BYTES;
    let rollups = store.rollups() * ROLLUP_BYTES * ROLLUP_COPIES;
    IDLE_MB + (digests + store.events() / store.records() * EVENT_BYTES + rollups) / MB
}

fn figures_gb(load: &CostLoad, store: &Store) -> f64 {
    let kept =
        [(MINUTE_S, load.minutes_hours * HOUR_S), (HOUR_S, load.hours_days * DAY_S), (DAY_S, load.days_days * DAY_S)];
    kept.iter().map(|(length, kept)| store.kept(*length, *kept)).sum::<f64>() * ROLLUP_BYTES / GB
}

fn details_gb(load: &CostLoad, store: &Store) -> f64 {
    let routes = (store.events() / store.segments()).min(load.paths);
    let each_second = store.events() * STORED_BYTES + store.segments() * (SEGMENT_BYTES + routes * ROUTE_BYTES);
    each_second * load.details_days * DAY_S / GB
}

impl Lever {
    /// The first value from the load's own on with which `holds` is so.
    fn first(self, load: &CostLoad, holds: impl Fn(&CostLoad) -> bool) -> Option<f64> {
        let mut tried = *load;
        let step = self.step.copysign(self.to - *(self.of)(&mut tried));
        loop {
            let value = (self.of)(&mut tried);
            if (self.to - *value) * step <= 0.0 {
                return None;
            }
            *value = if step > 0.0 { (*value + step).min(self.to) } else { (*value + step).max(self.to) };
            let value = *value;
            if holds(&tried) {
                return Some(value);
            }
        }
    }
}

impl Limit {
    /// Whether a load keeps within it.
    fn holds(&self, load: &CostLoad) -> bool {
        (self.load)(load) <= self.most
    }

    /// The first lever that alone makes it hold, and the least change of it that does.
    fn moved(&self, load: &CostLoad) -> Option<(&'static str, f64)> {
        self.levers.iter().find_map(|lever| Some((lever.name, lever.first(load, |load| self.holds(load))?)))
    }

    /// Requests/s up to which it holds with as many of them for each isolate; none where it holds at any load.
    fn holds_up_to(&self, load: &CostLoad) -> Option<f64> {
        let (mut low, mut high) = (-6.0_f64, 6.0_f64);
        if self.holds(&load.times(10_f64.powf(high))) {
            return None;
        }
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.holds(&load.times(10_f64.powf(middle))) { low = middle } else { high = middle }
        }
        Some(load.rps * 10_f64.powf(low))
    }

    /// What is taken; where that is too much, in bold, and with the setting that alone would do.
    fn taken(&self, load: &CostLoad) -> String {
        let taken = (self.load)(load);
        let shown = if taken < 10.0 { short(taken) } else { whole(taken) };
        if self.holds(load) {
            return shown;
        }
        match self.moved(load) {
            Some((name, value)) => format!("**{shown}**: `{name}` {}", whole(value)),
            None => format!("**{shown}**"),
        }
    }
}

/// The limits that a load has to do with, at that load and at ten and a hundred times as much.
pub fn table(load: &CostLoad) -> String {
    let loads = TIMES.map(|times| load.times(times));
    let heads = loads.map(|load| format!("{} requests/s, {} isolates", whole(load.rps), whole(load.isolates)));
    let [low, middle, high] = heads.each_ref().map(String::as_str);
    let concerned = |limit: &&Limit| loads.iter().any(|load| (limit.load)(load) > 0.0);
    let rows = ALL.iter().filter(concerned).map(|limit| {
        let most = format!("{} {}", whole(limit.most), limit.unit);
        let [low, middle, high] = loads.each_ref().map(|load| limit.taken(load));
        let up_to = limit.holds_up_to(load).map_or("any".to_owned(), |rps| format!("{}/s", whole(two_digits(rps))));
        let names = limit.levers.iter().map(|lever| format!("`{}`", lever.name)).collect::<Vec<_>>().join(", ");
        let names = if names.is_empty() { "none".to_owned() } else { names };
        [limit.what.to_owned(), most.trim_end().to_owned(), low, middle, high, up_to, names]
    });
    markdown(["limit", "most", low, middle, high, "holds up to", "settings"], rows)
}

/// Rounded down: what holds, holds.
fn two_digits(number: f64) -> f64 {
    let unit = 10_f64.powf(number.log10().floor() - 1.0);
    (number / unit).floor() * unit
}

/// A number with its thousands apart.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // limits and loads are far below 2^53
fn whole(number: f64) -> String {
    HumanCount(number.round() as u64).to_string()
}

#[cfg(test)]
mod tests;
