//! One number for all values of an event that parity compares, made to be summed.
//!
//! Invariants: it is frozen, with test vectors in `tests/vectors/values.json`; a change is a new tag. It is a
//! cryptographic hash over an encoding that no two events share, so that wrapping sums over different sets of events
//! agree only with a chance of 2⁻⁶⁴. A weak hash would not do: its errors cancel in a sum.

use sha2::{Digest as _, Sha256};

use super::Event;
use super::identity::first_u64;

/// Keeps these hashes apart from all others that are made of the same bytes.
const TAG: &[u8] = b"path-collector/values/1";

/// First 64 bits, big endian, of
/// `SHA-256(tag ‖ digest ‖ timestamp ‖ status ‖ responseTime ‖ clientIpHash ‖ len(method) ‖ method ‖ len(path) ‖ path)`.
///
/// Numbers are big endian and of fixed width: status 2 bytes, response time and lengths (in bytes) 4, the others 8.
pub fn value_hash(event: &Event) -> u64 {
    let mut hash = Sha256::new();
    hash.update(TAG);
    hash.update(event.digest.0.to_be_bytes());
    hash.update(event.timestamp.to_be_bytes());
    hash.update(event.status.to_be_bytes());
    hash.update(event.response_time.to_be_bytes());
    hash.update(event.client_ip_hash.0.to_be_bytes());
    for text in [&event.method, &event.path] {
        #[allow(clippy::cast_possible_truncation)] // texts of an event are far below 4 GB
        hash.update((text.len() as u32).to_be_bytes());
        hash.update(text.as_bytes());
    }
    first_u64(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::address::ClientIpHash;
    use crate::event::identity::Digest;
    use crate::event::tests::example;
    use crate::event::{Cohort, ProducerId};

    #[test]
    fn every_value_that_is_compared_changes_it_and_nothing_else_does() {
        let one = example();
        let others = [
            Event { digest: Digest(one.digest.0 ^ 1), ..one.clone() },
            Event { timestamp: one.timestamp + 1, ..one.clone() },
            Event { status: one.status + 1, ..one.clone() },
            Event { response_time: one.response_time + 1, ..one.clone() },
            Event { client_ip_hash: ClientIpHash(one.client_ip_hash.0 ^ 1), ..one.clone() },
            Event { method: format!("{}S", one.method), ..one.clone() },
            Event { path: format!("{}s", one.path), ..one.clone() },
        ];
        let mut hashes: Vec<u64> = others.iter().chain([&one]).map(value_hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), others.len() + 1);
        let sent_otherwise =
            Event { cohort: Cohort::Fallback, flag_version: 99, producer: ProducerId(9), seq: 9, ..one.clone() };
        assert_eq!(value_hash(&sent_otherwise), value_hash(&one));
    }

    #[test]
    fn no_byte_moves_from_one_text_to_the_next_unseen() {
        let of = |method: &str, path: &str| {
            value_hash(&Event { method: method.to_owned(), path: path.to_owned(), ..example() })
        };
        assert_ne!(of("GET", "/a"), of("GE", "T/a"));
        assert_ne!(of("GET\0", "/a"), of("GET", "\0/a"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        #[test]
        fn two_events_whose_routes_are_exchanged_change_the_sum(one: u64, other: u64, short in "/[a-d]{1,2}", long in "/[a-d]{1,9}") {
            prop_assume!(one != other && short != long);
            let of = |digest, path: &String| value_hash(&Event { digest: Digest(digest), path: path.clone(), ..example() });
            let before = of(one, &short).wrapping_add(of(other, &long));
            prop_assert_ne!(before, of(one, &long).wrapping_add(of(other, &short)));
        }

        #[test]
        fn events_of_one_route_that_are_written_as_another_change_the_sum(first: u64, count in 1u64..200) {
            let of = |path: &str| (0..count).fold(0u64, |sum, n| {
                let event = Event { digest: Digest(first.wrapping_add(n)), path: path.to_owned(), ..example() };
                sum.wrapping_add(value_hash(&event))
            });
            prop_assert_ne!(of("/a"), of("/b"));
        }
    }
}
