//! Calling the `PathCollector` objects.

use flow::port::{Failure, Objects};
use js_sys::Uint8Array;
use js_sys::futures::JsFuture;
use store::sql::LocalFuture;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, Request, RequestInit, Response};
use worker::worker_sys::DurableObject;
use worker::{Env, Error};

use super::{Bindings, failure};

/// Binding of the object namespace.
const BINDING: &str = "PATH_COLLECTOR";

fn object(env: &Env, name: &str) -> Result<DurableObject, Error> {
    Ok(env.durable_object(BINDING)?.get_by_name(name)?.into_rpc())
}

/// Calls a request back when it is dropped: one that nobody waits for any more would keep one of the few connections.
struct CallBack(Option<AbortController>);

impl Drop for CallBack {
    fn drop(&mut self) {
        if let Some(controller) = self.0.take() {
            controller.abort();
        }
    }
}

async fn call(object: DurableObject, question: &[u8]) -> Result<Result<Vec<u8>, u16>, Error> {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from(Uint8Array::from(question)));
    let controller = AbortController::new()?;
    init.set_signal(Some(&controller.signal()));
    let request = Request::new_with_str_and_init("https://collector/", &init)?;
    let mut call_back = CallBack(Some(controller));
    let response: Response = JsFuture::from(object.fetch_with_request(&request)?).await?.unchecked_into();
    if !response.ok() {
        return Ok(Err(response.status()));
    }
    // At once: read as a stream, as the wrapper does it, it comes in many small parts.
    let bytes = JsFuture::from(response.array_buffer()?).await?;
    call_back.0 = None;
    Ok(Ok(Uint8Array::new(&bytes).to_vec()))
}

impl Objects for Bindings {
    fn ask<'a>(&'a self, name: &'a str, question: Vec<u8>) -> LocalFuture<'a, Result<Vec<u8>, Failure>> {
        Box::pin(async move {
            match call(object(&self.env, name).map_err(failure::reason)?, &question).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(status)) => Err(Failure(format!("object {name} answered with status {status}"))),
                Err(error) => Err(failure::reason(error)),
            }
        })
    }
}
