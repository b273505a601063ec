//! How an event store answers parity's questions.
//!
//! Invariant: minutes and routes are answered from sums alone, without reading an event that is folded.

use std::fmt::Debug;

use litemap::LiteMap;

use crate::events::minute_sums::{joined, minute_sums};
use crate::events::read::{EventReader, REACH_MS, absorbed_of, arrivals_of, events_of};
use crate::sql::{LocalFuture, Row, Statement, StoreError, Value, json_list, rows, unpacked};
use model::counting::grain::{Grain, HOUR_MS, MINUTE_MS};
use model::event::path::OTHER;
use model::event::value_hash::value_hash;
use model::event::{Cohort, Event, ProducerId};
use model::log::ledger::{Arrivals, Ledger};
use model::log::segment;
use model::log::writes::{CountedWrites, Writes};
use model::parity::ask::{EventCopy, Minute, Minutes, ParityAnswer, ParityQuestion, RouteSums, SetSum};
use model::reading::selection::Span;
use model::sorted::distinct;

/// Segments that are unpacked at once: a bound on memory.
const STEP: u64 = 500;

const MINUTES: &str = "
    SELECT start, numbers, absorbed, events, fallback, dual, digest_high, digest_low, value_high, value_low
    FROM ledger WHERE start >= ?1 AND start < ?2";

// The hours are given one by one, so that single routes are not read.
const HOURS: &str = "
    SELECT start, cohort, requests, digest_high, digest_low, value_high, value_low
    FROM json_each(?2) AS hours CROSS JOIN rollups
    WHERE grain = ?1 AND start = hours.value AND rollups.path = ''";

const PATHS: &str = "
    SELECT path, sum(requests) AS requests,
           CAST(sum(digest_high) AS TEXT) AS digest_high, CAST(sum(digest_low) AS TEXT) AS digest_low,
           CAST(sum(value_high) AS TEXT) AS value_high, CAST(sum(value_low) AS TEXT) AS value_low
    FROM rollups WHERE grain = ?1 AND start >= ?2 AND start < ?3 AND path <> '' AND cohort = 1
    GROUP BY path";

const LEDGERS: &str = "SELECT hex(body) AS body FROM ledger WHERE start >= ?1 AND start < ?2";

const LEDGERS_OF: &str = "
    SELECT start, hex(body) AS body FROM ledger WHERE start IN (SELECT value FROM json_each(?1))";

const WRITES: &str = "SELECT hex(writes) AS writes FROM ledger WHERE start >= ?1 AND start < ?2";

const PRODUCERS: &str = "
    SELECT producer, first_start FROM producers WHERE producer IN (SELECT value FROM json_each(?1))";

const NEWEST: &str = "SELECT coalesce(max(window_start), 0) AS newest_window FROM segments";

// By window, for a segment without new events has no times of its own.
const UNFOLDED: &str = "
    SELECT window_start, hex(digests) AS digests, hex(body) AS body,
           hex(absorbed_digests) AS absorbed_digests, hex(absorbed_body) AS absorbed_body
    FROM segments
    WHERE seq > coalesce((SELECT to_seq FROM folds ORDER BY from_seq DESC LIMIT 1), 0) AND window_start > ?1 - ?3 AND window_start < ?2 + ?3";

const EVENTS: &str = "
    SELECT window_start, hex(digests) AS digests, hex(body) AS body, seq FROM segments
    WHERE seq > ?4 AND window_start > ?1 - ?3 AND window_start < ?2 + ?3 AND first_ms < ?2 AND last_ms >= ?1
    ORDER BY seq LIMIT ?5";

const DIGESTS: &str = "
    SELECT seq, hex(digests) AS digests, hex(absorbed_digests) AS absorbed_digests FROM segments
    WHERE seq > ?3 AND window_start >= ?1 AND window_start <= ?2 ORDER BY seq LIMIT ?4";

const SEGMENTS: &str = "
    SELECT window_start, hex(digests) AS digests, hex(body) AS body,
           hex(absorbed_digests) AS absorbed_digests, hex(absorbed_body) AS absorbed_body
    FROM segments WHERE seq IN (SELECT value FROM json_each(?1))";

/// A store that answers parity's questions, wherever it is.
pub trait ParityStore: Debug {
    /// Answers one question.
    fn ask<'a>(&'a self, ask: &'a ParityQuestion) -> LocalFuture<'a, Result<ParityAnswer, StoreError>>;
}

impl ParityStore for EventReader {
    fn ask<'a>(&'a self, ask: &'a ParityQuestion) -> LocalFuture<'a, Result<ParityAnswer, StoreError>> {
        match ask {
            ParityQuestion::Minutes { from, to } => Box::pin(self.minutes(*from, *to)),
            ParityQuestion::Paths { from, to } => Box::pin(self.paths(*from, *to)),
            ParityQuestion::Pairs { from, to, paths } => Box::pin(self.pairs(*from, *to, paths)),
            ParityQuestion::Copies { digests, from, to } => Box::pin(self.copies(digests, *from, *to)),
            ParityQuestion::Ledger { from, to } => Box::pin(self.ledger(*from, *to)),
            ParityQuestion::Writes { from, to } => Box::pin(self.writes(*from, *to)),
            ParityQuestion::Producers(producers) => Box::pin(self.producers(producers)),
            ParityQuestion::Stored { from, to } => Box::pin(self.stored(*from, *to)),
        }
    }
}

/// What is not folded yet of some minutes: events, and repeats.
struct Tail {
    events: Vec<Event>,
    absorbed: Vec<Event>,
}

impl Tail {
    /// Of rows of [`UNFOLDED`].
    fn of(unfolded: &[Row], from: u64, to: u64) -> Result<Self, StoreError> {
        let mut tail = Self { events: Vec::new(), absorbed: Vec::new() };
        for row in unfolded {
            tail.events.extend(events_of(row)?);
            tail.absorbed.extend(absorbed_of(row)?);
        }
        for events in [&mut tail.events, &mut tail.absorbed] {
            events.retain(|event| (from..to).contains(&event.timestamp));
        }
        Ok(tail)
    }

    fn arrivals(&self) -> Arrivals {
        Arrivals::of(&self.events, &self.absorbed)
    }

    fn dual(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| event.cohort == Cohort::Dual)
    }
}

fn unfolded(from: u64, to: u64) -> Statement {
    Statement::new(UNFOLDED, [from, to, REACH_MS].map(Value::from))
}

/// The hours that hold other events than their minutes together. Both are of one state, and every event is in both from
/// the same transaction on: if they differ, minutes were deleted.
fn incomplete(minutes: &LiteMap<u64, Minute>, hours: &[Row]) -> Result<Vec<u64>, StoreError> {
    let mut by_hour: LiteMap<u64, Minute> = LiteMap::new();
    for row in hours {
        let cohort = usize::try_from(row.integer("cohort")?).ok().and_then(|code| Cohort::ALL.get(code).copied());
        let cohort = cohort.ok_or_else(|| StoreError::Corrupt("a cohort is unknown".to_owned()))?;
        let sum = SetSum {
            requests: row.integer("requests")?,
            digests: joined(row.integer("digest_high")?, row.integer("digest_low")?),
            values: joined(row.integer("value_high")?, row.integer("value_low")?),
        };
        by_hour.entry(row.integer("start")?).or_default().count(cohort, &sum);
    }
    let mut by_minutes: LiteMap<u64, Minute> = LiteMap::new();
    for (start, minute) in minutes {
        by_minutes.entry(Grain::Hour.floor(*start)).or_default().add(minute);
    }
    let nothing = Minute::default();
    let stored = |hours: &LiteMap<u64, Minute>, start: &u64| {
        let Minute { events, dual, fallback, .. } = hours.get(start).unwrap_or(&nothing);
        (*events, *dual, *fallback)
    };
    let known = distinct(by_hour.keys().chain(by_minutes.keys()).copied());
    Ok(known.into_iter().filter(|start| stored(&by_hour, start) != stored(&by_minutes, start)).collect())
}

/// The sums of a row of [`PATHS`].
fn sums(row: &Row) -> Result<SetSum, StoreError> {
    let number = |column: &str| -> Result<u64, StoreError> {
        row.text(column)?.parse().map_err(|error| StoreError::Corrupt(format!("column {column}: {error}")))
    };
    Ok(SetSum {
        requests: row.integer("requests")?,
        digests: joined(number("digest_high")?, number("digest_low")?),
        values: joined(number("value_high")?, number("value_low")?),
    })
}

impl EventReader {
    async fn minutes(&self, from: u64, to: u64) -> Result<ParityAnswer, StoreError> {
        let hours = Span::around(Grain::Hour, from, to);
        let statements = vec![
            Statement::new(MINUTES, [hours.from.into(), hours.to.into()]),
            Statement::new(HOURS, [HOUR_MS.into(), json_list(hours.starts())]),
            unfolded(from, to),
            Statement::new(NEWEST, []),
        ];
        let results = self.sql.batch(statements).await?;
        let mut by_start: LiteMap<u64, Minute> = LiteMap::new();
        for row in rows(&results, 0) {
            by_start.entry(row.integer("start")?).or_default().add(&minute_sums(row)?);
        }
        let incomplete = incomplete(&by_start, rows(&results, 1))?;
        by_start.retain(|start, _| (from..to).contains(start));
        let tail = Tail::of(rows(&results, 2), from, to)?;
        for (start, numbers) in self.numbers_with(&tail).await? {
            by_start.entry(start).or_default().numbers = numbers;
        }
        for event in &tail.absorbed {
            by_start.entry(event.minute() * MINUTE_MS).or_default().absorbed += 1;
        }
        for event in &tail.events {
            by_start.entry(event.minute() * MINUTE_MS).or_default().count(event.cohort, &SetSum::of(event));
        }
        let newest_window = rows(&results, 3).first().map_or(Ok(0), |row| row.integer("newest_window"))?;
        Ok(ParityAnswer::Minutes(Minutes { by_start, incomplete, newest_window }))
    }

    /// Distinct sequence numbers of the minutes that a tail has stored events of, those that are folded included: a
    /// number may have been counted before and again.
    async fn numbers_with(&self, tail: &Tail) -> Result<Vec<(u64, u64)>, StoreError> {
        let mut by_minute: LiteMap<u64, Vec<&Event>> = LiteMap::new();
        for event in &tail.events {
            by_minute.entry(event.minute() * MINUTE_MS).or_default().push(event);
        }
        if by_minute.is_empty() {
            return Ok(Vec::new());
        }
        let folded = vec![Statement::new(LEDGERS_OF, [json_list(by_minute.keys().copied())])];
        let folded = self.sql.batch(folded).await?;
        let mut ledgers: LiteMap<u64, Ledger> =
            by_minute.into_iter().map(|(start, events)| (start, Ledger::of(events))).collect();
        for row in rows(&folded, 0) {
            ledgers.entry(row.integer("start")?).or_default().merge(&arrivals_of(row)?.stored);
        }
        Ok(ledgers.iter().map(|(start, ledger)| (*start, ledger.len())).collect())
    }

    /// From the longest grain that the range is whole intervals of: days and hours are few rows, and are kept longer. One
    /// minute whose routes are no longer kept is made of its events.
    async fn paths(&self, from: u64, to: u64) -> Result<ParityAnswer, StoreError> {
        let is_whole = |grain: &Grain| from.is_multiple_of(grain.ms()) && to.is_multiple_of(grain.ms());
        let grain = Grain::ALL.into_iter().rfind(is_whole).unwrap_or(Grain::Minute);
        let statements = vec![
            Statement::new(PATHS, [grain.ms().into(), from.into(), to.into()]),
            Statement::new(MINUTES, [from.into(), to.into()]),
            unfolded(from, to),
        ];
        let results = self.sql.batch(statements).await?;
        let (mut routes, mut by_minute) = (RouteSums::default(), SetSum::default());
        for row in rows(&results, 0) {
            routes.sums.insert(row.text("path")?.to_owned(), sums(row)?);
        }
        for row in rows(&results, 1) {
            by_minute.add(&minute_sums(row)?.dual);
        }
        routes.incomplete = routes.total() != by_minute;
        for event in Tail::of(rows(&results, 2), from, to)?.dual() {
            routes.add(event);
            by_minute.add(&SetSum::of(event));
        }
        if routes.incomplete && to - from <= MINUTE_MS {
            routes = RouteSums::default();
            let mut add = |event: &Event| {
                if event.cohort == Cohort::Dual {
                    routes.add(event);
                }
            };
            self.each_stored(from, to, &mut add).await?;
            routes.incomplete = routes.total() != by_minute;
        }
        Ok(ParityAnswer::Paths(routes))
    }

    async fn pairs(&self, from: u64, to: u64, paths: &[String]) -> Result<ParityAnswer, StoreError> {
        let paths = distinct(paths.iter().map(String::as_str));
        // What is counted as others has names of its own here: all are read.
        let all = paths.binary_search(&OTHER).is_ok();
        let has = |path: &str| all || paths.binary_search(&path).is_ok();
        let wanted = |event: &Event| event.cohort == Cohort::Dual && has(&event.path);
        let mut pairs = Vec::new();
        let mut add = |event: &Event| {
            if wanted(event) {
                pairs.push((event.digest.0, value_hash(event)));
            }
        };
        self.each_stored(from, to, &mut add).await?;
        Ok(ParityAnswer::Pairs(pairs))
    }

    async fn stored(&self, from: u64, to: u64) -> Result<ParityAnswer, StoreError> {
        let mut digests = Vec::new();
        self.each_stored(from, to, &mut |event: &Event| digests.push(event.digest.0)).await?;
        Ok(ParityAnswer::Stored(digests))
    }

    /// Shows every stored event of a time, some segments at once.
    async fn each_stored(&self, from: u64, to: u64, show: &mut impl FnMut(&Event)) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let params = [from, to, REACH_MS, after, STEP].map(Value::from);
            let results = self.sql.batch(vec![Statement::new(EVENTS, params)]).await?;
            for row in rows(&results, 0) {
                let events = events_of(row)?;
                events.iter().filter(|event| (from..to).contains(&event.timestamp)).for_each(&mut *show);
                after = row.integer("seq")?;
            }
            if (rows(&results, 0).len() as u64) < STEP {
                return Ok(());
            }
        }
    }

    async fn copies(&self, digests: &[u64], from: u64, to: u64) -> Result<ParityAnswer, StoreError> {
        let digests = distinct(digests.iter().copied());
        let has = |bytes: &[u8]| segment::unpack_digests(bytes).any(|digest| digests.binary_search(&digest.0).is_ok());
        let mut copies = Vec::new();
        let mut after = 0;
        loop {
            let params = [from, to, after, STEP].map(Value::from);
            let results = self.sql.batch(vec![Statement::new(DIGESTS, params)]).await?;
            let mut holding = Vec::new();
            for row in rows(&results, 0) {
                after = row.integer("seq")?;
                if has(&row.bytes("digests")?) || has(&row.bytes("absorbed_digests")?) {
                    holding.push(after);
                }
            }
            if !holding.is_empty() {
                let segments = self.sql.batch(vec![Statement::new(SEGMENTS, [json_list(holding)])]).await?;
                for row in rows(&segments, 0) {
                    let stored = events_of(row)?.into_iter().map(|event| EventCopy { event, absorbed: false });
                    let absorbed = absorbed_of(row)?.into_iter().map(|event| EventCopy { event, absorbed: true });
                    copies.extend(stored.chain(absorbed).filter(|copy| digests.contains(&copy.event.digest.0)));
                }
            }
            if (rows(&results, 0).len() as u64) < STEP {
                return Ok(ParityAnswer::Copies(copies));
            }
        }
    }

    async fn ledger(&self, from: u64, to: u64) -> Result<ParityAnswer, StoreError> {
        let statements = vec![Statement::new(LEDGERS, [from.into(), to.into()]), unfolded(from, to)];
        let results = self.sql.batch(statements).await?;
        let mut arrivals = Tail::of(rows(&results, 1), from, to)?.arrivals();
        for row in rows(&results, 0) {
            arrivals.merge(&arrivals_of(row)?);
        }
        Ok(ParityAnswer::Ledger(arrivals))
    }

    async fn writes(&self, from: u64, to: u64) -> Result<ParityAnswer, StoreError> {
        let statements = vec![Statement::new(WRITES, [from.into(), to.into()]), unfolded(from, to)];
        let results = self.sql.batch(statements).await?;
        let tail = Tail::of(rows(&results, 1), from, to)?;
        let (stored, absorbed): (Vec<&Event>, Vec<&Event>) =
            (tail.events.iter().collect(), tail.absorbed.iter().collect());
        let mut writes = Writes::of(&stored, &absorbed, &mut CountedWrites::default());
        for row in rows(&results, 0) {
            writes.merge(&unpacked(row, "writes")?);
        }
        Ok(ParityAnswer::Writes(writes))
    }

    async fn producers(&self, producers: &[u64]) -> Result<ParityAnswer, StoreError> {
        let names: Vec<String> = producers.iter().map(|producer| format!("\"{}\"", ProducerId(*producer))).collect();
        let list = Value::Text(format!("[{}]", names.join(",")));
        let results = self.sql.batch(vec![Statement::new(PRODUCERS, [list])]).await?;
        let first = |row: &Row| {
            let producer: ProducerId =
                row.text("producer")?.parse().map_err(|e| StoreError::Corrupt(format!("producer: {e}")))?;
            Ok((producer.0, row.integer("first_start")?))
        };
        rows(&results, 0).iter().map(first).collect::<Result<_, StoreError>>().map(ParityAnswer::Producers)
    }
}
