//! `pathctl flag` as an operator runs it, against an API that answers as it is told.

use crate::support::{Asked, FakeCollector, Ran};
use serde_json::{Value, json};

const PRESET: &str = include_str!("../../../../flags/scheme-a.json");

fn document(version: u32, mode: &str, queue_ppm: u32) -> Value {
    json!({"schema": 1, "version": version, "mode": mode, "samplePpm": 10_000, "queuePpm": queue_ppm, "salt": "",
        "overrides": [], "updatedAt": "2024-11-07T05:20:00Z", "updatedBy": "op", "reason": format!("to {mode}")})
}

fn shares(only_old: u32, both: u32, only_new: u32) -> Value {
    json!({"onlyOld": only_old, "both": both, "onlyNew": only_new})
}

/// A gateway in dual-write, version 7, where every change succeeds.
fn gateway() -> FakeCollector {
    let fake = FakeCollector::start();
    fake.answers("GET flag/document", json!({"document": document(7, "dual-write", 0), "source": "history"}));
    fake.answers(
        "GET flag/history",
        json!({"history": [
            stored(document(7, "dual-write", 0), 1_730_956_800_000_u64),
            stored(document(6, "do-only", 0), 1_730_953_200_000),
        ], "stops": []}),
    );
    let difference = json!([{"field": "queuePpm", "before": 0, "after": 250_000}]);
    fake.answers(
        "POST flag/preview",
        json!({
            "basis": {"from": 1_730_870_400_000_u64, "to": 1_730_956_800_000_u64, "requests": 1_000, "exact": true, "missing": []},
            "base": 7, "differences": difference, "warnings": ["guard is none"], "more": false,
            "current": shares(990_000, 10_000, 0), "proposed": shares(742_500, 10_000, 247_500),
            "paths": [{"path": "/users/{id}", "requests": 900, "override": null,
                "current": shares(990_000, 10_000, 0), "proposed": shares(742_500, 10_000, 247_500)}],
        }),
    );
    let changed = |document| json!({"document": document, "differences": difference, "recorded": true, "copied": true, "inObject": true});
    fake.answers("PUT flag", changed(document(8, "dual-write", 250_000)));
    fake.answers("POST flag/rollback", changed(document(8, "do-only", 0)));
    fake.answers("POST flag/stop", stopped(&[stop()]));
    let mut released = stop();
    released["released"] = json!({"at": 1_730_956_900_000_u64, "by": "jo", "reason": "all is well"});
    fake.answers(
        "POST flag/release",
        json!({"stop": released, "holding": [], "recorded": true, "copied": true,
        "inObject": false}),
    );
    fake
}

fn stop() -> Value {
    json!({"id": "stop-01020304", "at": 1_730_956_800_000_u64, "by": "op", "reason": "on fire", "released": null})
}

/// A stop that D1 did not take.
fn stopped(holding: &[Value]) -> Value {
    json!({"stop": stop(), "holding": holding, "recorded": false, "copied": true, "inObject": true})
}

fn stored(mut document: Value, at: u64) -> Value {
    document["changedAt"] = at.into();
    document
}

#[test]
fn the_document_that_holds_is_shown_to_people_and_machines() {
    let fake = gateway();
    let shown = fake.run("get");
    assert!(shown.out.starts_with("version 7 (history): dual-write\n  sample       1 %\n"), "{shown:?}");
    assert_eq!(
        fake.asked(),
        [Asked { route: "GET flag/document".into(), bearer: "Bearer secret".into(), ..Asked::default() }]
    );
    assert_eq!(fake.run("get|--json").json(), document(7, "dual-write", 0));
}

#[test]
fn a_change_is_previewed_and_follows_the_version_it_was_made_from() {
    let fake = gateway();
    let ran = fake.run("set|--queue-share|25%|--reason|more|--yes");
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in
        ["/users/{id}", "99 % → 74.25 %", "0 % → 24.75 %", "queuePpm: 0 % → 25 %", "version 8 holds", "recorded"]
    {
        assert!(ran.out.contains(part), "{part}: {ran:?}");
    }
    assert!(ran.notes.contains("warning: guard is none"), "{ran:?}");
    let asked = fake.asked();
    let [_, preview, change] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((preview.route.as_str(), change.route.as_str()), ("POST flag/preview", "PUT flag"));
    assert_eq!((change.if_match.as_str(), change.bearer.as_str()), ("\"7\"", "Bearer secret"));
    let mut wanted = document(7, "dual-write", 250_000);
    (wanted["updatedBy"], wanted["reason"]) = ("jo".into(), "more".into());
    assert_eq!((&preview.body, &change.body), (&wanted, &wanted));
}

#[test]
fn a_whole_document_is_set_from_standard_input_under_a_reason_of_its_own() {
    let fake = gateway();
    let ran = fake.run_with_input("set|-|--reason|parallel run|--yes|--json", PRESET);
    let told = ran.json();
    assert_eq!(
        (&told["changed"], &told["document"]["version"], &told["preview"]["base"]),
        (&true.into(), &8.into(), &7.into())
    );
    let sent = fake.asked().pop().unwrap();
    assert_eq!((&sent.body["samplePpm"], &sent.body["reason"]), (&1_000_000.into(), &"parallel run".into()));
    assert_eq!(sent.if_match, "\"7\"");
}

#[test]
fn nothing_is_changed_unasked_or_in_vain() {
    let fake = gateway();
    for (arguments, code, part) in [
        ("set|--queue-share|25%|--reason|x", 1, "give --yes"),
        ("rollback|6|--reason|x", 1, "give --yes"),
        ("set|--queue-share|25%|--yes", 2, "--reason"),
        ("set|--reason|x|--yes", 2, "required"),
        ("set|--queue-share|25|--reason|x|--yes", 2, "25% or 25ppm"),
        ("ramp|--steps|1%|--reason|x|--yes", 2, "--every"),
        ("ramp|--steps|5%,1%|--every|1h|--reason|x|--yes", 1, "growing"),
        ("ramp|--pause|--reason|x|--yes", 1, "--steps"),
        ("ramp|--pause|--resume|--reason|x|--yes", 2, "cannot be used with"),
    ] {
        let ran = fake.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{ran:?}");
        assert!(ran.notes.contains(part), "{arguments}: {ran:?}");
        assert!(fake.routes().iter().all(|route| route == "GET flag/document"));
    }
    fake.answers(
        "POST flag/preview",
        json!({"basis": null, "base": 7, "differences": [], "warnings": [], "more": false,
        "current": shares(1, 2, 3), "proposed": shares(1, 2, 3), "paths": []}),
    );
    let ran = fake.run("set|--queue-share|0%|--reason|x|--yes|--json");
    assert_eq!((ran.code, &ran.json()["changed"]), (0, &false.into()), "{ran:?}");
    assert_eq!(fake.routes(), ["GET flag/document", "POST flag/preview"]);
}

#[test]
fn what_the_gateway_refuses_is_told_in_its_words_with_a_remedy() {
    for (route, status, detail, remedy) in [
        ("PUT flag", 409, "version 8 holds, not 7", "run the command again"),
        ("PUT flag", 429, "one change a second", "try again in 7 s"),
        ("GET flag/document", 401, "give the token of ADMIN_TOKEN", "PATHCTL_TOKEN"),
        ("PUT flag", 503, "the history can't be reached", "pathctl flag stop"),
        ("POST flag/preview", 400, "`queuePpm`: \"x\"", "mend it"),
    ] {
        let fake = gateway();
        fake.refuses(route, status, detail);
        let ran = fake.run("set|--queue-share|25%|--reason|more|--yes|--json");
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
        assert!(ran.notes.contains(detail) && ran.notes.contains(remedy), "{ran:?}");
    }
}

#[test]
fn a_preview_that_cannot_be_had_is_no_obstacle_to_whoever_says_yes() {
    let fake = gateway();
    fake.refuses("POST flag/preview", 503, "neither store answers");
    let ran = fake.run("set|--queue-share|25%|--reason|more|--yes");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.notes.contains("warning: no preview") && ran.notes.contains("neither store answers"), "{ran:?}");
    assert_eq!(fake.routes().last().unwrap(), "PUT flag");
}

#[test]
fn a_document_with_fields_that_would_be_lost_is_not_changed() {
    let fake = gateway();
    let mut newer = document(7, "dual-write", 0);
    newer["novelty"] = 1.into();
    fake.answers("GET flag/document", json!({"document": newer, "source": "history"}));
    let ran = fake.run("set|--queue-share|25%|--reason|more|--yes");
    assert!(ran.code == 1 && ran.notes.contains("novelty") && ran.notes.contains("gateway's version"), "{ran:?}");
    assert_eq!(fake.run("get|--json").json(), newer);
}

#[test]
fn a_stop_is_one_request_and_says_what_it_reached() {
    let fake = gateway();
    let ran = fake.run("stop");
    assert!(ran.code == 0 && ran.out.contains("`pathctl flag release stop-01020304`"), "{ran:?}");
    for part in ["NOT recorded", "object   told", "copy     written", "holding  stop-01020304 by op"] {
        assert!(ran.out.contains(part), "{part}: {ran:?}");
    }
    let body = json!({"updatedBy": "jo", "reason": "emergency stop"});
    let stop = Asked { route: "POST flag/stop".into(), bearer: "Bearer secret".into(), body, ..Asked::default() };
    assert_eq!(fake.asked(), [stop]);
}

#[test]
fn a_release_names_its_stop_and_says_what_it_reached() {
    let fake = gateway();
    let ran = fake.run("release|stop-01020304|--reason|all is well|--do-only|--yes");
    assert!(ran.code == 0 && ran.out.contains("gateways obey the flag"), "{ran:?}");
    assert!(ran.out.contains("history  recorded") && ran.out.contains("object   NOT told"), "{ran:?}");
    let [asked] = fake.asked().try_into().unwrap();
    let Asked { route, body, .. } = asked;
    let expected = json!({"id": "stop-01020304", "doOnly": true, "updatedBy": "jo", "reason": "all is well"});
    assert_eq!((route.as_str(), body), ("POST flag/release", expected));
    assert_ne!(fake.run("release|--reason|which?|--yes").code, 0, "it never picks one by itself");
}

#[test]
fn the_document_is_shown_with_the_stop_that_is_obeyed_in_its_stead() {
    let fake = gateway();
    let newest = json!({"document": document(7, "dual-write", 0), "source": "history", "stop": stop()});
    fake.answers("GET flag/document", newest);
    let ran = fake.run("get");
    assert!(ran.out.contains("STOPPED") && ran.out.contains("stop-01020304 by op"), "{ran:?}");
}

#[test]
fn a_change_needs_a_name_but_a_stop_does_not_wait_for_one() {
    let fake = gateway();
    let ran = fake.run_as("", "set|--queue-share|25%|--reason|more|--yes", "");
    assert!(ran.code == 1 && ran.notes.contains("--by"), "{ran:?}");
    assert_eq!(fake.routes(), Vec::<String>::new());
    assert_eq!(fake.run_as("", "stop", "").code, 0);
    assert_eq!(fake.asked()[0].body["updatedBy"], "unnamed");
}

#[test]
fn an_earlier_version_is_previewed_and_holds_again() {
    let fake = gateway();
    assert_eq!(fake.run("rollback|6|--reason|back|--yes").code, 0);
    let asked = fake.asked();
    let [_, preview, rollback] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((&preview.body["mode"], &preview.body["reason"]), (&"do-only".into(), &"back".into()));
    assert_eq!(rollback.body, json!({"version": 6, "updatedBy": "jo", "reason": "back"}));
    fake.refuses("POST flag/rollback", 404, "there is no version 5");
    let ran = fake.run("rollback|5|--reason|back|--yes");
    assert!(ran.code == 1 && ran.notes.contains("6 to 7") && ran.notes.contains("there is no version 5"), "{ran:?}");
}

#[test]
fn a_ramp_is_a_change_like_any_other() {
    let fake = gateway();
    let ran = fake.run("ramp|--steps|0.01%,1%, 100 %|--every|1h|--start-at-once|--reason|go|--by|ann|--yes");
    assert_eq!(ran.code, 0, "{ran:?}");
    let sent = fake.asked().pop().unwrap();
    let plan = json!({"steps": [100, 10_000, 1_000_000], "everyMs": 3_600_000, "next": 0, "dueAt": 0, "paused": false});
    assert_eq!((&sent.body["ramp"], &sent.body["updatedBy"]), (&plan, &"ann".into()));
    assert_eq!((sent.route.as_str(), sent.if_match.as_str()), ("PUT flag", "\"7\""));
    let mut ramping = document(8, "dual-write", 100);
    ramping["ramp"] = plan;
    fake.answers("GET flag/document", json!({"document": ramping, "source": "history"}));
    assert_eq!(fake.run("ramp|--back|--reason|oh|--yes").code, 0);
    let sent = fake.asked().pop().unwrap();
    assert_eq!((&sent.body["queuePpm"], sent.body.get("ramp"), sent.if_match.as_str()), (&0.into(), None, "\"8\""));
}

#[test]
fn the_history_says_who_changed_what_and_why() {
    let fake = gateway();
    let ran = fake.run("history");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[1].contains("7  2024-11-07T05:20:00Z  op   dual-write, sample 1 %, queue share 0 %"), "{ran:?}");
    assert!(lines[1].contains("to dual-write") && lines[1].ends_with("mode do-only → dual-write"), "{ran:?}");
    assert!(lines[2].ends_with('?'), "nothing is known of what was before: {ran:?}");
    let limited = fake.run("history|--limit|1|--json").json();
    assert_eq!(limited["history"].as_array().unwrap().len(), 1);
    assert_eq!(limited["history"][0]["differences"][0]["before"], "do-only");
}

#[test]
fn documents_differ_by_file_and_by_version() {
    let fake = gateway();
    let field = |ran: Ran| (ran.json()["before"].clone(), ran.json()["differences"][0].clone());
    let sample = json!({"field": "samplePpm", "before": 10_000, "after": 1_000_000});
    assert_eq!(field(fake.run_with_input("diff|-|--json", PRESET)), ("version 7 (holds)".into(), sample));
    let mode = json!({"field": "mode", "before": "do-only", "after": "dual-write"});
    for arguments in ["diff|6|--json", "diff|6|7|--json"] {
        assert_eq!(field(fake.run(arguments)), ("version 6".into(), mode.clone()));
    }
    assert!(fake.run("diff|7").out.contains("say the same"));
}

#[test]
fn the_status_says_who_is_behind_and_where_the_ramp_stands() {
    let fake = gateway();
    let status = json!({
        "stop": {"holding": [stop()], "history": null, "object": true, "copy": false},"newest": 7, "source": "history", "copy": 7, "inForce": 6, "from": 1_730_956_200_000_u64,
        "to": 1_730_956_800_000_u64, "complete": false, "missing": [], "behind": 1, "olderEvents": 12, "slowest": 3_250, "flagTtlMs": 5_000,
        "isolates": [{"producer": "00000000000000ff", "version": 6, "lastSeen": 1_730_956_800_000_u64, "events": 3}],
        "ramp": {"steps": [100, 10_000], "next": 1, "dueAt": 1_730_956_800_000_u64, "everyMs": 3_600_000, "paused": false,
            "state": "holding", "holding": "inconclusive"}});
    fake.answers("GET flag/status?minutes=5", status.clone());
    let ran = fake.run("status|--minutes|5");
    assert_eq!(ran.code, 0);
    for part in [
        "newest version  7 (history)",
        "1 seen, 1 behind",
        "3s 250ms after the change the last of 12",
        "up to 5s",
        "holding: inconclusive; step 2 of 2, 1 %, is due 2024-11-07T05:20:00Z; then every 1h",
        "00000000000000ff",
        "STOPPED         stop-01020304 by op",
        "D1: can't be read, object: stopped, KV: not stopped",
    ] {
        assert!(ran.out.contains(part), "{part}: {ran:?}");
    }
    assert!(ran.notes.contains("only part"), "{ran:?}");
    assert_eq!(fake.run("status|--minutes|5|--json").json(), status);
}

#[test]
fn a_document_is_checked_without_a_gateway() {
    let fake = FakeCollector::start();
    let valid = fake.run_with_input("validate|-", PRESET);
    assert_eq!((valid.code, valid.out.as_str()), (0, "valid\n"));
    let bad = PRESET.replace("samplePpm", "samplePPM");
    let refused = fake.run_with_input("validate|-", &bad);
    assert!(refused.code == 1 && refused.notes.contains("`samplePPM`"), "{refused:?}");
    let told = fake.run_with_input("validate|-|--json", &bad);
    assert!(told.code == 1 && told.json()["valid"] == false, "{told:?}");
    assert_eq!(fake.run("validate|/no/such/file").code, 1);
    assert!(fake.asked().is_empty());
}

#[test]
fn a_token_never_goes_where_others_can_read_it() {
    let fake = FakeCollector::start();
    let ran = fake.run("get|--target|http://gateway.example");
    assert!(ran.code == 1 && ran.notes.contains("PATHCTL_TOKEN") && ran.notes.contains("https"), "{ran:?}");
    assert!(!ran.notes.contains("secret"), "{ran:?}");
}
