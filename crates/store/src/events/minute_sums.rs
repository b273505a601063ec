//! What the ledger says of a minute beside its sequence numbers: sums over all its routes, which parity compares.

use model::parity::ask::{Minute, Sum};

use crate::sql::{Row, StoreError};

/// The halves of a sum, high and low: SQL adds them without loss, and a database holds no 64 bits without a sign.
pub(crate) const fn halves(sum: u64) -> (u64, u64) {
    (sum >> 32, sum & 0xffff_ffff)
}

/// A sum from its halves; the low one may have grown beyond 32 bits by adding.
pub(crate) const fn joined(high: u64, low: u64) -> u64 {
    (high << 32).wrapping_add(low)
}

/// Of a row that begins with `start, numbers, absorbed, events, fallback, dual, digest_high, digest_low, value_high,
/// value_low`.
pub(crate) fn minute_sums(row: &Row) -> Result<Minute, StoreError> {
    let column = |at: usize| row.integer(at);
    Ok(Minute {
        numbers: column(1)?,
        absorbed: column(2)?,
        events: column(3)?,
        fallback: column(4)?,
        dual: Sum {
            requests: column(5)?,
            digests: joined(column(6)?, column(7)?),
            values: joined(column(8)?, column(9)?),
        },
    })
}
