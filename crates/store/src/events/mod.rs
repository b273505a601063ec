//! The event store. Objects (the old path) and D1 (the new path) run the same code.

pub mod details;
pub mod event_store;
pub mod fold;
pub(crate) mod ledger_rows;
pub(crate) mod minute_sums;
pub mod read;
pub mod recall;
pub mod retention;
pub mod rollup_rows;
pub(crate) mod timeline;
