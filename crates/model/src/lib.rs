//! Values and decisions, pure.
//!
//! What an event is, how it is identified, where it goes, what is counted and how counts merge, and what all that says
//! about the two paths. No platform, no SQL, no clock, no source of randomness: time, keys and random numbers are
//! arguments, so that everything here is a function of its arguments and is tested natively.
//!
//! Each folder may use those above it in this list:
//! - [`event`]: an event, its identity, its route, and the message that carries it.
//! - [`log`]: how a store keeps events.
//! - [`counting`]: figures of many events.
//! - [`archive`]: days that left the stores.
//! - [`reading`]: both stores as one.
//! - [`flag`]: which path an event takes.
//! - [`delivery`]: events on their way.
//! - [`parity`]: whether both paths recorded the same.
//! - [`operating`]: health, readiness, metrics.
//! - [`access`]: sessions and tokens.

pub mod access;
pub mod archive;
pub mod counting;
pub mod delivery;
pub mod error;
pub mod event;
pub mod eviction;
pub mod flag;
pub mod log;
pub mod operating;
pub mod parity;
pub mod reading;
pub mod sorted;
pub mod time;
