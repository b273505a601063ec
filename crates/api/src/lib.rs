//! Wire types: what the HTTP API takes and answers, and what the Worker and its objects say to each other.
//!
//! Nothing here decides anything: both ends of a wire share these types, so that neither can misspell a field.

pub mod archive;
pub mod events;
pub mod flag;
pub mod health;
pub mod ingest;
pub mod letters;
pub mod object;
pub mod ofrep;
pub mod parameter;
pub mod parameters;
pub mod parity;
pub mod paths;
pub mod problem;
pub mod readiness;
pub mod routes;
pub mod series;
pub mod stats;
pub mod summary;
pub mod trace;
pub mod url;
