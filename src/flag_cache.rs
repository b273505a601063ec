//! The flag as this isolate knows it.
//!
//! Invariants: what is obeyed is `crates/model/src/flag/obeyed.rs`: a stop first, then the newest good document, else
//! `flags/default.json`. Both are read from KV, and every third time, or when KV fails, from the object: KV is near
//! and may be a minute old, or refuse all writes; the object is always up to date.

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::future::join;
use worker::{Env, console_error, console_log};

use model::flag::Flag;
use model::flag::obeyed::{Held, Obeyed};
use model::flag::stop::Latch;

use crate::config::Config;
use crate::{clock, collector_client, counters, flag_kv};

/// How long the object may take, in ms: as for KV.
const DEADLINE_MS: u64 = 1_000;

/// The object is asked at every so many reads: after 15 s, with the default `FLAG_TTL_MS`.
pub const READS_PER_ASK: u64 = 3;

#[derive(Default)]
struct Cache {
    obeyed: Obeyed,
    read_at_ms: u64,
    asked_at_ms: u64,
    /// What was last complained of, so that it is logged once.
    complaint: Option<String>,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
    static DEFAULT: Rc<Flag> = Rc::new(Flag::default());
}

/// The flag in force, unless it is to be read again: it is older than `FLAG_TTL_MS`, or not known at all.
pub fn fresh(config: &Config, now_ms: u64) -> Option<Rc<Flag>> {
    CACHE.with_borrow(|cache| {
        let flag = cache.obeyed.in_force()?;
        (now_ms.saturating_sub(cache.read_at_ms) < config.flag_ttl_ms).then(|| flag.clone())
    })
}

/// The flag in force. It is read again where it is not [`fresh`]; the others go on with what is there.
pub async fn current(env: &Env, config: &Config) -> Rc<Flag> {
    let now_ms = clock::now_ms();
    if let Some(flag) = fresh(config, now_ms) {
        return flag;
    }
    let asks = CACHE.with_borrow_mut(|cache| cache.claim(config, now_ms));
    let object = async { if asks { Some(ask(env).await) } else { None } };
    let ((document, stops), object) = join(flag_kv::read(env), object).await;
    let stops = stops.and_then(|text| flag_kv::stops_in(text.as_deref()));
    let object = match object {
        None if document.is_err() || stops.is_err() => Some(ask(env).await),
        object => object,
    };
    CACHE.with_borrow_mut(|cache| {
        cache.read_at_ms = now_ms;
        cache.adopt(document, stops, object);
        cache.obeyed.in_force().cloned().unwrap_or_else(|| DEFAULT.with(Rc::clone))
    })
}

/// Takes in what somebody here has learnt of stops.
pub fn learn(latch: Latch) {
    CACHE.with_borrow_mut(|cache| cache.learn(latch));
}

/// The stops that are known here.
pub fn stops() -> Latch {
    CACHE.with_borrow(|cache| cache.obeyed.latch().cloned().unwrap_or_default())
}

/// Whether this isolate knows what to obey, or goes by the default for want of it.
pub fn is_known() -> bool {
    CACHE.with_borrow(|cache| cache.obeyed.in_force().is_some())
}

async fn ask(env: &Env) -> Result<Held, String> {
    collector_client::flag(env, &Held::default(), DEADLINE_MS).await
}

impl Cache {
    /// Notes that one request reads for all; gives whether it asks the object, too.
    fn claim(&mut self, config: &Config, now_ms: u64) -> bool {
        if self.obeyed.in_force().is_some() {
            self.read_at_ms = now_ms;
        }
        let asks = now_ms.saturating_sub(self.asked_at_ms) >= READS_PER_ASK * config.flag_ttl_ms;
        if asks {
            self.asked_at_ms = now_ms;
        }
        asks
    }

    fn adopt(
        &mut self,
        document: Result<Option<String>, String>,
        stops: Result<Latch, String>,
        object: Option<Result<Held, String>>,
    ) {
        let mut complaints = Vec::new();
        let mut object = object.and_then(|held| held.map_err(|error| format!("the object: {error}")).ok());
        if let Some(held) = &mut object {
            self.learn(std::mem::take(&mut held.latch));
        }
        match stops {
            Ok(latch) => self.learn(latch),
            Err(error) => complaints.push(error),
        }
        let known = self.obeyed.version();
        // The object's first: where KV's is the older one, that is no complaint but the reason for asking.
        let ahead = object.and_then(|held| Flag::parse(&held.document?).ok());
        let ahead = ahead.filter(|flag| flag.version > known).is_some_and(|flag| self.take(flag).is_ok());
        match document.map(|text| text.map(|text| Flag::parse(&text))) {
            Ok(Some(Ok(flag))) => {
                let version = flag.version;
                if self.take(flag).is_err() && !ahead {
                    complaints.push(format!("version {version} is older than {known}"));
                }
            }
            Ok(Some(Err(error))) => complaints.push(error.to_string()),
            // Nothing stored yet: the default holds, and is not looked for at every request.
            Ok(None) if !self.obeyed.has_document() => drop(self.take(Flag::default())),
            Ok(None) if known > 0 => complaints.push("the document is gone".to_owned()),
            Ok(None) => {}
            Err(error) => complaints.push(error),
        }
        self.complain(complaints.into_iter().next());
    }

    fn take(&mut self, flag: Flag) -> Result<(), u32> {
        let (version, mode) = (flag.version, flag.rule.mode.name());
        let is_new = version > self.obeyed.version();
        self.obeyed.adopt(flag)?;
        if is_new {
            console_log!("Flag version {version}: {mode}");
        }
        Ok(())
    }

    fn learn(&mut self, latch: Latch) {
        let before = self.obeyed.in_force().and_then(|flag| flag.stop.clone());
        self.obeyed.learn(latch);
        match (before, self.obeyed.in_force().and_then(|flag| flag.stop.as_ref())) {
            (None, Some(stop)) => console_log!("Stopped ({}) by {}: {}", stop.id, stop.made.by, stop.made.reason),
            (Some(stop), None) => console_log!("No longer stopped ({})", stop.id),
            _ => {}
        }
    }

    fn complain(&mut self, complaint: Option<String>) {
        let known = self.obeyed.version();
        if let Some(text) = &complaint {
            counters::add("flag_invalid", 1);
            if self.complaint.as_ref() != Some(text) {
                console_error!("Flag not adopted, version {known} stays: {text}");
            }
        }
        self.complaint = complaint;
    }
}
