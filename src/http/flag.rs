//! Which version a change of the flag starts from.

use api::problem::Problem;
use web_sys::Request;

/// What `If-Match` says.
///
/// # Errors
/// It is missing, or no version.
pub fn base_version(request: &Request) -> Result<u32, Problem> {
    let header = request.headers().get("If-Match").ok().flatten();
    let Some(text) = header else {
        let detail = "say which version you change, as `If-Match: \"7\"`, so that no change of others is undone";
        return Err(Problem::new(428, "Precondition required", detail));
    };
    let number = text.trim().trim_start_matches("W/").trim_matches('"').parse();
    number.map_err(|_| Problem::bad_request(format!("`If-Match`: \"{text}\" is no version; give a whole number")))
}
