//! The only clock, the only timer, and the only source of randomness.

use std::time::Duration;

use flow::port::{Clock, Failure};
use store::sql::LocalFuture;
use wasm_bindgen::JsCast;
use web_sys::WorkerGlobalScope;
use worker::Delay;

use super::failure::thrown;

/// The runtime's.
pub struct RuntimeClock;

/// Milliseconds since 1970. In production it stands still between inputs and outputs.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive and far below 2^53
#[allow(clippy::disallowed_methods)] // this is the place
pub fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

/// Waits.
pub async fn sleep_ms(ms: u64) {
    Delay::from(Duration::from_millis(ms)).await;
}

impl Clock for RuntimeClock {
    fn now_ms(&self) -> u64 {
        now_ms()
    }

    fn sleep_ms(&self, ms: u64) -> LocalFuture<'static, ()> {
        Box::pin(sleep_ms(ms))
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), Failure> {
        let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
        let filled = scope.crypto().and_then(|crypto| crypto.get_random_values_with_u8_array(bytes));
        filled.map(drop).map_err(|error| thrown(&error))
    }
}
