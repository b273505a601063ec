//! The flag: what an isolate obeys, how it is changed, stopped, ramped, and copied to where routers read it.

pub mod admin;
pub mod cache;
pub mod kv;
pub mod orders;
pub mod places;
pub mod ramp;
pub mod ramp_gate;
pub mod shown;
pub mod status;
pub mod stop;
