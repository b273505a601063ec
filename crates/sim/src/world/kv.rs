//! KV: near everywhere, and late everywhere else.

use std::collections::BTreeMap;

use flow::port::{Failure, Kv};
use store::sql::LocalFuture;

use super::isolate::Platform;
use super::trouble::Port;
use super::{World, at_once, boxed};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What KV refuses, and how late it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvLaws {
    /// How long a place goes on seeing what it saw, in ms.
    pub stale_ms: u64,
    /// Least time between two writes of a key, in ms.
    pub pause_ms: u64,
    /// Most writes of all keys in a UTC day.
    pub writes_a_day: u64,
}

impl Default for KvLaws {
    fn default() -> Self {
        Self { stale_ms: 60_000, pause_ms: 1_000, writes_a_day: u64::MAX }
    }
}

/// What a place saw of a key, and when.
type Sight = (Option<String>, u64);

#[derive(Debug, Default)]
pub(super) struct KvState {
    laws: KvLaws,
    texts: BTreeMap<String, String>,
    written_at: BTreeMap<String, u64>,
    seen: BTreeMap<(u64, String), Sight>,
    writes: (u64, u64),
}

impl KvState {
    fn get(&mut self, place: u64, key: &str, now_ms: u64) -> Option<String> {
        let seen = self.seen.get(&(place, key.to_owned()));
        if let Some((text, at)) = seen
            && now_ms < at + self.laws.stale_ms
        {
            return text.clone();
        }
        let text = self.texts.get(key).cloned();
        self.seen.insert((place, key.to_owned()), (text.clone(), now_ms));
        text
    }

    fn write(&mut self, place: u64, key: &str, text: Option<&str>, now_ms: u64) -> Result<(), Failure> {
        let day = now_ms / DAY_MS;
        let writes = if self.writes.0 == day { self.writes.1 } else { 0 };
        if writes >= self.laws.writes_a_day {
            return Err("KV: the daily limit of writes is reached".into());
        }
        if self.written_at.get(key).is_some_and(|at| now_ms < at + self.laws.pause_ms) {
            return Err("KV: 429 Too Many Requests".into());
        }
        self.writes = (day, writes + 1);
        self.written_at.insert(key.to_owned(), now_ms);
        self.seen.insert((place, key.to_owned()), (text.map(str::to_owned), now_ms));
        match text {
            Some(text) => drop(self.texts.insert(key.to_owned(), text.to_owned())),
            None => drop(self.texts.remove(key)),
        }
        Ok(())
    }
}

impl World {
    pub fn kv_laws(&self, laws: KvLaws) {
        self.kv.borrow_mut().laws = laws;
    }

    /// What KV holds.
    pub fn kv_text(&self, key: &str) -> Option<String> {
        self.kv.borrow().texts.get(key).cloned()
    }

    pub fn kv_keys(&self) -> Vec<String> {
        self.kv.borrow().texts.keys().cloned().collect()
    }

    /// Puts a text there by hand; every place sees it.
    pub fn kv_put(&self, key: &str, text: &str) {
        let mut kv = self.kv.borrow_mut();
        kv.texts.insert(key.to_owned(), text.to_owned());
        kv.seen.retain(|(_, seen), _| seen != key);
    }

    /// Takes a text away by hand; every place sees it.
    pub fn kv_forget(&self, key: &str) {
        let mut kv = self.kv.borrow_mut();
        kv.texts.remove(key);
        kv.seen.retain(|(_, seen), _| seen != key);
    }
}

impl Platform {
    async fn kv<T: 'static>(
        &self,
        port: Port,
        key: &str,
        act: impl FnOnce(&mut KvState, u64) -> Result<T, Failure> + 'static,
    ) -> Result<T, Failure> {
        let inner = self.inner.clone();
        self.inner.call(port, key, at_once(move || act(&mut inner.kv.borrow_mut(), inner.time.now_ms()))).await
    }

    async fn kv_write(&self, port: Port, key: &str, text: Option<&str>) -> Result<(), Failure> {
        let (place, text, of) = (self.place, text.map(str::to_owned), key.to_owned());
        self.kv(port, key, move |kv, now_ms| kv.write(place, &of, text.as_deref(), now_ms)).await
    }
}

impl Kv for Platform {
    fn get<'a>(&'a self, key: &'a str) -> LocalFuture<'a, Result<Option<String>, Failure>> {
        let (place, of) = (self.place, key.to_owned());
        boxed(self.kv(Port::KvGet, key, move |kv, now_ms| Ok(kv.get(place, &of, now_ms))))
    }

    fn put<'a>(&'a self, key: &'a str, text: &'a str) -> LocalFuture<'a, Result<(), Failure>> {
        boxed(self.kv_write(Port::KvPut, key, Some(text)))
    }

    fn list<'a>(&'a self, prefix: &'a str) -> LocalFuture<'a, Result<Vec<String>, Failure>> {
        let of = prefix.to_owned();
        let keys = move |kv: &mut KvState, _| Ok(kv.texts.keys().filter(|key| key.starts_with(&of)).cloned().collect());
        boxed(self.kv(Port::KvList, prefix, keys))
    }

    fn delete<'a>(&'a self, key: &'a str) -> LocalFuture<'a, Result<(), Failure>> {
        boxed(self.kv_write(Port::KvDelete, key, None))
    }
}
