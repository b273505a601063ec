//! The KV namespace `FLAGS`.

use flow::port::{Failure, Kv};
use store::sql::LocalFuture;
use worker::kv::KvStore;

use super::{Bindings, failure};

/// The binding.
const BINDING: &str = "FLAGS";

fn namespace(bindings: &Bindings) -> Result<KvStore, Failure> {
    bindings.env.kv(BINDING).map_err(|error| Failure(format!("KV binding {BINDING}: {}", failure::reason(error))))
}

impl Kv for Bindings {
    fn get<'a>(&'a self, key: &'a str) -> LocalFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async move { namespace(self)?.get(key).text().await.map_err(|error| failure::kv(&error)) })
    }

    fn put<'a>(&'a self, key: &'a str, text: &'a str) -> LocalFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let put = namespace(self)?.put(key, text).map_err(|error| failure::kv(&error))?;
            put.execute().await.map_err(|error| failure::kv(&error))
        })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> LocalFuture<'a, Result<Vec<String>, Failure>> {
        Box::pin(async move {
            let listed = namespace(self)?.list().prefix(prefix.to_owned()).execute().await;
            let listed = listed.map_err(|error| failure::kv(&error))?;
            Ok(listed.keys.into_iter().map(|key| key.name).collect())
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> LocalFuture<'a, Result<(), Failure>> {
        Box::pin(async move { namespace(self)?.delete(key).await.map_err(|error| failure::kv(&error)) })
    }
}
