//! `simulate`: tells past failures, and then the stories of many seeds.
//!
//! `SEED` is the first seed (0 without it), `SEEDS` how many (2,000 without it), `FOR` for how many seconds at most. With
//! `SEED` alone one story is told and printed, and so it is with `STORY`, the path of a kept one; `TRACE=1` prints all that happened in it. With `BRIEF=1` a failure is one
//! line: the seed and the property.
#![allow(clippy::unwrap_used, clippy::panic)]
// How long a person waits is no part of any run.
#![allow(clippy::disallowed_methods)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use sim::failure::FailedStory;
use sim::numbers::Numbers;
use sim::run::{Violation, run};
use sim::story::{Story, clock};

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    let number = text.replace(['_', ','], "").parse();
    Some(number.unwrap_or_else(|_| panic!("`{name}` is {text:?}: give a whole number")))
}

fn main() -> ExitCode {
    let say = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() == Some("main") {
            say(panic);
        }
    }));
    if let Ok(path) = std::env::var("STORY") {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("`STORY` is {path:?}: {error}"));
        return one(&serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path} is no story: {error}")));
    }
    let (seed, seeds, seconds) = (number("SEED"), number("SEEDS"), number("FOR"));
    match (seed, seeds, seconds) {
        (Some(seed), None, None) => one(&Story::of(seed)),
        _ if seed.is_none() && !past_failures_hold() => ExitCode::FAILURE,
        _ => many(seed.unwrap_or(0), seeds.unwrap_or(if seconds.is_some() { u64::MAX } else { 2_000 }), seconds),
    }
}

/// Whether the stories that failed once hold now.
fn past_failures_hold() -> bool {
    let stories = sim::past::stories();
    println!("{} past failures", stories.len());
    for (name, story) in stories {
        if let Some(Violation { property, text }) = run(&story, false).violation {
            println!("crates/sim/past/{name}: \"{property}\" does not hold: {text}");
            return false;
        }
    }
    true
}

fn one(story: &Story) -> ExitCode {
    println!("{story}\n");
    let outcome = run(story, number("TRACE").is_some());
    for (at_ms, line) in &outcome.lines {
        println!("{} {line}", clock(at_ms.saturating_sub(rig::START)));
    }
    println!("{:#?}\ntrace {:016x}", outcome.numbers, outcome.trace);
    match outcome.violation {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            println!("{}", FailedStory::of(story.seed, story, &violation));
            ExitCode::FAILURE
        }
    }
}

/// What all threads share.
struct Shared {
    next: AtomicU64,
    end: u64,
    until: Option<Instant>,
    failed: AtomicBool,
    numbers: Mutex<Numbers>,
    /// The lowest seed that failed, and its story.
    failure: Mutex<Option<(u64, Story)>>,
    bar: ProgressBar,
}

impl Shared {
    fn take(&self) -> Option<u64> {
        let is_late = self.until.is_some_and(|until| Instant::now() >= until);
        let seed = self.next.fetch_add(1, Ordering::Relaxed);
        (seed < self.end && !is_late && !self.failed.load(Ordering::Relaxed)).then_some(seed)
    }

    fn work(&self) {
        while let Some(seed) = self.take() {
            let story = Story::of(seed);
            let outcome = run(&story, false);
            self.numbers.lock().unwrap().add(&outcome.numbers);
            self.bar.inc(1);
            if outcome.violation.is_some() {
                self.failed.store(true, Ordering::Relaxed);
                let mut failure = self.failure.lock().unwrap();
                if failure.as_ref().is_none_or(|(known, _)| seed < *known) {
                    *failure = Some((seed, story));
                }
            }
        }
    }
}

fn many(first: u64, seeds: u64, seconds: Option<u64>) -> ExitCode {
    let began = Instant::now();
    let end = first.saturating_add(seeds);
    let bar = ProgressBar::new(if seeds == u64::MAX { 0 } else { seeds });
    bar.set_style(
        ProgressStyle::with_template("{pos} of {len} stories, {elapsed} gone, {eta} left, {per_sec}").unwrap(),
    );
    let shared = Shared {
        next: AtomicU64::new(first),
        end,
        until: seconds.map(|seconds| began + Duration::from_secs(seconds)),
        failed: AtomicBool::new(false),
        numbers: Mutex::default(),
        failure: Mutex::default(),
        bar,
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| shared.work());
        }
    });
    shared.bar.finish_and_clear();
    print(&shared.numbers.lock().unwrap(), began.elapsed());
    let failure = shared.failure.lock().unwrap().take();
    let Some((seed, story)) = failure else { return ExitCode::SUCCESS };
    match run(&story, false).violation {
        Some(violation) if number("BRIEF").is_some() => println!("seed {seed}: {}", violation.property),
        Some(violation) => println!("{}", FailedStory::of(seed, &story, &violation)),
        None => println!("seed {seed} failed once and not again: the run depends on something besides its seed"),
    }
    ExitCode::FAILURE
}

fn print(numbers: &Numbers, took: Duration) {
    let Numbers { runs, simulated_ms, requests, reads, reports, crons, happenings, faults } = numbers;
    println!("{runs} stories, {} of simulated time, in {:.1} s", clock(*simulated_ms), took.as_secs_f64());
    println!("{requests} requests; {reads} reads and {reports} reports held against the truth; {crons} runs of cron");
    println!("{happenings} calls of the platform and lines of the log");
    for (fault, count) in faults {
        println!("{count:>9} {fault}");
    }
}
