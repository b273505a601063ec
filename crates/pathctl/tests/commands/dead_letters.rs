//! `pathctl dead-letters` as an operator runs it, against an API that answers as it is told.

use crate::support::FakeCollector;
use serde_json::{Value, json};

fn letter(id: &str) -> Value {
    json!({"id": id, "receivedAt": 1_730_956_800_000_u64, "sentAt": null, "source": "consumer", "attempts": 0,
        "reason": "`status`: 99", "refused": null, "bytes": 7})
}

#[test]
fn letters_are_listed_and_shown() {
    let fake = FakeCollector::of("dead-letters");
    let page = json!({"count": 3, "letters": [letter("m/0")], "next": "1730956800000-m/0"});
    fake.answers("GET dead-letters?limit=1&source=dlq&reason=it%27s", page);
    let shown = fake.run("list|--limit|1|--source|dlq|--reason|it's");
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.out.contains("m/0") && shown.out.contains("2024-11-07T05:20:00Z"), "{shown:?}");
    assert!(shown.notes.contains("1 of 3") && shown.notes.contains("--after 1730956800000-m/0"), "{shown:?}");
    let mut whole = letter("m/0");
    whole["payload"] = json!("{\u{1b}[2J}");
    fake.answers("GET dead-letters/m%2F0", whole);
    let shown = fake.run("show|m/0");
    assert!(shown.out.contains("`status`: 99") && !shown.out.contains('\u{1b}'), "{shown:?}");
    assert_eq!(fake.run("show|m/0|--json").json()["id"], "m/0");
}

#[test]
fn nothing_is_changed_unless_it_is_said_which_and_agreed() {
    let fake = FakeCollector::of("dead-letters");
    for arguments in ["redrive", "purge", "redrive|--yes", "purge|m/0|--all|--yes", "purge|--all|--source|dlq|--yes"] {
        assert_eq!(fake.run(arguments).code, 2, "{arguments}");
    }
    let nobody = fake.run("purge|--all");
    assert!(nobody.code == 1 && nobody.notes.contains("give --yes"), "{nobody:?}");
    assert_eq!(fake.asked(), []);
}

#[test]
fn a_redrive_says_what_was_counted_and_what_stays() {
    let fake = FakeCollector::of("dead-letters");
    let mut done = json!({"redriven": 2, "stored": 3, "absorbed": 1, "refused": 0, "refusals": [], "left": 0,
        "after": null});
    fake.answers("POST dead-letters/redrive", done.clone());
    let shown = fake.run("redrive|--reason|exhausted|--yes");
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.out.contains("2 dead letters redriven: 3 events counted now, 1 counted before"), "{shown:?}");
    assert_eq!(fake.asked()[0].body, json!({"reason": "exhausted", "all": false}));
    done["refused"] = json!(1);
    done["refusals"] = json!([{"id": "m/0", "reason": "it is too old"}]);
    fake.answers("POST dead-letters/redrive", done);
    let shown = fake.run("redrive|--all|--yes|--json");
    assert_eq!((shown.code, shown.json()["refused"].clone()), (1, json!(1)));
    assert_eq!(fake.asked()[0].body, json!({"all": true}));
}

#[test]
fn a_purge_says_how_many_are_gone() {
    let fake = FakeCollector::of("dead-letters");
    fake.answers("POST dead-letters/purge", json!({"purged": 1, "left": 0}));
    let shown = fake.run("purge|m/0|--yes");
    assert_eq!((shown.code, shown.out.trim()), (0, "1 dead letter purged"));
    assert_eq!(fake.asked()[0].body, json!({"id": "m/0", "all": false}));
    assert_eq!(fake.run("purge|--older-than|7d|--yes|--json").json(), json!({"purged": 1, "left": 0}));
    assert!(fake.asked()[0].body["before"].as_u64().unwrap() > 1_730_956_800_000);
}
