use flow::config::Config;

use super::*;

/// 1,000 requests/s over 100 paths with the default settings, all of them on both paths.
fn both() -> CostLoad {
    CostLoad::with(&[]).unwrap()
}

fn named(what: &str) -> &'static Limit {
    static LIMITS: [Limit; ALL.len()] = ALL;
    LIMITS.iter().find(|limit| limit.what == what).unwrap()
}

#[test]
fn numbers_are_read_easily_and_never_rounded_up() {
    assert_eq!([1.0, 999.0, 1_000.0, 1_234_567.0].map(whole), ["1", "999", "1,000", "1,234,567"]);
    assert_eq!([367.9, 99.0, 130_999.0].map(two_digits).map(whole), ["360", "99", "130,000"]);
}

#[test]
fn every_lever_is_a_setting_that_the_gateway_takes_up_to_the_levers_end_and_no_further() {
    for lever in [LINGER, FLUSH, SHARDS, WINDOW, HOURS, DETAILS] {
        let refused = |value: f64| {
            let value = value.to_string();
            Config::read(&|name| (name == lever.name).then(|| value.clone())).1.len()
        };
        let beyond = lever.to + 1_f64.copysign(lever.to - *(lever.of)(&mut both()));
        let beyond = if lever.name == "KEEP_DETAILS_DAYS" { lever.to - 1.0 } else { beyond };
        assert_eq!((refused(lever.to), refused(beyond)), (0, 1), "{}", lever.name);
    }
}

#[test]
fn more_load_takes_more_and_the_largest_that_holds_is_found() {
    for limit in &ALL {
        let taken = [0.1, 1.0, 10.0, 100.0].map(|factor| (limit.load)(&both().times(factor)));
        assert!(taken.windows(2).all(|pair| pair[0] <= pair[1] * 1.001), "{}: {taken:?}", limit.what);
        if let Some(rps) = limit.holds_up_to(&both()) {
            let at = |factor: f64| both().times(rps / both().rps * factor);
            assert!(limit.holds(&at(0.99)) && !limit.holds(&at(1.01)), "{}: {rps}", limit.what);
        }
    }
}

#[test]
fn a_setting_that_is_named_makes_it_hold_and_less_of_it_does_not() {
    let records = named("object: records");
    let load = both().times(20.0);
    assert!(!records.holds(&load));
    let (name, linger_ms) = records.moved(&load).unwrap();
    assert_eq!(name, "LINGER_MS");
    assert!(
        records.holds(&CostLoad { linger_ms, ..load })
            && !records.holds(&CostLoad { linger_ms: linger_ms - 100.0, ..load })
    );
    let (name, window_ms) = named("consumer: memory").moved(&both().times(100.0)).unwrap();
    assert!(name == "ID_WINDOW_MS" && window_ms < 60_000.0, "{window_ms}");
}

#[test]
fn a_queue_of_messages_with_one_event_is_full_at_its_limit() {
    let alone = CostLoad { linger_ms: 0.0, ..both().times(5.0) };
    let messages = named("queue: messages");
    assert!(messages.holds(&alone));
    let more = CostLoad { rps: 5_001.0, ..alone };
    assert!(!messages.holds(&more) && messages.moved(&more).is_some());
}

#[test]
fn a_path_that_nothing_takes_has_no_limits() {
    let old = CostLoad { dual: 0.0, only_old: 1.0, ..both() };
    let of_the_new = |limit: &&Limit| ["queue", "consumer", "D1", "cron"].iter().any(|of| limit.what.starts_with(of));
    for limit in ALL.iter().filter(of_the_new) {
        assert!((limit.load)(&old).abs() < f64::EPSILON, "{}", limit.what);
    }
}
