//! The stores over real SQLite, with the platform's limits: `cargo test -p store --test store`, and a module's name for
//! its tests alone.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod archive;
mod dead_letters;
mod event_store;
mod exactly_once;
mod flag_history;
mod flag_stops;
mod ladder;
mod layout;
mod limits;
mod parity;
mod recall;
mod retention;
mod routes;
mod schema;
mod timelines;
mod vitals;
