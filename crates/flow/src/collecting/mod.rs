//! From an observed request to a written event.

pub mod address_key;
pub mod collect;
pub mod deliver;
pub mod flush;
pub mod ingest;
pub mod write_path;
