use proptest::prelude::*;

use super::*;
use crate::cost::prices::Prices;

/// 1,000 requests/s over 100 paths, as the targets have it, to the queue alone.
fn queue() -> CostLoad {
    CostLoad { linger_ms: 200.0, dual: 0.0, only_new: 1.0, ..CostLoad::with(&[]).unwrap() }
}

fn object() -> CostLoad {
    CostLoad { only_old: 1.0, only_new: 0.0, ..queue() }
}

/// US dollars per million events.
fn usd(load: &CostLoad) -> f64 {
    let prices = Prices::read().unwrap();
    lines(load).iter().map(|line| prices.of(line.unit, line.per_second)).sum::<f64>() / load.rps * 1e6
}

/// How many of some units an event causes.
fn per_event(load: &CostLoad, units: &[Unit]) -> f64 {
    lines(load).iter().filter(|line| units.contains(&line.unit)).map(|line| line.per_second).sum::<f64>() / load.rps
}

#[test]
fn events_share_messages_as_they_do_in_the_benchmarks_stream() {
    // Measured: 273,000 operations per million events of 20 isolates; 30,000 of one whose requests come like clockwork.
    assert!((per_event(&queue(), &[Unit::QueueOperations]) - 0.273).abs() < 0.001);
    let one = per_event(&CostLoad { isolates: 1.0, ..queue() }, &[Unit::QueueOperations]);
    assert!((0.030..0.045).contains(&one), "{one}");
    let alone = CostLoad { linger_ms: 0.0, ..queue() };
    assert!((per_event(&alone, &[Unit::QueueOperations]) - 3.0).abs() < 1e-9);
}

#[test]
fn the_new_path_writes_at_most_a_twentieth_of_a_row_for_an_event() {
    for isolates in [1.0, 20.0, 100.0] {
        let rows = per_event(&CostLoad { isolates, ..queue() }, &[Unit::D1RowsWritten]);
        assert!((0.005..=0.05).contains(&rows), "{isolates}: {rows}");
    }
}

#[test]
fn a_million_events_cost_at_most_ten_cents_once_a_message_carries_fifteen() {
    for load in [CostLoad { isolates: 10.0, ..queue() }, CostLoad { linger_ms: 400.0, ..queue() }] {
        assert!(Coalescing::of(&load, load.rps).events >= 15.0);
        assert!(usd(&load) <= 0.10, "{load:?}: {}", usd(&load));
    }
    // Eleven are too few: their messages alone cost more.
    assert!((0.10..0.14).contains(&usd(&queue())), "{}", usd(&queue()));
}

#[test]
fn every_line_of_the_object_is_of_the_object_or_the_gateway() {
    let foreign = [Unit::QueueOperations, Unit::D1RowsWritten];
    assert!(lines(&object()).iter().all(|line| !foreign.contains(&line.unit)));
    assert!(lines(&queue()).iter().all(|line| line.unit != Unit::ObjectRowsWritten));
}

#[test]
fn all_to_both_costs_both_but_the_gateways_part_once() {
    let both = usd(&CostLoad { dual: 1.0, only_old: 0.0, only_new: 0.0, ..queue() });
    let (old, new) = (usd(&object()), usd(&queue()));
    assert!(both < old + new && both > (old + new) * 0.97, "{both} {old} {new}");
}

proptest! {
    #[test]
    fn any_load_has_a_price_and_more_of_it_costs_more(
        rps in 0.01..100_000.0_f64, paths in 1_u32..10_000, isolates in 1_u32..10_000, linger in 0_u32..10_000,
        flush in 1_u32..=150, shards in 1_u32..=256, dual in 0.0..=1.0_f64, rest in 0.0..=1.0_f64,
    ) {
        let load = CostLoad {
            rps, paths: paths.into(), isolates: isolates.into(), linger_ms: linger.into(), flush_events: flush.into(),
            shards: shards.into(), dual, only_old: (1.0 - dual) * rest, only_new: (1.0 - dual) * (1.0 - rest),
            ..queue()
        };
        for line in lines(&load) {
            prop_assert!(line.per_second.is_finite() && line.per_second >= 0.0, "{line:?}");
        }
        let (twice, wide) = (CostLoad { rps: rps * 2.0, ..load }, CostLoad { paths: load.paths * 2.0, ..load });
        prop_assert!(usd(&twice) * 2.0 >= usd(&load) * 0.999, "{}", usd(&load));
        prop_assert!(usd(&wide) >= usd(&load) * 0.999, "{}", usd(&load));
    }
}
