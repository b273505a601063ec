//! Who may read and who may change: bearers of `READ_TOKEN` and `ADMIN_TOKEN`. Without those secrets nobody may, but in
//! local development.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use web_sys::Request;
use worker::Env;

use crate::edge::config::Config;
use crate::edge::problem::Problem;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// To read.
    Read,
    /// To change the flag.
    Change,
}

impl Right {
    /// The secrets that give it: who may change may also read.
    const fn secrets(self) -> &'static [&'static str] {
        match self {
            Self::Read => &["READ_TOKEN", "ADMIN_TOKEN"],
            Self::Change => &["ADMIN_TOKEN"],
        }
    }
}

/// Lets a request pass, or says why not.
pub fn check(right: Right, request: &Request, env: &Env, config: &Config) -> Result<(), Problem> {
    let secret = |name: &&str| env.secret(name).ok().map(|secret| secret.to_string()).filter(|text| !text.is_empty());
    let secrets: Vec<String> = right.secrets().iter().filter_map(secret).collect();
    let given = request.headers().get("Authorization").ok().flatten();
    let given = given.as_deref().and_then(bearer);
    let names = right.secrets().join(" or ");
    if secrets.is_empty() {
        if config.local_development {
            return Ok(());
        }
        let detail = format!("this is closed until the secret {names} is set (wrangler secret put)");
        return Err(Problem { status: 403, title: "Closed", detail });
    }
    // Every secret is compared, whichever fits.
    if secrets.iter().fold(false, |fits, secret| fits | given.is_some_and(|token| same(token, secret))) {
        return Ok(());
    }
    let detail = format!("give the token of {names} as `Authorization: Bearer …`");
    Err(Problem { status: 401, title: "Unauthorized", detail })
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
