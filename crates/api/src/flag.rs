//! `flag` and below: what holds, what held, what a change starts from, what one would do, and changing.

use model::flag::Mode;
use model::flag::change::FieldChange;
use model::flag::document::{DatedDocument, Document};
#[cfg(feature = "schema")]
use model::flag::document::{MAX_NAME_BYTES, MAX_REASON_BYTES};
#[cfg(feature = "schema")]
use model::flag::preview::MAX_PATHS;
use model::flag::preview::{PathPreview, Shares};
use model::flag::ramp::RampStage;
#[cfg(feature = "schema")]
use model::flag::spread::MAX_ISOLATES;
use model::flag::spread::SeenIsolate;
use model::flag::stop::Stop;
use model::reading::missing::MissingData;
use serde::{Deserialize, Serialize};

/// The flag as the next request of this isolate obeys it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FlagAnswer {
    /// Its version; 0 is the built-in document.
    pub version: u32,
    /// Which store records.
    pub mode: Mode,
    /// In `dual-write`: share of events written to both, in ppm.
    pub sample_ppm: u32,
    /// In `dual-write`: share of the rest that goes to the queue only, in ppm.
    pub queue_ppm: u32,
    /// How many routes have rules of their own.
    pub overrides: usize,
    /// The stop that is obeyed in the flag's stead. None while none holds.
    pub stop: Option<Stop>,
}

/// Documents that held, and stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FlagHistoryAnswer {
    /// Documents, the newest first.
    pub history: Vec<DatedDocument>,
    /// Stops, the newest first.
    pub stops: Vec<Stop>,
}

/// Where a document was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FlagSource {
    /// In D1, the source of truth.
    History,
    /// In KV or in the object, whichever is newer.
    Copy,
    /// In the Worker itself: nothing was ever stored.
    BuiltIn,
}

/// The document that a change starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FlagDocumentAnswer {
    /// The document.
    pub document: Document,
    /// Where it was found.
    pub source: FlagSource,
    /// The stop that is obeyed in its stead. None while none holds.
    pub stop: Option<Stop>,
}

/// What a change would do, and what that is told from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PreviewAnswer {
    /// The traffic that it is told from. None where no store can be read.
    pub basis: Option<PreviewBasis>,
    /// Version that the document is compared with.
    pub base: u32,
    /// What the change changes.
    pub differences: Vec<FieldChange>,
    /// Shares of all requests as they are.
    pub current: Shares,
    /// Shares of all requests as they would be.
    pub proposed: Shares,
    /// The routes with most requests.
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_PATHS)))]
    pub paths: Vec<PathPreview>,
    /// Whether there are more routes than are listed.
    pub more: bool,
    /// What the author may not have meant.
    pub warnings: Vec<String>,
}

/// The traffic that a preview is told from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PreviewBasis {
    /// Start, in ms since 1970.
    pub from: u64,
    /// End, in ms since 1970.
    pub to: u64,
    /// Requests.
    pub requests: u64,
    /// Whether each is counted once and none is lacking.
    pub exact: bool,
    /// What could not be read.
    pub missing: Vec<MissingData>,
}

/// Which version is where, and where the ramp stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FlagStatusAnswer {
    /// Newest version. None where neither the history nor a copy can be read.
    pub newest: Option<u32>,
    /// Where it was found.
    pub source: Option<FlagSource>,
    /// Version of the copy in KV. None where there is none, or it can't be read.
    pub copy: Option<u32>,
    /// Version that the answering isolate obeys.
    pub in_force: u32,
    /// Start of the events that were looked at, in ms since 1970.
    pub from: u64,
    /// Their end, in ms since 1970.
    pub to: u64,
    /// Whether all events of the range were looked at.
    pub complete: bool,
    /// What could not be read.
    pub missing: Vec<MissingData>,
    /// Isolates, the most recently seen first.
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_ISOLATES)))]
    pub isolates: Vec<SeenIsolate>,
    /// Isolates whose latest event was routed by an older version.
    pub behind: u64,
    /// Events that arrived after the change and were routed by an older version.
    pub older_events: u64,
    /// How long after the change the last of them arrived, in ms. None without any.
    pub slowest: Option<u64>,
    /// How long an isolate may keep a flag, in ms.
    pub flag_ttl_ms: u64,
    /// Where the ramp stands. None without one.
    pub ramp: Option<RampStatus>,
    /// The stops.
    pub stop: StopStatus,
}

/// Where a ramp stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RampStatus {
    /// The queue's shares, in ppm, growing.
    pub steps: Vec<u32>,
    /// Position of the next step.
    pub next: usize,
    /// When it is due, in ms since 1970.
    pub due_at: u64,
    /// Time between two steps, in ms.
    pub every_ms: u64,
    /// Whether a person has halted it.
    pub paused: bool,
    /// Where it stands.
    pub state: RampStage,
    /// What it waits for. None while it does not.
    pub holding: Option<String>,
}

/// The stops that hold, and which places say that one does. None where that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChangeAnswer {
    /// The document that now holds.
    pub document: Document,
    /// How it differs from the one before.
    pub differences: Vec<FieldChange>,
    /// Whether it is in the history.
    pub recorded: bool,
    /// Whether it is in KV; if not, cron tries again each minute.
    pub copied: bool,
    /// Whether it is in the object, which routers ask besides; if not, as for KV.
    pub in_object: bool,
}

/// What became of a stop, or of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StopAnswer {
    /// The stop, with its name.
    pub stop: Stop,
    /// All stops that hold now, the newest first.
    pub holding: Vec<Stop>,
    /// Whether D1 has it; if not, cron tries again each minute.
    pub recorded: bool,
    /// Whether KV has it; if not, as for D1.
    pub copied: bool,
    /// Whether the object has it, which routers ask; if not, as for D1.
    pub in_object: bool,
    /// The change of the flag that was made before a release, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<ChangeAnswer>,
}

/// Body of `POST flag/rollback`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RollbackOrder {
    /// The version that shall hold again.
    pub version: u32,
    /// Who changes the flag.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME_BYTES)))]
    pub updated_by: String,
    /// Why.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_REASON_BYTES)))]
    pub reason: String,
}

/// Body of `POST flag/stop`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StopOrder {
    /// Who stops.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME_BYTES)))]
    pub updated_by: String,
    /// Why.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_REASON_BYTES)))]
    pub reason: String,
}

/// Body of `POST flag/release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseOrder {
    /// Name of the stop.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^stop-[0-9a-f]{8}$")))]
    pub id: String,
    /// Whether the flag is set to `do-only` first, so that nothing moves.
    #[serde(default)]
    pub do_only: bool,
    /// Who releases.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME_BYTES)))]
    pub updated_by: String,
    /// Why.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_REASON_BYTES)))]
    pub reason: String,
}
