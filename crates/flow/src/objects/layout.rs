//! In how many objects the old path keeps its events: what is in force, in this isolate's memory.
//!
//! Invariant: objects are written and read only by the recorded number. While it is unknown, the old path can't be
//! written or read. It is never guessed from the setting.

use model::delivery::layout::Layout;
use store::sql::StoreError;

use super::ask;
use crate::app::App;
use crate::deadline::Deadline;

/// How long nobody asks again after a failure, in ms: each flush would wait for it.
const RETRY_MS: u64 = 1_000;

/// Remembers the number that the object reported, by itself or along with the address key.
pub fn adopt(app: &App, layout: Layout) {
    if layout.is_recorded
        && app.isolate.layout.in_force.replace(Some(layout.shards)).is_none()
        && let Some(refusal) = layout.refusal(app.config.shards)
    {
        app.count("setting_invalid", 1);
        app.error(refusal);
    }
}

/// The number of objects to write to. It is recorded, and fixed from now on. The object has as long to tell it as it has
/// for a write, which would be the next thing asked of it.
///
/// # Errors
/// Why the number is unknown.
pub async fn to_write(app: &App) -> Result<u64, StoreError> {
    known_or_asked(app, true, app.deadline(app.config.send_deadline_ms)).await
}

/// The number of objects to read.
///
/// # Errors
/// Why the number is unknown.
pub async fn to_read(app: &App, deadline: Deadline) -> Result<u64, StoreError> {
    known_or_asked(app, false, deadline).await
}

/// The number of objects as far as this isolate knows, for estimates only.
pub fn known(app: &App) -> u64 {
    app.isolate.layout.in_force.get().unwrap_or(app.config.shards)
}

async fn known_or_asked(app: &App, record: bool, deadline: Deadline) -> Result<u64, StoreError> {
    let memory = &app.isolate.layout;
    if let Some(shards) = memory.in_force.get() {
        return Ok(shards);
    }
    // A clock that is set back must not make the pause longer.
    if (1..=RETRY_MS).contains(&memory.retry_at_ms.get().saturating_sub(app.now_ms())) {
        return Err(StoreError::Unavailable("the number of objects could not be told a moment ago".to_owned()));
    }
    let asked = ask::layout(app, record, deadline).await;
    let layout = asked.inspect_err(|_| memory.retry_at_ms.set(app.now_ms() + RETRY_MS))?;
    // One that is not recorded may be another's in a moment: it is asked for again.
    adopt(app, layout);
    Ok(layout.shards)
}

/// Why the setting is not in force. None if it is.
///
/// # Errors
/// Why the number is unknown.
pub async fn refusal(app: &App, deadline: Deadline) -> Result<Option<String>, StoreError> {
    let shards = to_read(app, deadline).await?;
    Ok(Layout::of(Some(shards), app.config.shards).refusal(app.config.shards))
}
