//! What the platform gives at most, how much of it a load takes, and which setting moves that.
//!
//! Loads are computed from [`super::model`] and the figures below. Those of time were measured on a developer's machine:
//! a load of half of what there is may be too much elsewhere.

use super::model::{self, Coalescing, DAY_S, HOUR_S, Load, MINUTE_S, Store};

/// Bytes of an event in a message, and in a segment (digest included): `crates/store/benches/growth`, 100 paths.
const MESSAGE_BYTES: f64 = 271.0;
const STORED_BYTES: f64 = 30.0;

/// Bytes that a segment adds to its events: its row, and each of its routes once (`domain::segment`).
const SEGMENT_BYTES: f64 = 100.0;
const ROUTE_BYTES: f64 = 13.0;

/// Bytes of a rollup's row, of a busy route.
const ROLLUP_BYTES: f64 = 2_500.0;

/// How long figures by minute and by day are kept, in s: `KEEP_MINUTES_HOURS` and `KEEP_DAYS_DAYS` by default.
const MINUTES_KEPT_S: f64 = 48.0 * HOUR_S;
const DAYS_KEPT_S: f64 = 400.0 * DAY_S;

/// Time to parse and record an event in the runtime, in s: 71 ms for 100 messages of 50 events (`bench/consumer.mjs`).
const EVENT_S: f64 = 71e-3 / 5_000.0;

/// Time to fold an event, and a rollup, in s: `crates/store/benches/growth`, times three for WebAssembly.
const FOLD_EVENT_S: f64 = 3.0 * 2e-6;
const FOLD_ROLLUP_S: f64 = 3.0 * 80e-6;

/// Time that a batch of statements takes, there and back, in s: an assumption for a database nearby.
const ROUND_TRIP_S: f64 = 20e-3;

/// Batches of statements of a record, and of a fold (`store::{events, fold}`).
const RECORD_TRIPS: f64 = 2.0;
const FOLD_TRIPS: f64 = 4.0;

/// Windows whose digests a writer remembers with events in them, and bytes of a digest while they are read for the
/// first time: in hexadecimal twice, decoded, and in the set (`store::events`, `domain::dedup`).
const WINDOWS: f64 = 3.0;
const DIGEST_BYTES: f64 = 8.0 + 16.0 + 16.0 + 8.0;

/// How often a fold holds a rollup: as a value, as text, as what it is merged with (`store::fold`).
const ROLLUP_COPIES: f64 = 5.0;

/// Memory of an isolate that handles nothing, in MB, and bytes of an event while a batch is recorded.
const IDLE_MB: f64 = 10.0;
const EVENT_BYTES: f64 = 1_500.0;

const MB: f64 = 1e6;
const GB: f64 = 1e9;

/// A setting that changes how much of a limit a load takes.
pub struct Lever {
    /// Its name in the Worker's settings or in wrangler.toml.
    pub name: &'static str,
    /// The value that it ends at, and how far apart those are that are tried.
    to: f64,
    step: f64,
    of: fn(&mut Load) -> &mut f64,
}

/// A limit.
pub struct Limit {
    /// What is limited.
    pub what: &'static str,
    /// In which unit.
    pub unit: &'static str,
    /// The most there is.
    pub most: f64,
    /// How much a load takes; 0 where it has nothing to do with it.
    pub load: fn(&Load) -> f64,
    /// What moves it.
    pub levers: &'static [Lever],
    /// Where the limit is from.
    pub source: &'static str,
}

const LINGER: Lever = Lever { name: "LINGER_MS", to: 4_000.0, step: 100.0, of: |load| &mut load.linger_ms };
const FLUSH: Lever = Lever { name: "FLUSH_EVENTS", to: 150.0, step: 50.0, of: |load| &mut load.flush_events };
const SHARDS: Lever = Lever { name: "COLLECTOR_SHARDS", to: 256.0, step: 1.0, of: |load| &mut load.shards };
const WINDOW: Lever = Lever { name: "ID_WINDOW_MS", to: 1_000.0, step: 1_000.0, of: |load| &mut load.window_ms };
const CONSUMERS: Lever = Lever { name: "max_concurrency", to: 8.0, step: 1.0, of: |load| &mut load.consumers };
const HOURS: Lever = Lever { name: "KEEP_HOURS_DAYS", to: 10.0, step: 1.0, of: |load| &mut load.hours_days };
const DETAILS: Lever = Lever { name: "KEEP_DETAILS_DAYS", to: 7.0, step: 1.0, of: |load| &mut load.details_days };

/// All of them, in the order in which an event meets them.
pub const ALL: [Limit; 14] = [
    Limit {
        what: "queue: messages",
        unit: "/s",
        most: 5_000.0,
        load: model::messages,
        levers: &[LINGER, FLUSH],
        source: "https://developers.cloudflare.com/queues/platform/limits/",
    },
    Limit {
        what: "queue: a message, else it is split",
        unit: "KB",
        most: 60.0,
        load: |load| {
            of(model::database(load), |store| Coalescing::of(load, store.events()).events * MESSAGE_BYTES / 1e3)
        },
        levers: &[FLUSH],
        source: "MAX_MESSAGE_BYTES in crates/model/src/event/message.rs, below the 64 KB of a billed operation",
    },
    Limit {
        what: "consumer: busy",
        unit: "%",
        most: 100.0,
        load: |load| of(model::database(load), |store| 100.0 * busy(store) / load.consumers),
        levers: &[LINGER, FLUSH, CONSUMERS],
        source: "max_concurrency in wrangler.toml: one batch at a time",
    },
    Limit {
        what: "consumer: memory",
        unit: "MB",
        most: 128.0,
        load: |load| of(model::database(load), |store| memory_mb(load, store)),
        levers: &[WINDOW],
        source: "https://developers.cloudflare.com/workers/platform/limits/",
    },
    Limit {
        what: "cron: folding a minute's events",
        unit: "s",
        most: 30.0,
        load: |load| of(model::database(load), |store| fold_s(store, MINUTE_S * store.events())),
        levers: &[],
        source: "https://developers.cloudflare.com/workers/platform/limits/ (CPU time of a cron run, unless limits.cpu_ms)",
    },
    Limit {
        what: "D1: busy, one query at a time",
        unit: "%",
        most: 100.0,
        load: |load| of(model::database(load), |store| 100.0 * trips(store) * ROUND_TRIP_S / 2.0),
        levers: &[LINGER, FLUSH],
        source: "https://developers.cloudflare.com/d1/platform/limits/",
    },
    Limit {
        what: "D1: figures kept",
        unit: "GB",
        most: 10.0,
        load: |load| of(model::database(load), |store| figures_gb(load, store)),
        levers: &[HOURS],
        source: "https://developers.cloudflare.com/d1/platform/limits/",
    },
    Limit {
        what: "D1: figures and details kept",
        unit: "GB",
        most: 10.0,
        load: |load| of(model::database(load), |store| figures_gb(load, store) + details_gb(load, store)),
        levers: &[DETAILS, HOURS],
        source: "https://developers.cloudflare.com/d1/platform/limits/",
    },
    Limit {
        what: "object: records",
        unit: "/s",
        most: 500.0,
        load: |load| of(model::object(load), Store::records),
        levers: &[LINGER, SHARDS],
        source: "https://developers.cloudflare.com/durable-objects/platform/limits/ (1,000/s; half of it for transactions)",
    },
    Limit {
        what: "object: busy, one call at a time",
        unit: "%",
        most: 100.0,
        load: |load| of(model::object(load), |store| 100.0 * (store.events() * EVENT_S + folding(store))),
        levers: &[SHARDS],
        source: "https://developers.cloudflare.com/durable-objects/platform/limits/",
    },
    Limit {
        what: "object: memory",
        unit: "MB",
        most: 128.0,
        load: |load| of(model::object(load), |store| memory_mb(load, store)),
        levers: &[WINDOW, SHARDS],
        source: "https://developers.cloudflare.com/durable-objects/platform/limits/",
    },
    Limit {
        what: "object: figures and details kept",
        unit: "GB",
        most: 10.0,
        load: |load| of(model::object(load), |store| figures_gb(load, store) + details_gb(load, store)),
        levers: &[SHARDS, HOURS],
        source: "https://developers.cloudflare.com/durable-objects/platform/limits/",
    },
    Limit {
        what: "KV: writes of a key",
        unit: "/s",
        most: 1.0,
        load: |_| 1.0 / MINUTE_S,
        levers: &[],
        source: "https://developers.cloudflare.com/kv/platform/limits/",
    },
    Limit {
        what: "read: events of a minute whose sums differ, else not exact",
        unit: "",
        most: 40_000.0,
        load: |load| MINUTE_S * load.rps * if load.dual > 0.0 { 1.0 + load.dual } else { 0.0 },
        levers: &[],
        source: "MAX_RECOUNT in crates/flow/src/reading/merged.rs",
    },
];

fn of(store: Option<Store>, figure: impl Fn(&Store) -> f64) -> f64 {
    store.map_or(0.0, |store| figure(&store))
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

fn memory_mb(load: &Load, store: &Store) -> f64 {
    let digests = WINDOWS * store.events() * load.window_ms / 1_000.0 * DIGEST_BYTES;
    let rollups = store.rollups() * ROLLUP_BYTES * ROLLUP_COPIES;
    IDLE_MB + (digests + store.events() / store.records() * EVENT_BYTES + rollups) / MB
}

fn figures_gb(load: &Load, store: &Store) -> f64 {
    let kept = [(MINUTE_S, MINUTES_KEPT_S), (HOUR_S, load.hours_days * DAY_S), (DAY_S, DAYS_KEPT_S)];
    kept.iter().map(|(length, kept)| store.kept(*length, *kept)).sum::<f64>() * ROLLUP_BYTES / GB
}

fn details_gb(load: &Load, store: &Store) -> f64 {
    let routes = (store.events() / store.segments()).min(load.paths);
    let each_second = store.events() * STORED_BYTES + store.segments() * (SEGMENT_BYTES + routes * ROUTE_BYTES);
    each_second * load.details_days * DAY_S / GB
}

impl Lever {
    /// The first value from the load's own on with which `holds` is so.
    fn first(&self, load: &Load, holds: impl Fn(&Load) -> bool) -> Option<f64> {
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
    pub fn holds(&self, load: &Load) -> bool {
        (self.load)(load) <= self.most
    }

    /// The first lever that alone makes it hold, and the least change of it that does.
    pub fn moved(&self, load: &Load) -> Option<(&'static str, f64)> {
        self.levers.iter().find_map(|lever| Some((lever.name, lever.first(load, |load| self.holds(load))?)))
    }

    /// Requests/s up to which it holds with as many of them for each isolate; none where it holds at any load.
    pub fn holds_up_to(&self, load: &Load) -> Option<f64> {
        let times = |factor: f64| Load { rps: load.rps * factor, isolates: load.isolates * factor, ..*load };
        let (mut low, mut high) = (-6.0_f64, 6.0_f64);
        if self.holds(&times(10_f64.powf(high))) {
            return None;
        }
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.holds(&times(10_f64.powf(middle))) { low = middle } else { high = middle }
        }
        Some(load.rps * 10_f64.powf(low))
    }
}

#[cfg(test)]
mod tests;
