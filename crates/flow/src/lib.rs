//! The order of work.
//!
//! Collecting and delivering events, consuming messages, scheduled jobs, comparing the paths, moving the flag, and reading
//! both stores as one: generic over the small traits in [`port`], so that the Worker and tests run the same code. Values
//! and decisions are in `model`, SQL is in `store`.
//!
//! - [`collecting`]: from an observed request to a written event.
//! - [`consuming`]: from a queue's message to D1.
//! - [`objects`]: asking the objects of the old path; and [`object`], what one of them does.
//! - [`flag`]: the flag, its copies, stops and ramps.
//! - [`reading`]: both stores as one.
//! - [`parity`]: comparing them.
//! - [`operating`]: what operators are told.
//! - [`cron`]: all that is scheduled.

pub mod app;
pub mod archive;
pub mod collecting;
pub mod config;
pub mod consuming;
mod counters;
pub mod cron;
pub mod deadline;
pub mod error;
pub mod flag;
pub mod folding;
pub mod isolate;
pub mod letters;
pub mod object;
pub mod objects;
pub mod operating;
pub mod parity;
pub mod port;
pub mod reading;
