//! Comparing the two paths: by cron and on demand, and the comparator's test of itself.

pub mod reports;
pub mod runs;
pub mod selftest;
