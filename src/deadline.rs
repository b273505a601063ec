//! How long a question to a store may take.
//!
//! Invariant: nothing asks a store without a deadline: D1 ([`D1Sql`](crate::sql_d1::D1Sql)) and calls of objects
//! (`collector_client`) take one. What is not there by then is an error, and who asked goes on with what there is. The
//! question itself can't be called back, and may still take effect.

use std::future::Future;

use model::reading::missing::{Missing, Part};
use store::sql::StoreError;

use crate::clock;
use crate::config::Config;

/// How long each question of scheduled and queued work may take, in ms. D1 ends a query after 30 s by itself.
const BACKGROUND_MS: u64 = 25_000;

/// Until when a question is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    /// When the wait ends, in ms; none where each question has the whole time for itself.
    end_ms: Option<u64>,
    /// The whole time, in ms.
    ms: u64,
}

impl Deadline {
    /// For work that nobody waits for.
    pub const BACKGROUND: Self = Self { end_ms: None, ms: BACKGROUND_MS };

    /// For an answer that somebody waits for: `READ_DEADLINE_MS` from now on, however many questions it takes.
    pub fn to_read(config: &Config) -> Self {
        Self::in_ms(config.read_deadline_ms)
    }

    /// This many ms from now on.
    pub fn in_ms(ms: u64) -> Self {
        Self { end_ms: Some(clock::now_ms() + ms), ms }
    }

    /// What is left of it, in ms.
    fn left_ms(self) -> u64 {
        // A clock that is set back must not make it longer.
        self.end_ms.map_or(self.ms, |end_ms| end_ms.saturating_sub(clock::now_ms()).min(self.ms))
    }

    /// What a question gives, or [`StoreError::Late`].
    ///
    /// # Errors
    /// The question's, or that it is late.
    pub async fn within<T>(self, question: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let late = || StoreError::Late(self.ms);
        match self.left_ms() {
            0 => Err(late()),
            left_ms => clock::within_ms(left_ms, question).await.unwrap_or_else(|| Err(late())),
        }
    }
}

/// That a part could not be read: the log has the whole error, the reader of the answer what is no secret.
pub fn missing(store: Part, error: &StoreError) -> Missing {
    worker::console_error!("{} can't be read: {error}", store.name());
    let reason = match error {
        StoreError::Late(_) => error.to_string(),
        StoreError::Conflict | StoreError::Unavailable(_) => "it could not be reached, or refused".to_owned(),
        StoreError::Corrupt(_) => "what it holds is not what was once written".to_owned(),
    };
    Missing { store, reason }
}
