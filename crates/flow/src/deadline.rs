//! How long a question to a store may take.
//!
//! Invariant: nothing asks a store without a deadline: [`App::new_store`](crate::app::App::new_store) and
//! [`ask`](crate::objects::ask) take one. A late answer is an error, and the caller continues with what it has. The
//! question itself may still take effect.

use std::future::Future;
use std::rc::Rc;

use futures_util::future::{Either, select};
use std::pin::pin;
use store::sql::{Database, Row, Sql, Statement, StoreError};

use crate::port::Clock;

/// How long each question of scheduled and queued work may take, in ms. D1 ends a query after 30 s by itself.
const BACKGROUND_MS: u64 = 25_000;

/// The future's output, or None after `ms`. Work that timed out may still take effect.
pub async fn within_ms<F: Future>(clock: &dyn Clock, ms: u64, future: F) -> Option<F::Output> {
    match select(pin!(future), clock.sleep_ms(ms)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// How long to wait for answers.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    /// When the wait ends, in ms; none where each question has the whole time for itself.
    end_ms: Option<u64>,
    /// The whole time, in ms.
    ms: u64,
}

impl Deadline {
    /// The deadline for background work.
    pub const BACKGROUND: Self = Self { end_ms: None, ms: BACKGROUND_MS };

    /// `ms` after `now_ms`, however many questions are asked until then.
    pub const fn at(now_ms: u64, ms: u64) -> Self {
        Self { end_ms: Some(now_ms + ms), ms }
    }

    /// What is left of it, in ms.
    fn left_ms(self, now_ms: u64) -> u64 {
        // A clock that is set back must not make it longer.
        self.end_ms.map_or(self.ms, |end_ms| end_ms.saturating_sub(now_ms).min(self.ms))
    }

    /// The answer to a question, or [`StoreError::Late`].
    ///
    /// # Errors
    /// The question's own error, or that it is late.
    pub async fn within<T>(
        self,
        clock: &dyn Clock,
        question: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let late = || StoreError::Late(self.ms);
        match self.left_ms(clock.now_ms()) {
            0 => Err(late()),
            left_ms => within_ms(clock, left_ms, question).await.unwrap_or_else(|| Err(late())),
        }
    }
}

/// A database with a deadline for its answers.
pub struct TimedDatabase {
    /// The database.
    pub database: Database,
    /// Until when.
    pub deadline: Deadline,
    /// By which clock.
    pub clock: Rc<dyn Clock>,
}

impl Sql for TimedDatabase {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        self.deadline.within(&*self.clock, self.database.batch(statements)).await
    }

    async fn pause(&self) {
        self.database.pause().await;
    }
}
