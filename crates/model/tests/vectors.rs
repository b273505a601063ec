//! The frozen hashes, held against vectors that another implementation made.
#![allow(missing_docs, clippy::unwrap_used)]

use model::event::address::{ClientIpHash, DailyKey};
use model::event::identity::{Digest, IdempotentId};
use model::event::value_hash::value_hash;
use model::event::{Cohort, Event, ProducerId};
use model::flag::route::{Purpose, bucket};
use serde_json::Value;

fn vectors(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    let vectors = file["vectors"].as_array().unwrap().clone();
    assert!(vectors.len() >= 5);
    vectors
}

#[test]
fn identity() {
    for vector in vectors(include_str!("../../../tests/vectors/identity.json")) {
        let text = |name: &str| vector[name].as_str().unwrap();
        let (address, path, request) = (text("address"), text("path"), text("requestId"));
        let id = IdempotentId::generate(vector["timestamp"].as_u64().unwrap(), address, path, request).unwrap();
        assert_eq!(id.to_string(), text("idempotentId"));
        assert_eq!(Digest::of(address, path, request).to_string(), text("digest"));
    }
}

#[test]
fn buckets() {
    for vector in vectors(include_str!("../../../tests/vectors/buckets.json")) {
        let text = |name: &str| vector[name].as_str().unwrap();
        let purpose = if text("purpose") == "sample" { Purpose::Sample } else { Purpose::Queue };
        let found = bucket(text("salt"), purpose, &text("idempotentId").parse::<IdempotentId>().unwrap());
        assert_eq!(found, bucket(text("salt"), purpose, &text("idempotentId")), "an ID hashes as its text");
        assert_eq!(u64::from(found), vector["bucket"].as_u64().unwrap(), "{vector}");
    }
}

#[test]
fn addresses() {
    for vector in vectors(include_str!("../../../tests/vectors/addresses.json")) {
        let text = |name: &str| vector[name].as_str().unwrap();
        let key = DailyKey(hex::decode(text("key")).unwrap().try_into().unwrap());
        assert_eq!(ClientIpHash::keyed(&key, text("address")).to_string(), text("clientIpHash"), "{vector}");
    }
}

#[test]
fn values() {
    for vector in vectors(include_str!("../../../tests/vectors/values.json")) {
        let text = |name: &str| vector[name].as_str().unwrap();
        let number = |name: &str| vector[name].as_u64().unwrap();
        let (timestamp, digest) = (number("timestamp"), text("digest").parse().unwrap());
        let event = Event {
            idempotent_id: IdempotentId::with_digest(timestamp, digest).unwrap(),
            digest,
            timestamp,
            path: text("path").to_owned(),
            method: text("method").to_owned(),
            status: number("status").try_into().unwrap(),
            response_time: number("responseTime").try_into().unwrap(),
            client_ip_hash: text("clientIpHash").parse().unwrap(),
            cohort: Cohort::Dual,
            flag_version: 1,
            producer: ProducerId(1),
            seq: 1,
            write: 1,
            fell_back: false,
        };
        assert_eq!(format!("{:016x}", value_hash(&event)), text("valueHash"), "{vector}");
    }
}
