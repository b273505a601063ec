//! Reading a request's body, and no more of it than is wanted.

use js_sys::futures::JsFuture;
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStream, ReadableStreamDefaultReader, Request};

use api::problem::Problem;

/// The body as text. One that says that it is longer than `limit` bytes is not read at all; one that turns out to be
/// is read that far.
///
/// # Errors
/// It is too long, breaks off, or is not UTF-8.
pub async fn text(request: &Request, limit: usize) -> Result<String, Problem> {
    let declared = request.headers().get("Content-Length").ok().flatten().and_then(|text| text.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > limit as u64) {
        return Err(too_large(limit));
    }
    read(request.body(), limit).await
}

/// What a stream gives, as text; no more than `limit` bytes of it are read.
///
/// # Errors
/// As [`text`].
pub async fn read(stream: Option<ReadableStream>, limit: usize) -> Result<String, Problem> {
    let Some(stream) = stream else { return Ok(String::new()) };
    let broken = |_: JsValue| Problem::bad_request("the body can't be read");
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    loop {
        let chunk = JsFuture::from(reader.read()).await.map_err(broken)?;
        let value = Reflect::get(&chunk, &JsValue::from_str("value")).map_err(broken)?;
        // The end has no value.
        let Ok(part) = value.dyn_into::<Uint8Array>() else { break };
        if bytes.len() + part.length() as usize > limit {
            drop(reader.cancel());
            return Err(too_large(limit));
        }
        bytes.extend(part.to_vec());
    }
    String::from_utf8(bytes).map_err(|_| Problem::bad_request("the body is not UTF-8 text"))
}

fn too_large(limit: usize) -> Problem {
    Problem::new(413, "Content too large", format!("the body exceeds the limit of {limit} bytes"))
}
