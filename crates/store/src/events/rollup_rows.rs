//! Rollups as rows: the form in which a database stores them and an object sends them.
//!
//! A row is read as one JSON text, because the platform converts each value by itself: seventeen values take ten times
//! as long to reach the Worker as one text.

use serde_json::Value as Json;

use model::counting::exemplar::Exemplars;
use model::counting::grain::Grain;
use model::counting::rollup::{Rollup, RollupKey};
use model::counting::sketch::{Addresses, LatencySketch};
use model::error::InputError;
use model::event::Cohort;
use model::reading::selection::RollupParts;

use crate::sql::StoreError;

/// The values in a row's text, in order. The last three are hexadecimal, and empty if they were not asked for.
type Columns = (
    u64,                  // length of the interval, ms
    u64,                  // its start, ms
    String,               // route
    usize,                // cohort
    u64,                  // requests
    [u64; 5],             // by status class
    (u64, u32, u32),      // response times: sum, smallest, largest
    (u64, u64, u64, u64), // halves of the sums of digests and of values
    String,               // response times
    String,               // addresses
    String,               // exemplars
);

/// Reads a row's text.
///
/// # Errors
/// [`StoreError::Corrupt`] if the text is no rollup.
pub fn decode(text: &str) -> Result<(RollupKey, Rollup), StoreError> {
    let corrupt = |error: &dyn std::fmt::Display| StoreError::Corrupt(format!("rollup: {error}"));
    let columns: Columns = serde_json::from_str(text).map_err(|error| corrupt(&error))?;
    let (ms, start, path, cohort, requests, status, times, sums, latency, addresses, exemplars) = columns;
    let grain = Grain::of_ms(ms).ok_or_else(|| corrupt(&format_args!("no grain has {ms} ms")))?;
    let cohort = *Cohort::ALL.get(cohort).ok_or_else(|| corrupt(&format_args!("cohort {cohort} is unknown")))?;
    let bytes = |text: &str| hex::decode(text).map_err(|error| corrupt(&error));
    let readable = |error: InputError| corrupt(&error);
    let exemplars = bytes(&exemplars)?;
    let rollup = Rollup {
        requests,
        status,
        response_time_sum: times.0,
        response_time_range: (requests > 0).then_some((times.1, times.2)),
        latency: LatencySketch::from_bytes(&bytes(&latency)?).map_err(readable)?,
        addresses: Addresses::from_bytes(&bytes(&addresses)?).map_err(readable)?,
        digest_sum: (sums.0 << 32).wrapping_add(sums.1),
        value_sum: (sums.2 << 32).wrapping_add(sums.3),
        exemplars: if exemplars.is_empty() {
            Exemplars::default()
        } else {
            postcard::from_bytes(&exemplars).map_err(|error| corrupt(&error))?
        },
    };
    Ok((RollupKey { start, grain, path, cohort }, rollup))
}

/// Writes a row with these parts of the rollup.
///
/// # Errors
/// [`StoreError::Corrupt`] if the encoder fails. It can't fail for these types.
pub fn encode(key: &RollupKey, rollup: &Rollup, parts: RollupParts) -> Result<Json, StoreError> {
    let (low, high) = (|sum: u64| sum & u64::from(u32::MAX), |sum: u64| sum >> 32);
    let (min, max) = rollup.response_time_range.unwrap_or_default();
    let (mut latency, mut addresses, mut exemplars) = (String::new(), String::new(), String::new());
    if parts >= RollupParts::Latency {
        latency = hex::encode(rollup.latency.to_bytes());
    }
    if parts >= RollupParts::Figures {
        addresses = hex::encode(rollup.addresses.to_bytes());
    }
    if parts >= RollupParts::All {
        let packed = postcard::to_allocvec(&rollup.exemplars);
        exemplars = hex::encode(packed.map_err(|error| StoreError::Corrupt(error.to_string()))?);
    }
    Ok(serde_json::json!([
        key.grain.ms(),
        key.start,
        key.path,
        key.cohort.index(),
        rollup.requests,
        rollup.status,
        [rollup.response_time_sum, u64::from(min), u64::from(max)],
        [high(rollup.digest_sum), low(rollup.digest_sum), high(rollup.value_sum), low(rollup.value_sum)],
        latency,
        addresses,
        exemplars,
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::event::Event;

    fn example() -> Event {
        let text = r#"{"idempotentId":"1730956800000-0a1b2c3d","digest":"0a1b2c3d4e5f6071","timestamp":1730956800123,
            "path":"/api/users","method":"GET","status":200,"responseTime":12,"clientIpHash":"0000000000000001",
            "cohort":"single","flagVersion":3,"producer":"0000000000000002","seq":4,"write":4,"fellBack":false}"#;
        serde_json::from_str(text).unwrap()
    }

    fn rollup() -> (RollupKey, Rollup) {
        let mut rollup = Rollup::default();
        rollup.add(&example());
        rollup.add(&Event { status: 404, response_time: 900, ..example() });
        (RollupKey { start: 1_730_956_800_000, grain: Grain::Hour, path: "/é\"".into(), cohort: Cohort::Dual }, rollup)
    }

    #[test]
    fn a_rollup_survives_storage() {
        let (key, rollup) = rollup();
        let (stored_key, stored) = decode(&encode(&key, &rollup, RollupParts::All).unwrap().to_string()).unwrap();
        assert_eq!(stored_key, key);
        assert_eq!((stored.requests, stored.status, stored.response_time_sum), (2, [0, 1, 0, 1, 0], 912));
        assert_eq!(stored.response_time_range, Some((12, 900)));
        assert_eq!((stored.digest_sum, stored.value_sum), (rollup.digest_sum, rollup.value_sum));
        assert_eq!(stored.exemplars, rollup.exemplars);
        assert_eq!((stored.addresses.lower_bound(), stored.latency.quantile(0.0)), (1, rollup.latency.quantile(0.0)));
    }

    #[test]
    fn parts_that_were_not_asked_for_are_empty() {
        let (key, rollup) = rollup();
        let (_, counts) = decode(&encode(&key, &rollup, RollupParts::Counts).unwrap().to_string()).unwrap();
        assert_eq!((counts.requests, counts.latency.quantile(0.5), counts.addresses.lower_bound()), (2, None, 0));
        let (_, latency) = decode(&encode(&key, &rollup, RollupParts::Latency).unwrap().to_string()).unwrap();
        assert!(latency.latency.quantile(0.5).is_some() && latency.addresses.lower_bound() == 0);
        let (_, figures) = decode(&encode(&key, &rollup, RollupParts::Figures).unwrap().to_string()).unwrap();
        assert!(figures.addresses.lower_bound() == 1 && figures.exemplars.sample.is_empty());
    }

    #[test]
    fn what_is_no_row_is_an_error_that_says_so() {
        let row = |ms: u64, cohort: u64, bytes: &str| {
            format!(r#"[{ms},0,"/",{cohort},1,[0,0,0,0,0],[0,0,0],[0,0,0,0],"{bytes}","{bytes}","{bytes}"]"#)
        };
        assert!(decode(&row(60_000, 1, "")).is_ok());
        for text in ["", "[]", &row(1, 1, ""), &row(60_000, 9, ""), &row(60_000, 1, "zz"), &row(60_000, 1, "09")] {
            assert!(matches!(decode(text), Err(StoreError::Corrupt(_))), "{text}");
        }
    }
}
