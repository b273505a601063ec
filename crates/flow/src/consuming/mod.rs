//! From a queue's message to D1, or to a fallback when D1 doesn't take it for too long.

pub mod consumer;
mod slow_lane;
