//! One run: a story, told in a world, while properties watch.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use api::stats::StatsAnswer;
use api::url::Query;
use flow::collecting::collect::ObservedRequest;
use flow::flag::{admin, orders};
use flow::letters;
use flow::operating::health;
use flow::parity::reports;
use flow::reading::stats;
use model::parity::schedule;
use rig::START;

use crate::properties::{self, Happening, Property, Reading};
use crate::sight::Sight;
use crate::story::{Act, Broken, Story, Unreadable};
use crate::truth::{AcceptedStop, Record, Stored};
use crate::world::trouble::{Fault, Trouble};
use crate::world::{Body, Isolate, KvLaws, QueueLaws, World};

/// How long is waited for the last message at most, in ms: as long as the slow lane keeps any.
const PATIENCE_MS: u64 = 14 * 24 * 3_600_000;

const MINUTE_MS: u64 = 60_000;

/// Windows that ended within this time, in ms, are looked at again every ten minutes; older days, as many as these, in turn.
const RECENT_MS: u64 = 20 * 3_600_000;
const OLDER_DAYS: usize = 9;

/// A property that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its name, or `no panic`.
    pub property: String,
    /// What was seen.
    pub text: String,
}

/// What a run did, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Runs.
    pub runs: u64,
    /// Simulated time, in ms.
    pub simulated_ms: u64,
    /// Requests that were served, repeats too.
    pub requests: u64,
    /// Answers of reads that were held against the truth.
    pub reads: u64,
    /// Reports on windows that were held against the truth.
    pub reports: u64,
    /// Runs of cron.
    pub crons: u64,
    /// Calls of the platform and lines of the log.
    pub happenings: u64,
    /// What went wrong, by kind.
    pub faults: BTreeMap<String, u64>,
}

impl Numbers {
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.simulated_ms += other.simulated_ms;
        self.requests += other.requests;
        self.reads += other.reads;
        self.reports += other.reports;
        self.crons += other.crons;
        self.happenings += other.happenings;
        for (fault, count) in &other.faults {
            *self.faults.entry(fault.clone()).or_default() += count;
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub numbers: Numbers,
    pub violation: Option<Violation>,
    /// The hash of all that happened.
    pub trace: u64,
    /// All that happened, with its time in ms, where that was kept.
    pub lines: Vec<(u64, String)>,
}

/// Tells a story; with `keep_lines`, so that it can be read.
pub fn run(story: &Story, keep_lines: bool) -> Outcome {
    run_with(story, keep_lines, Vec::new())
}

/// The same, with what must hold in this story besides.
pub fn run_with(story: &Story, keep_lines: bool, besides: Vec<Box<dyn Property>>) -> Outcome {
    let mut run = Run::of(story);
    run.properties.extend(besides);
    if keep_lines {
        run.world.trace.keep();
    }
    // A panic of ours would end all requests of an isolate: it is a violation like any other.
    let told = catch_unwind(AssertUnwindSafe(|| run.tell()));
    let violation = match told {
        Ok(told) => told.err(),
        Err(panic) => Some(Violation { property: "no panic".to_owned(), text: panic_text(&*panic) }),
    };
    let (trace, happenings) = run.world.trace.digest();
    run.numbers.runs = 1;
    run.numbers.simulated_ms = run.world.now_ms() - START;
    run.numbers.happenings = happenings;
    run.numbers.crons = run.truth.borrow().crons;
    Outcome { numbers: run.numbers.clone(), violation, trace, lines: run.world.trace.kept() }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// A request that everyone knows by its number.
pub fn request(isolate: &Isolate, number: u64) -> ObservedRequest {
    let path = ["/api/users", "/api/orders/17", "/"][usize::try_from(number % 3).unwrap()].to_owned();
    ObservedRequest {
        address: Some(format!("192.0.2.{}", number % 250)),
        request_id: Some(format!("ray-{number}")),
        method: "GET".into(),
        path,
        status: if number.is_multiple_of(7) { 503 } else { 200 },
        started_ms: isolate.app.now_ms(),
        response_time_ms: u32::try_from(number % 90).unwrap() + 1,
    }
}

struct Run<'a> {
    story: &'a Story,
    world: World,
    gateways: Vec<Isolate>,
    /// Who acts for operators and readers.
    operator: Isolate,
    truth: Rc<RefCell<Record>>,
    properties: Vec<Box<dyn Property>>,
    backup: Option<rig::Sqlite>,
    next_cron_ms: u64,
    numbers: Numbers,
}

impl<'a> Run<'a> {
    fn of(story: &'a Story) -> Self {
        let setup = &story.setup;
        let settings: Vec<(&str, &str)> = setup.settings.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let world = World::with(story.seed, &settings);
        world.queue_laws(QueueLaws {
            repeats_ppm: setup.repeats_ppm,
            retention_ms: PATIENCE_MS,
            ..QueueLaws::default()
        });
        if setup.has_bucket {
            world.bind_bucket();
        }
        let gateways = (0..).zip(&setup.clocks_ms).map(|(place, ahead)| world.isolate_at(*ahead, place)).collect();
        let operator = world.isolate();
        Self {
            story,
            gateways,
            operator,
            world,
            truth: Rc::default(),
            properties: properties::all(),
            backup: None,
            next_cron_ms: setup.cron_every_ms,
            numbers: Numbers::default(),
        }
    }

    fn tell(&mut self) -> Result<(), Violation> {
        for step in &self.story.steps {
            self.pass_until(step.at_ms)?;
            self.act(&step.act)?;
        }
        self.pass_until(self.story.calm_at_ms)?;
        self.settle()?;
        self.ask(None)
    }

    /// Lets time pass until so many ms after the beginning, with cron as often as the story says.
    fn pass_until(&mut self, at_ms: u64) -> Result<(), Violation> {
        while self.next_cron_ms <= at_ms {
            self.pass(self.next_cron_ms);
            self.next_cron_ms += self.story.setup.cron_every_ms;
            self.cron()?;
        }
        self.pass(at_ms);
        Ok(())
    }

    fn pass(&self, at_ms: u64) {
        self.world.pass_ms((START + at_ms).saturating_sub(self.world.now_ms()));
    }

    fn cron(&mut self) -> Result<(), Violation> {
        self.ask(Some(&Happening::CronBegins))?;
        let (worker, truth) = (self.world.worker(), self.truth.clone());
        let app = worker.app.clone();
        worker.spawn_long(async move {
            flow::cron::scheduled(&app).await;
            truth.borrow_mut().crons += 1;
        });
        Ok(())
    }

    /// Ends all trouble, and waits until everything that can be done is done.
    fn settle(&mut self) -> Result<(), Violation> {
        self.world.calm();
        self.world.kv_laws(KvLaws::default());
        if self.story.steps.iter().any(|step| matches!(step.act, Act::Upgrade(_))) {
            self.world.deploy();
        }
        let elapsed = |run: &Self| run.world.now_ms() - START;
        // Hours and their reports close meanwhile.
        for minutes in [1, 62, 25] {
            self.pass(elapsed(self) + minutes * MINUTE_MS);
            self.cron()?;
        }
        let patient_until = elapsed(self) + PATIENCE_MS;
        while !self.world.queued().is_empty() || !self.world.in_slow_lane().is_empty() {
            if elapsed(self) > patient_until {
                break;
            }
            self.pass(elapsed(self) + 20 * MINUTE_MS);
        }
        // What came late is compared anew: recent windows every ten minutes, older days in turn.
        self.pass(elapsed(self) + 15 * MINUTE_MS);
        let is_long = self.story.steps.last().is_some_and(|step| elapsed(self) > step.at_ms + RECENT_MS);
        for _ in 0..if is_long { OLDER_DAYS } else { 2 } {
            self.pass(elapsed(self).next_multiple_of(schedule::RECHECK_MS));
            for _ in 0..3 {
                self.cron()?;
                self.pass(elapsed(self) + MINUTE_MS);
            }
            self.ask(Some(&Happening::Step))?;
        }
        Ok(())
    }

    /// Asks all properties: of something that happened, or at the end.
    fn ask(&mut self, happening: Option<&Happening>) -> Result<(), Violation> {
        let truth = self.truth.borrow();
        let sight = Sight::new(&self.world, self.story, &truth);
        for property in &mut self.properties {
            let held = match happening {
                Some(happening) => property.on_event(happening, &sight),
                None => property.at_end(&sight),
            };
            held.map_err(|text| Violation { property: property.name().to_owned(), text })?;
            self.numbers.reports += property.take_checked();
        }
        Ok(())
    }

    fn fault(&mut self, kind: &str) {
        *self.numbers.faults.entry(kind.to_owned()).or_default() += 1;
    }

    fn act(&mut self, act: &Act) -> Result<(), Violation> {
        self.world.trace.note(self.world.now_ms(), || format!("→ {act}"));
        match act {
            Act::Request { gateway, number } => self.serve(*gateway, *number),
            Act::Scan { gateway, from, count } => (*from..from + count).for_each(|number| self.scan(*gateway, number)),
            Act::Flag(rule) => self.change(rule.clone()),
            Act::Rollback => self.roll_back(),
            Act::Stop => self.stop(),
            Act::Release => self.release(),
            Act::Read(range) => self.read(range)?,
            Act::Health => {
                let answer = self.world.run(health::read(&self.operator.app));
                self.ask(Some(&Happening::Health(Box::new(answer))))?;
            }
            Act::Redrive => {
                let app = self.operator.app.clone();
                self.operator.spawn_long(async move { drop(letters::redrive(r#"{"all":true}"#, &app).await) });
            }
            Act::Cron => self.cron()?,
            Act::Compare { minutes } => {
                let to = self.world.now_ms() / MINUTE_MS * MINUTE_MS;
                let url = format!("https://x/?window=range:{}-{to}", to - minutes * MINUTE_MS);
                let app = self.operator.app.clone();
                self.operator.spawn_long(async move { drop(reports::run(&Query::of(&url), &app).await) });
            }
            trouble => self.go_wrong(trouble),
        }
        self.ask(Some(&Happening::Step))
    }

    fn go_wrong(&mut self, act: &Act) {
        let world = &self.world;
        let kind = match act {
            Act::EndGateway(gateway) => {
                self.end_gateway(*gateway);
                "a gateway dies"
            }
            Act::EndWorker => {
                world.worker().kill();
                "the consumer dies"
            }
            Act::EndObjects => {
                world.object_names().iter().for_each(|name| world.restart(name));
                "objects restart"
            }
            Act::Break(broken) => return self.break_calls(broken),
            Act::Clock { gateway, ahead_ms } => {
                self.gateways[gateway % self.gateways.len()].set_clock(*ahead_ms);
                "a clock jumps"
            }
            Act::KvQuota(writes_a_day) => {
                world.kv_laws(KvLaws { writes_a_day: *writes_a_day, ..KvLaws::default() });
                "KV's quota is used up"
            }
            Act::BackUp => {
                self.backup = Some(world.d1().copy());
                return;
            }
            Act::Restore => return self.restore(),
            Act::LoseAlarms => {
                world.lose_alarms();
                "alarms are lost"
            }
            Act::PassAlarmsBy => {
                world.pass_alarms_by();
                "alarms are left in the past"
            }
            Act::Unreadable(kind) => {
                let mut truth = self.truth.borrow_mut();
                truth.unreadable += 1;
                world.send(unreadable(*kind, truth.unreadable));
                drop(truth);
                "an unreadable message"
            }
            Act::Upgrade(gateway) => {
                self.end_gateway(*gateway);
                self.gateways[gateway % self.gateways.len()].upgrade();
                "a gateway of the next version"
            }
            Act::Deploy => {
                world.deploy();
                return;
            }
            _ => return,
        };
        self.fault(kind);
    }

    fn break_calls(&mut self, broken: &Broken) {
        let Broken { port, fault, lasts_ms, ppm } = *broken;
        let now_ms = self.world.now_ms();
        self.world.trouble(Trouble::new(port, fault).between(now_ms, now_ms + lasts_ms).for_ppm(ppm));
        let how = match fault {
            Fault::Fails => "fails",
            Fault::FailsAfterPersisting => "fails after it persisted",
            Fault::Hangs => "hangs",
            Fault::HangsAfterPersisting => "hangs after it persisted",
            Fault::Slow(_) => "is slow",
        };
        self.fault(&format!("{port:?} {how}"));
    }

    fn serve(&mut self, gateway: usize, number: u64) {
        let isolate = &self.gateways[gateway % self.gateways.len()];
        let observed = request(isolate, number);
        self.observe(gateway, observed);
    }

    fn scan(&mut self, gateway: usize, number: u64) {
        let isolate = &self.gateways[gateway % self.gateways.len()];
        let path = format!("/wp-{number}/{}.php", number * 7);
        let observed = ObservedRequest {
            path,
            status: 404,
            request_id: Some(format!("scan-{number}")),
            ..request(isolate, number)
        };
        self.observe(gateway, observed);
    }

    fn observe(&mut self, gateway: usize, observed: ObservedRequest) {
        let isolate = &self.gateways[gateway % self.gateways.len()];
        self.truth.borrow_mut().serve(&observed, self.world.now_ms(), isolate.id());
        isolate.serve(observed);
        self.numbers.requests += 1;
    }

    fn end_gateway(&mut self, gateway: usize) {
        let gateway = gateway % self.gateways.len();
        let ended = std::mem::replace(
            &mut self.gateways[gateway],
            self.world.isolate_at(self.story.setup.clocks_ms[gateway], gateway as u64),
        );
        self.truth.borrow_mut().ended.insert(ended.id(), self.world.now_ms());
        ended.kill();
    }

    fn restore(&mut self) {
        let Some(backup) = &self.backup else { return };
        let held = Stored::of(&self.world);
        self.world.d1().restore(backup);
        let mut truth = self.truth.borrow_mut();
        truth.undone.extend(held.new.iter().map(|event| event.digest));
        truth.restored_ms = Some(self.world.now_ms());
        drop(truth);
        self.fault("D1 is restored");
    }

    fn change(&self, rule: String) {
        let app = self.operator.app.clone();
        self.operator.spawn_long(async move {
            let Some(known) = admin::known(&app).await else { return };
            let mut document: serde_json::Value = serde_json::from_str(&rule).unwrap();
            let fields = serde_json::json!({"schema": 1, "version": 0, "updatedBy": "op", "reason": "a story"});
            document.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            drop(orders::change(&app, known.document.version, &document.to_string()).await);
        });
    }

    fn roll_back(&self) {
        let app = self.operator.app.clone();
        self.operator.spawn_long(async move {
            let Some(known) = admin::known(&app).await else { return };
            let version = known.document.version.saturating_sub(1);
            let body = format!(r#"{{"version":{version},"updatedBy":"op","reason":"a story"}}"#);
            drop(orders::rollback(&app, &body).await);
        });
    }

    fn stop(&self) {
        let (app, truth) = (self.operator.app.clone(), self.truth.clone());
        self.operator.spawn_long(async move {
            if let Ok(stopped) = orders::stop(&app, r#"{"updatedBy":"op","reason":"a story"}"#).await {
                let accepted = AcceptedStop { id: stopped.stop.id, at_ms: app.now_ms(), released_ms: None };
                truth.borrow_mut().stops.push(accepted);
            }
        });
    }

    fn release(&self) {
        let (app, truth) = (self.operator.app.clone(), self.truth.clone());
        self.operator.spawn_long(async move {
            let held: Vec<String> = truth.borrow().stops.iter().map(|stop| stop.id.clone()).collect();
            for id in held {
                let now_ms = app.now_ms();
                let of_id = |stop: &&mut AcceptedStop| stop.id == id;
                if let Some(stop) = truth.borrow_mut().stops.iter_mut().find(of_id) {
                    stop.released_ms.get_or_insert(now_ms);
                }
                let body = format!(r#"{{"id":"{id}","updatedBy":"op","reason":"a story"}}"#);
                drop(orders::release(&app, &body).await);
            }
        });
    }

    fn read(&mut self, range: &str) -> Result<(), Violation> {
        let before = Stored::of(&self.world);
        let reader = self.world.isolate();
        let query = Query::of(&format!("https://x/?range={range}"));
        let answer: Option<StatsAnswer> = self.world.run(stats::read(&query, &reader.app)).ok();
        let after = Stored::of(&self.world);
        self.numbers.reads += 1;
        match answer {
            Some(answer) => self.ask(Some(&Happening::Read(Box::new(Reading { before, answer, after })))),
            None => Ok(()),
        }
    }
}

fn unreadable(kind: Unreadable, number: u64) -> Body {
    match kind {
        Unreadable::Bytes => Body::Bytes([&[0xff, 0xfe], number.to_be_bytes().as_slice()].concat()),
        Unreadable::NoJson => Body::Text(format!("hello {number}")),
        Unreadable::HalfEvent => Body::Text(format!(r#"{{"v":1,"events":[{{"idempotentId":"{number}"}}]}}"#)),
    }
}
