//! Values and decisions.
//!
//! **Lives here:** what an event is, how it is identified, where it goes, what is counted and how counts merge.
//! **May import:** `std`, hashing, serialisation and sketch crates; modules of this folder.
//! **Never:** the platform (`worker`), SQL, a clock, a source of randomness. Time, keys and random numbers are
//! arguments, so that everything here is a function of what it is given and is tested natively.

pub mod access_jwt;
pub mod address;
pub mod alarm;
pub mod ambiguous;
pub mod archive;
pub mod batch;
pub mod blocks;
pub mod cardinality;
pub mod coalesce;
pub mod dedup;
pub mod error;
pub mod event;
pub mod exemplar;
pub mod exposition;
pub mod figures;
pub mod flag;
pub mod forget;
pub mod grain;
pub mod health;
pub mod identity;
pub mod intervals;
pub(crate) mod json_path;
pub mod layout;
pub mod ledger;
pub mod letter;
pub mod listing;
pub mod merge;
pub mod message;
pub mod metrics;
pub mod missing;
pub mod pace;
pub mod parity;
pub mod path;
pub mod readiness;
pub mod retry;
pub mod rollup;
pub mod route;
pub mod runs;
pub mod segment;
pub mod selection;
pub mod session;
pub mod sketch;
pub mod sorted;
pub mod split;
pub mod template;
pub mod throttle;
pub mod trace;
pub mod value_hash;
pub mod writes;
