//! In how many objects the old path keeps its events: what is in force, in this isolate's memory.
//!
//! Invariant: nobody writes to an object, or reads from all, by a number that is not the recorded one. Where it can't be
//! told, the old path can't be written or read; nothing is guessed from the setting. An event's object is chosen by its
//! digest alone, so that all repeats of it meet in one object, whatever route they were given, and a busy route doesn't fill
//! one.

use std::cell::Cell;
use std::rc::Rc;

use litemap::LiteMap;
use worker::{Env, console_error};

use model::delivery::layout::Layout;
use model::event::message::Written;
use store::sql::StoreError;

use crate::config::Config;
use crate::deadline::Deadline;
use crate::{clock, collector_client, counters};

/// How long the object may take to tell it, in ms.
const DEADLINE_MS: u64 = 2_000;

/// How long nobody asks again after a failure, in ms: each flush would wait for it.
const RETRY_MS: u64 = 1_000;

thread_local! {
    static IN_FORCE: Cell<Option<u64>> = const { Cell::new(None) };
    static RETRY_AT_MS: Cell<u64> = const { Cell::new(0) };
}

/// Takes what the object said: with the address key, or because it was asked. It costs no further request then.
pub fn adopt(layout: Layout, config: &Config) {
    if layout.is_recorded
        && IN_FORCE.replace(Some(layout.shards)).is_none()
        && let Some(refusal) = layout.refusal(config.shards)
    {
        counters::add("setting_invalid", 1);
        console_error!("{refusal}");
    }
}

/// How many objects events are written to. Recorded from now on.
///
/// # Errors
/// Why it can't be told.
pub async fn to_write(env: &Env, config: &Config) -> Result<u64, String> {
    known_or_asked(env, config, true, Deadline::in_ms(DEADLINE_MS)).await.map_err(|error| error.to_string())
}

/// How many objects are to be read.
///
/// # Errors
/// Why it can't be told.
pub async fn to_read(env: &Env, config: &Config, deadline: Deadline) -> Result<u64, StoreError> {
    known_or_asked(env, config, false, deadline).await
}

/// How many objects there are, as far as this isolate knows: for estimates only.
pub fn known(config: &Config) -> u64 {
    IN_FORCE.get().unwrap_or(config.shards)
}

async fn known_or_asked(env: &Env, config: &Config, record: bool, deadline: Deadline) -> Result<u64, StoreError> {
    if let Some(shards) = IN_FORCE.get() {
        return Ok(shards);
    }
    // A clock that is set back must not make the pause longer.
    if (1..=RETRY_MS).contains(&RETRY_AT_MS.get().saturating_sub(clock::now_ms())) {
        return Err(StoreError::Unavailable("the number of objects could not be told a moment ago".to_owned()));
    }
    let asked = collector_client::layout(env, config, record, deadline).await;
    let layout = asked.inspect_err(|_| RETRY_AT_MS.set(clock::now_ms() + RETRY_MS))?;
    // One that is not recorded may be another's in a moment: it is asked for again.
    adopt(layout, config);
    Ok(layout.shards)
}

/// Why the setting is not in force, if it is not.
///
/// # Errors
/// Why it can't be told.
pub async fn refusal(env: &Env, config: &Config, deadline: Deadline) -> Result<Option<String>, StoreError> {
    let shards = to_read(env, config, deadline).await?;
    Ok(Layout::of(Some(shards), config.shards).refusal(config.shards))
}

/// Splits events by the object that keeps them.
pub fn by_shard(events: Vec<Rc<Written>>, shards: u64) -> Vec<Vec<Rc<Written>>> {
    if shards <= 1 {
        return vec![events];
    }
    let mut groups: LiteMap<u64, Vec<Rc<Written>>> = LiteMap::new();
    for written in events {
        groups.entry(written.event().digest.0 % shards).or_default().push(written);
    }
    groups.into_iter().map(|(_, events)| events).collect()
}

/// Name of an object.
pub fn shard_name(shard: u64, shards: u64) -> String {
    if shards <= 1 { "default".to_owned() } else { format!("default-{shard}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::event::Event;
    use model::event::identity::Digest;

    fn example() -> Event {
        let text = r#"{"idempotentId":"1730956800000-0a1b2c3d","digest":"0a1b2c3d4e5f6071","timestamp":1730956800123,
            "path":"/api/users","method":"GET","status":200,"responseTime":12,"clientIpHash":"0000000000000001",
            "cohort":"single","flagVersion":3,"producer":"0000000000000002","seq":4,"write":4,"fellBack":false}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn repeats_meet_in_one_object_whatever_their_route() {
        let event = |n, copy| Event { digest: Digest(n), path: format!("/{copy}"), ..example() };
        let copies = |n| [0, 1].map(|copy| Rc::new(Written::of(event(n, copy)).unwrap()));
        let events: Vec<Rc<Written>> = (0..50).flat_map(copies).collect();
        let groups = by_shard(events.clone(), 4);
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), events.len());
        for n in 0..50 {
            let has = |group: &&Vec<Rc<Written>>| group.iter().any(|written| written.event().digest == Digest(n));
            assert_eq!(groups.iter().filter(has).count(), 1);
        }
        assert_eq!(by_shard(events.clone(), 1), [events]);
    }
}
