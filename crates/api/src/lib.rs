//! Wire types: what the HTTP API takes and answers, and what the Worker and its objects say to each other.
//!
//! Nothing here decides anything: both ends of a wire share these types, so that neither can misspell a field.

pub mod object;
pub mod problem;
pub mod routes;
pub mod url;
