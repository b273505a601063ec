//! Who may read, change, and report: bearers of `READ_TOKEN`, `ADMIN_TOKEN` and `INGEST_TOKEN`, browsers that logged in
//! with one of the first two, and, to read, users of a Cloudflare Access application. Without those secrets nobody may, but
//! in local development.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use web_sys::Request;
use worker::Env;

use api::problem::Problem;
use api::routes::Right;
use api::url;
use flow::app::App;
use model::access::jwt;
use model::access::session::{RequestSource, Scope, SessionKey};
use model::access::throttle::ThrottledClient;

use super::{access_keys, throttle};

/// The secrets that give a right: who may change may also read.
const fn secrets_of(right: Right) -> &'static str {
    match right {
        Right::Read => "READ_TOKEN or ADMIN_TOKEN",
        Right::Change => "ADMIN_TOKEN",
        Right::Report => "INGEST_TOKEN or ADMIN_TOKEN",
    }
}

fn is_given_by(right: Right, scope: Scope) -> bool {
    right == Right::Read || scope == Scope::Admin
}

/// The secrets of this deployment, as far as they are set.
pub struct Secrets {
    read: Option<String>,
    admin: Option<String>,
    ingest: Option<String>,
}

impl Secrets {
    /// Reads them.
    pub fn of(env: &Env) -> Self {
        let secret = |name| env.secret(name).ok().map(|secret| secret.to_string()).filter(|text| !text.is_empty());
        Self { read: secret("READ_TOKEN"), admin: secret("ADMIN_TOKEN"), ingest: secret("INGEST_TOKEN") }
    }

    /// What a token allows in a session, too. It is compared with both, whichever fits.
    pub fn scope(&self, token: &str) -> Option<Scope> {
        match (fits(self.read.as_deref(), token), fits(self.admin.as_deref(), token)) {
            (_, true) => Some(Scope::Admin),
            (true, false) => Some(Scope::Read),
            (false, false) => None,
        }
    }

    /// Whether a token gives a right. Who may report requests may do nothing else.
    fn allow(&self, right: Right, token: &str) -> bool {
        let reports = fits(self.ingest.as_deref(), token);
        self.scope(token).is_some_and(|scope| is_given_by(right, scope)) || (right == Right::Report && reports)
    }

    /// What signs sessions; none without secrets.
    pub fn session_key(&self) -> Option<SessionKey> {
        SessionKey::derive(self.read.as_deref(), self.admin.as_deref())
    }

    const fn give(&self, right: Right) -> bool {
        let own = match right {
            Right::Read => self.read.is_some(),
            Right::Change => false,
            Right::Report => self.ingest.is_some(),
        };
        own || self.admin.is_some()
    }
}

/// Lets a request of this client pass, or says why not. Wrong tokens are counted and throttled; who presents none
/// guesses none. What is right is let pass whatever was counted: the address may be shared.
pub async fn admit(
    right: Right,
    client: ThrottledClient,
    request: &Request,
    env: &Env,
    app: &App,
) -> Result<(), Problem> {
    let token = header(request, "Authorization");
    let token = token.as_deref().and_then(bearer);
    let checked = check(right, token, request, env, app).await;
    if token.is_some() && checked.as_ref().is_err_and(|problem| problem.status == 401) {
        throttle::refused(app, client)?;
    }
    checked
}

async fn check(right: Right, token: Option<&str>, request: &Request, env: &Env, app: &App) -> Result<(), Problem> {
    let secrets = Secrets::of(env);
    let names = secrets_of(right);
    let application = app.config.access.as_ref().filter(|_| right == Right::Read);
    if !secrets.give(right) {
        if app.config.local_development {
            return Ok(());
        }
        if application.is_none() {
            let detail = format!("this is closed until the secret {names} is set (wrangler secret put)");
            return Err(Problem::new(403, "Closed", detail));
        }
    }
    let unauthorized = || {
        let detail = format!("give the token of {names} as `Authorization: Bearer …`");
        Problem::new(401, "Unauthorized", detail)
    };
    // A token is judged alone: a wrong one is an error, whatever else there is.
    if let Some(token) = token {
        return if secrets.allow(right, token) { Ok(()) } else { Err(unauthorized()) };
    }
    let scope = session(app, &secrets, request);
    if scope.is_some_and(|scope| is_given_by(right, scope)) {
        return from_own_page(right, request);
    }
    if let (Some(application), Some(assertion)) = (application, header(request, jwt::HEADER)) {
        return access_keys::check(app, &assertion, application).await;
    }
    Err(unauthorized())
}

/// What the session allows that a request is of, if it is of one.
fn session(app: &App, secrets: &Secrets, request: &Request) -> Option<Scope> {
    secrets.session_key()?.scope(&header(request, "Cookie")?, app.now_ms())
}

/// Whether a browser has logged in.
pub fn has_session(request: &Request, env: &Env, app: &App) -> bool {
    session(app, &Secrets::of(env), request).is_some()
}

/// Browsers send cookies by themselves: what changes something must have been sent by the collector's own page.
fn from_own_page(right: Right, request: &Request) -> Result<(), Problem> {
    if right == Right::Read || source(request) == RequestSource::Same {
        return Ok(());
    }
    let detail = "a session changes nothing unless the browser says that the collector's own page asks for it \
                  (Sec-Fetch-Site or Origin); elsewhere give the token as `Authorization: Bearer …`";
    Err(Problem::new(403, "Cross-site request", detail))
}

/// Where the browser says a request comes from.
pub fn source(request: &Request) -> RequestSource {
    let (site, origin) = (header(request, "Sec-Fetch-Site"), header(request, "Origin"));
    RequestSource::of(site.as_deref(), origin.as_deref(), url::origin(&request.url()))
}

fn header(request: &Request, name: &str) -> Option<String> {
    request.headers().get(name).ok().flatten()
}

fn bearer(header: &str) -> Option<&str> {
    // The scheme's case doesn't matter (RFC 9110, section 11.1).
    let (scheme, token) = header.trim_start().split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

fn fits(secret: Option<&str>, token: &str) -> bool {
    secret.is_some_and(|secret| same(token, secret))
}

/// Compares in a time that depends on neither text.
fn same(a: &str, b: &str) -> bool {
    Sha256::digest(a.as_bytes()).ct_eq(&Sha256::digest(b.as_bytes())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_token_is_the_same() {
        assert!(same("abc", "abc") && !same("abc", "abd") && !same("abc", "abcd") && !same("", "a"));
        assert_eq!((bearer("Bearer x"), bearer("bearer  x"), bearer("Basic x")), (Some("x"), Some("x"), None));
        assert_eq!((bearer("Bearer"), bearer(""), bearer("BEARER x ")), (None, None, Some("x")));
    }

    #[test]
    fn each_token_has_its_scope() {
        let secrets = Secrets { read: Some("r".into()), admin: Some("a".into()), ingest: Some("i".into()) };
        let scopes = ["r", "a", "i", "", "ra"].map(|token| secrets.scope(token));
        assert_eq!(scopes, [Some(Scope::Read), Some(Scope::Admin), None, None, None]);
        let rights = [Right::Read, Right::Change, Right::Report];
        let allowed = |token| rights.map(|right| secrets.allow(right, token));
        assert_eq!(
            ["r", "a", "i", ""].map(allowed),
            [[true, false, false], [true, true, true], [false, false, true], [false, false, false]]
        );
        let none = Secrets { read: None, admin: None, ingest: None };
        assert!(none.scope("").is_none() && !none.give(Right::Read) && none.session_key().is_none());
        let read = Secrets { admin: None, ingest: None, ..secrets };
        assert_eq!(rights.map(|right| read.give(right)), [true, false, false]);
    }
}
