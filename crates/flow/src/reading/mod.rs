//! Both stores as one: figures, tables, events, and what is known of an ID.

pub mod events;
pub mod merged;
pub mod paths;
pub mod range;
pub mod range_figures;
pub mod series;
pub mod stats;
pub mod stores;
pub mod trace;
