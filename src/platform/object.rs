//! The `PathCollector` object, as the platform knows it.

#![allow(missing_docs)] // of methods that the macro makes

use flow::object::{Object, ObjectHost};
use flow::port::Failure;
use store::sql::{Database, LocalFuture, StoreError};
use worker::{DurableObject, Env, Request, Response, Result, State, Storage, durable_object};

use super::failure;
use super::sql_object::DurableObjectSql;

/// One object: a shard of the old path.
#[durable_object(alarm)]
pub struct PathCollector {
    object: Object,
}

impl DurableObject for PathCollector {
    fn new(state: State, env: Env) -> Self {
        let home = Place { sql: DurableObjectSql::new(&state), storage: state.storage() };
        Self { object: Object::new(super::app(&env), Box::new(home)) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let question = request.bytes().await?;
        Response::from_bytes(self.object.fetch(&question).await)
    }

    async fn alarm(&self) -> Result<Response> {
        self.object.ring().await;
        Response::empty()
    }
}

/// Where an object lives.
struct Place {
    sql: DurableObjectSql,
    storage: Storage,
}

impl ObjectHost for Place {
    fn database(&self) -> Database {
        self.sql.clone().into()
    }

    fn script(&self, script: &str) -> std::result::Result<(), StoreError> {
        self.sql.script(script)
    }

    fn bytes(&self) -> Option<u64> {
        self.sql.bytes()
    }

    fn alarm(&self) -> LocalFuture<'_, Option<u64>> {
        Box::pin(async { self.storage.get_alarm().await.ok().flatten().map(i64::cast_unsigned) })
    }

    fn set_alarm(&self, in_ms: u64) -> LocalFuture<'_, std::result::Result<(), Failure>> {
        Box::pin(async move { self.storage.set_alarm(in_ms.cast_signed()).await.map_err(failure::reason) })
    }

    fn erase(&self) -> LocalFuture<'_, std::result::Result<(), Failure>> {
        Box::pin(async { self.storage.delete_all().await.map_err(failure::reason) })
    }
}
