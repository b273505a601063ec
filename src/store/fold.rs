//! Folding: segments into rollups and ledgers.
//!
//! Invariant: rollups and ledgers hold exactly the segments up to the last fold; all change in one transaction, which
//! inserts the fold it begins at. A fold that is interrupted or races another changes nothing.

use std::collections::BTreeMap;

use crate::domain::event::{Event, ProducerId};
use crate::domain::ledger::Ledger;
use crate::domain::rollup::{self, Key, MINUTE_MS, Rollup, Rollups};

use super::events::{EventStore, HEAD, head_and_folded};
use super::read::{absorbed_of, events_of, rollup_of};
use super::sql::{Row, Sql, Statement, StoreError, Value, json_chunks, json_list, packed, rows, unpacked};

/// Segments that one fold takes: a bound on its memory and time.
const MAX_SEGMENTS: u64 = 512;

const UNFOLDED: &str = "
    SELECT window_start, hex(digests) AS digests, hex(body) AS body,
           hex(absorbed_digests) AS absorbed_digests, hex(absorbed_body) AS absorbed_body, seq
    FROM segments WHERE seq > ?1 ORDER BY seq LIMIT ?2";

const ROLLUPS: &str = "
    SELECT start, path, cohort, hex(body) AS body FROM rollups
    WHERE grain = ?1 AND start IN (SELECT value FROM json_each(?2))";

const INSERT_FOLD: &str = "INSERT INTO folds (from_seq, to_seq, folded_at) VALUES (?1, ?2, ?3)";

const REPLACE_ROLLUPS: &str = "
    REPLACE INTO rollups
      (grain, start, path, cohort, requests, digest_high, digest_low, value_high, value_low, body)
    SELECT ?1, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
           json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
           json_extract(value, '$[6]'), json_extract(value, '$[7]'), unhex(json_extract(value, '$[8]'))
    FROM json_each(?2)";

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
    /// Of rows of [`UNFOLDED`].
    fn of(waiting: &[Row]) -> Result<Self, StoreError> {
        let mut fresh = Self::default();
        let mut arrived: BTreeMap<u64, Vec<Event>> = BTreeMap::new();
        for row in waiting {
            let (events, absorbed) = (events_of(row)?, absorbed_of(row)?);
            for event in &events {
                rollup::add(&mut fresh.rollups, event);
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
        Ok(fresh)
    }

    /// Adds what is stored of the same minutes.
    fn add_stored(&mut self, rollups: &[Row], ledgers: &[Row]) -> Result<(), StoreError> {
        for row in rollups {
            let (key, rollup) = rollup_of(row)?;
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
        let mut add = |sql, rows: Vec<serde_json::Value>, first: Option<Value>| {
            let params = |chunk| first.iter().cloned().chain([chunk]).collect::<Vec<_>>();
            statements.extend(json_chunks(rows).into_iter().map(|chunk| Statement::new(sql, params(chunk))));
        };
        let rollups = self.rollups.iter().map(rollup_row).collect::<Result<_, _>>()?;
        add(REPLACE_ROLLUPS, rollups, Some(MINUTE_MS.into()));
        let ledgers = self.arrivals.iter().map(|(start, arrivals)| {
            Ok(serde_json::json!([start, arrivals.ledger.len(), arrivals.absorbed, packed(&arrivals.ledger)?]))
        });
        add(REPLACE_LEDGERS, ledgers.collect::<Result<_, StoreError>>()?, None);
        let mut first: BTreeMap<u64, u64> = BTreeMap::new();
        for (start, arrivals) in &self.arrivals {
            for producer in arrivals.ledger.0.keys() {
                first.entry(*producer).or_insert(*start);
            }
        }
        let producers = first.iter().map(|(producer, start)| serde_json::json!([ProducerId(*producer), start]));
        add(INSERT_PRODUCERS, producers.collect(), None);
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
        let mut fresh = Fresh::of(rows(&waiting, 0))?;
        // 3. As 1. Another fold may commit between 1 and here; the write is refused then.
        let minutes = json_list(fresh.arrivals.keys().copied());
        let stored =
            vec![Statement::new(ROLLUPS, [MINUTE_MS.into(), minutes.clone()]), Statement::new(LEDGERS, [minutes])];
        let stored = self.sql.batch(stored).await?;
        fresh.add_stored(rows(&stored, 0), rows(&stored, 1))?;
        let mut statements = vec![Statement::new(INSERT_FOLD, [folded.into(), reached.into(), now_ms.into()])];
        statements.extend(fresh.replacements()?);
        // 4. A crash here: the transaction is there or is not; the next fold begins where it finds the log.
        self.sql.batch(statements).await?;
        Ok(head.saturating_sub(reached))
    }
}

/// A rollup as [`REPLACE_ROLLUPS`] takes it.
fn rollup_row((key, rollup): (&Key, &Rollup)) -> Result<serde_json::Value, StoreError> {
    let low = u64::from(u32::MAX);
    let (digest, value) = (rollup.digest_sum, rollup.value_sum);
    Ok(serde_json::json!([
        key.start,
        key.path,
        key.cohort.index(),
        rollup.requests,
        digest >> 32,
        digest & low,
        value >> 32,
        value & low,
        packed(rollup)?,
    ]))
}
