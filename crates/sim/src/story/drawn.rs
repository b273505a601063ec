//! The story of a seed: traffic, an operator, and some hazards.

use super::{Act, Setup, Step, Story, longest_retention_ms};
use crate::hazards::{HAZARDS, LONGEST, Scene};
use crate::world::random::Random;

const MINUTE_MS: u64 = 60_000;

/// What operators set, most often. A guard and a ramp are as eager as they may be.
const RULES: [&str; 6] = [
    r#"{"mode":"do-only"}"#,
    r#"{"mode":"queue-only"}"#,
    r#"{"mode":"dual-write","samplePpm":1000000}"#,
    r#"{"mode":"dual-write","samplePpm":1000000,"guard":{"maxDiffPpm":10000,"minEvents":10,"action":"rollback"}}"#,
    r#"{"mode":"dual-write","samplePpm":300000,"queuePpm":500000}"#,
    r#"{"mode":"dual-write","samplePpm":500000,"ramp":{"steps":[100000,500000,900000],"everyMs":600000}}"#,
];

/// How long traffic goes on, how many requests there are, and how often cron runs.
struct Pace {
    traffic_ms: u64,
    requests: u64,
    cron_every_ms: u64,
}

/// Most often minutes, sometimes an hour or two with reports, rarely a day.
fn pace(random: &Random) -> Pace {
    match random.below(100) {
        0..60 => Pace { traffic_ms: 3 * MINUTE_MS, requests: 20 + random.below(60), cron_every_ms: MINUTE_MS },
        60..95 => Pace { traffic_ms: 70 * MINUTE_MS, requests: 60 + random.below(100), cron_every_ms: 5 * MINUTE_MS },
        95..99 => Pace { traffic_ms: 300 * MINUTE_MS, requests: 150, cron_every_ms: 15 * MINUTE_MS },
        _ => Pace { traffic_ms: 1_600 * MINUTE_MS, requests: 200, cron_every_ms: 30 * MINUTE_MS },
    }
}

pub fn story(seed: u64) -> Story {
    let random = Random::of(seed, 9);
    let pace = pace(&random);
    let setup = setup(&random, &pace);
    let scene = Scene { random: &random, gateways: setup.clocks_ms.len(), from_ms: 5_000, traffic_ms: pace.traffic_ms };
    let mut story = Story { setup, ..Story::quiet(seed) };
    story.add(operator(&scene));
    story.add(traffic(&scene, pace.requests));
    for _ in 0..random.below(6) {
        story.add(random.pick(&HAZARDS).steps(&scene));
    }
    if random.happens(10_000) {
        // It goes on for days: cron runs less often, and the queues have their default.
        (story.setup.cron_every_ms, story.setup.retention_ms) = (60 * MINUTE_MS, 4 * 24 * 60 * MINUTE_MS);
        story.add(LONGEST.steps(&scene));
    }
    story
}

fn setup(random: &Random, pace: &Pace) -> Setup {
    let pick = |of: &[&str]| (*random.pick(of)).to_owned();
    let settings = [
        ("COLLECTOR_SHARDS", pick(&["1", "1", "3"])),
        ("FLUSH_EVENTS", pick(&["5", "100"])),
        ("LINGER_MS", pick(&["0", "500", "2000"])),
        ("PARITY_LAG_MS", pick(&["0", "60000", "900000"])),
        ("PARITY_HOUR_LIMIT_PPM", pick(&["50000", "200000"])),
    ];
    let gateways = 1 + random.below(4);
    Setup {
        settings: settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        clocks_ms: (0..gateways).map(|_| random.below(3_000).cast_signed() - 1_500).collect(),
        cron_every_ms: pace.cron_every_ms,
        repeats_ppm: if random.happens(500_000) { u32::try_from(random.below(200_000)).unwrap() } else { 0 },
        retention_ms: longest_retention_ms(),
        has_bucket: random.happens(30_000),
    }
}

fn traffic(scene: &Scene<'_>, requests: u64) -> Vec<Step> {
    let request = |number| Step::new(scene.any_time(), Act::Request { gateway: scene.any_gateway(), number });
    (0..requests).map(request).collect()
}

fn operator(scene: &Scene<'_>) -> Vec<Step> {
    let random = scene.random;
    let rule = || Act::Flag((*random.pick(&RULES)).to_owned());
    let mut steps = vec![Step::new(1, rule())];
    let mut maybe = |ppm, act: Act| {
        if random.happens(ppm) {
            steps.push(Step::new(scene.any_time(), act));
        }
    };
    maybe(400_000, rule());
    maybe(150_000, rule());
    maybe(150_000, Act::Rollback);
    maybe(250_000, Act::Stop);
    maybe(300_000, Act::Release);
    maybe(100_000, Act::Stop);
    maybe(100_000, Act::ReleaseOldest);
    maybe(400_000, Act::Read("1h".to_owned()));
    maybe(200_000, Act::Read("6h".to_owned()));
    maybe(100_000, Act::Health);
    maybe(100_000, Act::Redrive);
    maybe(100_000, Act::Compare { minutes: 1 + random.below(40) });
    steps
}
