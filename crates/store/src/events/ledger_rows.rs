//! Ledgers as rows: what arrived in a minute, in as many rows as are needed.
//!
//! Invariant: no row exceeds the database's limits, however many producers and gaps a minute has. A ledger is the union
//! of its minute's rows.

use litemap::LiteMap;

use model::event::ProducerId;
use model::log::ledger::Arrivals;
use model::log::writes::Writes;
use model::parity::ask::Minute;
use model::sorted;

use super::minute_sums::{halves, minute_sums};
use super::read::arrivals_of;
use crate::sql::{Row, Statement, StoreError, json_chunks, json_list, packed, unpacked};
use crate::statements::statements;

/// Most producers and runs in each of a row's four sets. An entry has at most 15 bytes, so that a set has at most 300
/// KB as hexadecimal text. With the routes (at most 530 KB) a whole row fits into one parameter of 2 MB.
const MAX_ENTRIES: usize = 10_000;

statements!("ledger_rows.sql": LEDGERS, DELETE, INSERT, INSERT_PRODUCERS);

/// What arrived in one minute.
#[derive(Default)]
pub(crate) struct MinuteLedger {
    /// Sums over all routes, and the repeats that dedup absorbed.
    pub sums: Minute,
    /// The numbers.
    pub arrivals: Arrivals,
    /// The writes that carried them.
    pub writes: Writes,
}

/// What arrived, by the start of the minute in ms.
pub(crate) type ArrivalsByMinute = LiteMap<u64, MinuteLedger>;

/// The statement that reads the stored ledgers of these minutes.
pub(crate) fn read(ledgers: &ArrivalsByMinute) -> Statement {
    Statement::new(LEDGERS, [json_list(ledgers.keys().copied())])
}

/// Adds a row from the result of [`read`].
pub(crate) fn add(ledgers: &mut ArrivalsByMinute, row: &Row) -> Result<(), StoreError> {
    if let Some(sum) = ledgers.get_mut(&row.integer("start")?) {
        sum.sums.add(&minute_sums(row)?);
        sum.arrivals.merge(&arrivals_of(row)?);
        sum.writes.merge(&unpacked(row, "writes")?);
    }
    Ok(())
}

/// The rows of a minute.
fn rows_of(start: u64, ledger: &MinuteLedger) -> Result<Vec<serde_json::Value>, StoreError> {
    let mut rows = Vec::new();
    let mut arrivals = ledger.arrivals.split(MAX_ENTRIES).into_iter();
    let mut writes = ledger.writes.split(MAX_ENTRIES).into_iter();
    for part in 0u64.. {
        let (numbers, carried) = (arrivals.next(), writes.next());
        if numbers.is_none() && carried.is_none() {
            break;
        }
        let (numbers, carried) = (numbers.unwrap_or_default(), carried.unwrap_or_default());
        // The sums stand in the first row.
        let sums = if part == 0 { ledger.sums } else { Minute::default() };
        let Minute { events, dual, fallback, absorbed, .. } = sums;
        let ((digest_high, digest_low), (value_high, value_low)) = (halves(dual.digests), halves(dual.values));
        let body = numbers.pack().map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let (count, body) = (numbers.stored.len(), hex::encode(body));
        rows.push(serde_json::json!([
            start,
            part,
            count,
            absorbed,
            events,
            fallback,
            dual.requests,
            digest_high,
            digest_low,
            value_high,
            value_low,
            body,
            packed(&carried)?,
        ]));
    }
    Ok(rows)
}

/// Statements that replace the stored ledgers of these minutes.
pub(crate) fn replace(ledgers: &ArrivalsByMinute) -> Result<Vec<Statement>, StoreError> {
    let (mut parts, mut first): (Vec<serde_json::Value>, Vec<(u64, u64)>) = (Vec::new(), Vec::new());
    for (start, ledger) in ledgers {
        parts.extend(rows_of(*start, ledger)?);
        let producers = ledger.arrivals.stored.0.keys().chain(ledger.arrivals.absorbed.0.keys());
        first.extend(producers.map(|producer| (*producer, *start)));
    }
    sorted::sort_by_key(&mut first, |first| *first);
    first.dedup_by_key(|(producer, _)| *producer);
    let producers = first.iter().map(|(producer, start)| serde_json::json!([ProducerId(*producer), start]));
    let mut statements = vec![Statement::new(DELETE, [json_list(ledgers.keys().copied())])];
    statements.extend(json_chunks(parts).into_iter().map(|chunk| Statement::new(INSERT, [chunk])));
    statements.extend(json_chunks(producers).into_iter().map(|chunk| Statement::new(INSERT_PRODUCERS, [chunk])));
    Ok(statements)
}
