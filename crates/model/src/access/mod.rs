//! Who may ask: sessions, tokens of Cloudflare Access, and the limits of wrong ones.

pub mod jwt;
pub mod session;
pub mod throttle;
