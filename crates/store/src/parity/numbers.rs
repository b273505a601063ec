//! The sequence numbers of a window: which arrived, which are missing, and which writes carried them.

use litemap::LiteMap;

use crate::sql::StoreError;
use model::counting::grain::{HOUR_MS, MINUTE_MS};
use model::log::ledger::{self, Arrivals, Ledger, MissingNumbers};
use model::log::writes::Writes;
use model::parity::ask::{ParityAnswer, ParityQuestion};
use model::parity::comparison::WriteCounts;
use model::parity::window::Window;

use super::comparer::{Comparer, unfitting};

/// How far around a window sequence numbers are read, in ms. A slow request has an older number than its time suggests.
pub(super) const AROUND_MS: u64 = HOUR_MS;

/// Time (ms) whose ledgers are fetched at once. Merging joins adjacent runs, so that memory grows only with the gaps.
const LEDGER_STEP_MS: u64 = 30 * MINUTE_MS;

/// The sequence numbers of a window.
pub(super) struct WindowNumbers {
    /// Distinct numbers that arrived in either store.
    pub arrived: u64,
    /// Distinct numbers of the events that the old store and the new one hold.
    pub counted: [u64; 2],
    /// The numbers that are missing between them.
    pub missing: MissingNumbers,
}

impl Comparer<'_> {
    /// Reads which sequence numbers arrived in a window.
    pub(super) async fn ledger(&self, window: Window) -> Result<WindowNumbers, StoreError> {
        let [old, new] = self.arrivals(window.from, window.to).await?;
        let counted = [old.stored.len(), new.stored.len()];
        let here = union([old, new]);
        let mut around = union(self.arrivals(window.from.saturating_sub(AROUND_MS), window.from).await?);
        around.merge(&union(self.arrivals(window.to, window.to.saturating_add(AROUND_MS)).await?));
        let late = ledger::late_starters(&here, &around);
        let mut first: LiteMap<u64, u64> = LiteMap::new();
        if !late.is_empty() {
            let ask = ParityQuestion::Producers(late);
            let mut answer = self.old.ask(&ask).await?;
            answer.add(self.new.ask(&ask).await?)?;
            let ParityAnswer::Producers(known) = answer else { return Err(unfitting()) };
            first = known;
        }
        let is_new = |producer| first.get(&producer).is_some_and(|start| *start >= window.from);
        Ok(WindowNumbers { arrived: here.len(), counted, missing: ledger::missing(&here, &around, is_new) })
    }

    /// Returns how many writes carried any event of a window, and which ones carried dual events. One hour is in memory
    /// at a time, which is enough: the events of a write are no further apart than a request lasts.
    pub(super) async fn writes(&self, window: Window) -> Result<(u64, WriteCounts), StoreError> {
        let mut written = WriteCounts::default();
        let (mut all, mut earlier) = (0, Writes::default());
        let mut start = window.from;
        while start < window.to {
            let ask = ParityQuestion::Writes { from: start, to: window.to.min(start.saturating_add(LEDGER_STEP_MS)) };
            let mut here = Writes::default();
            for (answer, by_route) in
                [(self.old.ask(&ask).await?, &mut written.old), (self.new.ask(&ask).await?, &mut written.new)]
            {
                let ParityAnswer::Writes(writes) = answer else { return Err(unfitting()) };
                for (path, count) in &writes.by_route {
                    *by_route.entry(path.clone()).or_default() += count;
                }
                here.all.merge(&writes.all);
                here.dual.merge(&writes.dual);
                written.is_cut |= writes.is_cut;
            }
            all += here.all.beyond(&earlier.all);
            written.dual += here.dual.beyond(&earlier.dual);
            earlier = here;
            start = start.saturating_add(LEDGER_STEP_MS);
        }
        Ok((all, written))
    }

    /// Reads both stores' ledgers of `from..to` (ms).
    async fn arrivals(&self, from: u64, to: u64) -> Result<[Arrivals; 2], StoreError> {
        let mut all = [Arrivals::default(), Arrivals::default()];
        let mut start = from;
        while start < to {
            let ask = ParityQuestion::Ledger { from: start, to: to.min(start.saturating_add(LEDGER_STEP_MS)) };
            for (side, all) in [self.old, self.new].into_iter().zip(&mut all) {
                let ParityAnswer::Ledger(ledger) = side.ask(&ask).await? else { return Err(unfitting()) };
                all.merge(&ledger);
            }
            start = start.saturating_add(LEDGER_STEP_MS);
        }
        Ok(all)
    }
}

/// The union of both stores' ledgers.
fn union([old, new]: [Arrivals; 2]) -> Ledger {
    let mut all = old.all();
    all.merge(&new.all());
    all
}
