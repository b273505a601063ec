//! Cloudflare Access on the platform: the team's keys, in this isolate's memory, and RS256 by its cryptography.
//!
//! Invariant: a token that is not for this application never makes the isolate ask for keys, and it asks once a minute
//! at most for a key that is not there.

use std::cell::RefCell;

use js_sys::futures::JsFuture;
use js_sys::{JSON, Object};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CryptoKey, Response, WorkerGlobalScope};

use api::problem::Problem;
use flow::app::App;
use flow::port::Failure;

use crate::body;
use crate::platform::failure;
use model::access::jwt::{self, Application, KEYS_PATH, MAX_KEYS_BYTES, PublicKey, Token};

/// How long the team may take to tell its keys, in ms.
const DEADLINE_MS: u64 = 2_000;

/// Age in ms at which keys are asked for again: an hour. Access publishes a new one long before it is used.
const FRESH_MS: u64 = 60 * 60 * 1000;

/// Age in ms up to which keys serve while the team can't be asked: a day.
const USABLE_MS: u64 = 24 * FRESH_MS;

/// Time in ms until the next question, after an answer and after a failure.
const PAUSE_MS: u64 = 60_000;
const PAUSE_AFTER_FAILURE_MS: u64 = 5_000;

/// The keys of the one team there is.
#[derive(Default)]
struct Cache {
    keys: Vec<PublicKey>,
    read_at_ms: u64,
    ask_again_at_ms: u64,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

/// Whether an assertion lets a request read.
///
/// # Errors
/// 401 with what speaks against it; 503 while the team's keys can't be had.
pub async fn check(app: &App, assertion: &str, application: &Application) -> Result<(), Problem> {
    let refused = |why: &str| {
        app.count("access_refused", 1);
        let detail = format!("the token in {} is refused: {why}", jwt::HEADER);
        Problem::new(401, "Unauthorized", detail)
    };
    let token = Token::parse(assertion).map_err(refused)?;
    token.check(application, app.now_ms()).map_err(refused)?;
    let key = key(app, &token.kid, application).await?.ok_or_else(|| refused("its key is not one of the team's"))?;
    match is_signed_by(&key, &token).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(refused("its signature is wrong")),
        Err(error) => Err(Problem::unavailable(format!("the signature can't be checked: {}", failure::thrown(&error)))),
    }
}

/// The key of this ID, if the team has one.
async fn key(app: &App, kid: &str, application: &Application) -> Result<Option<PublicKey>, Problem> {
    let now_ms = app.now_ms();
    let (known, wait) = CACHE.with_borrow_mut(|cache| {
        let age_ms = now_ms.saturating_sub(cache.read_at_ms);
        let known = cache.keys.iter().find(|key| key.kid == kid && age_ms < USABLE_MS).cloned();
        let wait = (known.is_some() && age_ms < FRESH_MS) || now_ms < cache.ask_again_at_ms;
        if !wait && !cache.keys.is_empty() {
            // Claimed before the pause below: one request asks, the others go on with what is there.
            cache.ask_again_at_ms = now_ms + PAUSE_AFTER_FAILURE_MS;
        }
        (known, wait)
    });
    if wait {
        let never_read = CACHE.with_borrow(|cache| cache.keys.is_empty());
        return if never_read { Err(no_keys("they could not be read a moment ago")) } else { Ok(known) };
    }
    let asked = app.within_ms(DEADLINE_MS, ask(application)).await;
    let keys = asked.unwrap_or_else(|| Err(format!("no answer within {DEADLINE_MS} ms").into()));
    CACHE.with_borrow_mut(|cache| match keys {
        Ok(keys) => {
            *cache = Cache { keys, read_at_ms: now_ms, ask_again_at_ms: now_ms + PAUSE_MS };
            Ok(cache.keys.iter().find(|key| key.kid == kid).cloned())
        }
        Err(error) => {
            app.count("access_keys_unavailable", 1);
            cache.ask_again_at_ms = now_ms + PAUSE_AFTER_FAILURE_MS;
            known.map(Some).ok_or_else(|| no_keys(&error.to_string()))
        }
    })
}

fn no_keys(why: &str) -> Problem {
    Problem::new(503, "Access unavailable", format!("the keys of Cloudflare Access: {why}"))
}

/// Asks the team for its keys.
async fn ask(application: &Application) -> Result<Vec<PublicKey>, Failure> {
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let promise = scope.fetch_with_str(&format!("{}{KEYS_PATH}", application.team));
    let answer = JsFuture::from(promise).await.map_err(|_| Failure::from("no answer"))?;
    let answer: Response = answer.unchecked_into();
    if answer.status() != 200 {
        return Err(format!("status {}", answer.status()).into());
    }
    let text = body::read(answer.body(), MAX_KEYS_BYTES).await.map_err(|problem| Failure(problem.detail))?;
    jwt::keys(&text).map_err(Failure::from)
}

/// Whether the signature is the key's.
async fn is_signed_by(key: &PublicKey, token: &Token<'_>) -> Result<bool, JsValue> {
    let object = |text: &str| JSON::parse(text).map(JsCast::unchecked_into::<Object>);
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let subtle = scope.crypto()?.subtle();
    let algorithm = object(r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256"}"#)?;
    let uses = object(r#"["verify"]"#)?;
    let imported = subtle.import_key_with_object("jwk", &object(&key.jwk())?, &algorithm, false, &uses)?;
    let imported: CryptoKey = JsFuture::from(imported).await?.unchecked_into();
    // Copies: the view of this memory would not outlast the call.
    let (signature, signed) = (js_sys::Uint8Array::from(token.signature.as_slice()), token.signed.as_bytes());
    let signed = js_sys::Uint8Array::from(signed);
    let verified =
        subtle.verify_with_object_and_buffer_source_and_buffer_source(&algorithm, &imported, &signature, &signed)?;
    Ok(JsFuture::from(verified).await?.is_truthy())
}
