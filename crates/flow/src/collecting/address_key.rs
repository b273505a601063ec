//! The day's key for address hashes, in this isolate's memory.
//!
//! Invariant: counting never waits on a missing key for long, and never falls back to a hash that can be inverted: an
//! isolate that can't get the day's key uses one of its own, so that addresses are counted anew rather than exposed. If
//! it can't make one either, all addresses count as one.

use std::rc::Rc;

use model::counting::grain::DAY_MS;
use model::event::address::{AddressHashing, DailyKey, PreparedKey};
use store::sql::StoreError;

use crate::app::App;
use crate::isolate::AddressKey;
use crate::objects::{ask, layout};

/// How long the object may take to tell the key, in ms.
const DEADLINE_MS: u64 = 2_000;

/// How long a key of the isolate's own is used before the day's is asked for again, in ms.
const RETRY_MS: u64 = 30_000;

/// How addresses seen at `timestamp_ms` are hashed, unless the key is to be asked for.
pub fn known(app: &App, timestamp_ms: u64, now_ms: u64) -> Option<Rc<AddressHashing>> {
    if app.config.plain_address_hash {
        return Some(Rc::new(AddressHashing::Plain));
    }
    let cached = app.isolate.address_key.borrow();
    let cached = cached.as_ref().filter(|cached| cached.day == timestamp_ms / DAY_MS)?;
    cached.retry_at_ms.is_none_or(|at| now_ms < at).then(|| cached.hashing.clone())
}

/// How addresses seen at `timestamp_ms` are hashed.
pub async fn of(app: &App, timestamp_ms: u64) -> Rc<AddressHashing> {
    let day = timestamp_ms / DAY_MS;
    let now_ms = app.now_ms();
    if let Some(hashing) = known(app, timestamp_ms, now_ms) {
        return hashing;
    }
    let answer = app.within_ms(DEADLINE_MS, ask::address_key(app, day)).await;
    let (key, retry_at_ms) = match answer.unwrap_or(Err(StoreError::Late(DEADLINE_MS))) {
        Ok((key, layout)) => {
            layout::adopt(app, layout);
            (Some(key), None)
        }
        Err(error) => {
            app.count("address_key_unavailable", 1);
            app.error(format_args!("Address key: {error}; addresses count anew in this isolate until it can be read"));
            (app.secret().ok().map(DailyKey), Some(now_ms + RETRY_MS))
        }
    };
    let hashing = key.map_or(AddressHashing::Withheld, |key| AddressHashing::Keyed(PreparedKey::new(&key)));
    let hashing = Rc::new(hashing);
    app.isolate.address_key.replace(Some(AddressKey { day, hashing: hashing.clone(), retry_at_ms }));
    hashing
}
