//! `pathctl flag ramp`: lets the queue's share grow by a plan, and halts or ends that.
//!
//! Invariant: no order but `--back` lowers a share that holds.

use std::process::ExitCode;

use clap::Args;
use model::error::InputError;
use model::flag::Mode;
use model::flag::document::Document;
use model::flag::ramp::Ramp;

use super::author::FlagChangeArgs;
use super::{Desk, document, set};
use crate::argument::length_ms;
use crate::consent::Consent;
use crate::error::CliError;
use crate::share::Share;
use crate::time::now_ms;

/// Let the queue's share grow step by step while the stores agree; halt, resume or end it.
#[derive(Args)]
#[command(after_help = "`pathctl flag rollback VERSION` goes back to how it was before.")]
pub struct RampArgs {
    #[command(flatten)]
    order: Order,
    /// Time between two steps, such as 1h.
    #[arg(long, value_name = "LENGTH", value_parser = length_ms, requires = "steps")]
    every: Option<u64>,
    /// Take the next step as soon as the stores agree.
    #[arg(long, conflicts_with_all = ["first_after", "pause", "cancel", "back"])]
    start_at_once: bool,
    /// Time until the next step. [default: as --every]
    #[arg(long, value_name = "LENGTH", value_parser = length_ms, conflicts_with_all = ["pause", "cancel", "back"])]
    first_after: Option<u64>,
    #[command(flatten)]
    change: FlagChangeArgs,
}

#[derive(Args, Default)]
#[group(required = true, multiple = false)]
#[allow(clippy::struct_excessive_bools)] // one of them, by the group's rule
struct Order {
    /// Begin a ramp over these growing shares; the mode becomes dual-write.
    #[arg(long, value_name = "SHARE,…", value_delimiter = ',', requires = "every")]
    steps: Option<Vec<Share>>,
    /// Halt it where it is.
    #[arg(long)]
    pause: bool,
    /// Go on; a step that fell due meanwhile waits for one more interval.
    #[arg(long)]
    resume: bool,
    /// End it; the share stays where it is.
    #[arg(long)]
    cancel: bool,
    /// End it, and set the queue's share to 0.
    #[arg(long)]
    back: bool,
}

/// When the next step shall be due.
#[derive(Clone, Copy)]
struct Timing {
    now_ms: u64,
    at_once: bool,
    after_ms: Option<u64>,
}

/// Runs the command.
pub fn run(desk: &Desk, args: &RampArgs) -> Result<ExitCode, CliError> {
    let consent = Consent::by(args.change.yes, set::STEP)?;
    let by = args.change.by.name()?;
    let newest = document::to_change(&desk.gateway)?;
    let timing = Timing { now_ms: now_ms(), at_once: args.start_at_once, after_ms: args.first_after };
    let wanted = args.order.applied_to(&newest, args.every.unwrap_or_default(), timing)?;
    set::change(desk, &newest, Document { updated_by: by, reason: args.change.reason.clone(), ..wanted }, consent)
}

impl Order {
    fn applied_to(&self, newest: &Document, every_ms: u64, timing: Timing) -> Result<Document, InputError> {
        if let Some(steps) = &self.steps {
            return started(newest, steps.iter().map(|share| share.ppm).collect(), every_ms, timing);
        }
        if self.back {
            return back(newest);
        }
        let Some(ramp) = newest.ramp.clone() else {
            return Err(InputError::field("ramp", "none", "begin one with --steps and --every"));
        };
        let ramp = match self {
            Self { pause: true, .. } => Some(Ramp { paused: true, ..ramp }),
            Self { resume: true, .. } => Some(resumed(ramp, timing)),
            _ => None,
        };
        Ok(Document { ramp, ..newest.clone() })
    }
}

fn started(newest: &Document, steps: Vec<u32>, every_ms: u64, timing: Timing) -> Result<Document, InputError> {
    let queue_ppm = match newest.mode {
        Mode::DualWrite => newest.queue_ppm,
        // A share that is left over from an earlier time must not come back with the mode.
        Mode::DoOnly => 0,
        Mode::QueueOnly => {
            let remedy = "all goes to the queue already; set --mode dual-write with a --queue-share first";
            return Err(InputError::field("mode", newest.mode.name(), remedy));
        }
    };
    // Steps that are behind already would take their time and do nothing.
    let next = steps.iter().position(|step| *step > queue_ppm).ok_or_else(|| {
        let remedy = format!("give a step above the share that holds, {}", Share::of_ppm(queue_ppm));
        InputError::field(
            "ramp.steps",
            steps.last().map(|ppm| Share::of_ppm(*ppm).to_string()).unwrap_or_default(),
            remedy,
        )
    })?;
    let due_at = timing.due_at().unwrap_or(timing.now_ms + every_ms);
    let ramp = Some(Ramp { steps, every_ms, next, due_at, paused: false });
    Ok(Document { mode: Mode::DualWrite, queue_ppm, ramp, ..newest.clone() })
}

fn resumed(ramp: Ramp, timing: Timing) -> Ramp {
    // Whoever resumes must have time to see that all is well before the share grows.
    let waited = if ramp.paused && ramp.due_at < timing.now_ms { timing.now_ms + ramp.every_ms } else { ramp.due_at };
    Ramp { paused: false, due_at: timing.due_at().unwrap_or(waited), ..ramp }
}

fn back(newest: &Document) -> Result<Document, InputError> {
    if newest.mode == Mode::QueueOnly {
        let remedy =
            "the queue's share says nothing in this mode; go back with `pathctl flag rollback` or `set --mode`";
        return Err(InputError::field("mode", newest.mode.name(), remedy));
    }
    Ok(Document { queue_ppm: 0, ramp: None, ..newest.clone() })
}

impl Timing {
    /// When it is due, if the operator says.
    fn due_at(self) -> Option<u64> {
        if self.at_once { Some(0) } else { self.after_ms.map(|after_ms| self.now_ms + after_ms) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;
    const NOW_MS: u64 = 1_730_956_800_000;
    const PLAIN: Timing = Timing { now_ms: NOW_MS, at_once: false, after_ms: None };

    fn holding(mode: Mode, queue_ppm: u32) -> Document {
        let text = include_str!("../../../../flags/scheme-b.json");
        Document { mode, queue_ppm, ..Document::read(text).unwrap() }
    }

    fn start(newest: &Document, timing: Timing) -> Result<Document, String> {
        let steps = ["0.01%", "1%", "100%"].map(|text| text.parse().unwrap()).to_vec();
        let order = Order { steps: Some(steps), ..Order::default() };
        let started = order.applied_to(newest, HOUR_MS, timing).map_err(|error| error.to_string())?;
        assert_eq!(document::checked(&started).unwrap(), started);
        Ok(started)
    }

    fn under_way() -> Document {
        start(&holding(Mode::DualWrite, 0), PLAIN).unwrap()
    }

    #[test]
    fn a_ramp_begins_in_dual_write_and_leaves_time_for_a_look() {
        let started = under_way();
        let expected = Ramp {
            steps: vec![100, 10_000, 1_000_000],
            every_ms: HOUR_MS,
            next: 0,
            due_at: NOW_MS + HOUR_MS,
            paused: false,
        };
        assert_eq!(started, Document { ramp: Some(expected), ..holding(Mode::DualWrite, 0) });
        let due = |timing| start(&holding(Mode::DualWrite, 0), timing).unwrap().ramp.unwrap().due_at;
        assert_eq!(due(Timing { at_once: true, ..PLAIN }), 0);
        assert_eq!(due(Timing { after_ms: Some(5), ..PLAIN }), NOW_MS + 5);
    }

    #[test]
    fn a_share_from_before_a_stop_does_not_come_back_with_a_ramp() {
        let started = start(&holding(Mode::DoOnly, 500_000), PLAIN).unwrap();
        assert_eq!((started.mode, started.queue_ppm), (Mode::DualWrite, 0));
    }

    #[test]
    fn a_ramp_never_lowers_the_share_that_holds() {
        let started = start(&holding(Mode::DualWrite, 10_000), PLAIN).unwrap();
        assert_eq!((started.queue_ppm, started.ramp.unwrap().next), (10_000, 2), "steps that are behind are left out");
        assert!(start(&holding(Mode::DualWrite, 1_000_000), PLAIN).unwrap_err().contains("above the share"));
        assert!(start(&holding(Mode::QueueOnly, 0), PLAIN).unwrap_err().contains("already"));
    }

    #[test]
    fn it_is_paused_resumed_and_ended_where_it_is() {
        let order = |order: Order, newest: &Document, timing| order.applied_to(newest, 0, timing);
        let running = Document { queue_ppm: 100, ..under_way() };
        let paused = order(Order { pause: true, ..Order::default() }, &running, PLAIN).unwrap();
        assert!(paused.ramp.as_ref().unwrap().paused);
        let resume =
            |newest: &Document, timing| order(Order { resume: true, ..Order::default() }, newest, timing).unwrap();
        assert_eq!(resume(&paused, PLAIN), running, "what is due later stays so");
        let late = Timing { now_ms: NOW_MS + 2 * HOUR_MS, ..PLAIN };
        assert_eq!(resume(&paused, late).ramp.unwrap().due_at, NOW_MS + 3 * HOUR_MS);
        assert_eq!(resume(&paused, Timing { at_once: true, ..late }).ramp.unwrap().due_at, 0);
        assert_eq!(resume(&running, late), running, "one that runs is left alone");
        let cancelled = order(Order { cancel: true, ..Order::default() }, &running, PLAIN).unwrap();
        assert_eq!((cancelled.queue_ppm, cancelled.ramp), (100, None));
        let back = order(Order { back: true, ..Order::default() }, &running, PLAIN).unwrap();
        assert_eq!((back.queue_ppm, back.ramp), (0, None));
    }

    #[test]
    fn an_order_that_would_do_nothing_is_refused_with_the_remedy() {
        for (order, mode, part) in [
            (Order { pause: true, ..Order::default() }, Mode::DualWrite, "--steps"),
            (Order { resume: true, ..Order::default() }, Mode::DualWrite, "--steps"),
            (Order { cancel: true, ..Order::default() }, Mode::DualWrite, "--steps"),
            (Order { back: true, ..Order::default() }, Mode::QueueOnly, "rollback"),
        ] {
            let error = order.applied_to(&holding(mode, 0), 0, PLAIN).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
