//! Limits of the collector's own routes, in this isolate's memory.
//!
//! Invariant: a client's address is hashed under a random key of this isolate and neither kept nor logged. Each isolate
//! counts for itself: a client that reaches several has as many times the limit.

use std::cell::RefCell;

use web_sys::Request;

use crate::domain::address::{ClientIpHash, DailyKey, UNKNOWN};
use crate::domain::throttle::{Client, MAX_CHANGES, MAX_REFUSALS, Throttle};
use crate::edge::problem::Problem;
use crate::edge::{address_key, clock, counters};

thread_local! {
    static KEY: DailyKey = DailyKey(address_key::random_bytes());
    static THROTTLE: RefCell<Throttle> = RefCell::default();
}

/// Who asks; emergency stops are counted apart.
pub fn client(request: &Request, stops: bool) -> Client {
    let address = request.headers().get("CF-Connecting-IP").ok().flatten();
    (KEY.with(|key| ClientIpHash::keyed(key, address.as_deref().unwrap_or(UNKNOWN))), stops)
}

/// Lets a client pass whose token `check` accepts, unless too many of its tokens were refused.
pub fn admit(client: Client, request: &Request, check: Result<(), Problem>) -> Result<(), Problem> {
    let now_ms = clock::now_ms();
    if THROTTLE.with_borrow(|throttle| throttle.is_locked(&client, now_ms)) {
        counters::add("locked_out", 1);
        return Err(Problem::too_many(format!("{MAX_REFUSALS} tokens were refused within a minute: wait a minute")));
    }
    // Who presents no token guesses none.
    let refused = check.as_ref().is_err_and(|problem| problem.status == 401);
    if refused && request.headers().has("Authorization").unwrap_or_default() {
        counters::add("token_refused", 1);
        THROTTLE.with_borrow_mut(|throttle| throttle.refused(client, now_ms));
    }
    check
}

/// Counts an administrative request of a client that may make it.
pub fn admit_change(client: Client) -> Result<(), Problem> {
    if THROTTLE.with_borrow_mut(|throttle| throttle.admit_change(client, clock::now_ms())) {
        return Ok(());
    }
    counters::add("changes_limited", 1);
    Err(Problem::too_many(format!("{MAX_CHANGES} administrative requests a minute are the limit: wait a minute")))
}
