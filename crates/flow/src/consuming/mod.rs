//! From a queue's message to D1, or to whoever takes it when nothing else does.

pub mod consumer;
mod slow_lane;
