//! The flag: its history and stops in D1, its copy in the object.

pub mod copy;
pub mod history;
pub mod stops;
