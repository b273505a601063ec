//! Two stores that are compared.

use model::parity::ask::{MismatchedAnswer, ParityAnswer, ParityQuestion};
use model::parity::unresolved::PathSums;

use super::reports::Reports;
use super::side::ParityStore;
use crate::sql::StoreError;

/// Two stores, and what is kept of comparing them.
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
    /// Dual events by route, in both stores; none if one of them no longer keeps what they are made of.
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

/// That a store answered another question than the one it was asked.
pub(super) fn unfitting() -> StoreError {
    MismatchedAnswer.into()
}

impl From<MismatchedAnswer> for StoreError {
    fn from(error: MismatchedAnswer) -> Self {
        Self::Corrupt(error.to_string())
    }
}
