//! `pathctl parity` as an operator runs it, against an API that answers as it is told.

use crate::support::FakeCollector;
use serde_json::{Value, json};

/// A report on the hour from 2024-11-07 05:00, as the API gives it.
fn report(verdict: &str) -> Value {
    let counts = json!({"beyondOld": 0, "surplusOld": 0, "onlyOld": 1, "onlyNew": 0, "valueDiffers": 1,
        "countedTwice": 3, "fallback": 1, "deadLettered": 0, "queued": 0, "repeats": 0});
    let rates = json!({"verdict": verdict, "union": 1_000, "mismatches": 5, "unexplained": 4, "rate": 0.005,
        "lowerBound": 0.0004, "upperBound": 0.0063,
        "writes": 40, "writesDiffering": 2, "writesLowerBound": 0.009, "writesUpperBound": 0.15});
    let side = |dual: u64| {
        json!({"events": dual + 4, "dual": dual, "digestSum": "00000000000000aa", "valueSum": "00000000000000bb",
        "fallback": 0, "absorbed": 3, "countedTwice": 2})
    };
    let difference = |kind: &str, reason: Value, fields: Value| {
        json!({"idempotentId": "1730955600000-0123abcd",
        "digest": "0123abcd00000000", "path": "/a|b", "timestamp": 1_730_955_601_000_u64, "kind": kind,
        "reason": reason, "fields": fields})
    };
    let mut report = json!({
        "window": {"kind": "hour", "from": 1_730_955_600_000_u64, "to": 1_730_959_200_000_u64}, "revision": 2,
        "computedAt": 1_730_960_100_000_u64, "summary": "5 of 1000 differ", "limitPpm": 50_000, "lagMs": 900_000,
        "plan": {"old": 1_000, "new": 999, "differencePercent": 0.1}, "unnamed": 0,
        "differences": [
            difference("value-differs", Value::Null, json!([{"field": "status", "old": "200", "new": "503"}])),
            difference("only-old", json!("fallback"), json!([])),
        ],
        "loss": {"verdict": "pass", "arrived": 5_000, "missing": 2, "deadLettered": 0, "unexplained": 2, "rate": 0.0004,
            "lowerBound": 0.0, "upperBound": 0.02, "writes": 200, "lostWrites": 1, "unjudgedProducers": 0,
            "gaps": [{"producer": "00000000000000cc", "first": 7, "last": 8}]},
        "old": side(1_000), "new": side(999), "minutesDiffering": 1, "minutes": 60, "idsFetched": 36, "deadLetters": 0,
        "fingerprint": "00000000000000dd",
    });
    let mut route = json!({"path": "/a|b"});
    for part in [counts, rates] {
        report.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        route.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
    }
    report["paths"] = json!([route]);
    report
}

#[test]
fn the_page_has_every_figure_that_a_reviewer_checks() {
    let fake = FakeCollector::of("parity");
    fake.answers("GET parity/hour:1730955600000", report("pass"));
    let shown = fake.run("report|2024-11-07T05");
    let lines = shown.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let page = lines.collect::<Vec<_>>().join("\n");
    for part in [
        "# Parity 2024-11-07T05:00:00Z to 2024-11-07T06:00:00Z: pass\n",
        "| events meant for both, in either store (union) | 1000 |",
        "| counted more than once by a store | 3 |",
        "| of them unexplained | 4 |",
        "| writes (flushes of an isolate) that carried them | 40 |",
        "| of them, writes with a mismatch | 2 |",
        "| 95 % bounds of their share | 0.9000 % and 15.0000 % |",
        "| its 95 % bounds, each one-sided | 0.0400 % and 0.6300 % |",
        "| the plan's figure, \\|new − old\\| / old | 0.1000 % |",
        "| new (D1) | 999 | `00000000000000aa` | `00000000000000bb` | 0 | 3 | 2 |",
        "| /a\\|b | pass | 1000 | 1 | 0 | 1 | 3 | 0.6300 % |",
        "| 2024-11-07T05:00:01Z | value-differs: status 200 → 503 | **unexplained** |",
        "| only-old | fallback |",
        "- producer `00000000000000cc`: 7 to 8",
        "Window `hour:1730955600000`, revision 2, made 2024-11-07T06:15:00Z, 15m for stragglers.",
    ] {
        assert!(page.contains(part), "{part}\nin\n{page}");
    }
    assert_eq!(shown.code, 0);
}

#[test]
fn the_exit_code_is_the_verdict() {
    for (verdict, code) in [("pass", 0), ("fail", 1), ("inconclusive", 2), ("pending", 2)] {
        let fake = FakeCollector::of("parity");
        fake.answers("POST parity/run?window=hour:1730955600000", report(verdict));
        let shown = fake.run("run|hour:1730955600000|--json");
        assert_eq!(shown.code, code, "{shown:?}");
        assert_eq!(serde_json::from_str::<Value>(&shown.out).unwrap()["verdict"], verdict);
    }
}

#[test]
fn a_selftest_that_fails_says_where() {
    let fake = FakeCollector::of("parity");
    let outcome = json!({"passed": false, "failures": ["union is 1, not 2"], "first": report("fail"),
        "second": report("fail"), "worlds": [{"name": "stored-twice", "report": report("fail")}]});
    fake.answers("POST parity/selftest", outcome);
    let shown = fake.run("selftest");
    assert_eq!(shown.code, 1);
    assert!(shown.out.contains("union is 1, not 2") && shown.out.contains("FAILED"), "{shown:?}");
    assert!(shown.out.contains("stored-twice: fail, 5 of 1000 differ\n"), "{shown:?}");
}

#[test]
fn reports_are_listed_without_what_only_their_pages_have() {
    let fake = FakeCollector::of("parity");
    let mut short = report("pass");
    for field in ["differences", "paths"] {
        short.as_object_mut().unwrap().remove(field);
    }
    short["loss"].as_object_mut().unwrap().remove("gaps");
    fake.answers("GET parity?kind=day&limit=7", json!({"reports": [short]}));
    let shown = fake.run("list|--kind|day|--limit|7");
    assert!(shown.out.contains("2024-11-07T05:00:00Z") && shown.out.contains("5 of 1000 differ"), "{shown:?}");
    assert_eq!(shown.code, 0);
}

#[test]
fn readiness_succeeds_only_when_every_criterion_holds() {
    for (ready, holds, code, word) in
        [(true, json!(true), 0, "yes"), (false, json!(false), 1, "NO"), (false, json!(null), 1, "unknown")]
    {
        let fake = FakeCollector::of("readiness");
        let criterion = json!({"name": "backlog", "title": "events on their way", "wanted": "< 100", "figure": "3",
            "holds": holds, "source": "the last hour"});
        fake.answers("GET readiness", json!({"ready": ready, "computedAt": 1, "criteria": [criterion]}));
        let shown = fake.run_bare();
        assert!(shown.code == code && shown.out.contains(word), "{shown:?}");
    }
}
