//! Stores that met routes in another order count other ones separately: that is no difference.

use model::event::path::OTHER;
use model::parity::verdict::Verdict;

use super::traffic::{Fault, Traffic};
use super::{Stores, found};

const EVENTS: u64 = 6_000;

/// Twice as many routes as a store admits, which the new store meets the other way round, with these faults.
fn stores(fault: impl Fn(u64) -> Fault) -> (Traffic, Stores) {
    let mut traffic = Traffic::default();
    for n in 0..EVENTS {
        traffic.send(n * 90, 0, fault(n));
    }
    let syllables = ["ba", "de", "fi", "lo", "mu", "na", "re", "si", "to", "lu", "ka", "wo", "ze"];
    for event in traffic.old.iter_mut().chain(&mut traffic.new) {
        let n = usize::try_from(event.digest.0 % 2_197).unwrap();
        event.path = format!("/{}/{}{}", syllables[n / 169], syllables[n / 13 % 13], syllables[n % 13]);
    }
    traffic.new.reverse();
    let stores = Stores::new();
    stores.fill(&traffic, 500, true);
    let admitted =
        |sqlite: &rig::Sqlite| sqlite.number("SELECT count(DISTINCT path) FROM rollups WHERE grain = 86400000");
    assert_eq!([&stores.old, &stores.new].map(admitted), [1_002; 2], "with all routes together, and others");
    (traffic, stores)
}

#[test]
fn what_each_store_admitted_is_no_difference() {
    let (traffic, stores) = stores(|_| Fault::None);
    let report = stores.report();
    assert_eq!((report.total.verdict, report.total.mismatches), (Verdict::Pass, 0), "{}", report.summary);
    assert_eq!(found(&report), traffic.truth);
    assert!(report.paths.iter().any(|path| path.path == OTHER) || report.paths.len() == 1);
}

#[test]
fn what_is_lost_of_routes_that_were_not_admitted_is_named() {
    let (traffic, stores) = stores(|n| if n % 500 == 7 { Fault::DropNew } else { Fault::None });
    let report = stores.report();
    assert_eq!(found(&report), traffic.truth);
    assert_eq!((report.total.union, report.total.tally.only_old), (EVENTS, EVENTS / 500));
    let (_, stores) = self::stores(|n| if n % 20 == 7 { Fault::DropNew } else { Fault::None });
    assert_eq!(stores.report().total.verdict, Verdict::Fail);
}
