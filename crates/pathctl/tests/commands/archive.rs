//! `pathctl archive` as an operator runs it, against an API that answers as it is told.

use std::io::Write;

use crate::support::FakeCollector;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const DAY: &str = "2024-11-07";

fn event(digest: &str, window: u64) -> Value {
    json!({"idempotentId": format!("{window}-{}", &digest[..8]), "digest": digest, "timestamp": window + 5,
        "path": "/a", "method": "GET", "status": 200, "responseTime": 1, "clientIpHash": "00000000000000aa",
        "cohort": "single", "flagVersion": 1, "producer": "00000000000000bb", "seq": 0, "write": 0})
}

/// A gateway with one archived day of these events in one part.
fn archive(events: &[Value]) -> (FakeCollector, Value) {
    let fake = FakeCollector::of("archive");
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(lines.join("\n").as_bytes()).unwrap();
    let file = encoder.finish().unwrap();
    let ids = [events[0]["idempotentId"].clone(), events[events.len() - 1]["idempotentId"].clone()];
    let (rows, bytes) = (events.len(), file.len());
    let part = json!({"name": "part-0000.ndjson.gz", "rows": rows, "bytes": bytes,
        "sha256": hex::encode(Sha256::digest(&file)), "firstId": ids[0], "lastId": ids[1], "from": 0, "to": 1,
        "slice": 0, "slices": 1, "old": rows, "new": 0, "twins": 0});
    let manifest = json!({"format": 1, "day": DAY, "windowMs": 60_000, "rows": rows, "bytes": bytes,
        "firstId": ids[0], "lastId": ids[1], "parts": [part]});
    let listed = |day: &str, state: &str| {
        json!({"day": day, "state": state, "parts": 1, "rows": rows, "twins": 0, "bytes": bytes, "startedAt": 1,
            "doneAt": 1_730_956_800_000_u64})
    };
    let days = [listed("2024-11-08", "writing"), listed(DAY, "done")];
    fake.answers("GET archive", json!({"bound": true, "days": days}));
    fake.answers("GET archive/2024-11-07", manifest.clone());
    fake.answers_bytes("GET archive/2024-11-07/part-0000.ndjson.gz", file);
    (fake, manifest)
}

fn two_events() -> [Value; 2] {
    [event("000000000000000a", 1_730_956_800_000), event("000000000000000b", 1_730_956_860_000)]
}

#[test]
fn days_are_listed_and_a_sound_one_verifies() {
    let (fake, _) = archive(&two_events());
    let shown = fake.run("list");
    assert!(shown.out.contains("2024-11-07") && shown.out.contains("2024-11-07T05:20:00Z"), "{shown:?}");
    let shown = fake.run("verify");
    assert!(shown.code == 0 && shown.out.contains("2 events, 2 digests"), "{shown:?}");
    assert!(!shown.out.contains("2024-11-08"), "only days that are done");
    assert_eq!(fake.run("verify|2024-11-07|--json").json()["days"][0]["uniqueDigests"], 2);
    assert_eq!(fake.run("verify|2024-11-31").code, 2);
}

#[test]
fn whatever_is_not_as_the_manifest_says_is_found() {
    let damages: [(&str, Value, &str); 5] = [
        ("/parts/0/sha256", json!("00"), "its SHA-256 is"),
        ("/parts/0/bytes", json!(7), "bytes, not 7"),
        ("/parts/0/rows", json!(3), "2 events, not 3"),
        ("/rows", json!(1), "all parts: 2 events"),
        ("/parts/0/lastId", json!("1730956800000-00000000"), "first and last ID"),
    ];
    for (field, value, found) in damages {
        let (fake, mut manifest) = archive(&two_events());
        *manifest.pointer_mut(field).unwrap() = value;
        fake.answers("GET archive/2024-11-07", manifest);
        let shown = fake.run("verify|2024-11-07");
        assert!(shown.code == 1 && shown.out.contains(found) && shown.out.contains("DAMAGED"), "{field}: {shown:?}");
    }
    let twice = event("000000000000000a", 1_730_956_860_000);
    let (fake, _) = archive(&[two_events()[0].clone(), twice]);
    assert!(fake.run("verify").out.contains("is there twice"));
    let elsewhere = event("000000000000000a", 1_731_056_860_000);
    let (fake, _) = archive(&[two_events()[0].clone(), elsewhere]);
    assert!(fake.run("verify").out.contains("of another day"));
}

#[test]
fn a_day_is_written_as_parts_with_the_manifest_or_as_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let (fake, mut manifest) = archive(&two_events());
    assert_eq!(fake.run(&format!("get|2024-11-07|--output|{output}")).code, 0);
    assert!(folder.path().join("2024-11-07/part-0000.ndjson.gz").exists());
    let written: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("2024-11-07/manifest.json")).unwrap()).unwrap();
    assert_eq!(written, manifest);
    assert_eq!(fake.run(&format!("get|2024-11-07|--plain|--output|{output}")).code, 0);
    let plain = std::fs::read_to_string(folder.path().join("2024-11-07.ndjson")).unwrap();
    let lines: Vec<Value> = plain.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, two_events());

    manifest["parts"][0]["sha256"] = json!("00");
    fake.answers("GET archive/2024-11-07", manifest);
    let elsewhere = folder.path().join("damaged");
    assert_eq!(fake.run(&format!("get|2024-11-07|--output|{}", elsewhere.display())).code, 1);
    assert!(!elsewhere.join("2024-11-07/manifest.json").exists(), "without it, a day is not whole");
}
