//! Events, and stores that hold them.

use model::counting::grain::{DAY_MS, Grain, MINUTE_MS};
use model::event::address::ClientIpHash;
use model::event::identity::{DEFAULT_WINDOW_MS, IdempotentId, window_start};
use model::event::{Cohort, Event, ProducerId};
use store::events::event_store::{EventStore, WriterMemory};

use crate::metered::Metered;
use crate::scale::Scale;
use rig::{START, block_on, event, store};

/// Midnight after the last day, in ms.
pub const NOW: u64 = Grain::Day.ceil(START);

/// Event time of all events but those of [`busy_minute`], in ms: the last minutes of the last day.
const SPREAD_MS: u64 = 10 * MINUTE_MS;

/// Beginning of that time, in ms.
pub const FIRST: u64 = NOW - SPREAD_MS;

/// Isolates that the events come from, and clients.
const PRODUCERS: u64 = 20;
const CLIENTS: u64 = 1_000;

/// Events that a store is filled with at once: 100 messages of 26, as 20 isolates make them at 1,000 requests/s.
const BATCH: usize = 2_600;

/// A number that has nothing to do with `n`'s route: every route is requested by every client.
const fn scrambled(n: u64) -> u64 {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32
}

/// Event `n` at a time, as an isolate would send it.
fn at(n: u64, timestamp: u64, paths: u64) -> Event {
    let event = event(n, 0);
    Event {
        idempotent_id: IdempotentId::with_digest(window_start(timestamp, DEFAULT_WINDOW_MS), event.digest).unwrap(),
        timestamp,
        path: format!("/v1/path-{}", n * 7_919 % paths),
        client_ip_hash: ClientIpHash((scrambled(n) % CLIENTS).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        cohort: Cohort::Dual,
        producer: ProducerId(n % PRODUCERS),
        seq: u32::try_from(n / PRODUCERS).unwrap(),
        write: u32::try_from(n / PRODUCERS).unwrap(),
        ..event
    }
}

/// Events on all paths, in the order of their times.
pub fn events(scale: Scale) -> Vec<Event> {
    numbered(0, scale)
}

/// As many other ones, of the same time.
pub fn others(scale: Scale) -> Vec<Event> {
    numbered(scale.events, scale)
}

fn numbered(first: u64, scale: Scale) -> Vec<Event> {
    (0..scale.events).map(|n| at(first + n, FIRST + n * SPREAD_MS / scale.events, scale.paths)).collect()
}

/// Events of one minute, which is one ID window, and `more` after them.
pub fn busy_minute(scale: Scale, more: u64) -> (Vec<Event>, Vec<Event>) {
    let all = scale.events + more;
    let mut events: Vec<Event> = (0..all).map(|n| at(n, FIRST + n * MINUTE_MS / all, scale.paths)).collect();
    let after = events.split_off(usize::try_from(scale.events).unwrap());
    (events, after)
}

/// Records events, batch by batch, as the consumer does.
pub fn record(sql: &Metered, memory: &mut WriterMemory, events: &[Event]) {
    let mut stored = 0;
    for batch in events.chunks(BATCH) {
        stored += block_on(store(sql).record(memory, batch, NOW)).unwrap().stored;
    }
    assert_eq!(stored, events.len() as u64, "each event is stored once");
}

/// Folds until nothing waits.
pub fn fold(store: &EventStore) {
    while block_on(store.fold(NOW)).unwrap() > 0 {}
}

/// Fills a store with events, folded, and with days like theirs before them.
pub fn fill(sql: &Metered, events: &[Event], days: u64) {
    record(sql, &mut WriterMemory::default(), events);
    fold(&store(sql));
    let columns = "path, cohort, requests, status_1, status_2, status_3, status_4, status_5, time_sum, time_min,
        time_max, digest_high, digest_low, value_high, value_low, latency, addresses, exemplars";
    sql.sqlite().script(&format!(
        "WITH RECURSIVE back (day) AS (SELECT 1 UNION ALL SELECT day + 1 FROM back LIMIT {days} - 1)
         INSERT INTO rollups SELECT grain, start - day * {DAY_MS}, {columns}
         FROM back CROSS JOIN rollups WHERE grain = {DAY_MS} AND {days} > 1"
    ));
}
