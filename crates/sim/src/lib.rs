//! The simulator: the order of work itself, over real SQLite, on a platform that is made up.
#![allow(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::new_without_default,
    clippy::unwrap_used,
    clippy::panic
)]

pub mod world;
