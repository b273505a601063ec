//! The archive: events written to a bucket by day, and how far that has come.

pub mod archiver;
pub mod days;
