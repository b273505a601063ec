//! SQL and its meaning.
//!
//! **Lives here:** the event store, which both paths keep ([`events::EventStore`]: the object and D1 alike), and what
//! only one of them keeps: dead letters (D1), address keys and the number of objects (the object).
//! **May import:** `domain`, `std`, `serde_json`.
//! **Never:** the platform (`worker`); a clock. The database is behind the one-method port [`sql::Sql`].

pub mod address_keys;
pub mod archive;
pub mod archive_days;
pub mod dead_letters;
pub mod details;
pub mod events;
pub mod flag_copy;
pub mod flags;
pub mod fold;
pub mod layout;
mod ledger_rows;
mod minute_sums;
pub mod parity;
pub mod read;
pub mod recall;
pub mod redrive;
pub mod retention;
pub mod rollup_rows;
pub mod snapshot;
pub mod sql;
pub mod stops;
mod timeline;
pub mod vitals;
pub mod write_probe;
