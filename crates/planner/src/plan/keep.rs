//! A target that is bound: keep it as written.

use api::{Applied, Applying, Definition, GatewayId, Intent, Summary, Target};

use super::create::conflict;
use super::{Decision, Stage, attempt, read_since, retire, seen, stage};
use crate::diff::{fingerprint, is_current_scheme};
use crate::report::{Holder, Report, Standing};
use crate::world::{Bound, World};
use crate::{Attempt, Step, Validated};

/// Keeps the target as written.
pub(super) fn plan(world: &World<'_>, bound: &Bound, wish: &Validated) -> Decision {
    let (sight, listing) = match seen(world, &bound.gateway) {
        Ok(seen) => seen,
        Err(report) => return Decision::wait(report),
    };
    let as_of = sight.as_of.unwrap_or(world.memory.since());
    let keeper = Keeper { world, bound, wanted: &wish.definition };

    // What AWS has answered is recorded before anything else is looked at.
    if let Some(decision) = keeper.record_answer() {
        return decision;
    }
    let Some(entry) = listing.by_id(&bound.target) else {
        return keeper.missing(as_of);
    };
    if !world.presence_counts(as_of) {
        return Decision::wait(keeper.busy());
    }
    match stage(&entry.status) {
        Stage::Moving => Decision::wait(keeper.moving(entry)),
        Stage::Consent => {
            let standing = Standing::ConsentPending(bound.target.clone());
            Decision::wait(Report::of(standing).seeing(entry).awaiting(&bound.gateway))
        }
        Stage::Ready | Stage::Failed => keeper.settled(entry, as_of),
    }
}

struct Keeper<'a> {
    world: &'a World<'a>,
    bound: &'a Bound,
    wanted: &'a Definition,
}

impl Keeper<'_> {
    fn applied(&self) -> Option<&Applied> {
        self.world.status()?.applied.as_ref()
    }

    fn applying(&self) -> Option<&Applying> {
        self.world.status()?.applying.as_ref()
    }

    /// The target is on its way: whether it is being made or changed is told by what it was.
    fn busy(&self) -> Report {
        let created = self.applied().is_some_and(|applied| !applied.settled)
            && self.world.status().is_some_and(|status| {
                status.target_status.as_deref() == Some("CREATING") && status.applying.is_none()
            });
        let standing = if created {
            Standing::Creating(self.bound.gateway.clone())
        } else {
            Standing::Updating(self.bound.target.clone())
        };
        Report::of(standing).awaiting(&self.bound.gateway)
    }

    fn moving(&self, entry: &Summary) -> Report {
        let gateway = self.bound.gateway.clone();
        let standing = match entry.status {
            api::TargetStatus::Creating => Standing::Creating(gateway),
            api::TargetStatus::Deleting => Standing::Recreating(self.bound.target.clone()),
            _ => Standing::Updating(self.bound.target.clone()),
        };
        Report::of(standing).seeing(entry).awaiting(&self.bound.gateway)
    }

    /// AWS has accepted the update that is recorded as under way.
    fn record_answer(&self) -> Option<Decision> {
        let applying = self.applying()?;
        let updated = self.world.memory.update_answer(&applying.fingerprint)?;
        let step = Step::RecordApplied {
            fingerprint: applying.fingerprint.clone(),
            generation: applying.generation,
            updated_at: updated.answer.updated_at,
            status: updated.answer.status.clone(),
        };
        Some(Decision::step(step, self.updating()))
    }

    fn updating(&self) -> Report {
        Report::of(Standing::Updating(self.bound.target.clone())).awaiting(&self.bound.gateway)
    }

    /// READY or failed: is it with what is wanted?
    fn settled(&self, entry: &Summary, as_of: jiff::Timestamp) -> Decision {
        let wanted = fingerprint(self.wanted);
        if let Some(applying) = self.applying() {
            // Recorded, and not known to be sent: an Update replaces everything, so to send it
            // again does no harm.
            return if applying.fingerprint == wanted {
                self.update(entry)
            } else {
                self.begin_update(entry, wanted)
            };
        }
        match self.applied() {
            Some(applied) if applied.fingerprint == wanted => {
                self.as_applied(entry, as_of, applied)
            }
            Some(applied) if is_current_scheme(&applied.fingerprint) => {
                self.begin_update(entry, wanted)
            }
            // Recorded by another version, or by the Go operator, which recorded nothing.
            Some(_) | None => self.compare(entry, wanted),
        }
    }

    fn begin_update(&self, entry: &Summary, fingerprint: String) -> Decision {
        let generation = self.world.generation();
        let step = Step::RecordApplying(Applying { fingerprint, generation });
        Decision::step(step, self.updating().seeing(entry))
    }

    fn update(&self, entry: &Summary) -> Decision {
        let step = Step::Update {
            gateway: self.bound.gateway.clone(),
            target: self.bound.target.clone(),
            definition: Box::new(self.wanted.clone()),
            again: self.applied().is_some_and(|applied| {
                self.applying().is_some_and(|next| next.fingerprint == applied.fingerprint)
            }),
        };
        let gateway = &self.bound.gateway;
        let report = self.updating().seeing(entry);
        let decision = attempt(self.world, Attempt::Update, gateway, step, report);
        match &decision.report.standing {
            // The name that is wanted is taken; under the old one the target serves on.
            Standing::Held { failure, .. }
                if failure.class == api::FailureClass::Conflict
                    && self.wanted.name != entry.name =>
            {
                self.name_taken().unwrap_or(decision)
            }
            _ => decision,
        }
    }

    fn name_taken(&self) -> Option<Decision> {
        let (_, listing) = seen(self.world, &self.bound.gateway).ok()?;
        let holder = listing.by_name(&self.wanted.name)?;
        let holder = Holder::Target(holder.id.clone());
        let setback = self.world.memory.setback(Attempt::Update, self.world.generation())?;
        let Decision { step, report } = conflict(&self.bound.gateway, &self.wanted.name, holder);
        Some(Decision { step, report: report.waking(setback.retry_at) })
    }

    /// What is wanted has been applied: does it show, did it work, has anybody changed it since?
    fn as_applied(&self, entry: &Summary, as_of: jiff::Timestamp, applied: &Applied) -> Decision {
        let moved = applied.settled || self.answer_moved();
        if !self.world.shows_change(entry, as_of, applied.updated_at, moved) {
            let report = self.busy().waking(self.world.absence_counts_from());
            return Decision::wait(report);
        }
        if stage(&entry.status) == Stage::Ready && entry.updated_at == applied.updated_at {
            return self.ready(entry, applied.fingerprint.clone());
        }
        self.compare(entry, applied.fingerprint.clone())
    }

    /// Whether the answer to our change was newer than the state before it. A Create always is.
    fn answer_moved(&self) -> bool {
        self.applied().is_some_and(|applied| {
            self.world
                .memory
                .update_answer(&applied.fingerprint)
                .is_none_or(|updated| updated.moved)
        })
    }

    /// Reads the configuration and compares it with what is wanted.
    fn compare(&self, entry: &Summary, wanted: String) -> Decision {
        let report = self.hold_or_busy(entry);
        let from = self.world.memory.last_attempt();
        let reading = self.world.memory.reading(&self.bound.gateway, &self.bound.target);
        // A reading of this very state will do, however old it is.
        let fitting = reading.filter(|reading| {
            let target = reading.found.as_deref();
            self.world.presence_counts(reading.as_of)
                && target.is_some_and(|target| target.summary.updated_at >= entry.updated_at)
        });
        let reading = match fitting {
            Some(reading) => reading,
            None => match read_since(self.world, self.bound, from.max(self.seen_at()), report) {
                Ok(reading) => reading,
                Err(decision) => return decision,
            },
        };
        let Some(target) = reading.found.as_deref() else {
            // Listed and not found: the next List will tell.
            return Decision::wait(self.hold_or_busy(entry).awaiting(&self.bound.gateway));
        };
        let same = target.definition.as_ref().is_some_and(|found| fingerprint(found) == wanted);
        if !same {
            return self.begin_update(entry, fingerprint(self.wanted));
        }
        match stage(&target.summary.status) {
            Stage::Ready => self.ready(&target.summary, wanted),
            Stage::Failed => self.heal(target),
            Stage::Moving | Stage::Consent => Decision::wait(self.moving(&target.summary)),
        }
    }

    /// When the entry was listed: a Get that is to explain it must not be older.
    fn seen_at(&self) -> jiff::Timestamp {
        let sight = self.world.sight(&self.bound.gateway);
        sight.and_then(|sight| sight.as_of).unwrap_or(self.world.memory.since())
    }

    /// While we look closer, a target that was settled stays what it was.
    fn hold_or_busy(&self, entry: &Summary) -> Report {
        let settled = self.applied().is_none_or(|applied| applied.settled);
        if settled { Report::of(Standing::Hold) } else { self.busy().seeing(entry) }
    }

    fn ready(&self, entry: &Summary, fingerprint: String) -> Decision {
        let applied = Applied { fingerprint, updated_at: entry.updated_at, settled: true };
        let report = Report::of(Standing::Ready {
            gateway: self.bound.gateway.clone(),
            target: self.bound.target.clone(),
            applied,
        })
        .seeing(entry);
        // The successor serves: what it replaces can go.
        match self.world.retired().first() {
            Some(left) => retire(self.world, left, report),
            None => Decision::wait(report),
        }
    }

    /// Failed with the configuration that is wanted: AWS's reasons, and another try in time.
    fn heal(&self, target: &Target) -> Decision {
        let memory = self.world.memory;
        let heal_at = memory.heal_at(self.world.generation(), self.world.seed);
        if self.world.now >= heal_at {
            return self.begin_update(&target.summary, fingerprint(self.wanted));
        }
        let standing = Standing::Failed {
            status: target.summary.status.clone(),
            reasons: target.status_reasons.clone(),
        };
        Decision::wait(Report::of(standing).reading(target).waking(heal_at))
    }

    /// Not listed: gone, or not shown yet.
    fn missing(&self, as_of: jiff::Timestamp) -> Decision {
        let from = self.world.absence_counts_from();
        let never_seen = self.applied().is_some_and(|applied| !applied.settled);
        let report = if never_seen { self.busy() } else { Report::of(Standing::Hold) };
        if !self.world.absence_counts(as_of) {
            return Decision::wait(report.waking(from).awaiting(&self.bound.gateway));
        }
        let reading = match read_since(self.world, self.bound, from.max(as_of), report.clone()) {
            Ok(reading) => reading,
            Err(decision) => return decision,
        };
        if reading.found.is_some() {
            // Found and not listed: the next List will tell.
            return Decision::wait(report.awaiting(&self.bound.gateway));
        }
        self.make_again()
    }

    fn make_again(&self) -> Decision {
        let gateway: &GatewayId = &self.bound.gateway;
        let intent = Intent {
            nonce: self.world.nonce.to_owned(),
            gateway: gateway.0.clone(),
            name: self.wanted.name.clone(),
            fingerprint: fingerprint(self.wanted),
            generation: self.world.generation(),
            aws_time: Some(self.world.aws_now),
        };
        let report = Report::of(Standing::Recreating(self.bound.target.clone())).awaiting(gateway);
        Decision::step(Step::RecordIntent(intent), report)
    }
}
