//! An access log sent to a gateway: method, target and address are the log's, and each request has an ID of its own, so
//! that each is counted once.

mod pace;
mod summary;

use std::time::Instant;

use tokio_util::sync::CancellationToken;

use self::pace::PacedItems;
pub use self::pace::ReplayPace;
use self::summary::OutcomeCollector;
pub use self::summary::ReplaySummary;
use crate::dispatch::{DueRequest, dispatch};
use crate::gateway::{Gateway, OutgoingRequest};
use crate::log_reader::LogReader;
use crate::ray::Rays;

/// Sends the log, or what of it comes before `stop` is cancelled, with at most `concurrency` requests under way.
pub async fn replay(
    mut log: LogReader,
    gateway: &Gateway,
    pace: ReplayPace,
    concurrency: usize,
    stop: &CancellationToken,
) -> ReplaySummary {
    let mut rays = Rays::new();
    // Only what can be sent takes a place in the rhythm.
    let sendable = std::iter::from_fn(|| {
        loop {
            let (line, entry) = log.next()?;
            match OutgoingRequest::from_entry(&entry, &rays.issue()) {
                Ok(outgoing) => return Some((entry.time_s, outgoing)),
                Err(error) => log.refuse(line, &error),
            }
        }
    });
    let due = PacedItems::new(sendable, pace).map(|(after, outgoing)| DueRequest { after, outgoing, tag: () });
    let mut outcomes = OutcomeCollector::default();
    let begin = Instant::now();
    let latest = dispatch(gateway, due, concurrency, stop, |(), outcome| outcomes.add(outcome)).await;
    outcomes.finish(begin.elapsed(), latest, log.into_bad_lines(), stop.is_cancelled())
}

#[cfg(test)]
mod tests;
