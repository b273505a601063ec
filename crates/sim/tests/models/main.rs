//! Exhaustive checks, for small bounds, of the two protocols that everything else rests on: [`segment_log`], by which each
//! event counts once, and [`flag_and_stop`], by which a stop that was accepted holds.
//!
//! A simulator draws some of what may happen; a model looks at all of it, as far as its bounds go. Model checkers such as
//! `stateright` search states that somebody wrote down a second time, and what is written twice drifts apart. So here the
//! model is the code: isolates run `flow` and `store` themselves, over real SQLite. A future can't be copied, but it does
//! the same whenever it gets the same answers; so the state of an isolate is the list of its answers ([`lives`]), that of
//! a database is what its tables hold ([`databases`]), and a search ([`search`]) tries everything that can happen next:
//! who goes on, and whether a call works, fails, or takes effect later than anybody waits for.
//!
//! Each model is broken in many ways, too, and has to see each of them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod databases;
mod flag_and_stop;
mod lives;
mod platform;
mod search;
mod segment_log;
