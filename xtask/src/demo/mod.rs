//! `cargo xtask demo`: the whole story on one machine.
//!
//! A local upstream, the Worker in the real runtime, traffic with known truth in four stages from the old path to the
//! new one, and the Worker's figures held against that truth.
//!
//! Invariant: whatever happens, no process outlives the command.

mod client;
mod page;
mod parity;
mod planned;
mod process_group;
mod rate;
mod report;
mod stage;
mod surroundings;
mod upstream;
mod worker;

use std::collections::HashSet;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use api::stats::{CohortCounts, StatsAnswer};
use clap::Args;
use model::event::identity::Digest;
use model::flag::Mode;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use traffic::dispatch::{DueRequest, dispatch};
use traffic::gateway::{Gateway, Target};
use traffic::truth::{Truth, TruthBuilder};

use self::client::{LocalGateway, Period};
use self::page::DemoPage;
use self::parity::DualStage;
use self::planned::{DemoRequest, planned};
use self::rate::{Rate, median};
use self::report::{DemoObservations, DemoReport, StageReport};
use self::stage::{STAGES, Stage};
use self::surroundings::Surroundings;
use self::worker::{LocalWorker, Project};
use crate::generate::write_json;
use crate::progress::{request_bar, spinner};
use crate::replay::positive;
use crate::stop_on_signal;

/// Most requests under way at once.
const CONCURRENCY: usize = 256;

/// How long a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a request without an answer is sent again, under the same ID, so that it counts once.
const ATTEMPTS: usize = 3;

/// How long the stores may take without progress before they are taken to be drained.
const PATIENCE: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(500);

const MINUTE_MS: u64 = 60_000;

/// Run gateway, traffic and both paths on this machine, and hold what was counted against the truth.
#[derive(Args)]
pub struct DemoArgs {
    /// Number of requests.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(4..=1_000_000))]
    requests: u64,
    /// Chooses the traffic.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Requests per second; fewer are sent while the machine can't keep up.
    #[arg(long, value_name = "PER_SECOND", default_value = "400", value_parser = positive)]
    rate: f64,
    /// Also write a page (Markdown) that says what was verified, where and how.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// End after the report instead of serving on; so it is without a terminal.
    #[arg(long)]
    exit: bool,
    /// The gateway's port; another is taken if it is in use. [default: 8787]
    #[arg(long)]
    port: Option<u16>,
}

/// Succeeds if all checks of the report hold.
pub async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let stop = stop_on_signal()?;
    let project = Project::find()?;
    let (requests, truth) = planned(args.seed, args.requests)?;
    let mut demo = unless_stopped(&stop, Demo::start(&project, &args)).await?;
    let success = demo.present(&project, &requests, &truth, &args, &stop).await;
    demo.worker.stop().await;
    Ok(if success? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs some work until it ends or a stop is asked for.
async fn unless_stopped<T>(
    stop: &CancellationToken,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    stop.run_until_cancelled(work).await.context("stopped on request")?
}

/// Now, in ms since 1970.
fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default()
}

/// A running demo.
struct Demo {
    worker: LocalWorker,
    gateway: Gateway,
    client: LocalGateway,
    rate: Rate,
    began_ms: u64,
}

/// What came of sending.
#[derive(Default)]
struct Sent {
    digests: HashSet<Digest>,
    altered: u64,
    /// How long the client waited, as truth has it: measured by another process and another clock than the gateway's.
    waited: TruthBuilder,
    /// By how much each answer of the stage took longer than the upstream did.
    added: Vec<Duration>,
}

impl Demo {
    /// Starts upstream and Worker, with empty stores.
    async fn start(project: &Project, args: &DemoArgs) -> anyhow::Result<Self> {
        let spinner = spinner("preparing the stores");
        project.migrate().await?;
        spinner.set_message("starting the Worker");
        let mut worker = LocalWorker::start(project, upstream::start().await?, args.port)?;
        let gateway = Gateway::new(Target::parse(&format!("http://{}", worker.address))?, REQUEST_TIMEOUT)?;
        let client = LocalGateway::new(gateway.clone());
        worker.is_ready(&client).await?;
        spinner.finish_and_clear();
        // A minute earlier: the stores count by minutes, and clocks of two processes may differ.
        let began_ms = now_ms() / MINUTE_MS * MINUTE_MS - MINUTE_MS;
        Ok(Self { worker, gateway, client, rate: Rate::new(args.rate), began_ms })
    }

    /// Plays, shows and writes the report, and serves on if somebody watches. Returns whether all checks hold.
    async fn present(
        &mut self,
        project: &Project,
        requests: &[DemoRequest],
        truth: &Truth,
        args: &DemoArgs,
        stop: &CancellationToken,
    ) -> anyhow::Result<bool> {
        let report = self.play(requests, truth, stop).await?;
        let file = project.demo.join("report.json");
        write_json(&file, &report)?;
        let page = DemoPage { report: &report, truth };
        println!("{}", page.summary());
        if let Some(file) = &args.report {
            let text = page.verification(&self.client.readiness().await?, &Surroundings::look(&project.root));
            std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
            println!("\nVerification: {}", file.display());
        }
        let success = report.checks().iter().all(|check| check.holds);
        let verdict = if success { "Every check holds." } else { "A check FAILED." };
        println!("\n{verdict} Report: {}  Worker's log: {}", file.display(), self.worker.log.display());
        if !args.exit && io::stdout().is_terminal() {
            self.invite();
            stop.cancelled().await;
        }
        Ok(success)
    }

    /// Plays all stages and compares.
    async fn play(
        &mut self,
        requests: &[DemoRequest],
        truth: &Truth,
        stop: &CancellationToken,
    ) -> anyhow::Result<DemoReport> {
        let mut sent = Sent::default();
        let (mut stages, mut dual) = (Vec::new(), Vec::<DualStage>::new());
        let mut before = unless_stopped(stop, self.client.stats(self.period())).await?;
        for (index, (stage, base)) in STAGES.iter().zip(0..).enumerate() {
            let previous = dual.last().filter(|_| stage.mode == Mode::DualWrite);
            let begin = async {
                if let Some(previous) = previous {
                    previous.is_over().await;
                }
                self.flip(stage, base).await
            };
            unless_stopped(stop, begin).await?;
            let from_ms = now_ms();
            let part = requests.get(stage::share(requests.len(), index)).unwrap_or_default();
            self.send(part, stage, &mut sent, stop).await?;
            let after = unless_stopped(stop, self.drained(sent.digests.len() as u64)).await?;
            let added = median(&mut std::mem::take(&mut sent.added));
            stages.push(StageReport::new(stage, part.len() as u64, added, &before, &after));
            if stage.mode == Mode::DualWrite {
                dual.push(DualStage { sample_ppm: stage.sample_ppm, from_ms, to_ms: now_ms() });
            }
            before = after;
        }
        let compare = async {
            for stage in &dual {
                stage.is_over().await;
            }
            let parity = parity::compare(&self.client, &dual).await?;
            let period = self.period();
            Ok((parity, self.client.digests("old", period).await?, self.client.digests("new", period).await?))
        };
        let (parity, old, new) = unless_stopped(stop, compare).await?;
        let Sent { digests, altered, waited, .. } = sent;
        let observed = DemoObservations { sent: &digests, old: &old, new: &new, altered, waited: &waited.finish() };
        Ok(DemoReport::new(&observed, &before, truth, stages, parity))
    }

    /// Changes the flag from version `base` and waits until the Worker obeys it.
    async fn flip(&mut self, stage: &Stage, base: u32) -> anyhow::Result<()> {
        let spinner = spinner(format!("flag version {}: {}", base + 1, stage.purpose));
        self.client.change_flag(&stage.flag_document(base), base).await?;
        self.worker.obeys(&self.client, base + 1).await?;
        spinner.finish_and_clear();
        Ok(())
    }

    /// Sends a stage's requests; those without an answer again, under their own IDs.
    async fn send(
        &self,
        part: &[DemoRequest],
        stage: &Stage,
        sent: &mut Sent,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let bar = request_bar(part.len() as u64, stage.mode.name());
        let mut pending: Vec<&DemoRequest> = part.iter().collect();
        let mut reason = String::new();
        for _ in 0..ATTEMPTS {
            let mut unanswered = Vec::new();
            let due = (0..pending.len()).zip(self.rate.times()).filter_map(|(tag, after)| {
                Some(DueRequest { after: Some(after), outgoing: pending.get(tag)?.outgoing.clone(), tag })
            });
            dispatch(&self.gateway, due, CONCURRENCY, stop, |tag, outcome| {
                let Some(planned) = pending.get(tag) else { return };
                match outcome {
                    Ok(answer) => {
                        sent.digests.insert(planned.digest);
                        let waited_us = u64::try_from(answer.latency.as_micros()).unwrap_or(u64::MAX);
                        sent.waited.add(&planned.route, "", waited_us);
                        let added = answer.latency.saturating_sub(Duration::from_micros(planned.latency_us));
                        self.rate.learn(added);
                        sent.added.push(added);
                        sent.altered += u64::from(answer.status.as_u16() != planned.status);
                        bar.inc(1);
                    }
                    Err(error) => {
                        reason = error.to_string();
                        unanswered.push(*planned);
                    }
                }
            })
            .await;
            if stop.is_cancelled() {
                bail!("stopped on request");
            }
            pending = unanswered;
            if pending.is_empty() {
                bar.finish_and_clear();
                return Ok(());
            }
        }
        bail!(
            "{} of {} requests have no answer: {reason}; see {}",
            pending.len(),
            part.len(),
            self.worker.log.display()
        )
    }

    /// Waits until the stores hold all that was sent, on both paths where it was meant for both, or make no more
    /// progress.
    async fn drained(&self, sent: u64) -> anyhow::Result<StatsAnswer> {
        let spinner = spinner("waiting for the stores");
        let mut latest: Option<StatsAnswer> = None;
        let mut progress = Instant::now();
        let dual = |held: Option<CohortCounts>| held.map(|held| held.dual);
        loop {
            let stats = self.client.stats(self.period()).await?;
            let complete = stats.total.requests >= sent && dual(stats.stores.old) == dual(stats.stores.new);
            if latest.as_ref().is_none_or(|latest| latest.stores != stats.stores) {
                progress = Instant::now();
            }
            if complete || progress.elapsed() > PATIENCE {
                spinner.finish_and_clear();
                return Ok(stats);
            }
            spinner.set_message(format!("waiting for the stores: {} of {sent}", stats.total.requests));
            latest = Some(stats);
            tokio::time::sleep(POLL).await;
        }
    }

    fn period(&self) -> Period {
        Period { from_ms: self.began_ms, to_ms: (now_ms() / MINUTE_MS + 2) * MINUTE_MS }
    }

    fn invite(&self) {
        let gateway = format!("http://{}", self.worker.address);
        println!("\nStill serving until Ctrl-C:");
        println!("  gateway  {gateway}/            try: curl -i {gateway}/api/v1/products/42");
        println!("  figures  {gateway}/_collector/v1/stats");
        println!("  flag     {gateway}/_collector/v1/flag");
    }
}
