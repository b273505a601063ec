//! What the platform bills, from the one dated table `bench/prices.json`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// The table, as the benchmark prices its runs with it.
const TABLE: &str = include_str!("../../../bench/prices.json");

/// What is counted and billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// A read of KV.
    KvReads,
    /// A write to KV.
    KvWrites,
    /// Writing, reading or deleting a message of up to 64 KB.
    QueueOperations,
    /// A call of an object, or its alarm.
    ObjectRequests,
    /// A row that an object's database looks at.
    ObjectRowsRead,
    /// A row, or entry of an index, that an object's database writes or deletes.
    ObjectRowsWritten,
    /// A row that D1 looks at.
    D1RowsRead,
    /// A row, or entry of an index, that D1 writes or deletes.
    D1RowsWritten,
}

/// The price of a unit.
#[derive(Debug, Clone, Deserialize)]
pub struct Price {
    /// US dollars for a million.
    usd: f64,
}

/// The table.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prices {
    /// Day on which they were looked up.
    pub as_of: String,
    /// The plan that they are of.
    pub plan: String,
    per_million: BTreeMap<Unit, Price>,
    /// What is left out, and why.
    pub not_counted: Vec<String>,
}

impl Prices {
    /// Reads the table.
    pub fn read() -> anyhow::Result<Self> {
        serde_json::from_str(TABLE).context("reading bench/prices.json")
    }

    /// What so many of a unit cost, in US dollars; nothing if the table leaves them out.
    pub fn of(&self, unit: Unit, count: f64) -> f64 {
        self.per_million.get(&unit).map_or(0.0, |price| price.usd * count / 1e6)
    }
}

impl Unit {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KvReads => "KV reads",
            Self::KvWrites => "KV writes",
            Self::QueueOperations => "queue operations",
            Self::ObjectRequests => "object requests",
            Self::ObjectRowsRead => "object rows read",
            Self::ObjectRowsWritten => "object rows written",
            Self::D1RowsRead => "D1 rows read",
            Self::D1RowsWritten => "D1 rows written",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_has_a_price() {
        let prices = Prices::read().unwrap();
        for unit in [
            Unit::KvReads,
            Unit::KvWrites,
            Unit::QueueOperations,
            Unit::ObjectRequests,
            Unit::ObjectRowsRead,
            Unit::ObjectRowsWritten,
            Unit::D1RowsRead,
            Unit::D1RowsWritten,
        ] {
            assert!(prices.of(unit, 1e6) > 0.0, "{unit:?}");
        }
        assert!((prices.of(Unit::D1RowsWritten, 2e6) - 2.0).abs() < 1e-9);
    }
}
