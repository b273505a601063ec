//! Who may read: bearers of `READ_TOKEN`; without that secret nobody, but for local development.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use web_sys::Request;
use worker::Env;

use crate::edge::config::Config;
use crate::edge::problem::Problem;

/// Secret that opens the read routes.
const READ_TOKEN: &str = "READ_TOKEN";

/// Lets a request pass, or says why not.
pub fn check(request: &Request, env: &Env, config: &Config) -> Result<(), Problem> {
    let secret = env.secret(READ_TOKEN).ok().map(|secret| secret.to_string()).filter(|secret| !secret.is_empty());
    let given = request.headers().get("Authorization").ok().flatten();
    match secret {
        None if config.local_development => Ok(()),
        None => {
            let detail = format!("these routes are closed until the secret {READ_TOKEN} is set (wrangler secret put)");
            Err(Problem { status: 403, title: "Closed", detail })
        }
        Some(secret) if given.as_deref().and_then(bearer).is_some_and(|token| same(token, &secret)) => Ok(()),
        Some(_) => {
            let detail = "give the read token as `Authorization: Bearer …`".to_owned();
            Err(Problem { status: 401, title: "Unauthorized", detail })
        }
    }
}

fn bearer(header: &str) -> Option<&str> {
    header.strip_prefix("Bearer ").map(str::trim)
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
        assert_eq!((bearer("Bearer x"), bearer("bearer x"), bearer("Basic x")), (Some("x"), None, None));
    }
}
