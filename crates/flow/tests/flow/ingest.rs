//! Requests that were served elsewhere.

use api::ingest::{IngestAnswer, MAX_REQUESTS, ReportedOutcome};
use flow::collecting::ingest::{self, IngestWait, MAX_REPORT_AGE_MS};
use proptest::prelude::*;
use serde_json::{Value, json};
use sim::world::trouble::{Fault, Port, Trouble};
use sim::world::{Isolate, World};

use crate::support::{DUAL, QUEUE, counts, drain, request, serve, set_flag, stored, total};

/// A request as the one of the same number that the gateway serves.
fn reported(isolate: &Isolate, number: u64) -> Value {
    let served = request(isolate, number);
    json!({
        "key": served.request_id, "method": served.method, "path": format!("{}?secret=1", served.path),
        "status": served.status, "startedAt": served.started_ms, "responseTime": served.response_time_ms,
        "clientAddress": served.address,
    })
}

fn report(world: &World, isolate: &Isolate, requests: &[Value], wait: IngestWait) -> IngestAnswer {
    let text = json!({ "requests": requests }).to_string();
    world.run(async {
        let taken = ingest::take(&isolate.app, &text, wait).await.unwrap();
        let answer = taken.answer.clone();
        taken.finish(&isolate.app).await.unwrap();
        answer
    })
}

#[test]
fn reported_requests_take_the_way_of_the_flag_and_count_once() {
    for (rule, expected) in [(r#"{"mode":"do-only"}"#, (90, 0)), (DUAL, (90, 90)), (QUEUE, (0, 90))] {
        for wait in [IngestWait::Buffered, IngestWait::Written] {
            let world = World::new(1);
            set_flag(&world, rule);
            let isolate = world.isolate();
            let requests: Vec<Value> = (0..90).map(|number| reported(&isolate, number)).collect();
            let answer = report(&world, &isolate, &requests, wait);
            // Whoever hears of nothing sends all of it again.
            report(&world, &world.isolate(), &requests, wait);
            drain(&world);
            assert_eq!((answer.accepted, answer.refused), (90, 0), "{rule}");
            assert_eq!((counts(&world), total(&world)), (expected, 90), "{rule}");
        }
    }
}

#[test]
fn a_request_that_the_gateway_served_and_another_worker_reports_is_the_same_event() {
    let world = World::new(2);
    let (gateway, isolate) = (world.isolate(), world.isolate());
    let requests: Vec<Value> = (0..20).map(|number| reported(&isolate, number)).collect();
    for number in 0..20 {
        gateway.serve(request(&gateway, number));
    }
    drain(&world);
    let served = stored(&world, "old");
    let answer = report(&world, &isolate, &requests, IngestWait::Written);
    drain(&world);
    assert_eq!((total(&world), stored(&world, "old")), (20, served.clone()));
    let mut ids: Vec<_> = served.iter().map(|event| event.idempotent_id).collect();
    ids.sort_unstable();
    let id_of = |outcome: &ReportedOutcome| match outcome {
        ReportedOutcome::Accepted { id } => *id,
        other => panic!("{other:?}"),
    };
    let mut reported: Vec<_> = answer.results.iter().map(id_of).collect();
    reported.sort_unstable();
    assert_eq!(reported, ids);
}

#[test]
fn what_is_wrong_is_refused_by_name_and_what_is_beside_it_counts() {
    let world = World::new(3);
    let isolate = world.isolate();
    let with = |field: &str, value: Value| {
        let mut request = reported(&isolate, 1);
        request[field] = value;
        request
    };
    let now = isolate.app.now_ms();
    let mut without = reported(&isolate, 1);
    without.as_object_mut().unwrap().remove("status");
    let bad = [
        ("key", with("key", json!(""))),
        ("key", with("key", json!("a b"))),
        ("method", with("method", json!("GET /"))),
        ("path", with("path", json!("users"))),
        ("status", with("status", json!(42))),
        ("status", with("status", json!("200"))),
        ("status", without),
        ("startedAt", with("startedAt", json!(now / 1000))),
        ("startedAt", with("startedAt", json!(now - MAX_REPORT_AGE_MS - 1))),
        ("startedAt", with("startedAt", json!(now + 3_600_000))),
        ("responseTime", with("responseTime", json!(-1))),
        ("clientAddress", with("clientAddress", json!("192.0.2.1:443"))),
        ("respnseTime", with("respnseTime", json!(7))),
    ];
    let mut requests: Vec<Value> = bad.iter().map(|(_, request)| request.clone()).collect();
    requests.extend([reported(&isolate, 2), reported(&isolate, 2), reported(&isolate, 3)]);
    let answer = report(&world, &isolate, &requests, IngestWait::Written);
    drain(&world);
    assert_eq!((answer.accepted, answer.repeated, answer.refused), (2, 1, 13), "{answer:#?}");
    for ((field, _), outcome) in bad.iter().zip(&answer.results) {
        let ReportedOutcome::Refused { reason } = outcome else { panic!("{field}: {outcome:?}") };
        assert!(reason.contains(&format!("`{field}`")), "{field}: {reason}");
        assert!(!reason.contains("192.0.2.1"), "{reason}");
    }
    assert_eq!(total(&world), 2);
}

#[test]
fn what_is_no_batch_is_an_error() {
    let world = World::new(4);
    let isolate = world.isolate();
    let take = |text: &str| world.run(ingest::take(&isolate.app, text, IngestWait::Written)).err().unwrap().to_string();
    assert!(take("[]").starts_with("body: "));
    assert!(take(r#"{"requests":[],"x":1}"#).contains("unknown field `x`"));
    assert!(take(r#"{"requests":[]}"#).starts_with("`requests`: 0"));
    let many = vec!["{}"; MAX_REQUESTS + 1].join(",");
    assert!(take(&format!("{{\"requests\":[{many}]}}")).starts_with("`requests`: 501"));
}

#[test]
fn a_batch_that_neither_path_takes_is_an_error_and_counts_once_when_it_is_sent_again() {
    let world = World::new(5);
    let isolate = world.isolate();
    serve(&world, &isolate, 0..1);
    drain(&world);
    let requests: Vec<Value> = (1..30).map(|number| reported(&isolate, number)).collect();
    let text = json!({ "requests": requests }).to_string();
    world.trouble(Trouble::new(Port::Ask, Fault::FailsAfterPersisting));
    world.trouble(Trouble::new(Port::Send, Fault::Fails));
    let taken = world.run(ingest::take(&isolate.app, &text, IngestWait::Written)).unwrap();
    let error = world.run(taken.finish(&isolate.app)).unwrap_err();
    assert!(error.to_string().contains("send the same again"), "{error}");
    world.calm();
    report(&world, &isolate, &requests, IngestWait::Written);
    drain(&world);
    assert_eq!(total(&world), 30);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_is_taken_for_more_than_it_is(text in ".{0,300}") {
        let world = World::new(6);
        let isolate = world.isolate();
        let whole = format!("{{\"requests\":[{text}]}}");
        for text in [&text, &whole] {
            if let Ok(taken) = world.run(ingest::take(&isolate.app, text, IngestWait::Buffered)) {
                prop_assert_eq!(taken.answer.accepted, 0);
            }
        }
    }
}
