//! Where and when a verification was made: what a reader must know to judge its figures, or to repeat it.
//!
//! Invariant: what can't be found is said to be unknown; nothing here fails a verification.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use model::event::identity::{Digest, IdempotentId};
use serde::Deserialize;

/// IDs that are made to learn how long one takes.
const IDS: u32 = 100_000;

/// What surrounded a verification.
#[derive(Debug, Clone, PartialEq)]
pub struct Surroundings {
    /// When it ended.
    pub date: String,
    /// Processor and system.
    pub machine: String,
    /// Revision of the sources, and whether they were changed since.
    pub commit: String,
    /// The command, as it was given.
    pub command: String,
    /// How long an ID and its digest take, by this processor's own code.
    pub id_time: Duration,
    /// What `bench/consumer.mjs` measured here last, if it ever ran.
    pub consumer: Option<ConsumerTime>,
}

/// The consumer's time, as `bench/consumer.mjs` writes it down.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct ConsumerTime {
    /// Median for 100 messages of 50 events each, in ms.
    pub ms: f64,
}

impl Surroundings {
    /// Looks around in the project's folder.
    pub fn look(root: &Path) -> Self {
        let consumer = std::fs::read(root.join("target/bench/consumer.json")).ok();
        Self {
            date: jiff::Timestamp::now().strftime("%FT%TZ").to_string(),
            machine: machine(),
            commit: commit(root),
            command: std::iter::once("cargo xtask".to_owned())
                .chain(std::env::args().skip(1))
                .collect::<Vec<_>>()
                .join(" "),
            id_time: id_time(),
            consumer: consumer.and_then(|bytes| serde_json::from_slice(&bytes).ok()),
        }
    }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or_else(|_| "?".to_owned(), |cores| cores.to_string());
    let processor = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| model(&text));
    let processor = processor.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let load = std::fs::read_to_string("/proc/loadavg").ok();
    let load = load.as_deref().and_then(|text| text.split(' ').next());
    let load = load.map(|load| format!(", load {load} at the end")).unwrap_or_default();
    format!("{cores} × {processor}, {}{load}", std::env::consts::OS)
}

/// The processor's name in the text of `/proc/cpuinfo`.
fn model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

fn commit(root: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(revision) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => revision,
        Some(_) => format!("{revision}, with changes"),
        None => format!("{revision}, perhaps with changes"),
    }
}

fn id_time() -> Duration {
    let begin = Instant::now();
    for n in 0..IDS {
        let digest = Digest::of("192.168.1.1", "/api/users", &n.to_string());
        std::hint::black_box(IdempotentId::with_digest(1_730_956_800_000, digest).ok());
    }
    begin.elapsed() / IDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_repository_or_a_benchmark_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let found = Surroundings::look(folder.path());
        assert_eq!((found.commit.as_str(), found.consumer), ("unknown", None));
        assert!(found.id_time > Duration::ZERO && found.command.starts_with("cargo xtask"), "{found:?}");
    }

    #[test]
    fn the_consumers_time_is_read_where_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("target/bench")).unwrap();
        std::fs::write(folder.path().join("target/bench/consumer.json"), r#"{"ms":12.5,"rounds":8}"#).unwrap();
        assert_eq!(Surroundings::look(folder.path()).consumer, Some(ConsumerTime { ms: 12.5 }));
    }

    #[test]
    fn the_processors_name_is_found() {
        assert_eq!(model("processor\t: 0\nmodel name\t: A CPU\n").as_deref(), Some("A CPU"));
        assert_eq!(model("processor: 0"), None);
    }
}
