//! One line of an access log, read and written.
//!
//! Common Log Format, Combined Log Format, and either with fields after it:
//!
//! ```text
//! 192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET /a?b=1 HTTP/1.1" 200 2326
//! 192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET /a?b=1 HTTP/1.1" 200 2326 "https://example.org/" "curl/8" rt=0.123456
//! ```
//!
//! `rt=` is the response time in seconds (`$request_time` in nginx, written `rt=$request_time`); it may be `-`. Other
//! fields after the agent are ignored.
//!
//! Invariant: reading never panics, whatever the bytes; what is written reads back as the same entry.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::fmt::strtime;
use model::error::InputError;
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use regex::bytes::{Captures, Regex};

/// What HTTP can't carry raw, beside bytes that are no ASCII.
const INVISIBLE: &AsciiSet = &CONTROLS.add(b' ');

/// How a time is written between its brackets.
const TIME_FORMAT: &str = "%d/%b/%Y:%H:%M:%S %z";

/// Longest response time that is believed, in s: one day.
const MAX_RESPONSE_TIME_S: u64 = 86_400;

const EXPECTED: &str = "expected ADDRESS - - [TIME] \"METHOD TARGET HTTP/1.1\" STATUS BYTES, and what may follow";

/// A line. Whatever stands between the address and the time (identity and user) is passed over.
static LINE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?xs-u) ^ (?<address> [!-~]{1,255}) \s [^\[]* \[ (?<time> [^\]]*) \] \s*
        " (?<request> (?: [^"\\] | \\. )*) " \s+ (?<status> [1-9][0-9]{2}) \s+ (?: - | (?<bytes> [0-9]{1,20}) )
        (?: \s+ " (?<referer> (?: [^"\\] | \\. )*) " )? (?: \s+ " (?<agent> (?: [^"\\] | \\. )*) " )?
        (?<more> (?: \s .* )? ) $"#,
    )
});

static ESCAPE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s-u)\\(?:x(?<code>[0-9A-Fa-f]{2})|(?<letter>.))"));

#[allow(clippy::expect_used)] // constants that tests compile
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of ours is well-formed")
}

/// One request as an access log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The client's address, or its host name where the server resolved it. No white space.
    pub address: String,
    /// When the request was logged, in s since 1970: the format knows no finer.
    pub time_s: i64,
    /// The method.
    pub method: String,
    /// The request target as sent, in ASCII: bytes that HTTP can't carry raw are percent-encoded.
    pub target: String,
    /// The response's status.
    pub status: u16,
    /// Bytes of the response's body.
    pub bytes: Option<u64>,
    /// Where the client came from.
    pub referer: Option<String>,
    /// The client's name for itself.
    pub agent: Option<String>,
    /// The response time in µs.
    pub response_time_us: Option<u64>,
}

impl LogEntry {
    /// Reads a line, without its line break.
    ///
    /// # Errors
    /// When it is in neither format, or the first field that can't be what it must be.
    pub fn parse(line: &[u8]) -> Result<Self, InputError> {
        // A line has somebody's address: it is not shown.
        let other = || InputError::field("line", format!("{} bytes", line.len()), EXPECTED);
        let fields = LINE.captures(line).ok_or_else(other)?;
        let text = |name| Some(String::from_utf8_lossy(fields.name(name)?.as_bytes()).into_owned());
        let quoted = |name| Some(unescaped(fields.name(name)?.as_bytes()));
        let words = |name| Some(String::from_utf8_lossy(&quoted(name)?).into_owned()).filter(|words| words != "-");
        let (method, target) = read_request(&quoted("request").unwrap_or_default())?;
        Ok(Self {
            address: text("address").ok_or_else(other)?,
            time_s: read_time(&text("time").unwrap_or_default())?,
            method,
            target,
            status: text("status").and_then(|status| status.parse().ok()).ok_or_else(other)?,
            bytes: text("bytes").and_then(|bytes| bytes.parse().ok()),
            referer: words("referer"),
            agent: words("agent"),
            response_time_us: read_response_time(&text("more").unwrap_or_default())?,
        })
    }
}

impl fmt::Display for LogEntry {
    /// The line in Combined Log Format, in UTC, with ` rt=` where the response time is known. No line break.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = Timestamp::from_second(self.time_s).map_err(|_| fmt::Error)?;
        write!(f, "{} - - [{}] \"{} ", self.address, time.strftime(TIME_FORMAT), self.method)?;
        write_escaped(f, &self.target)?;
        write!(f, " HTTP/1.1\" {:03} ", self.status)?;
        match self.bytes {
            Some(bytes) => write!(f, "{bytes}")?,
            None => f.write_str("-")?,
        }
        for field in [&self.referer, &self.agent] {
            f.write_str(" \"")?;
            write_escaped(f, field.as_deref().unwrap_or("-"))?;
            f.write_str("\"")?;
        }
        match self.response_time_us {
            Some(us) => write!(f, " rt={}.{:06}", us / 1_000_000, us % 1_000_000),
            None => Ok(()),
        }
    }
}

/// Text between quotes with its escapes resolved, as servers write them.
fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    ESCAPE.replace_all(text, |escape: &Captures<'_>| {
        let code =
            escape.name("code").and_then(|code| u8::from_str_radix(str::from_utf8(code.as_bytes()).ok()?, 16).ok());
        let letter = escape.name("letter").and_then(|letter| letter.as_bytes().first().copied());
        match (code, letter) {
            (Some(code), _) => vec![code],
            (_, Some(quote @ (b'"' | b'\\'))) => vec![quote],
            (_, Some(b'n')) => vec![b'\n'],
            (_, Some(b't')) => vec![b'\t'],
            (_, Some(b'r')) => vec![b'\r'],
            (_, Some(b'b')) => vec![0x08],
            (_, Some(b'f')) => vec![0x0c],
            (_, Some(b'v')) => vec![0x0b],
            (_, letter) => [b'\\'].into_iter().chain(letter).collect(),
        }
    })
}

fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => write!(f, "\\{}", char::from(byte))?,
            b' '..=b'~' => write!(f, "{}", char::from(byte))?,
            _ => write!(f, "\\x{byte:02X}")?,
        }
    }
    Ok(())
}

fn read_time(text: &str) -> Result<i64, InputError> {
    let time = strtime::parse(TIME_FORMAT, text).and_then(|time| time.to_timestamp());
    time.map(Timestamp::as_second)
        .map_err(|_| InputError::field("time", text, "expected a time such as 10/Oct/2000:13:55:36 -0700"))
}

/// Method and target of a request line.
fn read_request(line: &[u8]) -> Result<(String, String), InputError> {
    let bad = |remedy| InputError::field("request", String::from_utf8_lossy(line), remedy);
    let at = line.iter().position(|b| *b == b' ').ok_or_else(|| bad("expected METHOD TARGET HTTP/VERSION"))?;
    let (method, rest) = line.split_at(at);
    let known_to_http = method.iter().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b));
    let method = match str::from_utf8(method) {
        Ok(text) if known_to_http && !text.is_empty() => text.to_owned(),
        _ => return Err(bad("expected a method such as GET before the target")),
    };
    let rest = rest.trim_ascii();
    let protocol = rest.iter().rposition(|b| *b == b' ').map(|at| rest.split_at(at));
    let target = match protocol {
        Some((target, protocol)) if protocol.starts_with(b" HTTP/") => target,
        _ => rest, // HTTP/0.9 has no version
    };
    if target.is_empty() || target.starts_with(b"HTTP/") {
        return Err(bad("expected a target such as /path between method and version"));
    }
    Ok((method, percent_encode(target, INVISIBLE).to_string()))
}

/// The first `rt=` among the fields after the agent.
fn read_response_time(more: &str) -> Result<Option<u64>, InputError> {
    match more.split_ascii_whitespace().find_map(|field| field.strip_prefix("rt=")) {
        None | Some("-") => Ok(None),
        Some(seconds) => microseconds(seconds)
            .map(Some)
            .ok_or_else(|| InputError::field("rt", seconds, "expected seconds such as 0.123, at most a day, or -")),
    }
}

/// Decimal seconds in µs; digits beyond the sixth are cut.
fn microseconds(seconds: &str) -> Option<u64> {
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, "0"));
    if whole.is_empty() || !whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole = whole.parse::<u64>().ok().filter(|whole| *whole <= MAX_RESPONSE_TIME_S)?;
    let part: u64 = format!("{part:0<6.6}").parse().ok()?;
    Some(whole * 1_000_000 + part)
}

#[cfg(test)]
mod tests;
