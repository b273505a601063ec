//! Limits of the collector's own routes, in this isolate's memory.
//!
//! Invariant: a client's address is hashed under a random key of this isolate and neither kept nor logged. Each isolate
//! counts for itself: a client that reaches several has as many times the limit.

use std::cell::{OnceCell, RefCell};

use web_sys::Request;

use api::problem::Problem;
use flow::app::App;
use model::access::throttle::{MAX_CHANGES, MAX_REFUSALS, Throttle, ThrottledClient};
use model::event::address::{ClientIpHash, DailyKey, UNKNOWN};

thread_local! {
    static KEY: OnceCell<DailyKey> = const { OnceCell::new() };
    static THROTTLE: RefCell<Throttle> = RefCell::default();
}

/// Who asks; emergency stops are counted apart.
pub fn client(app: &App, request: &Request, stops: bool) -> ThrottledClient {
    let address = request.headers().get("CF-Connecting-IP").ok().flatten();
    let address = address.as_deref().unwrap_or(UNKNOWN);
    let hash = |key: &OnceCell<DailyKey>| ClientIpHash::keyed(key.get_or_init(|| DailyKey(app.unique())), address);
    (KEY.with(hash), stops)
}

/// Counts a wrong token of this client.
///
/// # Errors
/// Too many were wrong: the client is told to wait. Only a right token is accepted meanwhile.
pub fn refused(app: &App, client: ThrottledClient) -> Result<(), Problem> {
    if THROTTLE.with_borrow(|throttle| throttle.is_locked(&client, app.now_ms())) {
        app.count("locked_out", 1);
        let detail = format!("{MAX_REFUSALS} wrong tokens within a minute: wait a minute, or give a right one");
        return Err(Problem::too_many(detail));
    }
    app.count("token_refused", 1);
    THROTTLE.with_borrow_mut(|throttle| throttle.refused(client, app.now_ms()));
    Ok(())
}

/// Counts an administrative request of a client that may make it.
pub fn admit_change(app: &App, client: ThrottledClient) -> Result<(), Problem> {
    if THROTTLE.with_borrow_mut(|throttle| throttle.admit_change(client, app.now_ms())) {
        return Ok(());
    }
    app.count("changes_limited", 1);
    Err(Problem::too_many(format!("{MAX_CHANGES} administrative requests a minute are the limit: wait a minute")))
}
