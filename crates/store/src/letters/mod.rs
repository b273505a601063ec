//! Dead letters, and how they are tried again.

pub mod dead_letters;
pub mod redrive;
