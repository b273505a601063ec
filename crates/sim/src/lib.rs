//! The simulator: the order of work itself (`crates/flow`, `crates/store`), over real SQLite, on a platform that is made
//! up, under everything that a platform, its operators and its clients may do.
//!
//! A run is a function of its [`story`]: one thread; a clock that moves when nothing can go on; an executor that picks
//! among ready tasks by the seed; and no other source of time, order or randomness. Nothing iterates over a hash map whose
//! order the process decides. So a failure can be repeated, shrunk and kept.
//!
//! | where | what |
//! |---|---|
//! | [`world`] | the platform: isolates, objects, D1, queues, KV, bucket, clock |
//! | [`story`] | what happens in a run, as data; the story of a seed |
//! | [`hazards`] | what may go wrong, one file each |
//! | [`properties`] | what must hold, one file each |
//! | [`run`], `acts` | tells a story while properties watch; what each act does |
//! | [`scenarios`] | stories that are told by hand: a rollout, outages, a deployment, a restore, a scanner, a year |
//! | [`shrink`] | makes the story of a failure short |
//! | [`failure`] | tells a failure: seed, story, what the platform did, and a file to keep |
//! | [`past`] | stories that failed once, which are told first |
#![allow(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::new_without_default,
    clippy::unwrap_used,
    clippy::panic
)]

mod acts;
pub mod failure;
pub mod hazards;
pub mod numbers;
pub mod past;
pub mod properties;
pub mod run;
pub mod scenarios;
pub mod shrink;
pub mod sight;
pub mod story;
pub mod truth;
pub mod world;
