//! Folding segments into rollups.

use store::events::event_store::EventStore;
use store::sql::StoreError;

/// Folds waiting segments. If another fold runs at the same time, only one of them takes effect.
///
/// # Errors
/// [`StoreError`]. The next fold begins where this one stopped.
pub async fn fold(store: &EventStore, now_ms: u64) -> Result<(), StoreError> {
    loop {
        match store.fold(now_ms).await {
            Ok(0) | Err(StoreError::Conflict) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
}
