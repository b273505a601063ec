//! The whole order of work, in a made-up world (`rig::world`): no platform, no waiting.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod collecting;
mod consuming;
mod cron;
mod flag;
mod letters;
mod object;
mod parity;
mod stop;
mod support;
