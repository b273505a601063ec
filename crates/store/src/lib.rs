//! The stores: SQL, and what the rows mean.
//!
//! [`events`] is the event store, which objects and D1 share; the other modules are tables that only one of them has.
//! The database is behind the port [`sql::Database`]. This crate knows neither the platform nor the clock: times are
//! arguments.

pub mod archive;
pub mod events;
pub mod flag;
pub mod keeper;
pub mod letters;
pub mod parity;
pub mod schema;
pub mod sql;
pub(crate) mod statements;
