//! The day's key for address hashes, in this isolate's memory.
//!
//! Invariant: counting never waits on a missing key for long, and never falls back to a hash that can be inverted: an
//! isolate that can't get the day's key uses one of its own, so that addresses are counted anew rather than exposed.

use std::rc::Rc;

use model::counting::grain::DAY_MS;
use model::event::address::{DailyKey, Keyed};
use store::sql::StoreError;

use crate::app::App;
use crate::isolate::AddressKey;
use crate::objects::{ask, layout};

/// How long the object may take to tell the key, in ms.
const DEADLINE_MS: u64 = 2_000;

/// How long a key of the isolate's own is used before the day's is asked for again, in ms.
const RETRY_MS: u64 = 30_000;

/// The key for addresses seen at `timestamp_ms`, unless it is to be asked for.
pub fn known(app: &App, timestamp_ms: u64, now_ms: u64) -> Option<Rc<Keyed>> {
    let cached = app.isolate.address_key.borrow();
    let cached = cached.as_ref().filter(|cached| cached.day == timestamp_ms / DAY_MS)?;
    cached.retry_at_ms.is_none_or(|at| now_ms < at).then(|| cached.key.clone())
}

/// The key for addresses seen at `timestamp_ms`.
pub async fn of(app: &App, timestamp_ms: u64) -> Rc<Keyed> {
    let day = timestamp_ms / DAY_MS;
    let now_ms = app.now_ms();
    if let Some(key) = known(app, timestamp_ms, now_ms) {
        return key;
    }
    let answer = app.within_ms(DEADLINE_MS, ask::address_key(app, day)).await;
    let (key, retry_at_ms) = match answer.unwrap_or(Err(StoreError::Late(DEADLINE_MS))) {
        Ok((key, layout)) => {
            layout::adopt(app, layout);
            (key, None)
        }
        Err(error) => {
            app.count("address_key_unavailable", 1);
            app.error(format_args!("Address key: {error}; addresses count anew in this isolate until it can be read"));
            (DailyKey(app.random()), Some(now_ms + RETRY_MS))
        }
    };
    let key = Rc::new(Keyed::new(&key));
    app.isolate.address_key.replace(Some(AddressKey { day, key: key.clone(), retry_at_ms }));
    key
}
