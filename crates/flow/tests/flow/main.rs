//! The whole order of work, in a made-up world (`sim::world`): no platform, no waiting.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod archive;
mod collecting;
mod consuming;
mod cron;
mod flag;
mod flush;
mod ingest;
mod letters;
mod object;
mod operating;
mod outages;
mod parity;
mod reading;
mod stop;
mod support;
