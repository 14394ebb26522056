//! What has been applied: does it show, did it work, has anybody changed it since?
//!
//! Contract: a List tells no configuration, so what may differ is read. A Get that is behind the List,
//! or that differs so soon after a change, proves nothing.

use api::{Applied, Summary, Target};

use super::super::{Decision, Stage, read_since, stage};
use super::Keeper;
use crate::backoff::Schedule;
use crate::diff::{differences, fingerprint, is_current_scheme};
use crate::memory::Reading;
use crate::report::{Report, Standing};
use crate::{DriftPolicy, Step};

impl Keeper<'_> {
    /// Whether the target has been read since a person asked for a check, if one did.
    fn is_checked(&self) -> bool {
        self.world.requested_at().is_none_or(|at| {
            let reading = self.world.memory.reading(&self.bound.gateway, &self.bound.target);
            reading.is_some_and(|reading| reading.as_of >= at)
        })
    }

    /// Whether the answer to our last change was newer than the state before it. That of a Create
    /// always is; of what another process was answered nothing is known.
    pub(super) fn answer_moved(&self) -> bool {
        let memory = self.world.memory;
        let updated = self.applied().and_then(|applied| memory.update_answer(&applied.fingerprint));
        updated.map_or_else(|| memory.has_created(&self.bound.target), |updated| updated.moved)
    }

    /// Reads the configuration and compares it with what is wanted.
    pub(super) fn compare(&self, entry: &Summary, wanted: String) -> Decision {
        match self.look_closer(entry, &wanted) {
            Err(decision) => decision,
            Ok(target) => self.judge(entry, target, wanted),
        }
    }

    /// The target with its configuration, as it is for certain.
    pub(super) fn look_closer(&self, entry: &Summary, wanted: &str) -> Result<&Target, Decision> {
        let world = self.world;
        let report = || self.hold_or_busy();
        let reading = if let Some(reading) = self.reading_of(entry) {
            reading
        } else {
            let from = world.memory.changed_or_since().max(self.seen_at());
            read_since(world, self.bound, from, report())?
        };
        let listed_only = || Decision::wait(report().awaiting(&self.bound.gateway));
        let target = reading.found.as_deref().ok_or_else(listed_only)?;
        if target.summary.updated_at < entry.updated_at {
            // The Get is behind the List.
            let from = world.shown_everywhere_from(entry.updated_at);
            let reading = read_since(world, self.bound, from, report())?;
            return reading.found.as_deref().ok_or_else(listed_only);
        }
        if !is_same(target, wanted) && !world.absence_counts(reading.as_of) {
            // What differs so soon after a change may be what was there before it.
            let from = world.absence_counts_from();
            let reading = read_since(world, self.bound, from, report())?;
            return reading.found.as_deref().ok_or_else(listed_only);
        }
        Ok(target)
    }

    /// A reading of this very state, which will do however old it is.
    fn reading_of(&self, entry: &Summary) -> Option<&Reading> {
        let reading = self.world.memory.reading(&self.bound.gateway, &self.bound.target)?;
        let seen = &reading.found.as_deref()?.summary;
        let fits = self.world.presence_counts(reading.as_of)
            && self.is_checked()
            && seen.updated_at >= entry.updated_at
            && stage(&seen.status) == stage(&entry.status);
        fits.then_some(reading)
    }

    fn judge(&self, entry: &Summary, target: &Target, wanted: String) -> Decision {
        let same = is_same(target, &wanted);
        let tried = self.applied().is_some_and(|applied| !applied.settled);
        match stage(&target.summary.status) {
            Stage::Moving | Stage::Consent => Decision::wait(self.moving(&target.summary)),
            Stage::Ready if same => self.ready(&target.summary, wanted),
            // It has been asked for already, and this is what came of it.
            Stage::Ready | Stage::Failed if same || tried => self.heal(target),
            Stage::Ready | Stage::Failed => {
                if let Some(applied) = self.applied().filter(|now| self.is_of_now(now, &wanted)) {
                    self.drifted(target, applied)
                } else {
                    self.begin_update(entry, fingerprint(self.wanted))
                }
            }
        }
    }

    /// Whether what was applied is what is written now. What another version has recorded does not tell,
    /// but nobody has edited that since if the generation is the same.
    fn is_of_now(&self, applied: &Applied, wanted: &str) -> bool {
        let of = self.world.status().and_then(|status| status.applied_generation);
        applied.fingerprint == wanted
            || !is_current_scheme(&applied.fingerprint) && of == Some(self.world.generation())
    }

    /// Somebody else has changed what was as written.
    fn drifted(&self, target: &Target, applied: &Applied) -> Decision {
        let found = target.definition.as_ref();
        // What an MCPServer cannot say has no name here.
        let fields = found.map_or(vec!["settings that are not in the spec"], |found| {
            differences(self.wanted, found)
        });
        let id = self.bound.target.clone();
        match self.wish.drift {
            DriftPolicy::Enforce => {
                let generation = self.world.generation();
                let step = Step::RecordApplying(self.next(fingerprint(self.wanted)));
                let standing = Standing::Repairing { target: id, fields };
                let report = Report::of(standing).awaiting(&self.bound.gateway);
                // Two who contend for a target shall not do so at full speed.
                let at = match self.world.memory.times_again(generation) {
                    0 => self.world.now,
                    _ => self.again_at(Schedule::FAILED_TARGET),
                };
                if self.world.now < at {
                    return Decision::wait(report.reading(target).waking(at));
                }
                if let Some(decision) = self.name_is_taken(&target.summary) {
                    return decision;
                }
                Decision::step(step, report.seeing(&target.summary))
            }
            DriftPolicy::Warn => {
                let standing = Standing::Drifted { target: id, fields };
                Decision::wait(Report::of(standing).reading(target))
            }
            DriftPolicy::Ignore if stage(&target.summary.status) == Stage::Ready => {
                // The date from before, so that it is looked into should the policy change.
                let fingerprint = fingerprint(self.wanted);
                self.serves(&target.summary, Applied { fingerprint, ..applied.clone() }, false)
            }
            DriftPolicy::Ignore => self.failed(target, None),
        }
    }
}

pub(super) fn is_same(target: &Target, wanted: &str) -> bool {
    target.definition.as_ref().is_some_and(|found| fingerprint(found) == wanted)
}
