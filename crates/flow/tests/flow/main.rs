//! The whole order of work, in a made-up world (`rig::world`): no platform, no waiting.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod collecting;
mod consuming;
mod flag;
mod letters;
mod object;
mod stop;
mod support;
