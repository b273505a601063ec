//! Two stores that are compared.

use model::parity::ask::{AnotherQuestion, Answer, Ask};
use model::parity::unresolved::PathSums;

use super::reports::Reports;
use super::side::Side;
use crate::sql::StoreError;

/// Two stores, and what is kept of comparing them.
#[derive(Debug)]
pub struct Comparer<'a> {
    /// The old path's store.
    pub old: &'a dyn Side,
    /// The new path's store.
    pub new: &'a dyn Side,
    /// Findings and reports.
    pub kept: &'a Reports,
}

impl Comparer<'_> {
    /// Dual events by route, in both stores; none if one of them no longer keeps what they are made of.
    pub(super) async fn paths(&self, from: u64, to: u64) -> Result<Option<PathSums>, StoreError> {
        let ask = Ask::Paths { from, to };
        match (self.old.ask(&ask).await?, self.new.ask(&ask).await?) {
            (Answer::Paths(old), Answer::Paths(new)) => {
                Ok((!old.incomplete && !new.incomplete).then_some((old.sums, new.sums)))
            }
            _ => Err(unfitting()),
        }
    }
}

/// That a store answered another question than the one it was asked.
pub(super) fn unfitting() -> StoreError {
    AnotherQuestion.into()
}

impl From<AnotherQuestion> for StoreError {
    fn from(error: AnotherQuestion) -> Self {
        Self::Corrupt(error.to_string())
    }
}
