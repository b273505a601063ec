//! What the platform says of a failure, as a person reads it: one line, without the stack of JavaScript's error.

use std::fmt::Display;

use wasm_bindgen::{JsCast, JsValue};
use worker::kv::KvError;

use model::error::first_line;

/// An error of the platform or its wrapper.
pub fn reason(error: impl Display) -> String {
    first_line(&error.to_string())
}

/// An error of KV.
pub fn kv(error: &KvError) -> String {
    match error {
        KvError::JavaScript(error) => format!("KV: {}", thrown(error)),
        error => format!("KV: {}", reason(error)),
    }
}

/// What JavaScript threw.
pub fn thrown(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => first_line(&String::from(error.message())),
        None => first_line(&format!("{error:?}")),
    }
}
