//! What an access log's lines mean, and that no bytes can break the reader.

use proptest::prelude::*;

use super::*;

fn parse(line: &str) -> LogEntry {
    LogEntry::parse(line.as_bytes()).unwrap()
}

fn error(line: &[u8]) -> String {
    LogEntry::parse(line).unwrap_err().to_string()
}

#[test]
fn the_common_format_is_read() {
    let entry = parse(r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif?x=1 HTTP/1.0" 200 2326"#);
    let expected = LogEntry {
        address: "127.0.0.1".into(),
        time_s: 971_211_336,
        method: "GET".into(),
        target: "/apache_pb.gif?x=1".into(),
        status: 200,
        bytes: Some(2326),
        referer: None,
        agent: None,
        response_time_us: None,
    };
    assert_eq!(entry, expected);
}

#[test]
fn the_combined_format_is_read_with_and_without_a_response_time() {
    let combined = r#"2001:db8::7 - - [01/Mar/2024:00:00:00 +0100] "POST /a HTTP/2.0" 201 - "https://example.org/?q=\"x\"" "Mozilla/5.0 (X11; Linux)""#;
    let entry = parse(combined);
    assert_eq!(entry.time_s, 1_709_247_600);
    assert_eq!(entry.bytes, None);
    assert_eq!(entry.referer.as_deref(), Some("https://example.org/?q=\"x\""));
    assert_eq!(entry.agent.as_deref(), Some("Mozilla/5.0 (X11; Linux)"));
    assert_eq!(entry.response_time_us, None);
    for (field, us) in [
        ("rt=0.123", Some(123_000)),
        ("rt=12", Some(12_000_000)),
        ("rt=0.1234567", Some(123_456)),
        ("rt=-", None),
        ("\"-\" pipe=. rt=1.5", Some(1_500_000)),
    ] {
        assert_eq!(parse(&format!("{combined} {field}")).response_time_us, us, "{field}");
    }
}

#[test]
fn what_http_cannot_carry_raw_is_percent_encoded() {
    let target = |request: &[u8]| {
        let line = [b"h - - [01/Mar/2024:00:00:00 +0000] \"", request, b"\" 200 1"].concat();
        LogEntry::parse(&line).unwrap().target
    };
    assert_eq!(target(b"GET /a b HTTP/1.1"), "/a%20b");
    assert_eq!(target(b"GET /\\x00\\xE4 HTTP/1.1"), "/%00%E4");
    assert_eq!(target("GET /ä HTTP/1.1".as_bytes()), "/%C3%A4");
    assert_eq!(target(b"GET /\xff HTTP/1.1"), "/%FF");
    assert_eq!(target(b"GET /old"), "/old");
    assert_eq!(target(b"GET /a\\\"b\\\\c\\qd HTTP/1.1"), "/a\"b\\c\\qd");
    assert_eq!(target(b"OPTIONS * HTTP/1.1"), "*");
}

#[test]
fn an_error_names_the_field_what_was_found_and_what_was_expected() {
    for (line, parts) in [
        (&b""[..], ["`line`", "0 bytes", "expected ADDRESS"]),
        (b"h\xff - - [", ["`line`", "8 bytes", "expected ADDRESS"]),
        (b"h - - [yesterday] \"GET / HTTP/1.1\" 200 1", ["`time`", "yesterday", "10/Oct/2000"]),
        (b"h - - [31/Feb/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1", ["`time`", "31/Feb", "10/Oct/2000"]),
        (b"h - - [01/Mar/2024:00:00:00 +0000] GET / 200 1", ["`line`", "46 bytes", "expected ADDRESS"]),
        (b"h - - [01/Mar/2024:00:00:00 +0000] \"GET / 200 1", ["`line`", "47 bytes", "expected ADDRESS"]),
        (b"h - - [01/Mar/2024:00:00:00 +0000] \"-\" 408 -", ["`request`", "\"-\"", "METHOD TARGET"]),
        (b"h - - [01/Mar/2024:00:00:00 +0000] \"\\x16\\x03 a\" 400 -", ["`request`", "\\u{16}", "method such as GET"]),
        (b"h - - [01/Mar/2024:00:00:00 +0000] \"GET  HTTP/1.1\" 400 -", ["`request`", "GET  HTTP", "target such as"]),
        (b"h - - [01/Mar/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 2x0 1", ["`line`", "57 bytes", "STATUS BYTES"]),
        (b"h - - [01/Mar/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1k", ["`line`", "58 bytes", "STATUS BYTES"]),
        (b"h - - [01/Mar/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1 rt=fast", ["`rt`", "fast", "seconds"]),
        (b"h - - [01/Mar/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1 rt=1e9", ["`rt`", "1e9", "seconds"]),
    ] {
        let error = error(line);
        for part in parts {
            assert!(error.contains(part), "{part:?} in {error:?}");
        }
    }
}

fn entries() -> impl Strategy<Value = LogEntry> {
    let optional_text = || proptest::option::of(any::<String>().prop_filter("- is absence", |text| text != "-"));
    (
        "[0-9a-zA-Z:.-]{1,45}",
        // Years 1 to 9999, which is what the format can write.
        -62_135_596_800i64..=253_402_207_199,
        "[A-Z]{1,12}",
        "/[!-~]{0,80}",
        100u16..=999,
        proptest::option::of(any::<u64>()),
        (optional_text(), optional_text()),
        proptest::option::of(0..=MAX_RESPONSE_TIME_S * 1_000_000),
    )
        .prop_map(|(address, time_s, method, target, status, bytes, (referer, agent), response_time_us)| {
            LogEntry { address, time_s, method, target, status, bytes, referer, agent, response_time_us }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_bytes_are_read_or_refused_but_never_panic(line: Vec<u8>) {
        let _ = LogEntry::parse(&line);
    }

    #[test]
    fn a_damaged_line_is_read_or_refused_but_never_panics(entry in entries(), at: prop::sample::Index, byte: u8) {
        let mut line = entry.to_string().into_bytes();
        let at = at.index(line.len());
        line[at] = byte;
        let _ = LogEntry::parse(&line);
        let _ = LogEntry::parse(&line[..at]);
    }

    #[test]
    fn what_is_written_reads_back(entry in entries()) {
        prop_assert_eq!(LogEntry::parse(entry.to_string().as_bytes()).unwrap(), entry);
    }
}
