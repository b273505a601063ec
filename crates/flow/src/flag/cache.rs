//! The flag as this isolate knows it.
//!
//! Invariants: what is obeyed is `crates/model/src/flag/obeyed.rs`: a stop first, then the newest good document, else
//! `flags/default.json`. Both are read from KV, and every third time, or when KV fails, from the object: KV is near
//! and may be a minute old, or refuse all writes; the object is always up to date.

use std::rc::Rc;

use futures_util::future::join;

use model::flag::Flag;
use model::flag::obeyed::FlagCopy;
use model::flag::stop::Latch;

use super::kv;
use crate::app::App;
use crate::objects::ask;
use crate::port::Failure;

/// How long the object may take, in ms: as for KV.
const DEADLINE_MS: u64 = 1_000;

/// The object is asked at every so many reads: after 15 s, with the default `FLAG_TTL_MS`.
pub const READS_PER_ASK: u64 = 3;

/// How long a request waits at a time for the one that reads, in ms, and how often: as long as a read may take. One that
/// was ended never says that it is done.
const WAIT_MS: u64 = 20;
const MOST_WAITS: u32 = 100;

/// The flag in force. None if it has to be read again, because it is older than `FLAG_TTL_MS` or unknown.
pub fn fresh(app: &App, now_ms: u64) -> Option<Rc<Flag>> {
    let memory = app.isolate.flag.borrow();
    let flag = memory.obeyed.in_force()?;
    (now_ms.saturating_sub(memory.read_at_ms) < app.config.flag_ttl_ms).then(|| flag.clone())
}

/// The flag in force. If it is not [`fresh`], this request reads it again. Others meanwhile use the one in memory, unless
/// nobody has read it for long: in an isolate that was idle, they wait.
pub async fn current(app: &App) -> Rc<Flag> {
    let mut now_ms = app.now_ms();
    for _ in 0..MOST_WAITS {
        if let Some(flag) = fresh(app, now_ms) {
            return flag;
        }
        if !app.isolate.flag.borrow().is_awaited {
            break;
        }
        app.sleep_ms(WAIT_MS).await;
        now_ms = app.now_ms();
    }
    let asks = claim(app, now_ms);
    let object = async { if asks { Some(of_object(app).await) } else { None } };
    let ((document, stops), object) = join(kv::read(app), object).await;
    let stops = stops.and_then(|text| kv::stops_in(text.as_deref()));
    let object = match object {
        None if document.is_err() || stops.is_err() => Some(of_object(app).await),
        object => object,
    };
    {
        let mut memory = app.isolate.flag.borrow_mut();
        (memory.read_at_ms, memory.is_awaited) = (now_ms, false);
    }
    adopt(app, document, stops, object);
    app.isolate.flag.borrow().obeyed.in_force().cloned().unwrap_or_default()
}

/// The stops that are known here.
pub fn stops(app: &App) -> Latch {
    app.isolate.flag.borrow().obeyed.latch().cloned().unwrap_or_default()
}

/// Whether this isolate knows the flag and the stops. If not, it uses the default.
pub fn is_known(app: &App) -> bool {
    app.isolate.flag.borrow().obeyed.in_force().is_some()
}

async fn of_object(app: &App) -> Result<FlagCopy, Failure> {
    ask::flag(app, &FlagCopy::default(), DEADLINE_MS).await
}

/// Notes that one request reads for all; returns whether it asks the object, too.
fn claim(app: &App, now_ms: u64) -> bool {
    let mut memory = app.isolate.flag.borrow_mut();
    let most_age_ms = READS_PER_ASK * app.config.flag_ttl_ms;
    // Where the flag is never remembered, each request reads it for itself, and none waits for another.
    let is_old = most_age_ms > 0 && now_ms.saturating_sub(memory.read_at_ms) >= most_age_ms;
    match memory.obeyed.in_force() {
        Some(_) if is_old => memory.is_awaited = true,
        Some(_) => memory.read_at_ms = now_ms,
        None => {}
    }
    let asks = now_ms.saturating_sub(memory.asked_at_ms) >= most_age_ms;
    if asks {
        memory.asked_at_ms = now_ms;
    }
    asks
}

fn adopt(
    app: &App,
    document: Result<Option<String>, Failure>,
    stops: Result<Latch, Failure>,
    object: Option<Result<FlagCopy, Failure>>,
) {
    let mut complaints = Vec::new();
    let mut object = object.and_then(Result::ok);
    if let Some(held) = &mut object {
        learn(app, std::mem::take(&mut held.latch));
    }
    match stops {
        Ok(latch) => learn(app, latch),
        Err(error) => complaints.push(error.to_string()),
    }
    let known = app.isolate.flag.borrow().obeyed.version();
    // The object's first: where KV's is the older one, that is no complaint but the reason for asking.
    let ahead = object.and_then(|held| Flag::parse(&held.document?).ok());
    let ahead = ahead.filter(|flag| flag.version > known).is_some_and(|flag| take(app, flag).is_ok());
    let has_document = app.isolate.flag.borrow().obeyed.has_document();
    match document.map(|text| text.map(|text| Flag::parse(&text))) {
        Ok(Some(Ok(flag))) => {
            let version = flag.version;
            if take(app, flag).is_err() && !ahead {
                complaints.push(format!("version {version} is older than {known}"));
            }
        }
        Ok(Some(Err(error))) => complaints.push(error.to_string()),
        // Nothing stored yet: the default holds, and is not looked for at every request.
        Ok(None) if !has_document => drop(take(app, Flag::default())),
        Ok(None) if known > 0 => complaints.push("the document is gone".to_owned()),
        Ok(None) => {}
        Err(error) => complaints.push(error.to_string()),
    }
    complain(app, complaints.into_iter().next());
}

/// Takes a document in.
///
/// # Errors
/// It is older than the one that is known; its version.
fn take(app: &App, flag: Flag) -> Result<(), u32> {
    let (version, mode) = (flag.version, flag.rule.mode.name());
    let mut memory = app.isolate.flag.borrow_mut();
    let is_new = version > memory.obeyed.version();
    memory.obeyed.adopt(flag)?;
    if is_new {
        app.note(format_args!("Flag version {version}: {mode}"));
    }
    Ok(())
}

/// Adds stops that this isolate has learnt of.
pub fn learn(app: &App, latch: Latch) {
    let mut memory = app.isolate.flag.borrow_mut();
    let before = memory.obeyed.in_force().and_then(|flag| flag.stop.clone());
    memory.obeyed.learn(latch);
    match (before, memory.obeyed.in_force().and_then(|flag| flag.stop.as_ref())) {
        (None, Some(stop)) => app.note(format_args!("Stopped ({}) by {}: {}", stop.id, stop.made.by, stop.made.reason)),
        (Some(stop), None) => app.note(format_args!("No longer stopped ({})", stop.id)),
        _ => {}
    }
}

fn complain(app: &App, complaint: Option<String>) {
    let mut memory = app.isolate.flag.borrow_mut();
    let known = memory.obeyed.version();
    if let Some(text) = &complaint {
        app.count("flag_invalid", 1);
        if memory.complaint.as_ref() != Some(text) {
            app.error(format_args!("Flag not adopted, version {known} stays: {text}"));
        }
    }
    memory.complaint = complaint;
}
