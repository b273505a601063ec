//! The Worker in the real runtime, as `wrangler dev` runs it, with stores of its own.
//!
//! Invariant: each demo begins with empty stores, under `target/demo/state`, and touches no other local state.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::Instant;

use super::collector_api::CollectorApi;
use super::process_group::ProcessGroup;
use super::stage::Stage;
use crate::error::CliError;
use crate::generate::write_json;
use crate::output;

/// Port that is tried first: Wrangler's own.
const USUAL_PORT: u16 = 8_787;

/// How long the Worker may take to answer for the first time: it may have to be built before.
const START_DEADLINE: Duration = Duration::from_mins(10);

/// How long the Worker may take to obey a new flag: its isolates look every second (see `FLAG_TTL_MS` below).
const FLAG_DEADLINE: Duration = Duration::from_mins(3);

/// How long Wrangler may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// How long one question may take: the flag is read within a few seconds, or not at all.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

const POLL: Duration = Duration::from_millis(250);

/// Lines of a log that are shown when something fails.
const SHOWN_LINES: usize = 12;

const SETUP: &str = "run scripts/setup, which fetches it";

/// Where the project's files are.
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// The project that the current folder lies in.
    ///
    /// # Errors
    /// When there is none.
    pub fn find() -> Result<Self, CliError> {
        let here = std::env::current_dir()
            .map_err(|error| CliError::failed("finding the project", &error, "go to a folder that exists"))?;
        let root = here.ancestors().find(|folder| folder.join("wrangler.toml").is_file()).ok_or_else(|| {
            let reason = format!("neither {} nor a folder above it has a wrangler.toml", here.display());
            CliError::failed("finding the project", &reason, "go to the project's folder")
        })?;
        Ok(Self { root: root.to_owned() })
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a demo leaves what it makes.
    pub fn demo_folder(&self) -> PathBuf {
        self.root.join("target/demo")
    }

    fn state(&self) -> PathBuf {
        self.demo_folder().join("state")
    }

    /// Wrangler with the project's own Node first in `PATH`.
    fn wrangler<Argument: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = Argument>) -> Command {
        let binaries = self.root.join("node_modules/.bin");
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(binaries.clone()).chain(std::env::split_paths(&inherited));
        let mut command = Command::new(binaries.join("wrangler"));
        command.args(arguments).current_dir(&self.root).stdin(Stdio::null());
        command.env("CI", "true").env("WRANGLER_SEND_METRICS", "false").env("NO_COLOR", "1");
        if let Ok(path) = std::env::join_paths(folders) {
            command.env("PATH", path);
        }
        command
    }

    /// Runs Wrangler to its end.
    async fn run_wrangler(&self, step: &str, arguments: &[&OsStr]) -> Result<(), CliError> {
        let log = self.demo_folder().join("wrangler.log");
        let mut command = self.wrangler(arguments);
        log_to(&mut command, &log)?;
        let status = ProcessGroup::start(&mut command, SETUP)?.wait().await?;
        if status.success() {
            return Ok(());
        }
        Err(CliError::failed(step, &format!("wrangler ended with {status}\n{}", tail(&log)), "see what it says above"))
    }

    /// Empties the stores and makes the database's tables.
    ///
    /// # Errors
    /// When the state can't be removed or a migration fails.
    pub async fn prepare_stores(&self) -> Result<(), CliError> {
        let state = self.state();
        if state.exists() {
            fs::remove_dir_all(&state).map_err(|error| CliError::writing(&state, error))?;
        }
        fs::create_dir_all(&state).map_err(|error| CliError::writing(&state, error))?;
        let arguments = ["d1", "migrations", "apply", "DB", "--local", "--persist-to"].map(OsStr::new);
        self.run_wrangler("making the database's tables", &[&arguments[..], &[state.as_os_str()]].concat()).await
    }

    /// Puts a stage's flag document where the Worker reads it. A running Worker sees it.
    ///
    /// # Errors
    /// When the store refuses it.
    pub async fn put_flag(&self, stage: &Stage, version: u32) -> Result<(), CliError> {
        let (document, stores) = (self.demo_folder().join("flag.json"), self.state());
        write_json(&document, &stage.flag_document(version))?;
        let arguments: [&OsStr; 11] = [
            "kv".as_ref(),
            "key".as_ref(),
            "put".as_ref(),
            "collector".as_ref(),
            "--path".as_ref(),
            document.as_os_str(),
            "--binding=FLAGS".as_ref(),
            "--preview=false".as_ref(),
            "--local".as_ref(),
            "--persist-to".as_ref(),
            stores.as_os_str(),
        ];
        self.run_wrangler("changing the flag", &arguments).await
    }
}

/// A running Worker. Dropping it kills it.
pub struct LocalWorker {
    group: ProcessGroup,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it says.
    pub log: PathBuf,
}

impl LocalWorker {
    /// Starts the Worker in front of `upstream`.
    ///
    /// # Errors
    /// When there is no port or Wrangler can't be started.
    pub fn start(project: &Project, upstream: SocketAddr, port: Option<u16>) -> Result<Self, CliError> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port(port)?));
        let log = project.demo_folder().join("worker.log");
        // Wrangler's own line per request would cost as much: only warnings.
        let mut command = project.wrangler([
            "dev",
            "--ip",
            "127.0.0.1",
            "--show-interactive-dev-session=false",
            "--log-level",
            "warn",
        ]);
        command.arg("--port").arg(address.port().to_string()).arg("--persist-to").arg(project.state());
        for (name, value) in [
            ("UPSTREAM_URL", format!("http://{upstream}")),
            ("LOCAL_DEVELOPMENT", "true".into()),
            // A demo flips the flag every few seconds and must not wait long for it.
            ("FLAG_TTL_MS", "1000".into()),
            // Nothing straggles on one machine: the demo waits until the stores have all that was sent.
            ("PARITY_LAG_MS", "0".into()),
            // A line per request and event costs more here than all the rest of the work, and the times under test
            // are measured on the same machine. `make run` logs them.
            ("LOG_EVENTS", "false".into()),
        ] {
            command.arg("--var").arg(format!("{name}:{value}"));
        }
        log_to(&mut command, &log)?;
        Ok(Self { group: ProcessGroup::start(&mut command, SETUP)?, address, log })
    }

    /// Waits until the Worker obeys this version of the flag.
    ///
    /// # Errors
    /// When it ends, or doesn't obey in time.
    pub async fn obeys(&mut self, api: &CollectorApi, version: u32) -> Result<(), CliError> {
        self.poll(api, Some(version), FLAG_DEADLINE).await
    }

    /// Waits until the Worker answers.
    ///
    /// # Errors
    /// When it ends, or doesn't answer in time.
    pub async fn is_ready(&mut self, api: &CollectorApi) -> Result<(), CliError> {
        self.poll(api, None, START_DEADLINE).await
    }

    async fn poll(&mut self, api: &CollectorApi, version: Option<u32>, deadline: Duration) -> Result<(), CliError> {
        let end = Instant::now() + deadline;
        loop {
            // Each question has a time of its own: one without an answer is asked again.
            let problem = match tokio::time::timeout(ANSWER_DEADLINE, api.flag_version()).await {
                Ok(Ok(found)) if version.is_none_or(|wanted| wanted == found) => return Ok(()),
                Ok(Ok(found)) => format!("it still reports flag version {found}"),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {} s", ANSWER_DEADLINE.as_secs()),
            };
            let remedy = format!("see {}", self.log.display());
            let failed = |reason: &str| {
                let step = version.map_or("starting the Worker".into(), |v| format!("waiting for flag version {v}"));
                CliError::failed(step, &format!("{reason}\n{}", tail(&self.log)), remedy)
            };
            if let Some(status) = self.group.ended() {
                return Err(failed(&format!("wrangler ended with {status}")));
            }
            if Instant::now() > end {
                return Err(failed(&problem));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Ends it with all its processes.
    pub async fn stop(self) {
        self.group.stop(GRACE).await;
    }
}

/// The wanted port or the usual one if it is free, else any free one.
fn free_port(wanted: Option<u16>) -> Result<u16, CliError> {
    let bound = |port| TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr());
    let first = wanted.unwrap_or(USUAL_PORT);
    if let Ok(address) = bound(first) {
        return Ok(address.port());
    }
    let address = bound(0).map_err(|error| CliError::failed("looking for a free port", &error, "close a program"))?;
    output::note(&format!("port {first} is in use; the gateway listens on {} instead", address.port()));
    Ok(address.port())
}

fn log_to(command: &mut Command, log: &Path) -> Result<(), CliError> {
    let failed = |error| CliError::writing(log, error);
    let file = File::create(log).map_err(failed)?;
    command.stderr(file.try_clone().map_err(failed)?).stdout(file);
    Ok(())
}

/// The last lines of a log, as far as it can be read.
fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_replaced_by_a_free_one() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_ne!(free_port(Some(port)).unwrap(), port);
        drop(taken);
        assert_eq!(free_port(Some(port)).unwrap(), port);
    }

    #[test]
    fn the_end_of_a_log_is_shown() {
        let log = tempfile::NamedTempFile::new().unwrap();
        fs::write(log.path(), "line\n\n".repeat(50) + "last").unwrap();
        assert_eq!(tail(log.path()).lines().count(), SHOWN_LINES);
        assert!(tail(log.path()).ends_with("last"));
        assert_eq!(tail(Path::new("/no/such.log")), "");
    }
}
