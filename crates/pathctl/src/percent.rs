//! Percent-encoding (RFC 3986, section 2.1).

/// The bytes as text, with those that are not `plain` percent-encoded. `plain` bytes must be ASCII.
pub fn encode(bytes: &[u8], plain: impl Fn(u8) -> bool) -> String {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |value: u8| HEX.get(usize::from(value)).copied().unwrap_or('0');
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if plain(*byte) {
            text.push(char::from(*byte));
        } else {
            text.extend(['%', digit(byte >> 4), digit(byte & 0x0f)]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_plain_is_encoded() {
        assert_eq!(encode(b"/a b\xff\x00", |b| b.is_ascii_graphic()), "/a%20b%FF%00");
    }
}
