//! The archive's bucket in R2.

use flow::port::Buckets;
use js_sys::futures::JsFuture;
use store::archive::archiver::{Bucket, BucketEntry};
use store::sql::{LocalFuture, StoreError};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Env, HttpMetadata};

use super::Bindings;

/// Binding of the bucket.
pub const BINDING: &str = "ARCHIVE";

#[wasm_bindgen]
extern "C" {
    /// The platform's gzip: a crate's would be a tenth of the Worker.
    type CompressionStream;

    #[wasm_bindgen(constructor)]
    fn new(format: &str) -> CompressionStream;

    type Readable;

    #[wasm_bindgen(method, catch, js_name = pipeThrough)]
    fn pipe_through(this: &Readable, stream: &CompressionStream) -> Result<web_sys::ReadableStream, JsValue>;
}

/// An R2 bucket.
#[derive(Debug)]
pub struct R2(worker::Bucket);

impl R2 {
    /// The archive's bucket, if it is bound.
    pub fn of(env: &Env) -> Option<Self> {
        env.bucket(BINDING).ok().map(Self)
    }

    /// A file, as a response whose body is passed on while it is read; none if there is none.
    ///
    /// # Errors
    /// The platform's message.
    pub async fn get(&self, name: &str) -> Result<Option<worker::Response>, worker::Error> {
        let Some(object) = self.0.get(name).execute().await? else { return Ok(None) };
        let Some(body) = object.body() else { return Ok(None) };
        let mut response = worker::Response::from_body(body.response_body()?)?;
        response.headers_mut().set("Content-Type", content_type(name))?;
        Ok(Some(response))
    }
}

/// Parts are files of their own, and not to be unpacked on the way.
fn content_type(name: &str) -> &'static str {
    if name.contains("/part-") { "application/gzip" } else { "application/json" }
}

fn failed(error: impl Into<worker::Error>) -> StoreError {
    StoreError::Unavailable(format!("{BINDING}: {}", error.into()))
}

impl Buckets for Bindings {
    fn bucket(&self) -> Option<Box<dyn Bucket>> {
        R2::of(&self.env).map(|bucket| Box::new(bucket) as _)
    }
}

impl Bucket for R2 {
    fn gzip(&self, bytes: Vec<u8>) -> LocalFuture<'_, Result<Vec<u8>, StoreError>> {
        Box::pin(gzip(bytes))
    }

    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>, sha256: [u8; 32]) -> LocalFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let metadata =
                HttpMetadata { content_type: Some(content_type(name).to_owned()), ..HttpMetadata::default() };
            let put = self.0.put(name, bytes).sha256(sha256).http_metadata(metadata);
            put.execute().await.map(drop).map_err(failed)
        })
    }

    fn get<'a>(&'a self, name: &'a str, most: u64) -> LocalFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            let Some(object) = self.0.get(name).execute().await.map_err(failed)? else { return Ok(None) };
            if object.size() > most {
                return Err(failed(format!("{name} has {} bytes, more than {most}", object.size())));
            }
            let Some(body) = object.body() else { return Ok(None) };
            body.bytes().await.map(Some).map_err(failed)
        })
    }

    fn head<'a>(&'a self, name: &'a str) -> LocalFuture<'a, Result<Option<BucketEntry>, StoreError>> {
        Box::pin(async move {
            let held = |object: worker::Object| BucketEntry {
                bytes: object.size(),
                sha256: object.checksum().sha256.and_then(|bytes| bytes.try_into().ok()),
            };
            Ok(self.0.head(name).await.map_err(failed)?.map(held))
        })
    }
}

async fn gzip(mut bytes: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    let body = |response: &web_sys::Response| response.body().ok_or_else(|| failed("a response has no body"));
    let plain = web_sys::Response::new_with_opt_u8_array(Some(&mut bytes)).map_err(failed)?;
    drop(bytes);
    let readable: Readable = JsValue::from(body(&plain)?).unchecked_into();
    let stream = readable.pipe_through(&CompressionStream::new("gzip")).map_err(failed)?;
    let packed = web_sys::Response::new_with_opt_readable_stream(Some(&stream)).map_err(failed)?;
    let buffer = JsFuture::from(packed.array_buffer().map_err(failed)?).await.map_err(failed)?;
    Ok(js_sys::Uint8Array::new(&buffer).to_vec())
}
