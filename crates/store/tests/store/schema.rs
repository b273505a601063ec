//! An object's steps: each is taken once, in order, and one that a newer version made is left alone.

use rig::{Sqlite, block_on};
use store::schema::{NOTE, scripts_due};

fn due(object: &Sqlite) -> Vec<String> {
    block_on(scripts_due(&object.clone().into())).unwrap()
}

#[test]
fn a_new_object_takes_every_step_once() {
    let object = Sqlite::empty();
    object.script(NOTE);
    let scripts = due(&object);
    assert!(!scripts.is_empty());
    for script in scripts {
        object.script(&script);
    }
    assert_eq!(object.count("segments"), 0, "its tables are there");
    assert_eq!(due(&object), Vec::<String>::new());
    object.script(NOTE);
    assert_eq!(due(&object), Vec::<String>::new(), "the note is made once");
}

#[test]
fn one_that_an_older_version_made_takes_the_steps_that_it_lacks() {
    let object = Sqlite::empty();
    object.script(NOTE);
    let all = due(&object);
    object.script(&all[0]);
    assert_eq!(due(&object), all[1..]);
    for script in &all[1..] {
        object.script(script);
    }
    assert_eq!(object.count("marks"), 1, "its views are there");
    assert_eq!(due(&object), Vec::<String>::new());
}

#[test]
fn one_that_a_newer_version_made_takes_none() {
    let object = Sqlite::empty();
    object.script(NOTE);
    object.script("INSERT INTO object_schema (id, steps) VALUES (0, 99)");
    assert_eq!(due(&object), Vec::<String>::new());
}
