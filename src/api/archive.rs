//! `archive`: days in the archive, their manifests and parts, as they are in the bucket.

use serde::Serialize;
use worker::{Env, Response};

use crate::archive::{BINDING, R2};
use crate::config::Config;
use crate::deadline::{self, Deadline};
use crate::failure;
use crate::problem::Problem;
use crate::query::parameter;
use crate::sql_d1::D1Sql;
use model::archive::{Day, part_number};
use model::reading::missing::Part;
use store::archive::days::{ArchiveDays, Listed};
use store::sql::StoreError;

use super::stats::nothing_is_readable;

/// Most days that one read shows.
const SHOWN: u64 = 400;

/// Days, the newest first.
#[derive(Serialize)]
pub struct Days {
    /// Whether a bucket is bound.
    bound: bool,
    days: Vec<Listed>,
}

/// `GET archive?before=YYYY-MM-DD`.
pub async fn list(url: &str, env: &Env, config: &Config) -> Result<Days, Problem> {
    let before = match parameter(url, "before") {
        None => Day(u64::from(u32::MAX)),
        Some(text) => Day::parse(&text).ok_or_else(|| no_day("before"))?,
    };
    let listed = async { ArchiveDays::new(D1Sql::until(env, Deadline::to_read(config))?).list(before, SHOWN).await };
    let days = listed.await.map_err(|error| nothing_is_readable(&[deadline::missing(Part::Archive, &error)]))?;
    Ok(Days { bound: R2::of(env).is_some(), days })
}

/// `GET archive/{day}`: the manifest; `GET archive/{day}/{part}`: a part.
pub async fn file(day: &str, part: Option<&str>, env: &Env, config: &Config) -> Result<Response, Problem> {
    let day = Day::parse(day).ok_or_else(|| no_day("day"))?;
    let name = match part {
        None => day.manifest_name(),
        Some(file) => {
            let number = part_number(file);
            let number = number.ok_or_else(|| Problem::bad_request("`part`: give a name of the manifest's parts"))?;
            day.part_name(number)
        }
    };
    let bucket = R2::of(env).ok_or_else(|| Problem::not_found(format!("no R2 bucket is bound as {BINDING}")))?;
    let file = async { bucket.get(&name).await.map_err(|error| StoreError::Unavailable(failure::reason(error))) };
    let found = Deadline::to_read(config).within(file).await;
    let found = found.map_err(|error| nothing_is_readable(&[deadline::missing(Part::Archive, &error)]))?;
    found.ok_or_else(|| Problem::not_found(format!("there is no {name} in the archive; GET archive lists its days")))
}

fn no_day(field: &str) -> Problem {
    Problem::bad_request(format!("`{field}`: give a UTC day such as 2026-11-23"))
}
