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

use std::fmt;

use jiff::Timestamp;
use jiff::fmt::strtime;
use model::error::InputError;
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

/// What HTTP can't carry raw, beside bytes that are no ASCII.
const INVISIBLE: &AsciiSet = &CONTROLS.add(b' ');

/// How a time is written between its brackets.
const TIME_FORMAT: &str = "%d/%b/%Y:%H:%M:%S %z";

/// Longest response time that is believed, in s: one day.
const MAX_RESPONSE_TIME_S: u64 = 86_400;

/// One request as an access log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
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

impl Entry {
    /// Reads a line, without its line break.
    ///
    /// # Errors
    /// The first field that can't be read, with what was found and what was expected.
    pub fn parse(line: &[u8]) -> Result<Self, InputError> {
        let mut cursor = Cursor { rest: line };
        let address = read_address(cursor.token())?;
        let time_s = read_time(cursor.bracketed()?)?;
        let request = cursor.quoted("request")?;
        let (method, target) = read_request(&request)?;
        let status = read_status(cursor.token())?;
        let bytes = read_bytes(cursor.token())?;
        let (mut referer, mut agent) = (None, None);
        if cursor.at_quote() {
            referer = text_unless_absent(&cursor.quoted("referer")?);
        }
        if cursor.at_quote() {
            agent = text_unless_absent(&cursor.quoted("agent")?);
        }
        let response_time_us = read_response_time(&mut cursor)?;
        Ok(Self { address, time_s, method, target, status, bytes, referer, agent, response_time_us })
    }
}

impl fmt::Display for Entry {
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

/// What is left of a line.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn at_quote(&mut self) -> bool {
        self.skip_spaces();
        self.rest.first() == Some(&b'"')
    }

    /// Everything up to white space; empty at the end of the line.
    fn token(&mut self) -> &'a [u8] {
        self.skip_spaces();
        let end = self.rest.iter().position(u8::is_ascii_whitespace).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        token
    }

    /// What stands between the next brackets; whatever comes before them (identity and user) is passed over.
    fn bracketed(&mut self) -> Result<&'a [u8], InputError> {
        let missing = |found| field("time", found, "expected [day/month/year:hour:minute:second zone]");
        let open = self.rest.iter().position(|b| *b == b'[').ok_or_else(|| missing(self.rest))?;
        let (_, inner) = self.rest.split_at(open + 1);
        let close = inner.iter().position(|b| *b == b']').ok_or_else(|| missing(inner))?;
        let (time, rest) = inner.split_at(close);
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(time)
    }

    /// What stands between the next quotes, with escapes resolved.
    fn quoted(&mut self, name: &str) -> Result<Vec<u8>, InputError> {
        if !self.at_quote() {
            return Err(field(name, self.rest, "expected it in double quotes"));
        }
        let whole = self.rest;
        let mut text = Vec::new();
        let mut bytes = whole.iter().copied().skip(1).enumerate();
        while let Some((index, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.rest = whole.get(index + 2..).unwrap_or_default();
                    return Ok(text);
                }
                b'\\' => match bytes.next() {
                    Some((at, b'x')) => match hex_byte(whole.get(at + 2..at + 4)) {
                        Some(value) => {
                            text.push(value);
                            bytes.nth(1);
                        }
                        None => text.extend(b"\\x"),
                    },
                    Some((_, escape)) => match unescape(escape) {
                        Some(value) => text.push(value),
                        None => text.extend([b'\\', escape]),
                    },
                    None => text.push(b'\\'),
                },
                other => text.push(other),
            }
        }
        Err(field(name, whole, "expected a closing double quote"))
    }
}

/// The byte that a backslash and this one stand for, as servers write them.
const fn unescape(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' => Some(byte),
        b'n' => Some(b'\n'),
        b't' => Some(b'\t'),
        b'r' => Some(b'\r'),
        b'b' => Some(0x08),
        b'f' => Some(0x0c),
        b'v' => Some(0x0b),
        _ => None,
    }
}

fn hex_byte(digits: Option<&[u8]>) -> Option<u8> {
    let text = digits.filter(|d| d.iter().all(u8::is_ascii_hexdigit)).map(str::from_utf8)?.ok()?;
    u8::from_str_radix(text, 16).ok()
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

fn field(name: &str, found: &[u8], remedy: &str) -> InputError {
    InputError::field(name, String::from_utf8_lossy(found), remedy)
}

fn text_unless_absent(bytes: &[u8]) -> Option<String> {
    (bytes != b"-").then(|| String::from_utf8_lossy(bytes).into_owned())
}

fn read_address(token: &[u8]) -> Result<String, InputError> {
    let plain = !token.is_empty() && token.len() <= 255 && token.iter().all(u8::is_ascii_graphic);
    match str::from_utf8(token) {
        Ok(text) if plain => Ok(text.to_owned()),
        // The value may be somebody's address with a slip in it: it is not shown.
        _ => Err(InputError::field("address", format!("{} bytes", token.len()), "expected an address or host name")),
    }
}

fn read_time(text: &[u8]) -> Result<i64, InputError> {
    str::from_utf8(text)
        .ok()
        .and_then(|text| strtime::parse(TIME_FORMAT, text).ok()?.to_timestamp().ok())
        .map(Timestamp::as_second)
        .ok_or_else(|| field("time", text, "expected a time such as 10/Oct/2000:13:55:36 -0700"))
}

/// Method and target of a request line.
fn read_request(line: &[u8]) -> Result<(String, String), InputError> {
    let bad = |remedy| field("request", line, remedy);
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

fn read_status(token: &[u8]) -> Result<u16, InputError> {
    number(token)
        .and_then(|status| u16::try_from(status).ok())
        .filter(|status| (100..=999).contains(status))
        .ok_or_else(|| field("status", token, "expected three digits"))
}

fn read_bytes(token: &[u8]) -> Result<Option<u64>, InputError> {
    match token {
        b"-" | b"" => Ok(None),
        _ => number(token).map(Some).ok_or_else(|| field("bytes", token, "expected a number or -")),
    }
}

fn read_response_time(cursor: &mut Cursor<'_>) -> Result<Option<u64>, InputError> {
    loop {
        let token = cursor.token();
        if token.is_empty() {
            return Ok(None);
        }
        if let Some(value) = token.strip_prefix(b"rt=") {
            return match value {
                b"-" => Ok(None),
                _ => microseconds(value)
                    .map(Some)
                    .ok_or_else(|| field("rt", value, "expected seconds such as 0.123, at most a day, or -")),
            };
        }
    }
}

/// Decimal seconds in µs; digits beyond the sixth are cut.
fn microseconds(seconds: &[u8]) -> Option<u64> {
    let text = str::from_utf8(seconds).ok()?;
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    if !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole = number(whole.as_bytes()).filter(|whole| *whole <= MAX_RESPONSE_TIME_S)?;
    let part = number(format!("{part:0<6.6}").as_bytes())?;
    Some(whole * 1_000_000 + part)
}

/// A number of digits alone: no sign, no space.
fn number(digits: &[u8]) -> Option<u64> {
    let text = str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    text.parse().ok()
}

#[cfg(test)]
mod tests;
