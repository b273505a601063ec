//! The ports of `flow` over a [`Desk`]: everything that is asked lies there until the search answers it.

use std::cell::Cell;
use std::rc::Rc;

use flow::port::{Buckets, Clock, Failure, Kv, Log, NewStore, Objects, Ports, Queues};
use model::delivery::retry::Lane;
use model::operating::health::Backlog;
use store::archive::archiver::Bucket;
use store::sql::{Database, LocalFuture, Row, Sql, Statement, StoreError};

use crate::lives::{Answer, Call, Desk};

/// An isolate's binding of D1.
pub struct D1(pub Rc<Desk>);

impl Sql for D1 {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        match self.0.ask(Call::D1(statements)).await {
            Answer::Rows(rows) => rows,
            _ => Err(StoreError::Unavailable("told to fail".into())),
        }
    }
}

/// All ports of an isolate.
pub struct Platform {
    desk: Rc<Desk>,
    /// Every byte that it draws at random.
    pub random: Cell<u8>,
}

impl Platform {
    pub fn new(desk: &Rc<Desk>) -> Rc<Self> {
        Rc::new(Self { desk: desk.clone(), random: Cell::new(0) })
    }

    pub fn ports(self: &Rc<Self>) -> Ports {
        Ports {
            clock: self.clone(),
            log: self.clone(),
            kv: self.clone(),
            queues: self.clone(),
            objects: self.clone(),
            new_store: self.clone(),
            buckets: self.clone(),
        }
    }

    fn ask<T>(
        &self,
        call: Call,
        read: impl FnOnce(Answer) -> Option<T> + 'static,
    ) -> LocalFuture<'_, Result<T, Failure>> {
        let asked = self.desk.ask(call);
        Box::pin(async { read(asked.await).ok_or_else(|| "told to fail".into()) })
    }
}

fn done(answer: &Answer) -> Option<()> {
    (*answer == Answer::Done).then_some(())
}

impl Clock for Platform {
    fn now_ms(&self) -> u64 {
        self.desk.now_ms.get()
    }

    fn sleep_ms(&self, ms: u64) -> LocalFuture<'static, ()> {
        let asked = self.desk.ask(Call::Sleep(ms));
        Box::pin(async { drop(asked.await) })
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), Failure> {
        bytes.fill(self.random.get());
        Ok(())
    }
}

impl Log for Platform {
    fn note(&self, _: &str) {}

    fn error(&self, _: &str) {}
}

impl Kv for Platform {
    fn get<'a>(&'a self, key: &'a str) -> LocalFuture<'a, Result<Option<String>, Failure>> {
        let text = |answer| if let Answer::Text(text) = answer { Some(text) } else { None };
        self.ask(Call::KvGet(key.to_owned()), text)
    }

    fn put<'a>(&'a self, key: &'a str, text: &'a str) -> LocalFuture<'a, Result<(), Failure>> {
        self.ask(Call::KvPut(key.to_owned(), text.to_owned()), |answer| done(&answer))
    }

    fn list<'a>(&'a self, prefix: &'a str) -> LocalFuture<'a, Result<Vec<String>, Failure>> {
        let keys = |answer| if let Answer::Keys(keys) = answer { Some(keys) } else { None };
        self.ask(Call::KvList(prefix.to_owned()), keys)
    }

    fn delete<'a>(&'a self, key: &'a str) -> LocalFuture<'a, Result<(), Failure>> {
        self.ask(Call::KvDelete(key.to_owned()), |answer| done(&answer))
    }
}

impl Objects for Platform {
    fn ask<'a>(&'a self, _: &'a str, question: Vec<u8>) -> LocalFuture<'a, Result<Vec<u8>, Failure>> {
        let bytes = |answer| if let Answer::Bytes(bytes) = answer { Some(bytes) } else { None };
        self.ask(Call::Object(question), bytes)
    }
}

impl NewStore for Platform {
    fn database(&self) -> Result<Database, StoreError> {
        Ok(D1(self.desk.clone()).into())
    }

    fn bytes(&self) -> Option<u64> {
        None
    }
}

impl Queues for Platform {
    fn send<'a>(&'a self, _: &'a str) -> LocalFuture<'a, Result<(), Failure>> {
        Box::pin(async { Err("no model sends".into()) })
    }

    fn backlog(&self, _: Lane, _: u64) -> LocalFuture<'_, Result<Backlog, Failure>> {
        Box::pin(async { Err("no model asks".into()) })
    }
}

impl Buckets for Platform {
    fn bucket(&self) -> Option<Box<dyn Bucket>> {
        None
    }
}
