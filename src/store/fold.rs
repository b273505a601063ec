//! Folding: segments into rollups and ledgers.
//!
//! Invariant: rollups and ledgers hold exactly the segments up to the last fold; all change in one transaction, which
//! inserts the fold it begins at. A fold that is interrupted or races another changes nothing.

use std::collections::BTreeMap;

use crate::domain::event::{Event, ProducerId};
use crate::domain::grain::{Grain, MINUTE_MS, Retention};
use crate::domain::ledger::Ledger;
use crate::domain::rollup::{self, ALL_ROUTES, Key, Rollups};
use crate::domain::selection::Parts;

use super::events::{EventStore, HEAD, head_and_folded};
use super::read::{absorbed_of, events_of};
use super::rollup_rows::{decode, encode, rollup_row};
use super::sql::{Row, Sql, Statement, StoreError, json_chunks, json_list, packed, rows, unpacked};

/// Segments that one fold takes: a bound on its memory and time.
const MAX_SEGMENTS: u64 = 512;

const UNFOLDED: &str = "
    SELECT window_start, hex(digests) AS digests, hex(body) AS body,
           hex(absorbed_digests) AS absorbed_digests, hex(absorbed_body) AS absorbed_body, seq
    FROM segments WHERE seq > ?1 ORDER BY seq LIMIT ?2";

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
    SELECT start, absorbed, hex(body) AS body FROM ledger WHERE start IN (SELECT value FROM json_each(?1))";

const REPLACE_LEDGERS: &str = "
    REPLACE INTO ledger (start, numbers, absorbed, body)
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
           unhex(json_extract(value, '$[3]'))
    FROM json_each(?1)";

const INSERT_PRODUCERS: &str = "
    INSERT OR IGNORE INTO producers (producer, first_start)
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1)";

/// What a fold adds to one minute's ledger.
#[derive(Default)]
struct Arrivals {
    absorbed: u64,
    ledger: Ledger,
}

/// What some segments add.
#[derive(Default)]
struct Fresh {
    rollups: Rollups,
    arrivals: BTreeMap<u64, Arrivals>,
}

impl Fresh {
    /// Of rows of [`UNFOLDED`], as far as it is kept.
    fn of(waiting: &[Row], retention: &Retention, now_ms: u64) -> Result<Self, StoreError> {
        let mut fresh = Self::default();
        let mut minutes = Rollups::new();
        let mut arrived: BTreeMap<u64, Vec<Event>> = BTreeMap::new();
        for row in waiting {
            let (events, absorbed) = (events_of(row)?, absorbed_of(row)?);
            for event in &events {
                rollup::add(&mut minutes, Grain::Minute, &event.path, event);
            }
            for event in &absorbed {
                fresh.arrivals.entry(event.minute() * MINUTE_MS).or_default().absorbed += 1;
            }
            for event in events.into_iter().chain(absorbed) {
                arrived.entry(event.minute() * MINUTE_MS).or_default().push(event);
            }
        }
        for (start, events) in arrived {
            fresh.arrivals.entry(start).or_default().ledger = Ledger::of(&events);
        }
        fresh.arrivals = fresh.arrivals.split_off(&retention.first(Grain::Minute, now_ms));
        for grain in Grain::ALL {
            let first = retention.first(grain, now_ms);
            fresh.widen(&minutes, grain, first);
        }
        Ok(fresh)
    }

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
        let ledgers = Statement::new(LEDGERS, [json_list(self.arrivals.keys().copied())]);
        let key = |key: &Key| serde_json::json!([key.grain.ms(), key.start, key.path, key.cohort.index()]);
        let rollups = json_chunks(self.rollups.keys().map(key));
        std::iter::once(ledgers).chain(rollups.into_iter().map(|keys| Statement::new(ROLLUPS, [keys]))).collect()
    }

    /// Adds what [`Self::reads`] gave.
    fn add_stored<'a>(&mut self, rollups: impl Iterator<Item = &'a Row>, ledgers: &[Row]) -> Result<(), StoreError> {
        for row in rollups {
            let (key, rollup) = decode(row.text(0)?)?;
            if let Some(sum) = self.rollups.get_mut(&key) {
                sum.merge(&rollup);
            }
        }
        for row in ledgers {
            if let Some(sum) = self.arrivals.get_mut(&row.integer(0)?) {
                sum.absorbed += row.integer(1)?;
                sum.ledger.merge(&unpacked(row, 2)?);
            }
        }
        Ok(())
    }

    /// Statements that store all of it.
    fn replacements(&self) -> Result<Vec<Statement>, StoreError> {
        let mut statements = Vec::new();
        let mut add = |sql, rows: Vec<serde_json::Value>| {
            statements.extend(json_chunks(rows).into_iter().map(|chunk| Statement::new(sql, [chunk])));
        };
        let rollups = self.rollups.iter().map(|(key, rollup)| encode(key, rollup, Parts::All));
        add(REPLACE_ROLLUPS, rollups.collect::<Result<_, _>>()?);
        let ledgers = self.arrivals.iter().map(|(start, arrivals)| {
            Ok(serde_json::json!([start, arrivals.ledger.len(), arrivals.absorbed, packed(&arrivals.ledger)?]))
        });
        add(REPLACE_LEDGERS, ledgers.collect::<Result<_, StoreError>>()?);
        let mut first: BTreeMap<u64, u64> = BTreeMap::new();
        for (start, arrivals) in &self.arrivals {
            for producer in arrivals.ledger.0.keys() {
                first.entry(*producer).or_insert(*start);
            }
        }
        let producers = first.iter().map(|(producer, start)| serde_json::json!([ProducerId(*producer), start]));
        add(INSERT_PRODUCERS, producers.collect());
        Ok(statements)
    }
}

impl<S: Sql> EventStore<S> {
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
        let waiting = Statement::new(UNFOLDED, [folded.into(), MAX_SEGMENTS.into()]);
        let waiting = self.sql.batch(vec![waiting]).await?;
        let Some(last) = rows(&waiting, 0).last() else { return Err(StoreError::Conflict) };
        let reached = last.integer(5)?;
        let mut fresh = Fresh::of(rows(&waiting, 0), &self.retention, now_ms)?;
        // 3. As 1. Another fold may commit between 1 and here; the write is refused then.
        let stored = self.sql.batch(fresh.reads()).await?;
        if let Some((ledgers, rollups)) = stored.split_first() {
            fresh.add_stored(rollups.iter().flatten(), ledgers)?;
        }
        let mut statements = vec![Statement::new(INSERT_FOLD, [folded.into(), reached.into(), now_ms.into()])];
        statements.extend(fresh.replacements()?);
        // 4. A crash here: the transaction is there or is not; the next fold begins where it finds the log.
        self.sql.batch(statements).await?;
        Ok(head.saturating_sub(reached))
    }
}
