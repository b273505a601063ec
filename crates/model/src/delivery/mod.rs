//! Events on their way: coalesced, packed, retried, split, and the letters that no code can read.

pub mod alarm;
pub mod batch;
pub mod bounds;
pub mod coalesce;
pub mod kept_letter;
pub mod layout;
pub mod letter;
pub mod retry;
pub mod split;
pub mod work_meter;
