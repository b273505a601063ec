//! The event store, which both paths keep: the object and D1 alike.

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
