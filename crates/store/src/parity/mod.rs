//! Parity between two event stores.
//!
//! **Lives here:** how a store answers parity's questions ([`side`]), how two stores are compared ([`compare`]:
//! first by an [`overview`], then minute by minute, then by sequence numbers), and what is kept of it ([`reports`]).
//! **Never:** a conclusion: `domain/parity` draws those.

pub mod compare;
pub mod comparer;
mod minute;
mod numbers;
pub mod overview;
pub mod reports;
pub mod side;
