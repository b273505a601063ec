//! Parity: whether the new path's store equals the old one's, with evidence.
//!
//! What is compared is the *dual* cohort: events that were meant for both stores. An event is compared if a stored copy
//! of it is dual, wherever its other copy is. What was meant for both and fell back
//! stays dual, so that it is compared whichever of its copies arrived; a fallback of what was meant for one is not.
//!
//! **Lives here:** the questions to a store ([`ask`]), what a difference is ([`difference`]) and how copies are compared
//! ([`outcome`]), the window ([`window`]), bounds and verdicts ([`bounds`], [`verdict`]), how sets of events compare ([`comparison`]), the report
//! ([`report`]).
//! **Never:** how a store is asked: `store/parity` does that.
//!
//! Invariant: a report is a function of what both stores said; repeating it on the same stores gives the same one.

pub mod admitted;
pub mod ask;
pub mod bounds;
pub mod comparison;
pub mod difference;
pub mod evidence;
pub mod filed_report;
mod fit;
pub mod gate;
pub mod guard;
pub mod loss;
pub mod minute;
pub mod outcome;
pub mod report;
pub mod reporting;
pub mod revision;
pub mod schedule;
pub mod seen_events;
pub mod selftest;
#[cfg(test)]
mod simulation;
mod summary;
pub mod unresolved;
pub mod verdict;
pub mod window;
