//! Where in a JSON text its parser gave up: what an error message names.

/// The path of the value that begins or has just ended where a text is cut, such as `overrides[0].mode`; empty for the
/// text as a whole. Up to the cut the text must be JSON, or the path may be wrong. Keys are given as they are written.
pub fn path_at_end(text: &str) -> String {
    let (mut path, mut key, mut rest) = (String::new(), "", text);
    // Of each open object or array: how long the path to it is, and in an array the place that is read.
    let mut open: Vec<(usize, Option<usize>)> = Vec::new();
    while let Some(at) = rest.find(['"', '{', '[', ':', ',', ']', '}']) {
        let (found, after) = rest.split_at(at).1.split_at(1);
        rest = after;
        match (found, open.last_mut()) {
            ("\"", _) => {
                let Some(end) = end_of_string(rest) else { break };
                (key, rest) = (rest.get(..end).unwrap_or_default(), rest.get(end + 1..).unwrap_or_default());
            }
            ("{", _) => open.push((path.len(), None)),
            ("[", _) => {
                open.push((path.len(), Some(0)));
                path.push_str("[0]");
            }
            (":", Some((length, _))) => {
                path.truncate(*length);
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            (",", Some((length, place))) => {
                path.truncate(*length);
                if let Some(place) = place {
                    *place += 1;
                    path.extend(["[", &place.to_string(), "]"]);
                }
            }
            (_, Some((length, _))) => {
                path.truncate(*length);
                open.pop();
            }
            (_, None) => break,
        }
    }
    path
}

/// Where the quote is that ends a string.
fn end_of_string(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::flag::document::Document;

    #[test]
    fn the_path_is_that_of_the_value_at_the_end() {
        for (text, path) in [
            ("", ""),
            ("{", ""),
            (r#"{"a""#, ""),
            (r#"{"a":"#, "a"),
            (r#"{"a":"x"#, "a"),
            (r#"{"a":"}\\\"]","b":[1, {"c":{"d":2}"#, "b[1].c"),
            (r#"{"a":[[], [1,2]"#, "a[1]"),
            (r#"{"a":1}"#, ""),
            ("]", ""),
        ] {
            assert_eq!(path_at_end(text), path, "{text}");
        }
    }

    /// Replaces one of a value's parts, in any depth, or takes it away.
    fn damage(value: &mut Value, place: &mut usize, with: Option<&Value>) {
        let keys: Vec<String> = value.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default();
        for key in keys {
            if *place == 0 {
                let map = value.as_object_mut().unwrap();
                match with {
                    None => map.remove(&key),
                    Some(with) => map.insert(key.clone(), with.clone()),
                };
            }
            *place = place.wrapping_sub(1);
            if let Some(part) = value.get_mut(&key) {
                damage(part, place, with);
            }
        }
        for part in value.as_array_mut().into_iter().flatten() {
            if let (0, Some(with)) = (*place, with) {
                *part = with.clone();
            }
            *place = place.wrapping_sub(1);
            damage(part, place, with);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            path_at_end(&text);
        }

        #[test]
        fn an_error_has_the_path_that_a_tracking_parser_gives_it(place in 0_usize..40, with in 0_usize..12, pretty: bool) {
            let mut value = json!({
                "schema": 1, "version": 2, "mode": "dual-write", "samplePpm": 1, "queuePpm": 2, "salt": "\"{\\",
                "overrides": [{"path": "/a", "mode": "do-only"}, {"path": "/b", "mode": "do-only", "queuePpm": 3}],
                "guard": {"maxDiffPpm": 1, "minEvents": 2, "action": "none"}, "other": [{"a": [1, "]"]}],
                "ramp": {"steps": [1, 2, 3], "everyMs": 60_000, "next": 1, "paused": false}, "reason": "é: [",
            });
            let wrong = [
                json!(null), json!("x"), json!("é\"\n"), json!(-1), json!(1.5), json!(u64::MAX), json!([]), json!({}),
                json!([1]), json!({"a": 1}), json!(true),
            ];
            damage(&mut value, &mut place.clone(), wrong.get(with));
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            let tracked: Result<Document, _> =
                serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(&text));
            if let Err(tracked) = tracked && tracked.inner().is_data() {
                let path = tracked.path().to_string();
                let cut = crate::error::before(&text, tracked.inner());
                prop_assert_eq!(path_at_end(cut), if path == "." { "" } else { &path }, "{}: {}", tracked, text);
            }
        }
    }
}
