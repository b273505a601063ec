//! Dead letters, and their way back.

pub mod dead_letters;
pub mod redrive;
