//! What the platform hands to a queue's consumer. The wrapper's messages don't tell how often they were delivered, and
//! panic where the platform is not as they expect.

use js_sys::{ArrayBuffer, JSON, JsString, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys;

/// Messages of one queue.
#[derive(Debug)]
pub struct Delivered {
    /// Name of the queue.
    pub queue: String,
    /// The messages, in the order in which they came.
    pub messages: Vec<Message>,
}

impl Delivered {
    /// Reads what the platform hands over.
    pub fn of(raw: &worker_sys::MessageBatch) -> Self {
        let messages = raw.messages().map(|messages| messages.iter().map(Message::of).collect());
        Self { queue: text(raw.queue()), messages: messages.unwrap_or_default() }
    }
}

/// One message, as it was delivered.
#[derive(Debug)]
pub struct Message {
    raw: worker_sys::Message,
    /// The platform's ID of the message.
    pub id: String,
    /// When it was sent, in ms since 1970, if the platform tells.
    pub sent_at: Option<u64>,
    /// How often it was delivered, this time included, if the platform tells.
    pub attempts: Option<u32>,
}

impl Message {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be positive; far below 2^53
    fn of(raw: JsValue) -> Self {
        let attempts = Reflect::get(&raw, &"attempts".into()).ok().and_then(|attempts| attempts.as_f64());
        let raw: worker_sys::Message = raw.unchecked_into();
        let sent_at = raw.timestamp().ok().map(|time| time.get_time()).filter(|ms| *ms > 0.0);
        Self {
            id: text(raw.id()),
            sent_at: sent_at.map(|ms| ms as u64),
            attempts: attempts.filter(|attempts| *attempts >= 1.0).map(|attempts| attempts as u32),
            raw,
        }
    }

    /// The body, as it came.
    pub fn body(&self) -> JsValue {
        self.raw.body().unwrap_or_default()
    }

    /// The body as text, whatever content type it was sent with; bytes that are not UTF-8 come back as they are.
    ///
    /// # Errors
    /// The bytes.
    pub fn text(&self) -> Result<String, Vec<u8>> {
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

    /// It has been taken care of. Should the platform refuse, it is delivered again, which is harmless.
    pub fn ack(&self) {
        let _ = self.raw.ack();
    }

    /// It is to be delivered again after so many seconds; without a wait, should the platform refuse that.
    pub fn retry(&self, delay_s: u32) {
        let options = js_sys::Object::new();
        let set = Reflect::set(&options, &"delaySeconds".into(), &delay_s.into());
        if set.is_err() || self.raw.retry(options.into()).is_err() {
            let _ = self.raw.retry(JsValue::UNDEFINED);
        }
    }
}

fn text(value: Result<JsString, JsValue>) -> String {
    value.map(String::from).unwrap_or_default()
}
