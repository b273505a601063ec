//! Parity between two event stores.
//!
//! **Lives here:** how a store answers parity's questions ([`side`]), how two stores are compared ([`compare`]), and
//! what is kept of it ([`reports`]).
//! **Never:** a conclusion: `domain/parity` draws those.

pub mod compare;
pub mod reports;
pub mod side;
