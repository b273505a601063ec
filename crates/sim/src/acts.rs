//! What each act of a story does to the world.

use api::stats::StatsAnswer;
use api::url::Query;
use flow::collecting::collect::ObservedRequest;
use flow::flag::{admin, orders};
use flow::letters;
use flow::operating::health;
use flow::parity::reports;
use flow::reading::stats;
use model::event::identity::Digest;
use store::events::read::EventReader;

use crate::properties::{Happening, Reading};
use crate::run::{Backup, Run, Violation};
use crate::story::{Act, Broken, Unreadable};
use crate::truth::{AcceptedStop, Stored};
use crate::world::trouble::{Fault, Trouble};
use crate::world::{Body, Isolate, KvLaws};

const MINUTE_MS: u64 = 60_000;

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

impl Run<'_> {
    pub(crate) fn act(&mut self, act: &Act) -> Result<(), Violation> {
        self.world.trace.note(self.world.now_ms(), || format!("→ {act}"));
        match act {
            Act::Request { gateway, number } => self.serve(*gateway, *number),
            Act::Scan { gateway, from, count } => (*from..from + count).for_each(|number| self.scan(*gateway, number)),
            Act::Flag(rule) => self.change(rule.clone()),
            Act::Rollback => self.roll_back(),
            Act::Stop => self.stop(),
            Act::Release => self.release(usize::MAX),
            Act::ReleaseOldest => self.release(1),
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
                let copy = |name: String| (name.clone(), world.object(&name).sqlite.copy());
                let objects = world.object_names().into_iter().map(copy).collect();
                self.backup = Some(Backup { d1: world.d1().copy(), objects });
                return;
            }
            Act::Restore => return self.restore(),
            Act::RestoreObjects => return self.restore_objects(),
            Act::StoreTwice => return self.store_twice(),
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
        self.world.d1().restore(&backup.d1);
        self.undo(held.new.iter().map(|event| event.digest));
        self.fault("D1 is restored");
    }

    fn restore_objects(&mut self) {
        let Some(backup) = &self.backup else { return };
        let held = Stored::of(&self.world);
        for (name, earlier) in &backup.objects {
            self.world.object(name).sqlite.restore(earlier);
            self.world.restart(name);
        }
        self.undo(held.old.iter().map(|event| event.digest));
        self.fault("objects are restored");
    }

    /// What a store held may be gone by now.
    fn undo(&self, held: impl Iterator<Item = Digest>) {
        let mut truth = self.truth.borrow_mut();
        truth.undone.extend(held);
        truth.restored_ms = Some(self.world.now_ms());
    }

    fn store_twice(&mut self) {
        let (now_ms, reader) = (self.world.now_ms(), EventReader::new(self.world.d1().clone()));
        let (events, _) = rig::block_on(reader.events(now_ms.saturating_sub(60 * MINUTE_MS), now_ms)).unwrap();
        rig::block_on(rig::store(self.world.d1()).store_again(&events, now_ms)).unwrap();
        self.truth.borrow_mut().twice.extend(events.iter().map(|event| event.digest));
        self.fault("events are stored twice");
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
                let (id, at_ms) = (stopped.stop.id, app.now_ms());
                let accepted = AcceptedStop { id, at_ms, released_ms: None, is_released: false };
                truth.borrow_mut().stops.push(accepted);
            }
        });
    }

    /// Releases so many stops that were accepted and not released yet, the oldest first.
    fn release(&self, most: usize) {
        let (app, truth) = (self.operator.app.clone(), self.truth.clone());
        self.operator.spawn_long(async move {
            let is_held = |stop: &&AcceptedStop| !stop.is_released;
            let held: Vec<String> = truth.borrow().stops.iter().filter(is_held).map(|stop| stop.id.clone()).collect();
            for id in held.into_iter().take(most) {
                let now_ms = app.now_ms();
                let of_id = |stop: &&mut AcceptedStop| stop.id == id;
                if let Some(stop) = truth.borrow_mut().stops.iter_mut().find(of_id) {
                    stop.released_ms.get_or_insert(now_ms);
                }
                let body = format!(r#"{{"id":"{id}","updatedBy":"op","reason":"a story"}}"#);
                let is_released = orders::release(&app, &body).await.is_ok();
                if let Some(stop) = truth.borrow_mut().stops.iter_mut().find(|stop| stop.id == id) {
                    stop.is_released |= is_released;
                }
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
