//! `pathctl stats`, `top`, `trace` and `metrics` as an operator runs them, against an API that answers as it is told.

use crate::support::{FakeCollector, Ran};
use serde_json::{Value, json};

fn figures(requests: u64, failed: u64, p95: f64) -> Value {
    json!({"requests": requests, "status": {"1xx": 0, "2xx": requests - failed, "3xx": 0, "4xx": 0, "5xx": failed},
        "responseTime": {"mean": 5.5, "min": 1, "max": 900, "p50": 4.0, "p95": p95, "p99": 300.0},
        "addresses": {"lower": 40, "estimate": 41.6}})
}

fn route(path: &str, figures: &Value) -> Value {
    let mut route = figures.clone();
    route["path"] = path.into();
    route.as_object_mut().unwrap().remove("addresses");
    route
}

/// An hour from 2024-11-07 05:00 with two routes.
fn stats() -> Value {
    let counts = |requests: u64| json!({"requests": requests, "single": 0, "dual": requests, "fallback": 0});
    json!({"from": 1_730_955_600_000_u64, "to": 1_730_959_200_000_u64, "exact": true, "missing": [], "total": figures(1_010, 20, 80.0),
        "paths": [route("/users/{id}", &figures(1_000, 10, 70.0)), route("/slow", &figures(10, 10, 250.0))],
        "stores": {"old": counts(1_010), "new": counts(1_000), "both": 1_000, "onlyOld": 10, "onlyNew": 0}})
}

fn stats_of(query: &'static str) -> FakeCollector {
    let fake = FakeCollector::of("stats");
    fake.answers(query, stats());
    fake
}

#[test]
fn figures_are_shown_in_all_and_by_route() {
    let ran = stats_of("GET stats?range=1h").run_bare();
    for part in [
        "2024-11-07T05:00:00Z to 2024-11-07T06:00:00Z, each counted once\n",
        "requests   1010\n",
        "5xx 20; 1.98 % errors\n",
        "p50 4.0, p95 80, p99 300; mean 5.5, from 1.0 to 900 ms\n",
        "about 42, at least 40\n",
        "1010 in the object, 1000 in D1: 1000 in both, 10 only old, 0 only new\n",
        "  /users/{id}      1000    0   10    1.00 %     4.0      70     300\n",
    ] {
        assert!(ran.out.contains(part), "{part}\nin\n{}", ran.out);
    }
    assert_eq!(ran.code, 0);
}

#[test]
fn a_period_is_asked_for_and_routes_are_sorted_and_limited() {
    let fake = stats_of("GET stats?from=1730937600000&to=1730956800000");
    let ran = fake.run("--from|2024-11-07|--to|2024-11-07T05:20:00Z|--sort|p95|--limit|1");
    assert!(ran.out.contains("/slow") && !ran.out.contains("/users"), "{ran:?}");
    assert!(ran.out.ends_with("  and 1 more: raise --limit\n"), "{ran:?}");
    let found = fake.run("--from|2024-11-07|--to|2024-11-07T05:20:00Z|--json|--sort|path").json();
    assert_eq!((&found["paths"][0]["path"], &found["paths"][1]["requests"]), (&json!("/slow"), &json!(1_000)));
    assert_eq!(found["stores"], stats()["stores"]);
    for refused in ["--range|2h", "--from|yesterday", "--range|1h|--from|2024-11-07"] {
        assert_eq!(fake.run(refused).code, 2, "{refused}");
    }
}

#[test]
fn one_route_alone_is_shown_by_itself() {
    let fake = stats_of("GET stats?range=7d");
    let ran = fake.run("--range|7d|--path|/slow");
    assert!(ran.out.contains("/slow\nrequests   10\n") && !ran.out.contains("1010"), "{ran:?}");
    let ran = fake.run("--range|7d|--path|/nowhere");
    assert!(ran.code == 1 && ran.notes.contains("/nowhere") && ran.notes.contains("--range"), "{ran:?}");
}

#[test]
fn routes_are_given_as_csv() {
    let ran = stats_of("GET stats?range=1h").run("--csv");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1], "/users/{id},1000,0,990,0,0,10,5.5,1,900,4,70,300");
}

#[test]
fn a_refusal_names_the_remedy_that_fits_reading() {
    for (status, part) in [
        (401, "READ_TOKEN or ADMIN_TOKEN"),
        (403, "READ_TOKEN or ADMIN_TOKEN"),
        (404, "--target"),
        (429, "try again in 7 s"),
        (503, "counting goes on"),
    ] {
        let fake = FakeCollector::of("stats");
        fake.refuses("GET stats?range=1h", status, "no");
        let ran = fake.run_bare();
        assert!(ran.code == 1 && ran.notes.contains(part) && !ran.notes.contains("flag"), "{status}: {ran:?}");
    }
}

/// Answers to whatever minute is asked for.
fn top() -> FakeCollector {
    let fake = FakeCollector::of("top");
    fake.answers("GET stats?", stats());
    fake
}

#[test]
fn the_busiest_routes_are_shown_once_where_nobody_watches() {
    for arguments in ["--once", "--limit|5"] {
        let ran = top().run(arguments);
        let lines: Vec<&str> = ran.out.lines().collect();
        assert!(lines[1].starts_with("  path") && lines[1].contains("req/s"), "{ran:?}");
        assert!(lines[2].contains("all") && lines[3].contains("/users/{id}"), "{ran:?}");
        assert!(lines.len() == 5 && !ran.out.contains('\u{1b}'), "{ran:?}");
        assert_eq!(ran.code, 0);
    }
    let look = top().run("--once|--json|--sort|p95|--window|5m").json();
    assert_eq!((&look["paths"][0]["path"], &look["paths"][0]["p95"]), (&json!("/slow"), &json!(250.0)));
    assert!(look["total"]["requestsPerSecond"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_watch_that_can_not_begin_says_why() {
    let fake = FakeCollector::of("top");
    fake.refuses("GET stats?", 401, "give the token");
    let ran = fake.run("--json");
    assert!(ran.code == 1 && ran.notes.contains("READ_TOKEN"), "{ran:?}");
}

const ID: &str = "1730955600000-0123abcd";

fn stored(at: u64, cohort: &str) -> Value {
    json!({"storedAt": at, "event": {"idempotentId": ID, "digest": "0123abcd00000000", "timestamp": 1_730_955_601_000_u64,
        "path": "/users/{id}", "method": "GET", "status": 200, "responseTime": 12, "clientIpHash": "00000000000000aa", "cohort": cohort,
        "flagVersion": 7, "producer": "00000000000000cc", "seq": 3, "write": 3, "fellBack": false}})
}

/// What is known of the ID, but for what `known` says otherwise.
fn trace(known: &Value) -> Value {
    let mut trace = json!({"idempotentId": ID, "missing": [], "old": [], "new": [], "absorbed": {"old": 0, "new": 0},
        "deadLetters": [], "deadLettersNotSearched": 0, "archive": null, "cohort": null, "flagVersion": null,
        "details": {"place": "stores", "note": "details of its time are kept"}});
    trace.as_object_mut().unwrap().extend(known.as_object().unwrap().clone());
    trace
}

fn traced(known: &Value) -> Ran {
    let fake = FakeCollector::of("trace");
    fake.answers("GET trace/1730955600000-0123abcd", trace(known));
    fake.run(ID)
}

#[test]
fn what_each_part_knows_of_an_id_is_told_in_words() {
    let ran = traced(&json!({"old": [stored(1_730_955_602_000, "dual")], "new": [stored(1_730_955_607_000, "dual")],
        "absorbed": {"old": 0, "new": 2}, "archive": {"day": "2024-11-07", "state": "waiting"}, "deadLetters": [
        {"id": "m/0", "receivedAt": 1_730_955_608_000_u64, "source": "consumer", "reason": "`path`: too long"}]}));
    for part in [
        "GET /users/{id} gave 200 after 12 ms, 2024-11-07T05:00:01Z (digest 0123abcd00000000)\n",
        "dual, meant for both stores by flag version 7; number 3 of isolate 00000000000000cc\n",
        "object        holds it since 2024-11-07T05:00:02Z\n",
        "D1            holds it since 2024-11-07T05:00:07Z\n",
        "the object absorbed 0, the consumer 2\n",
        "m/0, set aside 2024-11-07T05:00:08Z by consumer: `path`: too long\n",
        "day 2024-11-07: waiting\n",
        "Both stores hold it; it counts once.\n",
    ] {
        assert!(ran.out.contains(part), "{part}\nin\n{}", ran.out);
    }
    assert_eq!(ran.code, 0);
}

#[test]
fn an_id_that_is_missing_somewhere_is_told_and_one_that_nobody_knows_is_a_failure() {
    let half = traced(&json!({"old": [stored(1, "dual")]}));
    assert!(half.out.contains("meant for both") && half.out.contains("pathctl parity report"), "{half:?}");
    let single = traced(&json!({"new": [stored(1, "single")]}));
    assert!(single.code == 0 && single.out.ends_with("D1 holds it, as it was meant to.\n"), "{single:?}");
    let none = traced(&json!({}));
    assert!(none.code == 1 && none.out.contains("No part knows it"), "{none:?}");
    let away = [json!({"store": "new", "reason": "no answer within 5000 ms"})];
    let unread = traced(&json!({"new": null, "deadLetters": null, "missing": away}));
    assert!(unread.out.contains("D1            can't be read now") && unread.out.contains("ask again"), "{unread:?}");
    assert!(unread.out.contains("MISSING: the new store (D1): no answer within 5000 ms."), "{unread:?}");
    let refused = FakeCollector::of("trace").run("42");
    assert!(refused.code == 2 && refused.notes.contains("42"), "{refused:?}");
}

#[test]
fn where_the_details_of_an_unknown_id_may_be_is_told() {
    let of = |place: &str, note: &str, absorbed: u64| {
        traced(&json!({"absorbed": {"old": absorbed, "new": 0}, "deadLettersNotSearched": 3,
            "details": {"place": place, "note": note}}))
    };
    let archived = of("archive", "its details are in the archive of 2024-11-07", 0);
    assert!(archived.out.contains("  details       its details are in the archive of 2024-11-07\n"), "{archived:?}");
    assert!(archived.code == 1 && archived.out.contains("pathctl archive"), "{archived:?}");
    assert!(archived.out.contains("3 more were not looked into"), "{archived:?}");
    let gone = of("nowhere", "it is older than what is kept", 0);
    assert!(gone.code == 1 && gone.out.ends_with("older than what is kept.\n"), "{gone:?}");
    let repeat = of("stores", "details of its time are kept", 1);
    assert!(repeat.code == 0 && repeat.out.contains("counts once with that"), "{repeat:?}");
}

#[test]
fn a_trace_for_machines_has_all_that_the_gateway_says() {
    let fake = FakeCollector::of("trace");
    let answer = trace(&json!({"old": [stored(1, "single")], "novelty": 1}));
    fake.answers("GET trace/1730955600000-0123abcd", answer.clone());
    assert_eq!(fake.run("1730955600000-0123abcd|--json").json(), answer);
}

const METRICS: &str = "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total{class=\"2xx\"} 7\n\
                       requests_total{class=\"5xx\"} 1\n# HELP backlog Messages.\n# TYPE backlog gauge\nbacklog 3\n";

fn metrics(text: &str) -> FakeCollector {
    let fake = FakeCollector::of("metrics");
    fake.answers("GET metrics", json!(text));
    fake
}

#[test]
fn metrics_are_printed_as_they_are_or_those_that_are_looked_for() {
    let fake = metrics(METRICS);
    assert_eq!(fake.run_bare().out, METRICS);
    let found = fake.run("--grep|5xx").out;
    assert_eq!(
        found,
        "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total{class=\"5xx\"} 1\n"
    );
    assert_eq!(fake.run("--grep|nothing").code, 1);
    assert!(fake.asked().iter().all(|asked| asked.bearer == "Bearer secret"));
}
