//! The only clock and the only timer.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use worker::Delay;

/// Milliseconds since 1970. In production it stands still between inputs and outputs.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive and far below 2^53
#[allow(clippy::disallowed_methods)] // this is the place
pub fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

/// Now, as RFC 3339 in UTC.
pub fn now_rfc3339() -> String {
    js_sys::Date::new_0().to_iso_string().into()
}

/// A time (ms since 1970) as RFC 3339 in UTC; empty beyond what a date can be.
pub fn rfc3339_of(ms: u64) -> String {
    #[allow(clippy::cast_precision_loss)] // far below 2^53
    let date = js_sys::Date::new(&(ms as f64).into());
    // Formatting an invalid date throws.
    if date.get_time().is_nan() { String::new() } else { date.to_iso_string().into() }
}

/// A time in RFC 3339 as milliseconds since 1970; none where the text is no time.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be a number, and below 2^53
pub fn ms_of(rfc3339: &str) -> Option<u64> {
    let ms = js_sys::Date::parse(rfc3339);
    (ms >= 0.0).then_some(ms as u64)
}

/// Waits.
pub async fn sleep_ms(ms: u64) {
    Delay::from(Duration::from_millis(ms)).await;
}

/// Lets others that wait for this thread have their turn.
pub async fn pause() {
    sleep_ms(0).await;
}

/// The future's output, or none if it is not there within `ms`. The work itself can't be called back: what timed out
/// may still take effect.
pub async fn within_ms<F: Future>(ms: u64, future: F) -> Option<F::Output> {
    match select(pin!(future), pin!(sleep_ms(ms))).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
