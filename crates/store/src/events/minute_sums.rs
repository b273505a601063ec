//! What the ledger says of a minute beside its sequence numbers: sums over all its routes, which parity compares.

use model::parity::ask::{Minute, SetSum};

use crate::sql::{Row, StoreError};

/// The halves of a sum, high and low: SQL adds them without loss, and a database holds no 64 bits without a sign.
pub(crate) const fn halves(sum: u64) -> (u64, u64) {
    (sum >> 32, sum & 0xffff_ffff)
}

/// A sum from its halves; the low one may have grown beyond 32 bits by adding.
pub(crate) const fn joined(high: u64, low: u64) -> u64 {
    (high << 32).wrapping_add(low)
}

/// The sums of a row of `ledger`.
pub(crate) fn minute_sums(row: &Row) -> Result<Minute, StoreError> {
    Ok(Minute {
        numbers: row.integer("numbers")?,
        absorbed: row.integer("absorbed")?,
        events: row.integer("events")?,
        fallback: row.integer("fallback")?,
        dual: SetSum {
            requests: row.integer("dual")?,
            digests: joined(row.integer("digest_high")?, row.integer("digest_low")?),
            values: joined(row.integer("value_high")?, row.integer("value_low")?),
        },
    })
}
