//! What the platform says of a failure, as a person reads it: one line, without the stack of JavaScript's error.

use std::fmt::Display;

use flow::port::Failure;
use model::error::first_line;
use wasm_bindgen::{JsCast, JsValue};
use worker::kv::KvError;

/// An error of the platform or its wrapper.
pub fn reason(error: impl Display) -> Failure {
    Failure(first_line(&error.to_string()))
}

/// An error of KV.
pub fn kv(error: &KvError) -> Failure {
    match error {
        KvError::JavaScript(error) => Failure(format!("KV: {}", thrown(error))),
        error => Failure(format!("KV: {}", reason(error))),
    }
}

/// What JavaScript threw.
pub fn thrown(error: &JsValue) -> Failure {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => Failure(first_line(&String::from(error.message()))),
        None => Failure(first_line(&format!("{error:?}"))),
    }
}
