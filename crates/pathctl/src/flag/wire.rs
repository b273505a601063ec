//! The flag's part of the API: the names are its contract, written a second time on purpose. Times are in ms since 1970,
//! shares in ppm.

use model::flag::change::FieldChange;
use model::flag::document::Document;
use model::flag::stop::Stop;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ureq::http::Method;

use crate::gateway::{Answer, CallError, Gateway};
use crate::missing::Missing;

/// What a change starts from.
#[derive(Deserialize)]
pub struct Newest {
    /// The flag document, with fields that this tool may not know.
    pub document: Value,
    /// Where it was found: `history`, `copy` or `built-in`.
    pub source: String,
    /// The stop that is obeyed in its stead, if one holds.
    pub stop: Option<Stop>,
}

/// A document of the history.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// When it was stored.
    pub changed_at: u64,
    #[serde(flatten)]
    pub document: Document,
}

#[derive(Deserialize)]
struct History {
    history: Vec<Change>,
}

/// What became of a change, a stop or a release: which places have it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Places {
    /// Whether D1 has it, which keeps the history.
    pub recorded: bool,
    /// Whether KV has it, which gateways read.
    pub copied: bool,
    /// Whether the object has it, which gateways ask besides.
    pub in_object: bool,
}

/// What became of a change.
#[derive(Deserialize)]
pub struct Changed {
    /// The document that now holds.
    pub document: Document,
    #[serde(flatten)]
    pub places: Places,
}

/// What became of a stop or a release.
#[derive(Deserialize)]
pub struct Stopped {
    pub stop: Stop,
    /// All stops that hold now, the newest first.
    pub holding: Vec<Stop>,
    #[serde(flatten)]
    pub places: Places,
}

/// What a change would do to the last day's traffic.
#[derive(Deserialize)]
pub struct Preview {
    /// The traffic that it is reckoned with; none if the stores can't be read.
    pub basis: Option<Basis>,
    /// Version that it was compared with.
    pub base: u32,
    pub differences: Vec<FieldChange>,
    pub current: Shares,
    pub proposed: Shares,
    /// Each path, the busiest first.
    pub paths: Vec<PathPreview>,
    /// Whether there are more paths.
    pub more: bool,
    pub warnings: Vec<String>,
}

/// Traffic of a period.
#[derive(Deserialize)]
pub struct Basis {
    pub from: u64,
    pub to: u64,
    pub requests: u64,
    /// Whether each is known to be counted once.
    pub exact: bool,
    /// What could not be read, and is in no figure.
    #[serde(default)]
    pub missing: Vec<Missing>,
}

/// How requests are shared out.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shares {
    pub only_old: u32,
    pub both: u32,
    pub only_new: u32,
}

/// A path's part of a preview.
#[derive(Clone, Deserialize)]
pub struct PathPreview {
    /// The normalised route.
    pub path: String,
    pub requests: u64,
    /// Template of the override that would hold.
    #[serde(rename = "override")]
    pub template: Option<String>,
    /// Template of an override that may hold for some of its requests, by their own paths.
    pub perhaps: Option<String>,
    pub current: Shares,
    pub proposed: Shares,
}

/// How far the newest version has spread.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Newest version of the source of truth, and where that was found.
    pub newest: Option<u32>,
    pub source: Option<String>,
    /// Version of the copy.
    pub copy: Option<u32>,
    /// Version that the answering isolate obeys.
    pub in_force: u32,
    /// Period of the events looked at.
    pub from: u64,
    pub to: u64,
    /// Whether all of them were looked at.
    pub complete: bool,
    /// Isolates, the most recently seen first.
    pub isolates: Vec<Isolate>,
    /// How many of them were last seen with an older version.
    pub behind: u64,
    /// Events with an older version that came after the change.
    pub older_events: u64,
    /// How long after the change the last of them came.
    pub slowest: Option<u64>,
    /// How long an isolate may keep a flag.
    pub flag_ttl_ms: u64,
    pub ramp: Option<RampState>,
    pub stop: StopStatus,
}

/// An isolate, as its events show it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Isolate {
    pub producer: String,
    /// Version of its latest event.
    pub version: u32,
    /// Time of that event.
    pub last_seen: u64,
    /// Its events in the period.
    pub events: u64,
}

/// Where a ramp stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RampState {
    pub steps: Vec<u32>,
    /// Position of the next step.
    pub next: usize,
    pub due_at: u64,
    pub every_ms: u64,
    /// `waiting`, `due`, `holding`, `paused` or `done`.
    pub state: String,
    /// Why it holds.
    pub holding: Option<String>,
}

/// The stops that hold, and which places say that one does; none where that can't be read.
#[derive(Deserialize)]
pub struct StopStatus {
    pub holding: Vec<Stop>,
    /// D1.
    pub history: Option<bool>,
    pub object: Option<bool>,
    /// KV.
    pub copy: Option<bool>,
}

/// An order that needs no document.
#[derive(Serialize)]
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
    pub updated_by: &'a str,
    pub reason: &'a str,
}

impl<'a> Order<'a> {
    /// One that says no more than who gives it, and why.
    pub const fn of(updated_by: &'a str, reason: &'a str) -> Self {
        Self { version: None, id: None, do_only: None, updated_by, reason }
    }
}

impl Gateway {
    /// The document that holds at the source of truth.
    pub fn newest_flag(&self) -> Result<Answer<Newest>, CallError> {
        self.get("flag/document")
    }

    /// The newest documents, newest first.
    pub fn flag_history(&self) -> Result<Vec<Change>, CallError> {
        Ok(self.get::<History>("flag/history")?.value.history)
    }

    /// Changes the flag from version `base` to what `wanted` says.
    pub fn change_flag(&self, wanted: &Document, base: u32) -> Result<Answer<Changed>, CallError> {
        self.send(&Method::PUT, "flag", wanted, Some(base))
    }
}
