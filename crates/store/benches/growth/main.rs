//! How the cost of each hot operation grows with paths, events and days: `cargo bench --bench growth`. Without
//! `--bench`, as `cargo test` runs it, or with `--quick`, it is only checked: the two smallest sizes, once each. Words
//! that are no options are parts of names: only such operations run. The table is Markdown on the standard output.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // a benchmark is a test

mod case;
mod comparing;
mod metered;
mod operations;
mod reading;
mod scale;
mod table;
mod traffic;

use std::time::Duration;

use operations::Operation;
use scale::Axis;
use table::{Cell, Line};

/// How often a cell is measured: at least `runs.0` times, then until `time` has passed, at most `runs.1` times.
struct Plan {
    sizes: usize,
    runs: (usize, usize),
    time: Duration,
}

const FULL: Plan = Plan { sizes: 4, runs: (3, 31), time: Duration::from_millis(300) };
const QUICK: Plan = Plan { sizes: 2, runs: (1, 1), time: Duration::ZERO };

/// Bytes may grow in proportion, and hardly more: keys get longer by a digit.
const MOST_EXPONENT: f64 = 1.1;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    if has("--list") {
        return;
    }
    let plan = if has("--bench") && !has("--quick") { FULL } else { QUICK };
    let words: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let is_meant = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(*word));
    let mut lines = Vec::new();
    for operation in operations::ALL.iter().filter(|operation| is_meant(operation.name)) {
        for axis in operation.axes {
            let line = line(operation, *axis, &plan);
            let bytes = line.of_bytes().unwrap_or_default();
            assert!(bytes <= MOST_EXPONENT, "{} by {}: bytes grow with exponent {bytes}", line.name, axis.name());
            lines.push(line);
        }
    }
    println!("{}", table::markdown(&lines, ABOUT));
}

const ABOUT: &str = "Native, one core, SQLite in memory: what crosses to a database on the platform is beside the time, \
                     as bytes of parameters and results, and so are rows written. *Grows* is the exponent from the last \
                     column but one to the last: 0 is constant, 1 linear.";

fn line(operation: &Operation, axis: Axis, plan: &Plan) -> Line {
    let cells = axis.sizes().into_iter().take(plan.sizes).map(|size| cell(operation, axis, size, plan)).collect();
    Line { name: operation.name, axis, cells }
}

/// The fastest of some runs: what else a machine does can only add.
#[allow(clippy::disallowed_methods)] // a benchmark reads the clock
fn cell(operation: &Operation, axis: Axis, size: u64, plan: &Plan) -> Cell {
    let scale = axis.scale(size);
    let mut case = (operation.case)(scale);
    let (mut time, mut traffic) = (Duration::MAX, metered::Traffic::default());
    let (mut runs, began) = (0, std::time::Instant::now());
    while runs < plan.runs.0 || (runs < plan.runs.1 && began.elapsed() < plan.time) {
        let run = case();
        let started = std::time::Instant::now();
        let done = run();
        time = time.min(started.elapsed());
        traffic = done();
        runs += 1;
    }
    let calls = if operation.for_each_event { u32::try_from(scale.events).unwrap() } else { 1 };
    Cell { size, time: time / calls, traffic }
}
