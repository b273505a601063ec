//! The flag's part of the API: the names are its contract, written a second time on purpose.

use http::Method;
use model::flag::change;
use model::flag::document::Document;
use model::flag::stop::Stop;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CallError, Collector};
use crate::missing::Missing;

/// What a change starts from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Newest {
    /// The flag document, with fields that this tool may not know.
    pub document: Value,
    /// Where it was found: `history`, `copy` or `built-in`.
    pub source: String,
    /// The stop that is obeyed in its stead, if one holds.
    #[serde(default)]
    pub stop: Option<Stop>,
}

/// A document of the history.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// When it was stored, in ms.
    pub changed_at: u64,
    /// The document.
    #[serde(flatten)]
    pub document: Document,
}

#[derive(Deserialize)]
struct History {
    history: Vec<Change>,
}

/// One field that a change changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Name of the field.
    pub field: String,
    /// Its value before.
    pub before: Value,
    /// Its value after.
    pub after: Value,
}

impl Difference {
    /// How two documents differ.
    pub fn between(before: &Document, after: &Document) -> Vec<Self> {
        let of = |found: change::Difference| Self { field: found.field, before: found.before, after: found.after };
        change::differences(before, after).into_iter().map(of).collect()
    }
}

/// What became of a change.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The document that now holds.
    pub document: Document,
    /// How it differs from the one before.
    pub differences: Vec<Difference>,
    /// Whether it is in the history.
    pub recorded: bool,
    /// Whether it is in the copy that routers read.
    pub copied: bool,
    /// Whether it is in the object, which routers ask besides.
    pub in_object: bool,
}

/// What became of a stop or a release.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stopped {
    /// The stop.
    pub stop: Stop,
    /// All stops that hold now, the newest first.
    pub holding: Vec<Stop>,
    /// Whether D1 has it.
    pub recorded: bool,
    /// Whether KV has it.
    pub copied: bool,
    /// Whether the object has it.
    pub in_object: bool,
    /// The change of the flag that was made before a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Changed>,
}

/// The stops that hold, and which places say that one does; none where that can't be read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StopStatus {
    /// The stops, the newest first.
    pub holding: Vec<Stop>,
    /// D1.
    pub history: Option<bool>,
    /// The object.
    pub object: Option<bool>,
    /// KV.
    pub copy: Option<bool>,
}

/// What a change would do to the last day's traffic.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Preview {
    /// The traffic that it is reckoned with; none if the stores can't be read.
    pub basis: Option<Basis>,
    /// Version that it was compared with.
    pub base: u32,
    /// How the documents differ.
    pub differences: Vec<Difference>,
    /// Shares of all requests now.
    pub current: Shares,
    /// Shares of all requests then.
    pub proposed: Shares,
    /// Each path, the busiest first.
    pub paths: Vec<PathPreview>,
    /// Whether there are more paths.
    pub more: bool,
    /// What the operator should know.
    pub warnings: Vec<String>,
}

/// Traffic of a period.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Basis {
    /// Beginning, in ms.
    pub from: u64,
    /// End, in ms.
    pub to: u64,
    /// Requests.
    pub requests: u64,
    /// Whether each is known to be counted once.
    pub exact: bool,
    /// What could not be read, and is in no figure.
    #[serde(default)]
    pub missing: Vec<Missing>,
}

/// How requests are shared out, in ppm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shares {
    /// To the object alone.
    pub only_old: u32,
    /// To both.
    pub both: u32,
    /// To the queue alone.
    pub only_new: u32,
}

/// A path's part of a preview.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PathPreview {
    /// The normalised route.
    pub path: String,
    /// Its requests.
    pub requests: u64,
    /// Template of the override that would hold.
    #[serde(rename = "override")]
    pub template: Option<String>,
    /// Template of an override that may hold for some of its requests, by their own paths.
    #[serde(default)]
    pub perhaps: Option<String>,
    /// Shares now.
    pub current: Shares,
    /// Shares then.
    pub proposed: Shares,
}

/// How far the newest version has spread.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Newest version of the source of truth.
    pub newest: Option<u32>,
    /// Where it was found.
    pub source: Option<String>,
    /// Version of the copy.
    pub copy: Option<u32>,
    /// Version that the answering isolate obeys.
    pub in_force: u32,
    /// Beginning of the events looked at, in ms.
    pub from: u64,
    /// Their end, in ms.
    pub to: u64,
    /// Whether all of them were looked at.
    pub complete: bool,
    /// Isolates, the most recently seen first.
    pub isolates: Vec<Isolate>,
    /// How many of them were last seen with an older version.
    pub behind: u64,
    /// Events with an older version that came after the change.
    pub older_events: u64,
    /// How long after the change the last of them came, in ms.
    pub slowest: Option<u64>,
    /// How long an isolate may keep a flag, in ms.
    pub flag_ttl_ms: u64,
    /// The ramp's state.
    pub ramp: Option<RampState>,
    /// The stops.
    pub stop: StopStatus,
}

/// An isolate, as its events show it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Isolate {
    /// Its name.
    pub producer: String,
    /// Version of its latest event.
    pub version: u32,
    /// Time of that event, in ms.
    pub last_seen: u64,
    /// Its events in the period.
    pub events: u64,
}

/// Where a ramp stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RampState {
    /// The queue's shares, in ppm.
    pub steps: Vec<u32>,
    /// Position of the next step.
    pub next: usize,
    /// When it is due, in ms.
    pub due_at: u64,
    /// Time between steps, in ms.
    pub every_ms: u64,
    /// Whether a person has halted it.
    pub paused: bool,
    /// `waiting`, `due`, `holding`, `paused` or `done`.
    pub state: String,
    /// Why it holds.
    pub holding: Option<String>,
}

/// An order that needs no document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Order<'a> {
    /// Version that shall hold again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Name of the stop that is released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// Whether the flag is set to do-only before the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub do_only: Option<bool>,
    /// Who gives it.
    pub updated_by: &'a str,
    /// Why.
    pub reason: &'a str,
}

impl<'a> Order<'a> {
    /// One that says no more than who gives it, and why.
    pub const fn of(updated_by: &'a str, reason: &'a str) -> Self {
        Self { version: None, id: None, do_only: None, updated_by, reason }
    }
}

impl Collector {
    /// The document that holds at the source of truth.
    ///
    /// # Errors
    /// As each of these calls: [`CallError`].
    pub async fn newest_flag(&self) -> Result<Newest, CallError> {
        self.get("flag/document").await
    }

    /// The newest documents, newest first.
    pub async fn flag_history(&self) -> Result<Vec<Change>, CallError> {
        self.get("flag/history").await.map(|History { history }| history)
    }

    /// How far the newest version has spread, by the events of the last minutes.
    pub async fn flag_status(&self, minutes: u32) -> Result<Status, CallError> {
        self.get(&format!("flag/status?minutes={minutes}")).await
    }

    /// What a document would do.
    pub async fn preview_flag(&self, wanted: &Document) -> Result<Preview, CallError> {
        self.send(Method::POST, "flag/preview", wanted, None).await
    }

    /// Changes the flag from version `base` to what `wanted` says.
    pub async fn change_flag(&self, wanted: &Document, base: u32) -> Result<Changed, CallError> {
        self.send(Method::PUT, "flag", wanted, Some(base)).await
    }

    /// Makes an earlier version hold again.
    pub async fn roll_flag_back(&self, order: &Order<'_>) -> Result<Changed, CallError> {
        self.send(Method::POST, "flag/rollback", order, None).await
    }

    /// Makes gateways take the old path alone, whatever the flag says.
    pub async fn stop_flag(&self, order: &Order<'_>) -> Result<Stopped, CallError> {
        self.send(Method::POST, "flag/stop", order, None).await
    }

    /// Ends a stop.
    pub async fn release_flag(&self, order: &Order<'_>) -> Result<Stopped, CallError> {
        self.send(Method::POST, "flag/release", order, None).await
    }
}
