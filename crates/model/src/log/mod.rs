//! What the event log holds: segments, the digests that dedup reads, and the ledger of sequence numbers and writes.

pub mod dedup;
pub mod ledger;
pub mod runs;
pub mod segment;
pub mod writes;
