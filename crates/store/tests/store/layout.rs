//! The number of objects: what is recorded first stays.

use model::delivery::layout::Layout;
use rig::{Sqlite, block_on};
use store::keeper::layout::Layouts;

#[test]
fn the_number_of_objects_that_was_recorded_first_stays_and_until_then_the_setting_holds() {
    let sqlite = Sqlite::new();
    let layouts = Layouts::new(sqlite);
    let (read, record) =
        (|setting| block_on(layouts.read(setting)).unwrap(), |setting| block_on(layouts.record(setting)).unwrap());
    assert_eq!([2, 3].map(read), [2, 3].map(|shards| Layout { shards, is_recorded: false }));
    let recorded = Layout { shards: 4, is_recorded: true };
    assert_eq!([record(4), record(8), read(1)], [recorded; 3]);
}
