//! Parity between two event stores.
//!
//! Here is how a store answers parity's questions ([`side`]), how two stores are compared ([`compare`]: first by an
//! [`overview`], then minute by minute, then by sequence numbers), and what is stored of that ([`reports`]).
//! Verdicts are not drawn here, but in `crates/model/src/parity`.

pub mod compare;
pub mod comparer;
mod minute;
mod numbers;
pub mod overview;
pub mod reports;
pub mod side;
