//! When two states are the same.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::scene::{Replica, Scene};
use crate::{Answer, Found, Lease, Reading, Step, Version};

/// What is older is no different: longer than a lease.
const OLD: Duration = Duration::from_secs(43);
/// Nothing is there.
const NONE: u64 = u64::MAX;

/// States are the same that differ in nothing which decides: times count from the present, and of
/// records only who holds them and which are equal.
impl Scene {
    fn normal(&self) -> Vec<u64> {
        let mut form =
            Form { scene: self, numbers: Vec::new(), leases: Vec::new(), versions: Vec::new() };
        form.record(self.record.as_ref());
        self.replicas.iter().for_each(|replica| form.replica(replica));
        form.step(self.stray.as_ref());
        form.numbers.extend([u64::from(self.mishaps), self.is_broken.into()]);
        form.numbers
    }
}

impl Hash for Scene {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.normal().hash(hasher);
    }
}

impl PartialEq for Scene {
    fn eq(&self, other: &Self) -> bool {
        self.normal() == other.normal()
    }
}

/// A state as numbers, each kind of thing with one of its own before it.
struct Form<'a> {
    scene: &'a Scene,
    numbers: Vec<u64>,
    /// Those that came up, by their numbers.
    leases: Vec<&'a Lease>,
    versions: Vec<&'a Version>,
}

impl<'a> Form<'a> {
    fn replica(&mut self, replica: &'a Replica) {
        let Replica { candidate, clock, call, stands, fence, fence_of, lives, .. } = replica;
        let age = |of: Duration| clock.monotonic.saturating_sub(of).min(OLD).as_secs();
        let ages = |of: Reading| {
            let wall = Duration::try_from(clock.wall.duration_since(of.wall)).unwrap_or_default();
            [age(of.monotonic), wall.min(OLD).as_secs()]
        };
        let waits = |until: Duration| until.saturating_sub(clock.monotonic).as_secs();
        match &candidate.seen {
            Some(seen) => {
                self.numbers.push(1);
                self.record(seen.found.as_ref());
                let since = age(seen.since).min(seen.lasts.as_secs());
                self.numbers.extend([since, seen.lasts.as_secs(), seen.is_current.into()]);
            }
            None => self.numbers.push(NONE),
        }
        self.numbers.extend(candidate.term.map_or([NONE; 2], ages));
        self.numbers.extend([waits(candidate.rests_until), waits(candidate.looks_at)]);
        self.numbers
            .extend([candidate.withdrawn.into(), stands.map_or(NONE, |still| still as u64)]);
        let fence = fence.filter(|_| replica.has_begun());
        let fence = fence.map_or([NONE; 2], |until| [waits(until), (fence_of == lives).into()]);
        self.numbers.extend(fence);
        let Some(call) = call else { return self.numbers.push(NONE) };
        self.step(Some(&call.step));
        self.numbers.extend(ages(call.sent));
        self.numbers.push(call.is_slow.into());
        match &call.answer {
            Some(Answer::Read(found)) => {
                self.numbers.push(1);
                self.record(found.as_ref());
            }
            Some(Answer::Written(found)) => {
                self.numbers.push(2);
                self.record(Some(found));
            }
            Some(Answer::Failed) => self.numbers.push(3),
            None => self.numbers.push(NONE),
        }
    }

    fn step(&mut self, step: Option<&'a Step>) {
        match step {
            Some(Step::Create(lease)) => {
                self.numbers.push(2);
                self.lease(lease);
            }
            Some(Step::Replace(lease, version)) => {
                self.numbers.push(3);
                self.lease(lease);
                self.version(version);
            }
            Some(Step::Read | Step::Wait(_) | Step::Done) => self.numbers.push(1),
            None => self.numbers.push(NONE),
        }
    }

    fn record(&mut self, found: Option<&'a Found>) {
        let Some(Found { lease, version }) = found else { return self.numbers.push(NONE) };
        self.numbers.push(1);
        self.lease(lease);
        self.version(version);
    }

    /// Whose it is (who lives no more is nobody that matters), and which others it equals.
    fn lease(&mut self, lease: &'a Lease) {
        let mut alive = self.scene.replicas.iter();
        let holder = match alive.position(|replica| replica.identity == lease.holder) {
            Some(index) => index as u64 + 2,
            None => lease.holder.is_empty().into(),
        };
        let known = self.leases.iter().position(|known| *known == lease);
        let number = known.unwrap_or_else(|| {
            self.leases.push(lease);
            self.leases.len() - 1
        });
        self.numbers.extend([holder, number as u64]);
    }

    fn version(&mut self, version: &'a Version) {
        let known = self.versions.iter().position(|known| *known == version);
        let number = known.unwrap_or_else(|| {
            self.versions.push(version);
            self.versions.len() - 1
        });
        self.numbers.push(number as u64);
    }
}
