//! The archive: days written to blobs, and where it stands.

pub mod archiver;
pub mod days;
