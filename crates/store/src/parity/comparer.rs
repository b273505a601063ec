//! The two stores that are compared.

use model::parity::ask::{MismatchedAnswer, ParityAnswer, ParityQuestion};
use model::parity::unresolved::PathSums;

use super::reports::Reports;
use super::side::ParityStore;
use crate::sql::StoreError;

/// The two stores that are compared, and where findings and reports are stored.
#[derive(Debug)]
pub struct Comparer<'a> {
    /// The old path's store.
    pub old: &'a dyn ParityStore,
    /// The new path's store.
    pub new: &'a dyn ParityStore,
    /// Findings and reports.
    pub kept: &'a Reports,
}

impl Comparer<'_> {
    /// Sums of dual events by route, of both stores. `None` if one of them no longer keeps the figures they are made
    /// from.
    pub(super) async fn paths(&self, from: u64, to: u64) -> Result<Option<PathSums>, StoreError> {
        let ask = ParityQuestion::Paths { from, to };
        match (self.old.ask(&ask).await?, self.new.ask(&ask).await?) {
            (ParityAnswer::Paths(old), ParityAnswer::Paths(new)) => {
                Ok((!old.incomplete && !new.incomplete).then_some((old.sums, new.sums)))
            }
            _ => Err(unfitting()),
        }
    }
}

/// The error for a store that answered another question than it was asked.
pub(super) fn unfitting() -> StoreError {
    MismatchedAnswer.into()
}

impl From<MismatchedAnswer> for StoreError {
    fn from(error: MismatchedAnswer) -> Self {
        Self::Corrupt(error.to_string())
    }
}
