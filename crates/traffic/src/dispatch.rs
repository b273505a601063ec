//! Sends requests at given times, not at the pace of the answers.
//!
//! Invariant: at most `concurrency` requests are under way, and each is sent when it is due or as soon after as that
//! bound allows. How late the latest was is reported: above zero, the load was not the one that was asked for.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::gateway::{Gateway, GatewayResponse, OutgoingRequest, SendError};

/// A request and when to send it, counted from the beginning.
pub struct DueRequest<T> {
    /// When to send it; `None` is as soon as possible.
    pub after: Option<Duration>,
    /// What to send.
    pub outgoing: OutgoingRequest,
    /// What the caller knows it by.
    pub tag: T,
}

/// Sends all `items`, or those until `stop` is cancelled, and hands each outcome to `done` in order of arrival.
/// Returns how late the latest request was sent.
pub async fn dispatch<T: Send + 'static>(
    gateway: &Gateway,
    items: impl Iterator<Item = DueRequest<T>>,
    concurrency: usize,
    stop: &CancellationToken,
    mut done: impl FnMut(T, Result<GatewayResponse, SendError>),
) -> Duration {
    let mut running = JoinSet::new();
    let mut latest = Duration::ZERO;
    let begin = Instant::now();
    for item in items {
        let due = item.after.map_or_else(Instant::now, |after| begin + after);
        loop {
            let full = running.len() >= concurrency.max(1);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(outcome) = running.join_next(), if !running.is_empty() => finish(outcome, &mut done),
                () = tokio::time::sleep_until(due), if !full => break,
            }
        }
        if stop.is_cancelled() {
            break;
        }
        if item.after.is_some() {
            latest = latest.max(due.elapsed());
        }
        let gateway = gateway.clone();
        running.spawn(async move { (item.tag, gateway.send(item.outgoing).await) });
    }
    while let Some(outcome) = running.join_next().await {
        finish(outcome, &mut done);
    }
    latest
}

type Outcome<T> = Result<(T, Result<GatewayResponse, SendError>), tokio::task::JoinError>;

/// A task that was cancelled or panicked has no outcome: `send` does neither, and nothing aborts it.
fn finish<T>(outcome: Outcome<T>, done: &mut impl FnMut(T, Result<GatewayResponse, SendError>)) {
    if let Ok((tag, result)) = outcome {
        done(tag, result);
    }
}
