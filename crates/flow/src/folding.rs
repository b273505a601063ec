//! Folding segments into rollups.

use store::events::event_store::EventStore;
use store::sql::StoreError;

/// Folds what waits; another that folds at the same time is as good.
///
/// # Errors
/// [`StoreError`]; the next fold begins where this one stood.
pub async fn fold(store: &EventStore, now_ms: u64) -> Result<(), StoreError> {
    loop {
        match store.fold(now_ms).await {
            Ok(0) | Err(StoreError::Conflict) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
}
