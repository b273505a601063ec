//! The Worker in the real runtime, as `wrangler dev` runs it, with stores of its own.
//!
//! Invariant: each demo begins with empty stores, under `target/demo/state`, and touches no other local state.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::process::Command;
use tokio::time::Instant;

use super::client::LocalGateway;
use super::process_group::ProcessGroup;

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

/// Settings of the Worker beside the upstream's address.
const SETTINGS: [&str; 4] = [
    "LOCAL_DEVELOPMENT:true",
    // A demo flips the flag every few seconds and must not wait long for it.
    "FLAG_TTL_MS:1000",
    // Nothing straggles on one machine: the demo waits until the stores have all that was sent.
    "PARITY_LAG_MS:0",
    // A line per request and event costs more here than all the rest of the work, and the times under test are measured
    // on the same machine. `make run` logs them.
    "LOG_EVENTS:false",
];

/// Where the project's files are.
pub struct Project {
    /// Its folder.
    pub root: PathBuf,
    /// Where a demo leaves what it makes.
    pub demo: PathBuf,
    state: PathBuf,
}

impl Project {
    /// The project that the current folder lies in, with an empty folder for the Worker's stores.
    pub fn find() -> anyhow::Result<Self> {
        let here = std::env::current_dir()?;
        let root = here.ancestors().find(|folder| folder.join("wrangler.toml").is_file());
        let root = root.context("neither this folder nor one above it has a wrangler.toml: go to the project's")?;
        let demo = root.join("target/demo");
        let state = demo.join("state");
        if state.exists() {
            fs::remove_dir_all(&state).with_context(|| format!("emptying {}", state.display()))?;
        }
        fs::create_dir_all(&state).with_context(|| format!("making {}", state.display()))?;
        Ok(Self { root: root.to_owned(), demo, state })
    }

    /// Wrangler with the project's own Node first in `PATH`, and with its output in a log of this name.
    fn wrangler(&self, log: &str, arguments: &[&str]) -> anyhow::Result<(Command, PathBuf)> {
        let binaries = self.root.join("node_modules/.bin");
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(binaries.clone()).chain(std::env::split_paths(&inherited)))?;
        let log = self.demo.join(log);
        let output = File::create(&log).with_context(|| format!("writing {}", log.display()))?;
        let mut command = Command::new(binaries.join("wrangler"));
        command.args(arguments).args([OsStr::new("--persist-to"), self.state.as_os_str()]).current_dir(&self.root);
        command.env("CI", "true").env("WRANGLER_SEND_METRICS", "false").env("NO_COLOR", "1").env("PATH", path);
        command.stdin(Stdio::null()).stderr(output.try_clone()?).stdout(output);
        Ok((command, log))
    }

    /// Makes the database's tables.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        let (mut command, log) = self.wrangler("migrations.log", &["d1", "migrations", "apply", "DB", "--local"])?;
        let status = ProcessGroup::start(&mut command)?.wait().await?;
        ensure!(status.success(), "making the database's tables: wrangler ended with {status}\n{}", tail(&log));
        Ok(())
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
    pub fn start(project: &Project, upstream: SocketAddr, port: Option<u16>) -> anyhow::Result<Self> {
        let port = free_port(port.unwrap_or(USUAL_PORT))?;
        // Wrangler's own line per request would cost as much as the Worker's: only warnings.
        let arguments = ["dev", "--ip", "127.0.0.1", "--show-interactive-dev-session=false", "--log-level", "warn"];
        let (mut command, log) = project.wrangler("worker.log", &arguments)?;
        command.arg("--port").arg(port.to_string()).arg("--var").arg(format!("UPSTREAM_URL:http://{upstream}"));
        for setting in SETTINGS {
            command.args(["--var", setting]);
        }
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Ok(Self { group: ProcessGroup::start(&mut command)?, address, log })
    }

    /// Waits until the Worker answers.
    pub async fn is_ready(&mut self, client: &LocalGateway) -> anyhow::Result<()> {
        self.poll(client, None, START_DEADLINE).await.context("starting the Worker")
    }

    /// Waits until the Worker obeys this version of the flag.
    pub async fn obeys(&mut self, client: &LocalGateway, version: u32) -> anyhow::Result<()> {
        let obeyed = self.poll(client, Some(version), FLAG_DEADLINE).await;
        obeyed.with_context(|| format!("waiting for flag version {version}"))
    }

    async fn poll(&mut self, client: &LocalGateway, version: Option<u32>, deadline: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + deadline;
        loop {
            // Each question has a time of its own: one without an answer is asked again.
            let problem = match tokio::time::timeout(ANSWER_DEADLINE, client.flag_version()).await {
                Ok(Ok(found)) if version.is_none_or(|wanted| wanted == found) => return Ok(()),
                Ok(Ok(found)) => format!("it still reports flag version {found}"),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => format!("no answer within {} s", ANSWER_DEADLINE.as_secs()),
            };
            if let Some(status) = self.group.ended() {
                bail!("wrangler ended with {status}\n{}\nsee {}", tail(&self.log), self.log.display());
            }
            if Instant::now() > end {
                bail!("{problem}\n{}\nsee {}", tail(&self.log), self.log.display());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Ends it with all its processes.
    pub async fn stop(self) {
        self.group.stop(GRACE).await;
    }
}

/// The wanted port if it is free, else any free one.
fn free_port(wanted: u16) -> anyhow::Result<u16> {
    let bound = |port| TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr());
    if let Ok(address) = bound(wanted) {
        return Ok(address.port());
    }
    let port = bound(0).context("looking for a free port")?.port();
    eprintln!("port {wanted} is in use; the gateway listens on {port} instead");
    Ok(port)
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
        assert_ne!(free_port(port).unwrap(), port);
        drop(taken);
        assert_eq!(free_port(port).unwrap(), port);
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
