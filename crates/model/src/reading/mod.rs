//! Reading both stores as one: which intervals, merged how, and what is said of what is missing.

pub mod ambiguous;
pub mod answers;
pub mod blocks;
pub mod grouping;
pub mod intervals;
pub mod listing;
pub mod merge;
pub mod missing;
pub mod selection;
pub mod trace;
