use super::*;

/// 1,000 requests/s over 100 paths with the default settings, all of them on both paths.
const BOTH: Load = Load {
    rps: 1_000.0,
    paths: 100.0,
    isolates: 20.0,
    linger_ms: 500.0,
    flush_events: 100.0,
    shards: 1.0,
    window_ms: 60_000.0,
    details_days: 7.0,
    hours_days: 90.0,
    consumers: 1.0,
    dual: 1.0,
    only_old: 0.0,
    only_new: 0.0,
    reads_per_minute: 6.0,
};

fn times(factor: f64) -> Load {
    Load { rps: BOTH.rps * factor, isolates: BOTH.isolates * factor, ..BOTH }
}

fn limit(what: &str) -> &'static Limit {
    static LIMITS: [Limit; ALL.len()] = ALL;
    LIMITS.iter().find(|limit| limit.what == what).unwrap()
}

#[test]
fn every_lever_is_a_setting_of_the_gateway_or_of_its_deployment() {
    let config = include_str!("../../../../crates/flow/src/config.rs");
    let wrangler = include_str!("../../../../wrangler.toml");
    for lever in ALL.iter().flat_map(|limit| limit.levers) {
        let known =
            config.contains(&format!("\"{}\"", lever.name)) || wrangler.contains(&format!("\n{} = ", lever.name));
        assert!(known, "{}", lever.name);
    }
}

#[test]
fn the_figures_are_those_of_the_code_that_they_are_of() {
    for (file, text, constant) in [
        ("config.rs", include_str!("../../../../crates/flow/src/config.rs"), "\"KEEP_MINUTES_HOURS\", 48,"),
        ("config.rs", include_str!("../../../../crates/flow/src/config.rs"), "\"KEEP_HOURS_DAYS\", 90,"),
        ("config.rs", include_str!("../../../../crates/flow/src/config.rs"), "\"KEEP_DAYS_DAYS\", 400,"),
        ("config.rs", include_str!("../../../../crates/flow/src/config.rs"), "\"KEEP_DETAILS_DAYS\", 7, 7..=90"),
        ("config.rs", include_str!("../../../../crates/flow/src/config.rs"), "\"FLUSH_EVENTS\", 100, 1..=150"),
        ("config.rs", include_str!("../../../../crates/flow/src/config.rs"), "\"LINGER_MS\", 500, 0..=4_000"),
        ("config.rs", include_str!("../../../../crates/flow/src/config.rs"), "\"COLLECTOR_SHARDS\", 1, 1..=256"),
        (
            "message.rs",
            include_str!("../../../../crates/model/src/event/message.rs"),
            "MAX_MESSAGE_BYTES: usize = 60_000",
        ),
        ("merged.rs", include_str!("../../../../crates/flow/src/reading/merged.rs"), "MAX_RECOUNT: u64 = 40_000"),
        ("wrangler.toml", include_str!("../../../../wrangler.toml"), "max_concurrency = 1"),
    ] {
        assert!(text.contains(constant), "{file}: {constant}");
    }
}

#[test]
fn more_load_takes_more_and_the_largest_that_holds_is_found() {
    for limit in &ALL {
        let taken = [0.1, 1.0, 10.0, 100.0].map(|factor| (limit.load)(&times(factor)));
        assert!(taken.windows(2).all(|pair| pair[0] <= pair[1] * 1.001), "{}: {taken:?}", limit.what);
        if let Some(rps) = limit.holds_up_to(&BOTH) {
            let factor = rps / BOTH.rps;
            assert!(limit.holds(&times(factor * 0.99)) && !limit.holds(&times(factor * 1.01)), "{}: {rps}", limit.what);
        }
    }
}

#[test]
fn a_setting_that_is_named_makes_it_hold_and_less_of_it_does_not() {
    let records = limit("object: records");
    let load = times(20.0);
    assert!(!records.holds(&load));
    let (name, linger_ms) = records.moved(&load).unwrap();
    assert_eq!(name, "LINGER_MS");
    assert!(
        records.holds(&Load { linger_ms, ..load }) && !records.holds(&Load { linger_ms: linger_ms - 100.0, ..load })
    );
    let (name, window_ms) = limit("consumer: memory").moved(&times(100.0)).unwrap();
    assert!(name == "ID_WINDOW_MS" && window_ms < 60_000.0, "{window_ms}");
}

#[test]
fn a_queue_of_messages_with_one_event_is_full_at_its_limit() {
    let alone = Load { linger_ms: 0.0, ..times(5.0) };
    assert!(limit("queue: messages").holds(&alone));
    let more = Load { rps: 5_001.0, ..alone };
    assert!(!limit("queue: messages").holds(&more) && limit("queue: messages").moved(&more).is_some());
}

#[test]
fn a_path_that_nothing_takes_has_no_limits() {
    let old = Load { dual: 0.0, only_old: 1.0, ..BOTH };
    for limit in
        ALL.iter().filter(|limit| ["queue", "consumer", "D1", "cron"].iter().any(|of| limit.what.starts_with(of)))
    {
        assert!((limit.load)(&old).abs() < f64::EPSILON, "{}", limit.what);
    }
}
