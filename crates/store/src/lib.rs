//! SQL and its meaning.
//!
//! The event store, which both paths keep ([`events`]: the object and D1 alike), and what only one of them keeps. The
//! database is behind the port [`sql::Database`]; the platform and the clock are not known here.

pub mod archive;
pub mod events;
pub mod flag;
pub mod keeper;
pub mod letters;
pub mod parity;
pub mod schema;
pub mod sql;
pub(crate) mod statements;
