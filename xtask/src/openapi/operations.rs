//! What the table of routes does not say of an operation.

use api::archive::ArchiveAnswer;
use api::events::EventsAnswer;
use api::flag::{
    ChangeAnswer, FlagAnswer, FlagDocumentAnswer, FlagHistoryAnswer, FlagStatusAnswer, PreviewAnswer, ReleaseOrder,
    RollbackOrder, StopAnswer, StopOrder,
};
use api::health::HealthAnswer;
use api::ingest::{IngestAnswer, IngestBatch};
use api::letters::{LetterSelection, LettersAnswer, PurgeAnswer, RedriveAnswer};
use api::ofrep::EvaluationsAnswer;
use api::parity::{ReportsAnswer, RunAnswer};
use api::paths::{ExemplarsAnswer, PathAnswer, PathsAnswer};
use api::problem::Problem;
use api::readiness::ReadinessAnswer;
use api::routes::{ApiRoute, Resource};
use api::series::SeriesAnswer;
use api::stats::{StatsAnswer, TotalAnswer};
use api::summary::SnapshotAnswer;
use api::trace::TraceAnswer;
use model::archive::manifest::Manifest;
use model::delivery::kept_letter::KeptLetter;
use model::flag::evaluate::{Evaluation, EvaluationFailure, EvaluationRequest};
use model::parity::report::ParityReport;
use model::parity::selftest::SelfTestOutcome;
use serde_json::{Value, json};

use super::schemas::{ListedReport, Schemas};

/// Its tag, its ID, and what it is about.
pub fn names(resource: Resource) -> [&'static str; 3] {
    match resource {
        Resource::Stats => ["figures", "stats", "Figures of both stores, each event once"],
        Resource::Series => ["figures", "series", "Figures over time"],
        Resource::Paths => ["figures", "paths", "The table of routes"],
        Resource::Path => ["figures", "path", "One route, with a histogram of its response times"],
        Resource::PathSeries => ["figures", "pathSeries", "One route over time"],
        Resource::Exemplars => ["figures", "exemplars", "Real requests: a sample, and the slowest"],
        Resource::Ids => ["events", "ids", "The events of one store"],
        Resource::Ingest => ["events", "ingest", "Count requests that were served elsewhere"],
        Resource::Trace => ["events", "trace", "What both stores know of an ID"],
        Resource::Flag => ["flag", "flag", "The flag in force"],
        Resource::FlagDocument => ["flag", "flagDocument", "The document that a change starts from"],
        Resource::FlagHistory => ["flag", "flagHistory", "Documents that held, the newest first"],
        Resource::FlagStatus => ["flag", "flagStatus", "Which version is where, and where the ramp stands"],
        Resource::ChangeFlag => ["flag", "changeFlag", "Change the flag"],
        Resource::PreviewFlag => {
            ["flag", "previewFlag", "What a document would do to the last day's traffic; changes nothing"]
        }
        Resource::RollbackFlag => ["flag", "rollbackFlag", "Make an earlier version hold again"],
        Resource::StopFlag => [
            "flag",
            "stopFlag",
            "The old path alone, at once, until it is released by name; also while D1 or KV is away",
        ],
        Resource::ReleaseFlag => ["flag", "releaseFlag", "End the stop of this name: the flag holds again"],
        Resource::Parity => ["parity", "parityReports", "Reports of a kind, the newest first"],
        Resource::ParityReport => ["parity", "parityReport", "The newest report on a window, whole"],
        Resource::ParityRun => ["parity", "runParity", "Compare the stores now"],
        Resource::ParitySelfTest => {
            ["parity", "testParity", "Compare made-up events with known faults: does parity find them?"]
        }
        Resource::Readiness => ["parity", "readiness", "Whether the plan's next phase may begin"],
        Resource::Snapshot => ["operation", "snapshot", "What the dashboard shows first, of the last hour"],
        Resource::Health => ["operation", "health", "How the pipeline is"],
        Resource::DeadLetters => {
            ["operation", "deadLetters", "What could not be applied, the newest first, without payloads"]
        }
        Resource::DeadLetter => {
            ["operation", "deadLetter", "One dead letter, whole: as its sender wrote it, so for administrators"]
        }
        Resource::RedriveLetters => {
            ["operation", "redriveLetters", "Try letters again; each event counts once, however often"]
        }
        Resource::PurgeLetters => ["operation", "purgeLetters", "Throw letters away"],
        Resource::Archive => ["operation", "archiveDays", "Days in the archive, the newest first"],
        Resource::ArchiveDay => ["operation", "archiveDay", "The manifest of a day"],
        Resource::ArchivePart => ["operation", "archivePart", "A part: events, one JSON text a line"],
        Resource::Probe => {
            ["operation", "probe", "For probes: 503 where something fails that a restart or a person must mend"]
        }
        Resource::Metrics => ["operation", "metrics", "For Prometheus, in its text format"],
        Resource::EvaluateFlags => ["ofrep", "evaluateFlags", "Evaluate all flags: the one there is"],
        Resource::EvaluateFlag => ["ofrep", "evaluateFlag", "Evaluate the flag"],
    }
}

/// Whether its answers have entity tags.
pub fn is_tagged(route: &ApiRoute) -> bool {
    let untagged = [Resource::Probe, Resource::Metrics, Resource::ArchiveDay, Resource::ArchivePart];
    route.resource == Resource::EvaluateFlags || (route.method == "GET" && !untagged.contains(&route.resource))
}

/// What it answers, by media type.
pub fn content(resource: Resource, of: &mut Schemas) -> Value {
    match resource {
        Resource::Stats => stats(of),
        Resource::Series | Resource::PathSeries => json_of(&of.answer::<SeriesAnswer>()),
        Resource::Paths => paths(of),
        Resource::Path => json_of(&of.answer::<PathAnswer>()),
        Resource::Exemplars => json_of(&of.answer::<ExemplarsAnswer>()),
        Resource::Ids => json_of(&of.answer::<EventsAnswer>()),
        Resource::Ingest => json_of(&of.answer::<IngestAnswer>()),
        Resource::Trace => json_of(&of.answer::<TraceAnswer>()),
        Resource::Flag => json_of(&of.answer::<FlagAnswer>()),
        Resource::FlagDocument => json_of(&of.answer::<FlagDocumentAnswer>()),
        Resource::FlagHistory => json_of(&of.answer::<FlagHistoryAnswer>()),
        Resource::FlagStatus => json_of(&of.answer::<FlagStatusAnswer>()),
        Resource::ChangeFlag | Resource::RollbackFlag => json_of(&of.answer::<ChangeAnswer>()),
        Resource::PreviewFlag => json_of(&of.answer::<PreviewAnswer>()),
        Resource::StopFlag | Resource::ReleaseFlag => json_of(&of.answer::<StopAnswer>()),
        Resource::Parity => json_of(&of.answer::<ReportsAnswer<ListedReport>>()),
        Resource::ParityReport => json_of(&of.answer::<ParityReport>()),
        Resource::ParityRun => json_of(&of.answer::<RunAnswer>()),
        Resource::ParitySelfTest => json_of(&of.answer::<SelfTestOutcome>()),
        Resource::Readiness => json_of(&of.answer::<ReadinessAnswer>()),
        Resource::Snapshot => json_of(&of.answer::<SnapshotAnswer<ListedReport>>()),
        Resource::Health | Resource::Probe => json_of(&of.answer::<HealthAnswer>()),
        Resource::DeadLetters => json_of(&of.answer::<LettersAnswer>()),
        Resource::DeadLetter => json_of(&of.answer::<KeptLetter>()),
        Resource::RedriveLetters => json_of(&of.answer::<RedriveAnswer>()),
        Resource::PurgeLetters => json_of(&of.answer::<PurgeAnswer>()),
        Resource::Archive => json_of(&of.answer::<ArchiveAnswer>()),
        Resource::ArchiveDay => json_of(&of.answer::<Manifest>()),
        Resource::ArchivePart => json!({ "application/gzip": { "schema": { "description": "ndjson, compressed." } } }),
        Resource::Metrics => json!({ "text/plain": { "schema": { "type": "string" } } }),
        Resource::EvaluateFlags => json_of(&of.answer::<EvaluationsAnswer>()),
        Resource::EvaluateFlag => json_of(&of.answer::<Evaluation>()),
    }
}

fn json_of(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn stats(of: &mut Schemas) -> Value {
    let mut content = json_of(&json!({ "oneOf": [of.answer::<StatsAnswer>(), of.answer::<TotalAnswer>()] }));
    content["application/json"]["example"] = json!({
        "from": 1_730_956_800_000_u64,
        "to": 1_730_960_400_000_u64,
        "exact": true,
        "missing": [],
        "total": {
            "requests": 3,
            "status": { "1xx": 0, "2xx": 2, "3xx": 0, "4xx": 1, "5xx": 0 },
            "responseTime": { "mean": 21, "min": 12, "max": 38, "p50": 12.93, "p95": 38, "p99": 38 },
            "addresses": { "lower": 2, "estimate": 2 },
        },
    });
    content
}

fn paths(of: &mut Schemas) -> Value {
    let mut content = json_of(&of.answer::<PathsAnswer>());
    content["text/csv"] = json!({
        "schema": { "type": "string" },
        "example": "path,requests,1xx,2xx,3xx,4xx,5xx,mean_ms,min_ms,max_ms,p50_ms,p95_ms,p99_ms\r\n\
                    /users/{id},3,0,2,0,1,0,21,12,38,12.93,38,38\r\n",
    });
    content
}

/// The header that names what is changed.
pub fn if_match() -> Value {
    json!({
        "name": "If-Match",
        "in": "header",
        "description": "The version that is changed, such as `\"7\"`. Without it: 428.",
        "schema": { "type": "string", "pattern": "^(W/)?\"?[0-9]{1,9}\"?$" },
        "example": "\"7\"",
    })
}

/// The JSON that it takes. None where it takes none.
pub fn body(resource: Resource, of: &mut Schemas) -> Option<Value> {
    let (schema, example) = match resource {
        Resource::ChangeFlag => {
            let example = json!({
                "schema": 1, "version": 7, "mode": "dual-write", "samplePpm": 10_000, "updatedBy": "jo",
                "reason": "first sample",
            });
            (Schemas::wanted_flag(), example)
        }
        Resource::PreviewFlag => (Schemas::wanted_flag(), json!({ "schema": 1, "version": 0, "mode": "queue-only" })),
        Resource::RollbackFlag => {
            (of.body::<RollbackOrder>(), json!({ "version": 1, "updatedBy": "jo", "reason": "as before" }))
        }
        Resource::StopFlag => (of.body::<StopOrder>(), json!({ "updatedBy": "jo", "reason": "something is wrong" })),
        Resource::ReleaseFlag => {
            let example = json!({ "id": "stop-1f2e3d4c", "updatedBy": "jo", "reason": "it was the upstream" });
            (of.body::<ReleaseOrder>(), example)
        }
        Resource::Ingest => {
            let example = json!({ "requests": [{
                "key": "8f1a2b3c4d5e6f70-AMS", "method": "GET", "path": "/users/17", "status": 200,
                "startedAt": 1_730_956_800_000_u64, "responseTime": 21, "clientAddress": "192.0.2.7",
            }] });
            (of.body::<IngestBatch>(), example)
        }
        Resource::RedriveLetters => (of.body::<LetterSelection>(), json!({ "all": true })),
        Resource::PurgeLetters => {
            (of.body::<LetterSelection>(), json!({ "source": "consumer", "before": 1_730_956_800_000_u64 }))
        }
        Resource::EvaluateFlags | Resource::EvaluateFlag => {
            let context = json!({ "targetingKey": "1730956800000-1a2b3c4d", "path": "/users/{id}" });
            (of.body::<EvaluationRequest>(), json!({ "context": context }))
        }
        _ => return None,
    };
    Some(json!({ "schema": schema, "example": example }))
}

/// Errors that not every operation of its kind has.
pub const fn errors(resource: Resource) -> &'static [u16] {
    match resource {
        Resource::ChangeFlag => &[409, 428],
        Resource::RollbackFlag | Resource::ReleaseFlag => &[404, 409],
        Resource::ParityRun => &[409],
        _ => &[],
    }
}

/// Errors that have a form of their own, by status.
pub fn own_errors(resource: Resource, of: &mut Schemas) -> Vec<(&'static str, Value)> {
    let mut failure = |description: &str| {
        let content = json!({
            "application/json": { "schema": of.answer::<EvaluationFailure>() },
            "application/problem+json": { "schema": of.answer::<Problem>() },
        });
        json!({ "description": description, "content": content })
    };
    match resource {
        Resource::EvaluateFlags => vec![("400", failure("The body can't be used."))],
        Resource::EvaluateFlag => {
            vec![("400", failure("The body can't be used.")), ("404", failure("There is no such flag."))]
        }
        Resource::Probe => {
            vec![("503", json!({ "description": "It fails.", "content": json_of(&of.answer::<HealthAnswer>()) }))]
        }
        _ => Vec::new(),
    }
}
