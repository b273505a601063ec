//! What exists once, in the object `default` or in D1: address keys, the number of objects, the snapshot, vital signs,
//! and the write probe.

pub mod address_keys;
pub mod layout;
pub mod snapshot;
pub mod vitals;
pub mod write_probe;
