//! A child process with all that it starts.
//!
//! Invariant: nothing of the group outlives its owner here. Wrangler starts the runtime as a grandchild, and a killed
//! parent alone would leave that behind, holding its port.

use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::Instant;

const POLL: Duration = Duration::from_millis(20);

/// A running group. Dropping it kills it.
pub struct ProcessGroup {
    child: Child,
    leader: Option<Pid>,
}

impl ProcessGroup {
    /// Starts a command as the leader of a group of its own. Ctrl-C at the terminal doesn't reach it.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.process_group(0).spawn().with_context(|| {
            format!("starting {}; scripts/setup fetches it", command.as_std().get_program().display())
        })?;
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, leader })
    }

    /// How the leader ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for the leader's end.
    pub async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks the leader to end, which ends and collects its own children, gives the group this long, and kills what is
    /// left.
    pub async fn stop(mut self, grace: Duration) {
        let Some(leader) = self.leader else { return };
        // An error means that it is gone.
        let _ = kill_process(leader, Signal::TERM);
        let end = Instant::now() + grace;
        // Wrangler's leader is a wrapper, which may end before those who do the work.
        while Instant::now() < end && (self.ended().is_none() || test_kill_process_group(leader).is_ok()) {
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // An error means that nobody is left.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Stdio;

    use tokio::io::{AsyncBufReadExt, BufReader};

    use super::*;

    /// Starts a shell whose child ignores polite requests, and returns the child's ID.
    async fn stubborn() -> (ProcessGroup, String) {
        let script = "trap '' TERM; sleep 600 & echo $!; wait";
        let mut command = Command::new("sh");
        let mut group = ProcessGroup::start(command.args(["-c", script]).stdout(Stdio::piped())).unwrap();
        let mut lines = BufReader::new(group.child.stdout.take().unwrap()).lines();
        let grandchild = lines.next_line().await.unwrap().unwrap();
        assert!(runs(&grandchild));
        (group, grandchild)
    }

    /// Whether a process is neither gone nor a zombie that nobody has collected.
    fn runs(id: &str) -> bool {
        let stat = std::fs::read_to_string(Path::new("/proc").join(id).join("stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
    }

    /// Waits until a process is gone; a process that stays is the test's time-out.
    async fn gone(id: &str) {
        while runs(id) {
            tokio::time::sleep(POLL).await;
        }
    }

    #[tokio::test]
    async fn neither_dropping_nor_stopping_a_group_leaves_a_grandchild() {
        let (group, grandchild) = stubborn().await;
        drop(group);
        gone(&grandchild).await;
        let (group, grandchild) = stubborn().await;
        group.stop(Duration::from_millis(50)).await;
        gone(&grandchild).await;
    }
}
