//! What tests of the order of work share.

use api::url::Query;
use flow::collecting::collect::ObservedRequest;
use flow::flag::orders;
use flow::reading::{events, stats};
use model::event::Event;
use serde::Serialize;
use serde_json::{Value, json};
use sim::world::Isolate;
use sim::world::World;

/// All to both paths.
pub const DUAL: &str = r#"{"mode":"dual-write","samplePpm":1000000}"#;

/// All to the queue.
pub const QUEUE: &str = r#"{"mode":"queue-only"}"#;

/// Long enough for every isolate to have read the flag again, in ms.
pub const SPREAD_MS: u64 = 75_000;

/// A request that arrives now; each number is another one.
pub fn request(isolate: &Isolate, number: u64) -> ObservedRequest {
    ObservedRequest {
        address: Some(format!("192.0.2.{}", number % 250)),
        request_id: Some(format!("ray-{number}")),
        method: "GET".into(),
        path: ["/api/users", "/api/orders/17", "/"][usize::try_from(number % 3).unwrap()].into(),
        status: if number.is_multiple_of(7) { 503 } else { 200 },
        started_ms: isolate.app.now_ms(),
        response_time_ms: u32::try_from(number % 90).unwrap() + 1,
    }
}

/// Serves requests, some ms after each other.
pub fn serve(world: &World, isolate: &Isolate, numbers: std::ops::Range<u64>) {
    serve_every(world, isolate, numbers, 20);
}

/// Serves a request every so many ms.
pub fn serve_every(world: &World, isolate: &Isolate, numbers: std::ops::Range<u64>, ms: u64) {
    for number in numbers {
        isolate.serve(request(isolate, number));
        world.pass_ms(ms);
    }
}

/// Lets time pass until so many minutes after [`rig::START`], which is 05:20.
pub fn until_minute(world: &World, minute: u64) {
    world.pass_ms((rig::START + minute * 60_000).saturating_sub(world.now_ms()));
}

/// Lets all that was served be written and consumed.
pub fn drain(world: &World) {
    world.pass_ms(20_000);
}

/// Changes the flag as a person does, and lets it spread. The rule is JSON of the fields that matter.
pub fn set_flag(world: &World, rule: &str) {
    let operator = world.isolate();
    let base = world.run(flow::flag::admin::known(&operator.app)).map_or(0, |known| known.document.version);
    let mut document: Value = serde_json::from_str(rule).unwrap();
    let fields = json!({"schema": 1, "version": 0, "updatedBy": "op", "reason": "a test"});
    document.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    world.run(orders::change(&operator.app, base, &document.to_string())).unwrap();
    world.pass_ms(SPREAD_MS);
}

pub fn query(text: &str) -> Query {
    Query::of(&format!("https://collector.test/?{text}"))
}

pub fn json(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// The merged read of the last hour, by an isolate that remembers nothing.
pub fn stats(world: &World) -> Value {
    stats_of(world, "range=1h")
}

pub fn stats_of(world: &World, range: &str) -> Value {
    let reader = world.isolate();
    json(world.run(stats::read(&query(range), &reader.app)).unwrap())
}

/// Requests in all, of which the answer says that each is counted once.
pub fn total(world: &World) -> u64 {
    let stats = stats(world);
    assert_eq!(stats["exact"], true, "{stats:#}");
    stats["total"]["requests"].as_u64().unwrap()
}

/// The events of a store, `old` or `new`, of the last hour.
pub fn stored(world: &World, store: &str) -> Vec<Event> {
    let reader = world.isolate();
    let list = json(world.run(events::read(&query(&format!("store={store}&range=1h")), &reader.app)).unwrap());
    assert_eq!(list["more"], false);
    serde_json::from_value(list["events"].clone()).unwrap()
}

/// How many events the stores hold: old, new.
pub fn counts(world: &World) -> (usize, usize) {
    (stored(world, "old").len(), stored(world, "new").len())
}
