//! Comparing the two paths: by cron and on demand, and the comparator's self-test.

pub mod reports;
pub mod runs;
pub mod selftest;
