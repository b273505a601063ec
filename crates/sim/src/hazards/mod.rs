//! What may go wrong: each hazard is one file of one idea, and [`HAZARDS`] lists them.
//!
//! To add one: write a file whose unit struct implements [`Hazard`], and name it in the list. If no [`Act`] does what it
//! needs, add one, and say in `run.rs` what it does.

mod alarms_lost;
mod away;
mod backup_restored;
mod blind_start;
mod clients_repeat;
mod clock_jumps;
mod isolates_die;
mod kv_refuses;
mod long_outage;
mod no_randomness;
mod poison;
mod queue_loses;
mod scanner;
mod stored_twice;
mod two_versions;

use crate::story::{Act, Step};
use crate::world::random::Random;

/// Where a hazard may strike.
pub struct Scene<'a> {
    pub random: &'a Random,
    /// Isolates of the gateway.
    pub gateways: usize,
    /// When traffic begins, in ms.
    pub from_ms: u64,
    /// How long it goes on, in ms.
    pub traffic_ms: u64,
}

impl Scene<'_> {
    pub fn any_time(&self) -> u64 {
        self.from_ms + self.random.below(self.traffic_ms)
    }

    pub fn any_gateway(&self) -> usize {
        usize::try_from(self.random.below(self.gateways as u64)).unwrap()
    }

    /// An act at any time.
    pub fn once(&self, act: Act) -> Vec<Step> {
        vec![Step::new(self.any_time(), act)]
    }
}

/// Something that may go wrong.
pub trait Hazard: Sync {
    /// Its name in counts.
    fn name(&self) -> &'static str;

    /// How it goes wrong this time.
    fn steps(&self, scene: &Scene<'_>) -> Vec<Step>;
}

/// Too long for most stories.
pub const LONGEST: &dyn Hazard = &long_outage::LongOutage;

/// All others. Those that hit most often in practice stand more than once.
pub const HAZARDS: [&dyn Hazard; 20] = [
    &away::PartAway,
    &away::PartAway,
    &away::PartAway,
    &away::PartAway,
    &away::ManyAway,
    &isolates_die::GatewayDies,
    &isolates_die::WorkerDies,
    &isolates_die::ObjectsRestart,
    &clients_repeat::ClientsRepeat,
    &clock_jumps::ClockJumps,
    &kv_refuses::KvRefuses,
    &backup_restored::BackupRestored,
    &alarms_lost::AlarmsLost,
    &poison::Poison,
    &scanner::Scanner,
    &two_versions::TwoVersions,
    &no_randomness::NoRandomness,
    &queue_loses::QueueLoses,
    &stored_twice::StoredTwice,
    &blind_start::BlindStart,
];
