//! The platform: Workers, Durable Objects, Queues, KV, D1.
//!
//! **Lives here:** everything that touches the runtime: reading requests and bindings, clocks, timers, logs, and the
//! order in which things are awaited. **May import:** `domain`, `store`, `worker`.
//! **Never:** a decision that could be a pure function, SQL, a client address in a log or a store.
//!
//! Life of a request: [`router`] passes it to the [`upstream`]; [`collect`] makes an event of it afterwards and
//! [`deliver`] writes it, in the order of [`flush`], to [`collector`] (old path), to the queue (new path; [`consumer`] reads
//! it), or both.
//! [`api`] reads what came of it.

pub mod address_key;
pub mod api;
pub mod archive;
pub mod backlog;
pub mod body;
pub mod clock;
pub mod collect;
pub mod collector;
pub mod collector_client;
pub mod config;
pub mod consumer;
pub mod counters;
pub mod cron;
pub mod deadline;
pub mod deliver;
pub mod failure;
pub mod flag_admin;
pub mod flag_cache;
pub mod flag_kv;
pub mod flag_stop;
pub mod flush;
pub mod layout;
pub mod parity;
pub mod parity_selftest;
pub mod problem;
pub mod query;
pub mod queue_batch;
pub mod ramp;
pub mod ramp_gate;
pub mod router;
pub mod slow_lane;
pub mod snapshot;
pub mod sql_d1;
pub mod sql_object;
pub mod sql_values;
pub mod stores;
pub mod upstream;
pub mod vitals;
pub mod write_path;
