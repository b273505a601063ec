//! The sums over all routes of a minute, which the ledger holds beside the sequence numbers. Parity compares them.

use model::parity::ask::{Minute, SetSum};

use crate::sql::{Row, StoreError};

/// The high and the low half of a sum. SQL can add halves without loss, and has no unsigned 64-bit numbers.
pub(crate) const fn halves(sum: u64) -> (u64, u64) {
    (sum >> 32, sum & 0xffff_ffff)
}

/// A sum from its halves. The low half may exceed 32 bits, because halves were added.
pub(crate) const fn joined(high: u64, low: u64) -> u64 {
    (high << 32).wrapping_add(low)
}

/// The sums in a row of `ledger`.
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
