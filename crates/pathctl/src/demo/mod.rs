//! `pathctl demo`: the whole story on one machine.
//!
//! A local upstream, the Worker in the real runtime, traffic with known truth in four stages from the old path to the
//! new one, and the Worker's figures held against that truth.
//!
//! Invariant: whatever happens, no process outlives the command.

mod collector_api;
mod local_worker;
mod parity;
mod process_group;
mod rate;
mod report;
mod show;
mod stage;
mod surroundings;
mod traffic;
mod upstream;
mod verification;
mod waited;

use std::collections::HashSet;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use model::event::identity::Digest;
use model::flag::Mode;
use tokio::time::Instant;

use self::collector_api::{CollectorApi, Period, Stats, Store};
use self::local_worker::{LocalWorker, Project};
use self::parity::DualStage;
use self::rate::{Rate, median};
use self::report::{Observed, Report, StageReport};
use self::show::Shown;
use self::stage::{STAGES, Stage};
use self::surroundings::Surroundings;
use self::traffic::{Planned, Traffic};
use self::verification::Verification;
use self::waited::Waited;
use crate::collector::Collector;
use crate::dispatch::{Due, dispatch};
use crate::error::CliError;
use crate::gateway::{Gateway, Target};
use crate::generate::write_json;
use crate::interrupt::Interrupt;
use crate::output;
use crate::readiness::Readiness;
use crate::replay::positive;
use crate::time::now_ms;
use crate::truth::Truth;

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
    /// Send this access log (plain or gzip) instead of synthetic traffic.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Number of requests; of a log, at most so many.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(4..=1_000_000))]
    requests: u64,
    /// Chooses the traffic, and the response times of a log's requests.
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

/// Runs the command: it succeeds if all checks of the report hold.
///
/// # Errors
/// When the demo can't be run to its end.
pub async fn run(args: DemoArgs) -> Result<ExitCode, CliError> {
    let interrupt = Interrupt::listen()?;
    let project = Project::find()?;
    let folder = project.demo_folder();
    std::fs::create_dir_all(&folder).map_err(|error| CliError::writing(&folder, error))?;
    let traffic = match &args.log {
        Some(file) => Traffic::from_log(file, args.seed, args.requests)?,
        None => Traffic::synthetic(args.seed, args.requests)?,
    };
    traffic.bad_lines.report();

    let mut demo = interrupt.unless(Demo::start(project, &args)).await?;
    let outcome = demo.present(&traffic, &interrupt, &args).await;
    demo.worker.stop().await;
    Ok(if outcome? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A running demo.
struct Demo {
    project: Project,
    worker: LocalWorker,
    gateway: Gateway,
    api: CollectorApi,
    rate: Rate,
    began_ms: u64,
}

/// What came of sending.
#[derive(Default)]
struct Sent {
    digests: HashSet<Digest>,
    altered: u64,
    waited: Waited,
    /// By how much each answer of the stage took longer than the upstream did.
    added: Vec<Duration>,
}

impl Demo {
    /// Starts upstream and Worker, with empty stores and the first stage's flag.
    async fn start(project: Project, args: &DemoArgs) -> Result<Self, CliError> {
        let spinner = output::spinner("preparing the stores");
        project.prepare_stores().await?;
        project.put_flag(&STAGES[0], 1).await?;
        spinner.set_message("starting the Worker");
        let upstream = upstream::start().await?;
        let mut worker = LocalWorker::start(&project, upstream, args.port)?;
        let target = format!("http://{}", worker.address);
        let target =
            Target::parse(&target).map_err(|remedy| CliError::failed("naming the gateway", &target, remedy))?;
        let gateway = Gateway::new(target, REQUEST_TIMEOUT)?;
        let api = CollectorApi::new(gateway.clone());
        worker.is_ready(&api).await?;
        spinner.finish_and_clear();
        // A minute earlier: the stores count by minutes, and clocks of two processes may differ.
        let began_ms = now_ms() / MINUTE_MS * MINUTE_MS - MINUTE_MS;
        Ok(Self { project, worker, gateway, api, rate: Rate::new(args.rate), began_ms })
    }

    /// Plays, shows and writes the report, and serves on if somebody watches. Gives whether all checks hold.
    async fn present(&mut self, traffic: &Traffic, interrupt: &Interrupt, args: &DemoArgs) -> Result<bool, CliError> {
        let report = self.play(traffic, interrupt).await?;
        let file = self.project.demo_folder().join("report.json");
        write_json(&file, &report)?;
        output::say(&Shown { report: &report, truth: &traffic.truth });
        if let Some(file) = &args.report {
            self.write_page(file, &report, &traffic.truth).await?;
        }
        let success = report.checks().iter().all(|check| check.holds);
        let verdict = if success { "Every check holds." } else { "A check FAILED." };
        output::say(&format!("\n{verdict} Report: {}  Worker's log: {}", file.display(), self.worker.log.display()));
        if !args.exit && io::stdout().is_terminal() {
            output::say(&self.invitation());
            interrupt.clone().wait().await;
        }
        Ok(success)
    }

    /// Writes what was verified as a page.
    async fn write_page(&self, file: &Path, report: &Report, truth: &Truth) -> Result<(), CliError> {
        let readiness: Readiness = Collector::local(self.gateway.clone()).get("readiness").await?;
        let surroundings = Surroundings::look(self.project.root());
        let page = Verification { report, truth, criteria: &readiness.criteria, surroundings: &surroundings };
        std::fs::write(file, page.to_string()).map_err(|error| CliError::writing(file, error))?;
        output::say(&format!("\nVerification: {}", file.display()));
        Ok(())
    }

    /// Plays all stages and compares.
    async fn play(&mut self, traffic: &Traffic, interrupt: &Interrupt) -> Result<Report, CliError> {
        let mut sent = Sent::default();
        let (mut stages, mut dual) = (Vec::new(), Vec::new());
        let mut before = interrupt.unless(self.api.stats(self.period())).await?;
        for (index, (stage, version)) in STAGES.iter().zip(1..).enumerate() {
            interrupt.unless(self.flip(stage, version)).await?;
            if let (Mode::DualWrite, Some(previous)) = (stage.mode, dual.last()) {
                // Windows are whole minutes: no event of a stage may fall into another's.
                interrupt.unless(parity::end(previous)).await?;
            }
            let from_ms = now_ms();
            let part = traffic.planned.get(stage::share(traffic.planned.len(), index)).unwrap_or_default();
            self.send(part, stage, &mut sent, interrupt).await?;
            let after = interrupt.unless(self.drained(sent.digests.len() as u64)).await?;
            let added = median(&mut std::mem::take(&mut sent.added));
            stages.push(StageReport::new(stage, part.len() as u64, added, &before, &after));
            if stage.mode == Mode::DualWrite {
                dual.push(DualStage { sample_ppm: stage.sample_ppm, from_ms, to_ms: now_ms() });
            }
            before = after;
        }
        let collector = Collector::local(self.gateway.clone());
        let parity = interrupt.unless(parity::compare(&collector, &dual)).await?;
        let spinner = output::spinner("comparing with the truth");
        let period = self.period();
        let old = interrupt.unless(self.api.digests(Store::Old, period)).await?;
        let new = interrupt.unless(self.api.digests(Store::New, period)).await?;
        spinner.finish_and_clear();
        let Sent { digests, altered, waited, .. } = &sent;
        let observed = Observed { sent: digests, old: &old, new: &new, altered: *altered, waited };
        Ok(Report::new(&observed, &before, &traffic.truth, stages, parity))
    }

    /// Changes the flag and waits until the Worker obeys it.
    async fn flip(&mut self, stage: &Stage, version: u32) -> Result<(), CliError> {
        let spinner = output::spinner(format!("flag version {version}: {}", stage.purpose));
        if version > 1 {
            self.project.put_flag(stage, version).await?;
        }
        self.worker.obeys(&self.api, version).await?;
        spinner.finish_and_clear();
        Ok(())
    }

    /// Sends a stage's requests; those without an answer again, under their own IDs.
    async fn send(
        &self,
        part: &[Planned],
        stage: &Stage,
        sent: &mut Sent,
        interrupt: &Interrupt,
    ) -> Result<(), CliError> {
        let bar = output::request_bar(part.len() as u64, stage.mode.name());
        let mut pending: Vec<usize> = (0..part.len()).collect();
        let mut reason = String::new();
        for _ in 0..ATTEMPTS {
            let mut unanswered = Vec::new();
            let due = pending.iter().zip(self.rate.times()).filter_map(|(tag, after)| {
                Some(Due { after: Some(after), outgoing: part.get(*tag)?.outgoing.clone(), tag: *tag })
            });
            dispatch(&self.gateway, due, CONCURRENCY, interrupt, |tag, outcome| match (part.get(tag), outcome) {
                (Some(planned), Ok(answer)) => {
                    sent.digests.insert(planned.digest);
                    sent.waited.add(&planned.route, answer.latency);
                    let added = answer.latency.saturating_sub(Duration::from_micros(planned.latency_us));
                    self.rate.learn(added);
                    sent.added.push(added);
                    sent.altered += u64::from(answer.status.as_u16() != planned.status);
                    bar.inc(1);
                }
                (_, Err(error)) => {
                    reason = error.to_string();
                    unanswered.push(tag);
                }
                (None, Ok(_)) => {}
            })
            .await;
            if interrupt.requested() {
                return Err(CliError::Interrupted);
            }
            pending = unanswered;
            if pending.is_empty() {
                bar.finish_and_clear();
                return Ok(());
            }
        }
        let step = format!("sending {} of {} requests", pending.len(), part.len());
        Err(CliError::failed(step, &reason, format!("see {}", self.worker.log.display())))
    }

    /// Waits until the stores hold all that was sent, on both paths where it was meant for both, or make no more
    /// progress.
    async fn drained(&self, sent: u64) -> Result<Stats, CliError> {
        let spinner = output::spinner("waiting for the stores");
        let mut latest: Option<Stats> = None;
        let mut progress = Instant::now();
        loop {
            let stats = self.api.stats(self.period()).await?;
            let complete = stats.total.requests >= sent && stats.stores.old.dual == stats.stores.new.dual;
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

    fn invitation(&self) -> String {
        let gateway = format!("http://{}", self.worker.address);
        format!(
            "\nStill serving until Ctrl-C:\n  \
             gateway  {gateway}/            try: curl -i {gateway}/api/v1/products/42\n  \
             figures  {gateway}/_collector/v1/stats\n  \
             flag     {gateway}/_collector/v1/flag"
        )
    }
}
