//! The flag's history: compare-and-swap on its version.

use model::flag::document::Document;
use rig::{Fate, Faulty, Sqlite, block_on, interleave};
use store::flag::history::FlagHistory;
use store::sql::StoreError;

fn version(version: u32) -> Document {
    let document = Document::read(include_str!("../../../../flags/scheme-b.json")).unwrap();
    Document { version, reason: format!("change {version}"), ..document }
}

#[test]
fn versions_only_grow() {
    let history = FlagHistory::new(Sqlite::new());
    assert_eq!(block_on(history.newest(1)).unwrap(), []);
    block_on(history.append(&version(7), 70)).unwrap();
    for other in [0, 6, 7] {
        assert_eq!(block_on(history.append(&version(other), 1)), Err(StoreError::Conflict));
    }
    block_on(history.append(&version(8), 80)).unwrap();
    let newest = block_on(history.newest(10)).unwrap();
    assert_eq!(newest.iter().map(|c| (c.document.version, c.changed_at)).collect::<Vec<_>>(), [(8, 80), (7, 70)]);
    assert_eq!(block_on(history.of_version(7)).unwrap().unwrap().document, version(7));
    assert_eq!(block_on(history.of_version(1)).unwrap(), None);
}

#[test]
fn of_two_simultaneous_changes_one_succeeds() {
    let sqlite = Sqlite::new();
    let history = FlagHistory::new(Faulty::new(&sqlite, &[Fate::Works]));
    block_on(history.append(&version(1), 0)).unwrap();
    for order in [[0, 1, 0, 1], [1, 0, 0, 1], [0, 0, 1, 1]] {
        let next = version(block_on(history.newest(1)).unwrap()[0].document.version + 1);
        let change = || {
            let (history, next) = (&history, &next);
            Box::pin(async move { history.append(next, 0).await })
        };
        let mut outcomes = interleave(vec![change(), change()], &order);
        outcomes.sort_by_key(Result::is_err);
        assert_eq!(outcomes, [Ok(()), Err(StoreError::Conflict)]);
    }
}
