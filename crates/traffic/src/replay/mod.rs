//! An access log sent to a gateway: method, target and address are the log's, and each request has an ID of its own, so
//! that each is counted once.

mod pace;
mod summary;

use std::time::Instant;

use tokio_util::sync::CancellationToken;

pub use self::pace::Pace;
use self::pace::Paced;
use self::summary::Outcomes;
pub use self::summary::Summary;
use crate::dispatch::{Due, dispatch};
use crate::gateway::{Gateway, Outgoing};
use crate::log_reader::LogReader;
use crate::ray::Rays;

/// Sends the log, or what of it comes before `stop` is cancelled, with at most `concurrency` requests under way.
pub async fn replay(
    mut log: LogReader,
    gateway: &Gateway,
    pace: Pace,
    concurrency: usize,
    stop: &CancellationToken,
) -> Summary {
    let mut rays = Rays::new();
    // Only what can be sent takes a place in the rhythm.
    let sendable = std::iter::from_fn(|| {
        loop {
            let (line, entry) = log.next()?;
            match Outgoing::from_entry(&entry, &rays.issue()) {
                Ok(outgoing) => return Some((entry.time_s, outgoing)),
                Err(error) => log.refuse(line, &error),
            }
        }
    });
    let due = Paced::new(sendable, pace).map(|(after, outgoing)| Due { after, outgoing, tag: () });
    let mut outcomes = Outcomes::default();
    let begin = Instant::now();
    let latest = dispatch(gateway, due, concurrency, stop, |(), outcome| outcomes.add(outcome)).await;
    outcomes.finish(begin.elapsed(), latest, log.into_bad_lines(), stop.is_cancelled())
}

#[cfg(test)]
mod tests;
