//! Folding: adds segments to rollups and ledgers.
//!
//! Invariant: rollups and ledgers contain exactly the segments up to the last fold. They change in one transaction,
//! which also inserts a row for the fold. A fold that is interrupted, or slower than another, changes nothing. It
//! pauses while it adds, so that other tasks can record; their segments have later numbers and belong to the next fold.

use litemap::LiteMap;

use model::counting::admission::{AdmittedByDay, RouteLimit};
use model::counting::grain::{Grain, MINUTE_MS, Retention, first_proof};
use model::counting::rollup::{self, ALL_ROUTES, RollupKey, Rollups};
use model::delivery::work_meter::WorkMeter;
use model::event::Event;
use model::log::ledger::Arrivals;
use model::log::segment::MAX_EVENTS;
use model::log::writes::{CountedWrites, Writes};
use model::parity::ask::SetSum;
use model::reading::selection::RollupParts;

use super::event_store::EventStore;
use super::ledger_rows::{self, ArrivalsByMinute};
use super::read::{absorbed_of, events_of};
use super::rollup_rows::{decode, encode};
use super::timeline::{LogExtent, Position};
use crate::sql::{Row, Statement, StoreError, json_chunks, rows};
use crate::statements::statements;

/// Most segments in one fold, which bounds its time. A fold writes a row for each route and interval, however many
/// events it adds, so larger folds write fewer rows.
const MAX_SEGMENTS: u64 = 512;

/// After this many events a fold adds what it has read before it reads more, which bounds its memory. The last segment
/// may exceed the bound, so that it holds at most twice as many, of some 100 bytes each.
const MAX_EVENTS_AT_ONCE: u64 = MAX_EVENTS as u64;

statements!("fold.sql": UNFOLDED, ADMITTED, ROLLUPS, INSERT_FOLD, REPLACE_ROLLUPS);

/// Rollups and ledgers of some segments.
struct Fresh {
    rollups: Rollups,
    ledgers: ArrivalsByMinute,
}

/// Segments on their way into [`Fresh`].
#[derive(Default)]
struct Adding {
    minutes: Rollups,
    ledgers: ArrivalsByMinute,
    counted: CountedWrites,
    routes: AdmittedByDay,
    pace: WorkMeter,
}

impl Adding {
    /// Adds a part of what a segment holds, whose routes were admitted.
    fn part(&mut self, events: &[Event], absorbed: &[Event], limit: &RouteLimit) {
        for event in events {
            rollup::add(&mut self.minutes, Grain::Minute, self.routes.name(event, limit), event);
        }
        let mut arrived: LiteMap<u64, (Vec<&Event>, Vec<&Event>)> = LiteMap::new();
        for event in events {
            arrived.entry(event.minute() * MINUTE_MS).or_default().0.push(event);
        }
        for event in absorbed {
            arrived.entry(event.minute() * MINUTE_MS).or_default().1.push(event);
        }
        for (start, (events, absorbed)) in arrived {
            let ledger = self.ledgers.entry(start).or_default();
            ledger.sums.absorbed += absorbed.len() as u64;
            ledger.writes.merge(&Writes::of(&events, &absorbed, &mut self.counted));
            ledger.arrivals.merge(&Arrivals::of(events, absorbed));
        }
    }

    /// All of it, as far as it is kept.
    fn finish(mut self, retention: &Retention, now_ms: u64) -> Fresh {
        for (key, rollup) in &self.minutes {
            let sum = SetSum { requests: rollup.requests, digests: rollup.digest_sum, values: rollup.value_sum };
            self.ledgers.entry(key.start).or_default().sums.count(key.cohort, &sum);
        }
        let first = first_proof(now_ms);
        self.ledgers.retain(|start, _| *start >= first);
        let mut fresh = Fresh { rollups: Rollups::new(), ledgers: self.ledgers };
        for grain in Grain::ALL {
            let first = retention.first(grain, now_ms);
            fresh.widen(&self.minutes, grain, first);
        }
        fresh
    }
}

impl Fresh {
    /// Adds the minutes to the intervals of a grain from `first` on: each route by itself, and all together.
    fn widen(&mut self, minutes: &Rollups, grain: Grain, first: u64) {
        for (key, rollup) in minutes {
            let start = grain.floor(key.start);
            if start >= first {
                for path in [&key.path, ALL_ROUTES] {
                    let key = RollupKey { start, grain, path: path.to_owned(), cohort: key.cohort };
                    rollup::merge(&mut self.rollups, key, rollup);
                }
            }
        }
    }

    /// Statements that read what is stored at the same places: ledgers, then rollups.
    fn reads(&self) -> Vec<Statement> {
        let key = |key: &RollupKey| serde_json::json!([key.grain.ms(), key.start, key.path, key.cohort.index()]);
        let rollups = json_chunks(self.rollups.keys().map(key));
        std::iter::once(ledger_rows::read(&self.ledgers))
            .chain(rollups.into_iter().map(|keys| Statement::new(ROLLUPS, [keys])))
            .collect()
    }

    /// Adds a rollup that [`Self::reads`] gave.
    fn add_rollup(&mut self, row: &Row) -> Result<(), StoreError> {
        let (key, rollup) = decode(row.text("rollup")?)?;
        if let Some(sum) = self.rollups.get_mut(&key) {
            sum.merge(&rollup);
        }
        Ok(())
    }

    /// Statements that store all of it, with the rollups as rows.
    fn replacements(&self, rollups: Vec<serde_json::Value>) -> Result<Vec<Statement>, StoreError> {
        let rollups = json_chunks(rollups).into_iter().map(|chunk| Statement::new(REPLACE_ROLLUPS, [chunk]));
        Ok(rollups.chain(ledger_rows::replace(&self.ledgers)?).collect())
    }
}

/// Learns the routes of the days that are not known yet. If another fold admits some meanwhile, this one is refused when
/// it is stored.
fn learn(routes: &mut AdmittedByDay, admitted: &[Row], limit: &RouteLimit) -> Result<(), StoreError> {
    let mut by_day: LiteMap<u64, Vec<String>> = LiteMap::new();
    for row in admitted {
        by_day.entry(row.integer("start")?).or_default().push(row.text("path")?.to_owned());
    }
    for (day, stored) in by_day {
        routes.learn(day, stored, limit);
    }
    Ok(())
}

impl EventStore {
    /// Folds some of the segments that are not folded yet. Returns how many are left. Call again until it returns 0.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Conflict`] means that another fold did the work.
    pub async fn fold(&self, now_ms: u64) -> Result<u64, StoreError> {
        let LogExtent { head, folded, .. } =
            LogExtent::of(&self.sql.batch(vec![LogExtent::look(Position::default())]).await?)?;
        if head == folded {
            return Ok(0);
        }
        let (mut fresh, reached) = self.fresh(folded, head.seq, now_ms).await?;
        // Another fold may have committed meanwhile, or the database been restored: the write below is refused then.
        self.add_stored(&mut fresh, folded).await?;
        let rollups = self.encoded(&fresh.rollups).await?;
        let params = [folded.seq, reached.seq, now_ms, reached.mark, folded.mark].map(Into::into);
        let mut statements = vec![Statement::new(INSERT_FOLD, params)];
        statements.extend(fresh.replacements(rollups)?);
        // All of it or nothing; the next fold begins where it finds the log.
        self.sql.batch(statements).await?;
        Ok(head.seq.saturating_sub(reached.seq))
    }

    /// Reads segments after `folded`. Returns what they add, and the position of the last one. Segments of one timeline
    /// never change, so several reads are as good as one.
    async fn fresh(&self, folded: Position, head: u64, now_ms: u64) -> Result<(Fresh, Position), StoreError> {
        let mut adding = Adding::default();
        let mut reached = folded;
        while reached.seq < head && reached.seq - folded.seq < MAX_SEGMENTS {
            let most = MAX_SEGMENTS - (reached.seq - folded.seq);
            let params = [reached.seq, most, MAX_EVENTS_AT_ONCE].map(Into::into);
            let admitted = [reached.seq, most, Grain::Day.ms()].map(Into::into);
            let statements = vec![reached.look(), Statement::new(UNFOLDED, params), Statement::new(ADMITTED, admitted)];
            let results = self.sql.batch(statements).await?;
            learn(&mut adding.routes, rows(&results, 2), &self.routes)?;
            let waiting = rows(&results, 1);
            let (true, Some(last)) = (reached.is_there(rows(&results, 0))?, waiting.last()) else {
                return Err(StoreError::Conflict);
            };
            reached = Position { seq: last.integer("seq")?, mark: last.integer("mark")? };
            for row in waiting {
                let events = events_of(row)?;
                adding.routes.admit(&events, &self.routes);
                self.add_segment(&mut adding, &events, &absorbed_of(row)?).await;
            }
        }
        Ok((adding.finish(&self.retention, now_ms), reached))
    }

    /// Adds what the rollups and ledgers already contain, with pauses. All of it is as of the fold that was read.
    async fn add_stored(&self, fresh: &mut Fresh, folded: Position) -> Result<(), StoreError> {
        let mut statements = vec![LogExtent::look(folded)];
        statements.extend(fresh.reads());
        let stored = self.sql.batch(statements).await?;
        if LogExtent::of(&stored)?.folded != folded {
            return Err(StoreError::Conflict);
        }
        let (ledgers, rollups) = (rows(&stored, 1), stored.iter().skip(2));
        let mut pace = WorkMeter::default();
        for row in rollups.flatten() {
            fresh.add_rollup(row)?;
            self.pause_if(pace.is_due(WorkMeter::ROLLUP)).await;
        }
        ledgers.iter().try_for_each(|row| ledger_rows::add(&mut fresh.ledgers, row))
    }

    /// Rollups as rows, made with pauses.
    async fn encoded(&self, rollups: &Rollups) -> Result<Vec<serde_json::Value>, StoreError> {
        let (mut rows, mut pace) = (Vec::with_capacity(rollups.len()), WorkMeter::default());
        for (key, rollup) in rollups {
            rows.push(encode(key, rollup, RollupParts::All)?);
            self.pause_if(pace.is_due(WorkMeter::ROLLUP)).await;
        }
        Ok(rows)
    }

    async fn pause_if(&self, due: bool) {
        if due {
            self.sql.pause().await;
        }
    }

    /// Adds the events of a segment, with pauses.
    async fn add_segment(&self, adding: &mut Adding, events: &[Event], absorbed: &[Event]) {
        let events = events.chunks(WorkMeter::PART).map(|part| (part, &[][..]));
        let absorbed = absorbed.chunks(WorkMeter::PART).map(|part| (&[][..], part));
        for (events, absorbed) in events.chain(absorbed) {
            adding.part(events, absorbed, &self.routes);
            let due = adding.pace.is_due(events.len() + absorbed.len());
            self.pause_if(due).await;
        }
    }
}
