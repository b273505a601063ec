//! Routes that the stores admitted differently.
//!
//! Invariant: what one store counts as [`OTHER`] and the other one under its name is compared as one set, so that it is no
//! difference. Each store admits routes in the order in which it met them, so that beyond the limit they may choose others.
//! What is pooled still counts in full.

use std::collections::HashSet;

use super::comparison::WriteCounts;
use super::minute::{MinuteFindings, UNKNOWN};
use super::unresolved::{PathSums, apart};
use crate::event::path::OTHER;

/// Pools the routes that a store may have counted under two names: if any store has [`OTHER`], all those whose sums differ
/// or that differences were found of. The stores' sums of the rest are the same.
pub fn pool(paths: &mut PathSums, found: &mut [MinuteFindings], written: &mut WriteCounts) {
    if !paths.0.contains_key(OTHER) && !paths.1.contains_key(OTHER) {
        return;
    }
    let differing = apart(paths);
    let of_minutes =
        found.iter().flat_map(|minute| minute.tallies.keys().chain(minute.writes.keys()).chain(minute.apart.keys()));
    let mut pooled: HashSet<String> = differing.keys().chain(of_minutes).cloned().collect();
    pooled.retain(|path| ![OTHER, UNKNOWN].contains(&path.as_str()));
    written.is_cut = true;
    for path in &pooled {
        for sums in [&mut paths.0, &mut paths.1] {
            let sum = sums.remove(path).unwrap_or_default();
            sums.entry(OTHER.to_owned()).or_default().add(&sum);
        }
        for writes in [&mut written.old, &mut written.new] {
            // A write may carry events of several: only the most of one route is certain, and how many at most is not.
            let count = writes.remove(path).unwrap_or_default();
            let most = writes.entry(OTHER.to_owned()).or_default();
            *most = count.max(*most);
        }
        for minute in &mut *found {
            if let Some(tally) = minute.tallies.remove(path) {
                minute.tallies.entry(OTHER.to_owned()).or_default().add(&tally);
            }
            if let Some(writes) = minute.writes.remove(path) {
                minute.writes.entry(OTHER.to_owned()).or_default().merge(&writes);
            }
            if let Some(sum) = minute.apart.remove(path) {
                minute.apart.entry(OTHER.to_owned()).or_default().add(&sum);
            }
        }
    }
}
