//! The Worker's settings, from its environment variables.
//!
//! Invariant: a bad value never stops the gateway. It is logged once per isolate, naming the variable, and its default
//! holds.

use std::rc::Rc;

use model::access::jwt::Application;
use model::counting::admission::{DEFAULT_ROUTES, RouteLimit};
use model::counting::grain::{DAY_MS, HOUR_MS, Retention};
use model::delivery::bounds::{Bounds, FLUSH_MS, LANES};
use model::delivery::coalesce::Limits;
use model::error::InputError;
use model::event::MAX_ID_DISTANCE_MS;
use model::event::identity::DEFAULT_WINDOW_MS;
use model::event::path::Normalizer;

/// Settings.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // each is a setting of its own
pub struct Config {
    /// `UPSTREAM_URL`: origin that requests are passed to, without a trailing slash. None: the `UPSTREAM` service
    /// binding if there is one, else the zone's own origin.
    pub upstream_url: Option<String>,
    /// `PATH_TEMPLATES`: path templates, separated by white space or commas.
    pub normalizer: Normalizer,
    /// `ROUTES_PER_DAY`: most routes that a store counts separately on a day, besides templates.
    pub routes: RouteLimit,
    /// `ID_WINDOW_MS`: length of the ID window, 1 s to 1 h.
    pub window_ms: u64,
    /// `COLLECTOR_SHARDS`: number of `PathCollector` objects, 1 to 256. Once there are events, the number by which they
    /// were stored is in force, whatever this says: ask `objects/layout.rs`.
    pub shards: u64,
    /// `FLAG_TTL_MS`: life of the flag in an isolate's memory.
    pub flag_ttl_ms: u64,
    /// `SEND_DEADLINE_MS`: how long a write may take before the other path is tried. All writes of a flush and their
    /// fallbacks must fit into 25 s; with many objects and large flushes even the default is less than 2 s.
    pub send_deadline_ms: u64,
    /// `READ_DEADLINE_MS`: how long the API waits for each store before it answers without it.
    pub read_deadline_ms: u64,
    /// `LINGER_MS` and `FLUSH_EVENTS`: bounds of the shared buffer. The longer events wait, the fewer writes carry
    /// them, and the more are lost with an isolate that ends; a page that shows a request within 3 s leaves half of one.
    /// Linger and flush together must end before the platform ends `waitUntil`, after 30 s.
    pub limits: Limits,
    /// `REQUEST_ID`: whether `CF-Ray` tells requests apart. It doesn't if other Workers call this one over a service
    /// binding and pass on the ray of the request that they serve: all of their requests with that ray would count
    /// once.
    pub ray_is_unique: bool,
    /// `ADDRESS_HASH`: whether addresses are hashed by the plan's plain SHA-256 instead of the daily key.
    pub plain_address_hash: bool,
    /// `LOG_EVENTS`: whether each event is logged.
    pub log_events: bool,
    /// `PARITY_LAG_MS`: time that stragglers have before a window is compared.
    pub parity_lag_ms: u64,
    /// `PARITY_HOUR_LIMIT_PPM` and `PARITY_DAY_LIMIT_PPM`: largest mismatch rates that pass.
    pub parity_limit_ppm: ParityLimits,
    /// `KEEP_MINUTES_HOURS`, `KEEP_HOURS_DAYS`, `KEEP_DAYS_DAYS`: how long figures by minute, hour and day are kept.
    /// `KEEP_DETAILS_DAYS`: how long events themselves are kept; 7 days is the least, as long as dedup needs them.
    pub retention: Retention,
    /// `ACCESS_TEAM_DOMAIN` and `ACCESS_AUD`: the Cloudflare Access application whose users may read.
    pub access: Option<Application>,
    /// `ENVIRONMENT`: what the dashboard calls this deployment, such as `production`: up to 40 letters, digits, `-` and
    /// `_`. It should be the name of Wrangler's environment, which commands on the page name.
    pub environment: Option<String>,
    /// `LOCAL_DEVELOPMENT`: whether administrative routes are open without a secret.
    pub local_development: bool,
}

/// Largest mismatch rates that pass, in ppm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParityLimits {
    /// Scheme B: hours, and ranges on demand.
    pub hour: u32,
    /// Scheme A: days.
    pub day: u32,
}

/// Reads variables and remembers what was wrong with them.
struct Reader<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    errors: Vec<InputError>,
}

impl Reader<'_> {
    fn number(&mut self, name: &'static str, default: u64, range: std::ops::RangeInclusive<u64>) -> u64 {
        let Some(text) = (self.get)(name) else { return default };
        match text.trim().parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let remedy = format!("give a whole number from {} to {}; {default} holds", range.start(), range.end());
                self.errors.push(InputError::field(name, text, remedy));
                default
            }
        }
    }

    /// A number as [`Self::number`], whose upper end has a reason.
    fn bounded(&mut self, name: &'static str, default: u64, range: std::ops::RangeInclusive<u64>, why: &str) -> u64 {
        let errors = self.errors.len();
        let number = self.number(name, default, range);
        for error in self.errors.iter_mut().skip(errors) {
            if let InputError::Field { remedy, .. } = error {
                *remedy = format!("{remedy}. {why}");
            }
        }
        number
    }

    /// The deadline of a write: so short that all writes of a flush have their turn, and their fallbacks.
    fn send_deadline_ms(&mut self, shards: u64, events: u64) -> u64 {
        let longest_ms = Bounds::longest_write_ms(shards, events);
        let why = format!(
            "A flush ends after {FLUSH_MS} ms, and has to fit all its writes, {LANES} at once, and their fallbacks: \
             fewer COLLECTOR_SHARDS (now {shards}) or FLUSH_EVENTS (now {events}) leave each more time"
        );
        self.bounded("SEND_DEADLINE_MS", longest_ms.min(2_000), 10..=longest_ms, &why)
    }

    fn ppm(&mut self, name: &'static str, default: u32) -> u32 {
        u32::try_from(self.number(name, u64::from(default), 1..=1_000_000)).unwrap_or(default)
    }

    fn choice<T: Copy>(&mut self, name: &'static str, default: T, choices: &[(&str, T)]) -> T {
        let Some(text) = (self.get)(name) else { return default };
        if let Some((_, value)) = choices.iter().find(|(label, _)| *label == text.trim()) {
            return *value;
        }
        let labels: Vec<&str> = choices.iter().map(|(label, _)| *label).collect();
        self.errors.push(InputError::field(
            name,
            text,
            format!("give one of {}; the default holds", labels.join(", ")),
        ));
        default
    }

    fn text(&self, name: &'static str) -> Option<String> {
        (self.get)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Both settings or neither. A team is asked for its keys, so it must not be reached in the clear.
    fn access(&mut self, local_development: bool) -> Option<Application> {
        let (domain, audience) = (self.text("ACCESS_TEAM_DOMAIN"), self.text("ACCESS_AUD"));
        let (domain, audience) = match (domain, audience) {
            (Some(domain), Some(audience)) => (domain, audience),
            (None, None) => return None,
            (domain, _) => {
                let missing = if domain.is_none() { "ACCESS_TEAM_DOMAIN" } else { "ACCESS_AUD" };
                self.errors.push(InputError::field(missing, "", "set both ACCESS_TEAM_DOMAIN and ACCESS_AUD"));
                return None;
            }
        };
        let host = match domain.split_once("://") {
            None => Some(domain.as_str()),
            Some(("https", host)) => Some(host),
            Some(("http", host)) if local_development => Some(host),
            Some(_) => None,
        };
        let host = host.map(|host| host.trim_end_matches('/')).filter(|host| !host.is_empty());
        if host.is_none_or(|host| host.contains(['/', '?', '#', '@', ' '])) {
            let remedy = "give the team's domain, such as team.cloudflareaccess.com";
            self.errors.push(InputError::field("ACCESS_TEAM_DOMAIN", domain, remedy));
            return None;
        }
        let team = domain.trim_end_matches('/');
        let team = if team.contains("://") { team.to_owned() } else { format!("https://{team}") };
        Some(Application { team, audience })
    }

    /// A short name that may stand in a page and in a command as it is.
    fn label(&mut self, name: &'static str) -> Option<String> {
        let text = self.text(name)?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if text.len() <= 40 && text.chars().all(is_plain) {
            return Some(text);
        }
        let remedy = "give up to 40 letters, digits, - and _, such as production; until then there is none";
        self.errors.push(InputError::field(name, text, remedy));
        None
    }

    fn url(&mut self, name: &'static str) -> Option<String> {
        let text = self.text(name)?;
        let trimmed = text.trim_end_matches('/');
        let host = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
        if host.is_some_and(|host| !host.is_empty() && !host.contains(['?', '#', ' '])) {
            return Some(trimmed.to_owned());
        }
        let remedy = "give an absolute URL such as https://api.example.com, without query";
        self.errors.push(InputError::field(name, text, remedy));
        None
    }
}

/// Why events may not wait longer: 4 s and the 25 s of a flush leave one of the platform's 30.
const LINGER_WHY: &str = "The platform ends all work 30 s after the response, and a flush may take 25 s of them";

const SWITCH: [(&str, bool); 2] = [("true", true), ("false", false)];

impl Config {
    /// Reads settings with `get`. Also returns what is wrong with them.
    pub fn read(get: &dyn Fn(&str) -> Option<String>) -> (Self, Vec<InputError>) {
        let mut reader = Reader { get, errors: Vec::new() };
        let templates = get("PATH_TEMPLATES").unwrap_or_default();
        let separated = templates.split(|c: char| c == ',' || c.is_whitespace()).filter(|text| !text.is_empty());
        let (normalizer, refused) = Normalizer::new(separated);
        reader.errors.extend(refused.into_iter().map(|(text, why)| InputError::field("PATH_TEMPLATES", text, why)));
        let local_development = reader.choice("LOCAL_DEVELOPMENT", false, &SWITCH);
        let shards = reader.number("COLLECTOR_SHARDS", 1, 1..=256);
        let flush_events = reader.number("FLUSH_EVENTS", 100, 1..=150);
        let config = Self {
            upstream_url: reader.url("UPSTREAM_URL"),
            routes: RouteLimit {
                most: usize::try_from(reader.number("ROUTES_PER_DAY", DEFAULT_ROUTES as u64, 100..=5_000))
                    .unwrap_or(DEFAULT_ROUTES),
                always: Rc::new(normalizer.templates().map(str::to_owned).collect()),
            },
            normalizer,
            window_ms: reader.number("ID_WINDOW_MS", DEFAULT_WINDOW_MS, 1_000..=MAX_ID_DISTANCE_MS),
            shards,
            flag_ttl_ms: reader.number("FLAG_TTL_MS", 5_000, 0..=300_000),
            send_deadline_ms: reader.send_deadline_ms(shards, flush_events),
            read_deadline_ms: reader.number("READ_DEADLINE_MS", 5_000, 10..=20_000),
            limits: Limits {
                linger_ms: reader.bounded("LINGER_MS", 500, 0..=4_000, LINGER_WHY),
                events: usize::try_from(flush_events).unwrap_or(100),
            },
            ray_is_unique: reader.choice("REQUEST_ID", true, &[("ray", true), ("random", false)]),
            plain_address_hash: reader.choice("ADDRESS_HASH", false, &[("daily", false), ("plain", true)]),
            log_events: reader.choice("LOG_EVENTS", true, &SWITCH),
            parity_lag_ms: reader.number("PARITY_LAG_MS", 900_000, 0..=21_600_000),
            parity_limit_ppm: ParityLimits {
                hour: reader.ppm("PARITY_HOUR_LIMIT_PPM", 50_000),
                day: reader.ppm("PARITY_DAY_LIMIT_PPM", 10_000),
            },
            retention: Retention {
                minutes_ms: reader.number("KEEP_MINUTES_HOURS", 48, 48..=168) * HOUR_MS,
                hours_ms: reader.number("KEEP_HOURS_DAYS", 90, 10..=400) * DAY_MS,
                days_ms: reader.number("KEEP_DAYS_DAYS", 400, 90..=4_000) * DAY_MS,
                details_ms: reader.number("KEEP_DETAILS_DAYS", 7, 7..=90) * DAY_MS,
            },
            access: reader.access(local_development),
            environment: reader.label("ENVIRONMENT"),
            local_development,
        };
        (config, reader.errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Config, Vec<String>) {
        let get = |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let (config, errors) = Config::read(&get);
        (config, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn nothing_set_gives_the_defaults() {
        let (config, errors) = read(&[]);
        assert_eq!((config.window_ms, config.shards, config.local_development), (60_000, 1, false));
        assert!(errors.is_empty() && config.upstream_url.is_none());
    }

    #[test]
    fn each_bad_value_is_named_and_its_default_holds() {
        let (config, errors) = read(&[
            ("UPSTREAM_URL", "localhost:8080"),
            ("PATH_TEMPLATES", "/ok/{id}, bad"),
            ("ID_WINDOW_MS", "0"),
            ("COLLECTOR_SHARDS", "many"),
            ("LOCAL_DEVELOPMENT", "yes"),
            ("FLAG_TTL_MS", " 1000 "),
        ]);
        assert_eq!((config.window_ms, config.shards, config.flag_ttl_ms), (60_000, 1, 1_000));
        assert!(!config.local_development && config.upstream_url.is_none());
        for name in ["UPSTREAM_URL", "PATH_TEMPLATES", "ID_WINDOW_MS", "COLLECTOR_SHARDS", "LOCAL_DEVELOPMENT"] {
            assert_eq!(errors.iter().filter(|e| e.starts_with(&format!("`{name}`"))).count(), 1, "{errors:?}");
        }
        assert_eq!(config.normalizer.normalize("/ok/x", 200), "/ok/{id}");
    }

    #[test]
    fn an_environment_is_a_plain_name() {
        let environment = |text| {
            let (config, errors) = read(&[("ENVIRONMENT", text)]);
            (config.environment, errors.len())
        };
        assert_eq!(environment("production"), (Some("production".to_owned()), 0));
        assert_eq!(environment(""), (None, 0));
        assert_eq!(environment("\"><script>"), (None, 1));
        assert_eq!(environment(&"e".repeat(41)), (None, 1));
    }

    #[test]
    fn settings_with_which_a_flush_can_not_end_in_time_are_refused_by_name() {
        let deadline_ms = |pairs: &[(&str, &str)]| {
            let (config, errors) = read(pairs);
            (config.send_deadline_ms, errors)
        };
        assert_eq!(deadline_ms(&[]), (2_000, vec![]));
        assert_eq!(deadline_ms(&[("SEND_DEADLINE_MS", "12500")]), (12_500, vec![]), "a write and its fallback");
        // So many objects need so many rounds that even the default is shorter, which is no fault of anybody.
        assert_eq!(deadline_ms(&[("COLLECTOR_SHARDS", "200")]), (1_315, vec![]));
        for (pairs, holds) in [
            (vec![("SEND_DEADLINE_MS", "12501")], 2_000),
            (vec![("SEND_DEADLINE_MS", "20000")], 2_000),
            (vec![("COLLECTOR_SHARDS", "200"), ("SEND_DEADLINE_MS", "2000")], 1_315),
            (vec![("COLLECTOR_SHARDS", "200"), ("FLUSH_EVENTS", "150"), ("SEND_DEADLINE_MS", "1000")], 925),
        ] {
            let (deadline_ms, errors) = deadline_ms(&pairs);
            assert_eq!((deadline_ms, errors.len()), (holds, 1), "{pairs:?}");
            let words = ["`SEND_DEADLINE_MS`", &format!("{holds} holds"), "COLLECTOR_SHARDS (now", "FLUSH_EVENTS (now"];
            assert!(words.iter().all(|word| errors[0].contains(word)), "{errors:?}");
        }
        let (config, errors) = read(&[("LINGER_MS", "4001")]);
        assert_eq!((config.limits.linger_ms, errors.len()), (500, 1));
        assert!(errors[0].starts_with("`LINGER_MS`") && errors[0].contains("30 s"), "{errors:?}");
    }

    #[test]
    fn with_every_setting_that_is_taken_linger_and_flush_end_before_the_platform_ends_them() {
        for shards in 1..=256_u64 {
            for events in 1..=150 {
                let rounds = (shards.min(events) + 3).div_ceil(LANES as u64) + 1;
                let longest_ms = Bounds::longest_write_ms(shards, events);
                assert!(longest_ms >= 900 && rounds * longest_ms <= FLUSH_MS, "{shards} {events}");
            }
        }
        let (config, errors) = read(&[("LINGER_MS", "4000")]);
        assert!(errors.is_empty() && config.limits.linger_ms + FLUSH_MS < 30_000);
    }

    #[test]
    fn access_takes_both_settings_and_no_team_in_the_clear() {
        let access = |domain, audience, local| {
            let (config, errors) =
                read(&[("ACCESS_TEAM_DOMAIN", domain), ("ACCESS_AUD", audience), ("LOCAL_DEVELOPMENT", local)]);
            (config.access.map(|application| application.team), errors.len())
        };
        let team = Some("https://t.cloudflareaccess.com".to_owned());
        assert_eq!(access("t.cloudflareaccess.com", "tag", "false"), (team.clone(), 0));
        assert_eq!(access("https://t.cloudflareaccess.com/", "tag", "false"), (team, 0));
        assert_eq!(access("http://127.0.0.1:1", "tag", "true"), (Some("http://127.0.0.1:1".into()), 0));
        assert_eq!(access("", " ", "true"), (None, 0));
        for (domain, audience) in
            [("http://a.b", "tag"), ("a.b", ""), ("", "tag"), ("https://", "tag"), ("a.b/c", "tag")]
        {
            assert_eq!(access(domain, audience, "false"), (None, 1), "{domain} {audience}");
        }
    }

    #[test]
    fn an_upstream_loses_its_trailing_slash() {
        assert_eq!(read(&[("UPSTREAM_URL", "http://a/b/")]).0.upstream_url.as_deref(), Some("http://a/b"));
    }
}
