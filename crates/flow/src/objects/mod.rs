//! Asking the objects of the old path.

pub mod all;
pub mod ask;
pub mod layout;
