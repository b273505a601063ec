//! What the platform hands to a queue's consumer. The wrapper's messages don't tell how often they were delivered, and
//! panic where the platform is not as they expect.

use std::rc::Rc;

use flow::port::Failure;
use js_sys::{ArrayBuffer, JSON, JsString, Reflect, Uint8Array};
use store::sql::LocalFuture;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Env, Queue, worker_sys};

use super::queues;

/// The name of a batch's queue, and its messages in the order in which they came.
pub fn read(batch: &worker_sys::MessageBatch, env: &Env) -> (String, Vec<Box<dyn flow::port::Message>>) {
    let queue = Rc::new(queues::main(env));
    let message = |raw| Box::new(Message::of(raw, queue.clone())) as _;
    let messages = batch.messages().map(|messages| messages.iter().map(message).collect());
    (text(batch.queue()), messages.unwrap_or_default())
}

/// One message, as it was delivered.
struct Message {
    raw: worker_sys::Message,
    main_queue: Rc<Result<Queue, Failure>>,
    id: String,
    sent_at: Option<u64>,
    attempts: Option<u32>,
}

impl Message {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be positive; far below 2^53
    fn of(raw: JsValue, main_queue: Rc<Result<Queue, Failure>>) -> Self {
        let attempts = Reflect::get(&raw, &"attempts".into()).ok().and_then(|attempts| attempts.as_f64());
        let raw: worker_sys::Message = raw.unchecked_into();
        let sent_at = raw.timestamp().ok().map(|time| time.get_time()).filter(|ms| *ms > 0.0);
        Self {
            id: text(raw.id()),
            sent_at: sent_at.map(|ms| ms as u64),
            attempts: attempts.filter(|attempts| *attempts >= 1.0).map(|attempts| attempts as u32),
            raw,
            main_queue,
        }
    }

    fn body(&self) -> JsValue {
        self.raw.body().unwrap_or_default()
    }
}

impl flow::port::Message for Message {
    fn id(&self) -> &str {
        &self.id
    }

    fn sent_at(&self) -> Option<u64> {
        self.sent_at
    }

    fn attempts(&self) -> Option<u32> {
        self.attempts
    }

    fn text(&self) -> Result<String, Vec<u8>> {
        let body = self.body();
        if let Some(text) = body.as_string() {
            return Ok(text);
        }
        if body.is_instance_of::<ArrayBuffer>() || body.is_instance_of::<Uint8Array>() {
            return String::from_utf8(Uint8Array::new(&body).to_vec()).map_err(std::string::FromUtf8Error::into_bytes);
        }
        let json = JSON::stringify(&body).ok().and_then(|text| text.as_string());
        Ok(json.unwrap_or_else(|| format!("{body:?}")))
    }

    fn ack(&self) {
        let _ = self.raw.ack();
    }

    fn retry(&self, delay_s: u32) {
        let options = js_sys::Object::new();
        let set = Reflect::set(&options, &"delaySeconds".into(), &delay_s.into());
        // Without a wait, should the platform refuse that.
        if set.is_err() || self.raw.retry(options.into()).is_err() {
            let _ = self.raw.retry(JsValue::UNDEFINED);
        }
    }

    fn send_anew(&self) -> LocalFuture<'_, Result<(), Failure>> {
        Box::pin(async { queues::send((*self.main_queue).as_ref().map_err(Clone::clone)?, &self.body()).await })
    }
}

fn text(value: Result<JsString, JsValue>) -> String {
    value.map(String::from).unwrap_or_default()
}
