//! The flag as this isolate knows it.
//!
//! Invariant: routing changes only to a document that was read whole and is valid, and never back to an older version.
//! Missing, unreadable or invalid: the last good one, else `flags/default.json`.

use std::cell::RefCell;
use std::rc::Rc;

use worker::{Env, console_error, console_log};

use crate::domain::flag::Flag;

use super::config::Config;
use super::{clock, counters};

/// KV binding and key.
pub const BINDING: &str = "FLAGS";
/// Key of the document.
pub const KEY: &str = "collector";

/// How long KV may take, in ms: an event that waits for the flag must not outlive its request's 30 s.
const DEADLINE_MS: u64 = 1_000;

#[derive(Default)]
struct Cache {
    flag: Option<Rc<Flag>>,
    read_at_ms: u64,
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
        let flag = cache.flag.as_ref()?;
        (now_ms.saturating_sub(cache.read_at_ms) < config.flag_ttl_ms).then(|| flag.clone())
    })
}

/// The flag in force. It is read again where it is not [`fresh`]; the others go on with what is there.
pub async fn current(env: &Env, config: &Config) -> Rc<Flag> {
    let now_ms = clock::now_ms();
    if let Some(flag) = fresh(config, now_ms) {
        return flag;
    }
    CACHE.with_borrow_mut(|cache| {
        if cache.flag.is_some() {
            // Claimed before the pause below, so that one request reads for all.
            cache.read_at_ms = now_ms;
        }
    });
    let read = read(env).await;
    CACHE.with_borrow_mut(|cache| {
        cache.read_at_ms = now_ms;
        cache.adopt(read);
        cache.flag.clone().unwrap_or_else(|| DEFAULT.with(Rc::clone))
    })
}

impl Cache {
    fn adopt(&mut self, read: Result<Option<String>, String>) {
        let known = self.flag.as_ref().map_or(0, |flag| flag.version);
        let complaint = match read.map(|text| text.map(|text| Flag::parse(&text))) {
            Ok(Some(Ok(flag))) if flag.version >= known => {
                if self.flag.as_deref() != Some(&flag) {
                    console_log!("Flag version {}: {}", flag.version, flag.rule.mode.name());
                }
                self.flag = Some(Rc::new(flag));
                None
            }
            Ok(Some(Ok(flag))) => Some(format!("version {} is older than {known}", flag.version)),
            Ok(Some(Err(error))) => Some(error.to_string()),
            Ok(None) if self.flag.is_none() => {
                // Nothing stored yet: the default holds, and is not looked for at every request.
                self.flag = Some(DEFAULT.with(Rc::clone));
                None
            }
            Ok(None) => (known > 0).then(|| "the document is gone".to_owned()),
            Err(error) => Some(error),
        };
        if let Some(text) = &complaint {
            counters::add("flag_invalid", 1);
            if self.complaint.as_ref() != Some(text) {
                console_error!("Flag not adopted, version {known} stays: {text}");
            }
        }
        self.complaint = complaint;
    }
}

/// The text in KV, if there is one.
///
/// # Errors
/// Why it can't be read.
pub async fn read(env: &Env) -> Result<Option<String>, String> {
    let store = env.kv(BINDING).map_err(|error| format!("KV binding {BINDING}: {error}"))?;
    match clock::within_ms(DEADLINE_MS, store.get(KEY).text()).await {
        Some(answer) => answer.map_err(|error| format!("KV: {error}")),
        None => Err(format!("KV gave no answer within {DEADLINE_MS} ms")),
    }
}
