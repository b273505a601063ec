//! The flag: its history and its stops in D1, and the copy in the object `default`.

pub mod copy;
pub mod history;
pub mod stops;
