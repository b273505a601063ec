//! Dead letters' part of the API.

use http::Method;
use serde::{Deserialize, Serialize};

use super::problem::Cause;
use super::{CallError, Collector};
use crate::percent;

/// Calls of one sweep before it is given up: each does hundreds of letters, of which 20,000 are kept.
const MAX_CALLS: usize = 200;

/// A letter.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    /// Its ID.
    pub id: String,
    /// When it was stored, in ms.
    pub received_at: u64,
    /// When its message was sent, in ms.
    pub sent_at: Option<u64>,
    /// `consumer` or `dlq`.
    pub source: String,
    /// Why it is one.
    pub reason: String,
    /// Redrives that were refused.
    pub attempts: u64,
    /// Why the last one was.
    pub refused: Option<String>,
    /// Length of the payload as it came.
    pub bytes: u64,
    /// The payload, where one letter was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

/// A page of letters, the newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Page {
    /// Letters that match, on all pages.
    pub count: u64,
    /// Those of this page.
    pub letters: Vec<Letter>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Which letters; at least one field, or `all`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Selection {
    /// The one with this ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Those of this source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Those with this text in their reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Those stored before this time, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Every one.
    #[serde(skip_serializing_if = "is_false")]
    pub all: bool,
    /// Where a sweep goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Selection {
    /// As a query, beginning with `?`.
    fn query(&self, limit: u64) -> String {
        let before = self.before.map(|before| before.to_string());
        let given = [("source", &self.source), ("reason", &self.reason), ("before", &before), ("after", &self.after)];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        given.fold(format!("?limit={limit}"), |query, (name, value)| {
            format!("{query}&{name}={}", percent::encode(value.as_bytes(), |byte| byte.is_ascii_alphanumeric()))
        })
    }
}

/// A letter that a redrive left, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refusal {
    /// The letter.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// What a redrive did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sweep {
    /// Letters that are gone.
    pub redriven: u64,
    /// Their events that are counted now.
    pub stored: u64,
    /// Their events that were counted before.
    pub absorbed: u64,
    /// Letters that stay.
    pub refused: u64,
    /// Some of them, with why.
    pub refusals: Vec<Refusal>,
    /// Letters that were not tried yet.
    pub left: u64,
    /// Where to go on.
    #[serde(skip_serializing)]
    pub after: Option<String>,
}

/// What a purge did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Purged {
    /// Letters that are gone.
    pub purged: u64,
    /// Letters that still match.
    pub left: u64,
}

impl Collector {
    /// The newest letters that match.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn dead_letters(&self, selection: &Selection, limit: u64) -> Result<Page, CallError> {
        self.get(&format!("dead-letters{}", selection.query(limit))).await
    }

    /// One letter, whole.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn dead_letter(&self, id: &str) -> Result<Letter, CallError> {
        // It is one segment of the path, whatever is in it.
        let id = percent::encode(id.as_bytes(), |byte| byte.is_ascii_alphanumeric());
        self.get(&format!("dead-letters/{id}")).await
    }

    /// Redrives all that match, call by call; tells of how many are left after each.
    ///
    /// # Errors
    /// [`CallError`]; what was done until then is done, and repeating is harmless.
    pub async fn redrive(&self, selection: &Selection, left: impl Fn(u64)) -> Result<Sweep, CallError> {
        let (mut sum, mut rest) = (Sweep::default(), selection.clone());
        for _ in 0..MAX_CALLS {
            let done: Sweep = self.send(Method::POST, "dead-letters/redrive", &rest, None).await?;
            sum.redriven += done.redriven;
            sum.stored += done.stored;
            sum.absorbed += done.absorbed;
            sum.refused += done.refused;
            sum.refusals.extend(done.refusals);
            sum.left = done.left;
            let Some(after) = done.after else { return Ok(sum) };
            left(done.left);
            rest.after = Some(after);
        }
        Err(CallError::new(&Method::POST, "dead-letters/redrive", Cause::Unfinished))
    }

    /// Purges all that match, call by call; tells of how many are left after each.
    ///
    /// # Errors
    /// [`CallError`]; what was done until then is done, and repeating is harmless.
    pub async fn purge(&self, selection: &Selection, left: impl Fn(u64)) -> Result<Purged, CallError> {
        let mut sum = Purged::default();
        for _ in 0..MAX_CALLS {
            let done: Purged = self.send(Method::POST, "dead-letters/purge", selection, None).await?;
            sum = Purged { purged: sum.purged + done.purged, left: done.left };
            if done.left == 0 || done.purged == 0 {
                return Ok(sum);
            }
            left(done.left);
        }
        Err(CallError::new(&Method::POST, "dead-letters/purge", Cause::Unfinished))
    }
}
