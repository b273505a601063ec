//! Folding: segments into rollups and ledgers.
//!
//! Invariant: rollups and ledgers hold exactly the segments up to the last fold; all change in one transaction, which
//! inserts the fold it begins at. A fold that is interrupted or races another changes nothing. Others have their turn
//! while it adds: what they record has later numbers, and is the next fold's.

use litemap::LiteMap;

use crate::domain::event::{Event, ProducerId};
use crate::domain::grain::{Grain, MINUTE_MS, Retention};
use crate::domain::ledger::Arrivals;
use crate::domain::pace::Pace;
use crate::domain::rollup::{self, ALL_ROUTES, Key, Rollups};
use crate::domain::segment::MAX_EVENTS;
use crate::domain::selection::Parts;
use crate::domain::writes::{Counted, Writes};

use super::events::{EventStore, HEAD, head_and_folded};
use super::read::{absorbed_of, arrivals_of, events_of};
use super::rollup_rows::{decode, encode, rollup_row};
use super::sql::{Row, Statement, StoreError, json_chunks, json_list, packed, rows, unpacked};

/// Segments that one fold takes: a bound on its time. A fold writes a row for each route and interval, however many
/// events it adds: the more at once, the fewer rows.
const MAX_SEGMENTS: u64 = 512;

/// Events from which on a fold reads no further before it has added what it read: a bound on its memory. With the
/// segment that passes it they are at most twice as many, of some 100 bytes each as the database hands them over.
const MAX_EVENTS_AT_ONCE: u64 = MAX_EVENTS as u64;

// The first one is always among them.
const UNFOLDED: &str = "
    SELECT window_start, hex(digests) AS digests, hex(body) AS body,
           hex(absorbed_digests) AS absorbed_digests, hex(absorbed_body) AS absorbed_body, seq
    FROM segments WHERE seq > ?1 AND seq <= (
      SELECT max(seq) FROM (
        SELECT seq, sum(events + absorbed) OVER (ORDER BY seq) - events - absorbed AS before
        FROM segments WHERE seq > ?1 ORDER BY seq LIMIT ?2)
      WHERE before < ?3)
    ORDER BY seq";

// A cross join is done in this order: one look into the table for each key.
const ROLLUPS: &str = concat!(
    "SELECT ",
    rollup_row!("hex(latency)", "hex(addresses)", "hex(exemplars)"),
    " AS rollup FROM json_each(?1) AS key CROSS JOIN rollups
      WHERE grain = json_extract(key.value, '$[0]') AND start = json_extract(key.value, '$[1]')
        AND rollups.path = json_extract(key.value, '$[2]') AND cohort = json_extract(key.value, '$[3]')"
);

const INSERT_FOLD: &str = "INSERT INTO folds (from_seq, to_seq, folded_at) VALUES (?1, ?2, ?3)";

const REPLACE_ROLLUPS: &str = "
    REPLACE INTO rollups
      (grain, start, path, cohort, requests, status_1, status_2, status_3, status_4, status_5,
       time_sum, time_min, time_max, digest_high, digest_low, value_high, value_low, latency, addresses, exemplars)
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
           json_extract(value, '$[3]'), json_extract(value, '$[4]'),
           json_extract(value, '$[5][0]'), json_extract(value, '$[5][1]'), json_extract(value, '$[5][2]'),
           json_extract(value, '$[5][3]'), json_extract(value, '$[5][4]'),
           json_extract(value, '$[6][0]'), json_extract(value, '$[6][1]'), json_extract(value, '$[6][2]'),
           json_extract(value, '$[7][0]'), json_extract(value, '$[7][1]'),
           json_extract(value, '$[7][2]'), json_extract(value, '$[7][3]'),
           unhex(json_extract(value, '$[8]')), unhex(json_extract(value, '$[9]')), unhex(json_extract(value, '$[10]'))
    FROM json_each(?1)";

const LEDGERS: &str = "
    SELECT start, absorbed, hex(body) AS body, hex(writes) AS writes FROM ledger
    WHERE start IN (SELECT value FROM json_each(?1))";

const REPLACE_LEDGERS: &str = "
    REPLACE INTO ledger (start, numbers, absorbed, body, writes)
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
           unhex(json_extract(value, '$[3]')), unhex(json_extract(value, '$[4]'))
    FROM json_each(?1)";

const INSERT_PRODUCERS: &str = "
    INSERT OR IGNORE INTO producers (producer, first_start)
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1)";

/// What a fold adds to one minute's ledger.
#[derive(Default)]
struct MinuteLedger {
    absorbed: u64,
    arrivals: Arrivals,
    writes: Writes,
}

/// What some segments add.
struct Fresh {
    rollups: Rollups,
    ledgers: LiteMap<u64, MinuteLedger>,
}

/// Segments on their way into [`Fresh`].
#[derive(Default)]
struct Adding {
    minutes: Rollups,
    ledgers: LiteMap<u64, MinuteLedger>,
    counted: Counted,
    pace: Pace,
}

impl Adding {
    /// Adds a part of what a segment holds.
    fn part(&mut self, events: &[Event], absorbed: &[Event]) {
        for event in events {
            rollup::add(&mut self.minutes, Grain::Minute, &event.path, event);
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
            ledger.absorbed += absorbed.len() as u64;
            ledger.writes.merge(&Writes::of(&events, &absorbed, &mut self.counted));
            ledger.arrivals.merge(&Arrivals::of(events, absorbed));
        }
    }

    /// All of it, as far as it is kept.
    fn finish(mut self, retention: &Retention, now_ms: u64) -> Fresh {
        let first = retention.first(Grain::Minute, now_ms);
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
                    let key = Key { start, grain, path: path.to_owned(), cohort: key.cohort };
                    rollup::merge(&mut self.rollups, key, rollup);
                }
            }
        }
    }

    /// Statements that read what is stored at the same places: ledgers, then rollups.
    fn reads(&self) -> Vec<Statement> {
        let ledgers = Statement::new(LEDGERS, [json_list(self.ledgers.keys().copied())]);
        let key = |key: &Key| serde_json::json!([key.grain.ms(), key.start, key.path, key.cohort.index()]);
        let rollups = json_chunks(self.rollups.keys().map(key));
        std::iter::once(ledgers).chain(rollups.into_iter().map(|keys| Statement::new(ROLLUPS, [keys]))).collect()
    }

    /// Adds a rollup that [`Self::reads`] gave.
    fn add_rollup(&mut self, row: &Row) -> Result<(), StoreError> {
        let (key, rollup) = decode(row.text(0)?)?;
        if let Some(sum) = self.rollups.get_mut(&key) {
            sum.merge(&rollup);
        }
        Ok(())
    }

    /// Adds a ledger that [`Self::reads`] gave.
    fn add_ledger(&mut self, row: &Row) -> Result<(), StoreError> {
        if let Some(sum) = self.ledgers.get_mut(&row.integer(0)?) {
            sum.absorbed += row.integer(1)?;
            sum.arrivals.merge(&arrivals_of(row, 2)?);
            sum.writes.merge(&unpacked(row, 3)?);
        }
        Ok(())
    }

    /// Statements that store all of it, with the rollups as rows.
    fn replacements(&self, rollups: Vec<serde_json::Value>) -> Result<Vec<Statement>, StoreError> {
        let mut statements = Vec::new();
        let mut add = |sql, rows: Vec<serde_json::Value>| {
            statements.extend(json_chunks(rows).into_iter().map(|chunk| Statement::new(sql, [chunk])));
        };
        add(REPLACE_ROLLUPS, rollups);
        let ledgers = self.ledgers.iter().map(|(start, MinuteLedger { absorbed, arrivals, writes })| {
            let body = arrivals.pack().map_err(|error| StoreError::Corrupt(error.to_string()))?;
            Ok(serde_json::json!([start, arrivals.stored.len(), absorbed, hex::encode(body), packed(writes)?]))
        });
        add(REPLACE_LEDGERS, ledgers.collect::<Result<_, StoreError>>()?);
        let mut first: Vec<(u64, u64)> = Vec::new();
        for (start, MinuteLedger { arrivals, .. }) in &self.ledgers {
            let producers = arrivals.stored.0.keys().chain(arrivals.absorbed.0.keys());
            first.extend(producers.map(|producer| (*producer, *start)));
        }
        first.sort_unstable();
        first.dedup_by_key(|(producer, _)| *producer);
        let producers = first.iter().map(|(producer, start)| serde_json::json!([ProducerId(*producer), start]));
        add(INSERT_PRODUCERS, producers.collect());
        Ok(statements)
    }
}

impl EventStore {
    /// Folds some of the segments that wait; gives how many still do. Call again until it gives 0.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Conflict`] means that another fold did the work.
    pub async fn fold(&self, now_ms: u64) -> Result<u64, StoreError> {
        // 1. A crash before the write at 4: nothing was changed.
        let (head, folded) = head_and_folded(&self.sql.batch(vec![Statement::new(HEAD, [])]).await?)?;
        if head == folded {
            return Ok(0);
        }
        // 2. As 1.
        let (mut fresh, reached) = self.fresh(folded, head, now_ms).await?;
        // 3. As 1. Another fold may commit between 1 and here; the write is refused then.
        self.add_stored(&mut fresh).await?;
        let rollups = self.encoded(&fresh.rollups).await?;
        let mut statements = vec![Statement::new(INSERT_FOLD, [folded.into(), reached.into(), now_ms.into()])];
        statements.extend(fresh.replacements(rollups)?);
        // 4. A crash here: the transaction is there or is not; the next fold begins where it finds the log.
        self.sql.batch(statements).await?;
        Ok(head.saturating_sub(reached))
    }

    /// What segments after `folded` add, and the last of them. Segments never change: they may be read bit by bit.
    async fn fresh(&self, folded: u64, head: u64, now_ms: u64) -> Result<(Fresh, u64), StoreError> {
        let mut adding = Adding::default();
        let mut reached = folded;
        while reached < head && reached - folded < MAX_SEGMENTS {
            let most = MAX_SEGMENTS - (reached - folded);
            let waiting = Statement::new(UNFOLDED, [reached.into(), most.into(), MAX_EVENTS_AT_ONCE.into()]);
            let waiting = self.sql.batch(vec![waiting]).await?;
            let Some(last) = rows(&waiting, 0).last() else { return Err(StoreError::Conflict) };
            reached = last.integer(5)?;
            for row in rows(&waiting, 0) {
                self.add_segment(&mut adding, &events_of(row)?, &absorbed_of(row)?).await;
            }
        }
        Ok((adding.finish(&self.retention, now_ms), reached))
    }

    /// Adds what is stored already at the same places, with pauses.
    async fn add_stored(&self, fresh: &mut Fresh) -> Result<(), StoreError> {
        let stored = self.sql.batch(fresh.reads()).await?;
        let Some((ledgers, rollups)) = stored.split_first() else { return Ok(()) };
        let mut pace = Pace::default();
        for row in rollups.iter().flatten() {
            fresh.add_rollup(row)?;
            self.pause_if(pace.is_due(Pace::ROLLUP)).await;
        }
        ledgers.iter().try_for_each(|row| fresh.add_ledger(row))
    }

    /// Rollups as rows, made with pauses.
    async fn encoded(&self, rollups: &Rollups) -> Result<Vec<serde_json::Value>, StoreError> {
        let (mut rows, mut pace) = (Vec::with_capacity(rollups.len()), Pace::default());
        for (key, rollup) in rollups {
            rows.push(encode(key, rollup, Parts::All)?);
            self.pause_if(pace.is_due(Pace::ROLLUP)).await;
        }
        Ok(rows)
    }

    async fn pause_if(&self, due: bool) {
        if due {
            self.sql.pause().await;
        }
    }

    /// Adds what a segment holds, with pauses.
    async fn add_segment(&self, adding: &mut Adding, events: &[Event], absorbed: &[Event]) {
        let events = events.chunks(Pace::PART).map(|part| (part, &[][..]));
        let absorbed = absorbed.chunks(Pace::PART).map(|part| (&[][..], part));
        for (events, absorbed) in events.chain(absorbed) {
            adding.part(events, absorbed);
            let due = adding.pace.is_due(events.len() + absorbed.len());
            self.pause_if(due).await;
        }
    }
}
