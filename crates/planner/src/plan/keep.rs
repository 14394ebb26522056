//! A target that is bound: keep it as written.

use api::{
    Applied, Applying, Definition, Failure, FailureClass, Summary, Synchronizing, Target,
    TargetStatus,
};
use jiff::Timestamp;

use super::create::{conflict, intend};
use super::remove::delete;
use super::settle::holder_of;
use super::{
    Decision, Stage, attempt, is_busy, read_since, read_unlisted, retire, seen, stage, tools,
    wait_until,
};
use crate::backoff::Schedule;
use crate::diff::{differences, fingerprint, is_current_scheme};
use crate::memory::{Reading, Sent, later, passes};
use crate::reasons::blame_the_spec;
use crate::report::{Holder, Remedy, Report, Standing, Tools};
use crate::world::{Bound, World};
use crate::{Attempt, DriftPolicy, ReplacementPolicy, Step, Validated};

/// Keeps the target as written.
pub(super) fn plan(world: &World<'_>, bound: &Bound, wish: &Validated) -> Decision {
    let keeper = Keeper { world, bound, wish, wanted: &wish.definition };
    let (sight, listing) = match seen(world, &bound.gateway) {
        Ok(seen) => seen,
        Err(report) => return Decision::wait(keeper.unseen(report)),
    };
    let as_of = sight.as_of.unwrap_or(world.memory.since());

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
    if world.requested_at().is_some_and(|at| as_of < at) {
        return Decision::wait(keeper.hold_or_busy().awaiting(&bound.gateway));
    }
    match stage(&entry.status) {
        Stage::Moving => Decision::wait(keeper.moving(entry)),
        Stage::Consent => Decision::wait(keeper.consent(entry)),
        Stage::Ready | Stage::Failed => keeper.settled(entry, as_of),
    }
}

pub(super) struct Keeper<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) bound: &'a Bound,
    pub(super) wish: &'a Validated,
    pub(super) wanted: &'a Definition,
}

impl Keeper<'_> {
    fn applied(&self) -> Option<&Applied> {
        self.world.status()?.applied.as_ref()
    }

    fn applying(&self) -> Option<&Applying> {
        self.world.status()?.applying.as_ref()
    }

    /// Nothing has been seen of the gateway since this process began. What was settled before holds
    /// for as long as if it had been seen then.
    fn unseen(&self, report: Report) -> Report {
        let Standing::Blind { gateway, .. } = &report.standing else { return report };
        let wanted = fingerprint(self.wanted);
        let applied = self.applied().filter(|applied| applied.settled);
        if self.applying().is_some() || applied.is_none_or(|now| now.fingerprint != wanted) {
            return report;
        }
        let until = later(self.world.memory.since(), self.world.policy.stale_after);
        if self.world.now < until {
            Report::of(Standing::Hold).awaiting(gateway).waking(until)
        } else {
            Report::of(Standing::Stale(gateway.clone())).awaiting(gateway)
        }
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
            api::TargetStatus::Synchronizing => return self.fetching().seeing(entry),
            _ => Standing::Updating(self.bound.target.clone()),
        };
        Report::of(standing).seeing(entry).awaiting(&self.bound.gateway)
    }

    /// AWS waits for a person, and refuses every change meanwhile.
    fn consent(&self, entry: &Summary) -> Report {
        let print = self.applying().map(|applying| &applying.fingerprint);
        let print = print.or_else(|| self.applied().map(|applied| &applied.fingerprint));
        let edited = print
            .is_some_and(|print| is_current_scheme(print) && *print != fingerprint(self.wanted));
        let standing = Standing::ConsentPending { target: self.bound.target.clone(), edited };
        Report::of(standing).seeing(entry).awaiting(&self.bound.gateway)
    }

    /// The gateway fetches the tools, or is about to.
    fn fetching(&self) -> Report {
        let report = Report::of(Standing::Synchronizing(self.bound.target.clone()));
        self.saying(Tools::Fetching, report).awaiting(&self.bound.gateway)
    }

    /// What is said of the tools, where anybody wants to know.
    fn saying(&self, tools: Tools, report: Report) -> Report {
        let asked = self.wish.tool_sync.is_some() || self.sync_under_way().is_some();
        if asked { Report { tools, ..report } } else { report }
    }

    /// When the tools were last fetched, as far as anything has shown it: a List can be behind a Get,
    /// and a Get behind a List.
    pub(super) fn fetched_at(&self) -> Option<Timestamp> {
        let Bound { gateway, target, .. } = self.bound;
        let reading = self.world.memory.reading(gateway, target);
        let read = reading.and_then(|reading| reading.found.as_deref()).map(|read| &read.summary);
        let sight = self.world.sight(gateway).and_then(|sight| sight.listing.as_ref());
        let listed = sight.and_then(|listing| listing.by_id(target));
        let seen = [read, listed].into_iter().flatten().map(|seen| seen.last_synchronized_at);
        let recorded = self.world.status().and_then(|status| status.last_synchronized);
        seen.fold(recorded, Option::max)
    }

    pub(super) fn sync_under_way(&self) -> Option<&Synchronizing> {
        self.world.status()?.tool_sync.as_ref()?.under_way.as_ref()
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
    fn settled(&self, entry: &Summary, as_of: Timestamp) -> Decision {
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
        if let Some(decision) = self.name_is_taken(entry) {
            return decision;
        }
        let step = Step::RecordApplying(self.next(fingerprint));
        Decision::step(step, self.updating().seeing(entry))
    }

    /// The record of an Update to come.
    fn next(&self, fingerprint: String) -> Applying {
        let template = self.world.complete_template().map(str::to_owned);
        Applying { fingerprint, generation: self.world.generation(), template }
    }

    fn update(&self, entry: &Summary) -> Decision {
        if let Some(decision) = self.name_is_taken(entry) {
            return decision;
        }
        let step = Step::Update {
            gateway: self.bound.gateway.clone(),
            target: self.bound.target.clone(),
            definition: Box::new(self.wanted.clone()),
            again: self.applied().is_some_and(|applied| {
                self.applying().is_some_and(|next| next.fingerprint == applied.fingerprint)
            }),
            before: self.world.updated_at_most(entry),
            busy: is_busy(self.world, &self.bound.gateway),
        };
        let report = self.updating().seeing(entry);
        let refused = self.refused(Attempt::Update);
        if let Some(failure) = refused.filter(|failure| self.may_be_replaced(entry, failure)) {
            return self.replace(entry, failure);
        }
        let mut decision = attempt(self.world, Attempt::Update, &self.bound.gateway, step, report);
        if let Standing::Held { failure, .. } = &decision.report.standing
            && failure.class == FailureClass::Invalid
            && !self.was_never_ready()
        {
            let (target, failure) = (self.bound.target.clone(), failure.clone());
            decision.report.standing = Standing::CannotChange { target, failure };
        }
        decision
    }

    /// Why AWS refuses the call, if it does so for what is asked rather than for now.
    fn refused(&self, attempt: Attempt) -> Option<&Failure> {
        let world = self.world;
        let setback = world.memory.setback(attempt, world.generation())?;
        let class = setback.failure.class;
        // A wrong state can also be one that the List did not show yet.
        (matches!(class, FailureClass::Invalid | FailureClass::WrongState)
            && self.seen_at() >= later(setback.at, world.policy.consistency_window))
        .then_some(&setback.failure)
    }

    fn was_never_ready(&self) -> bool {
        self.world.status().is_some_and(|status| status.never_ready)
    }

    /// Whether another target can take the place of one that AWS refuses to change: nobody has ever
    /// used it, or the resource allows it.
    fn may_be_replaced(&self, entry: &Summary, refusal: &Failure) -> bool {
        if self.was_never_ready() {
            entry.status == TargetStatus::Failed
        } else {
            refusal.class == FailureClass::Invalid
                && self.wish.replacement == ReplacementPolicy::Allow
        }
    }

    fn replace(&self, entry: &Summary, refusal: &Failure) -> Decision {
        let Bound { gateway, target, .. } = self.bound.clone();
        let replacing = Standing::Replacing { target: target.clone(), refusal: refusal.clone() };
        let report = Report::of(replacing).awaiting(&gateway);
        if self.wanted.name != entry.name {
            // The new name is free, so the old target serves until its successor does.
            return intend(self.world, &gateway, self.wish, report);
        }
        let from = self.world.gone_counts_from(&target);
        if self.world.memory.deleted(&target).is_some() && self.seen_at() < from {
            // What is listed may be from before the Delete.
            return wait_until(self.world, &gateway, from, report);
        }
        delete(self.world, self.bound, report)
    }

    /// The name that is wanted is another target's; under the old one the target serves on. To ask
    /// AWS would only be refused: the mirror tells when the name is free.
    fn name_is_taken(&self, entry: &Summary) -> Option<Decision> {
        if self.wanted.name == entry.name {
            return None;
        }
        let Bound { gateway, target, .. } = self.bound;
        let (_, listing) = seen(self.world, gateway).ok()?;
        let other = listing.by_name(&self.wanted.name).filter(|other| other.id != *target)?;
        if other.status == TargetStatus::Deleting {
            return Some(Decision::wait(self.updating()));
        }
        let mut left = self.world.retired().iter();
        if let Some(left) = left.find(|left| Bound::from(*left).is(gateway, &other.id)) {
            // It is this resource's own, which stands in its own way.
            return Some(retire(self.world, left, self.updating()));
        }
        let holder = match holder_of(self.world, gateway, &other.id) {
            Holder::Target(id) => Holder::Meanwhile(id, entry.name.clone()),
            known => known,
        };
        Some(conflict(gateway, &other.name, holder))
    }

    /// What is wanted has been applied: does it show, did it work, has anybody changed it since?
    fn as_applied(&self, entry: &Summary, as_of: Timestamp, applied: &Applied) -> Decision {
        let moved = applied.settled || self.answer_moved();
        if !self.world.shows_change(entry, as_of, applied.updated_at, moved) {
            let from = self.world.absence_counts_from();
            return wait_until(self.world, &self.bound.gateway, from, self.hold_or_busy());
        }
        let ready = stage(&entry.status) == Stage::Ready;
        let ignored = self.wish.drift == DriftPolicy::Ignore;
        let asked = self.world.request().is_some() && !ignored;
        if ready && entry.updated_at == applied.updated_at && !asked {
            return self.ready(entry, applied.fingerprint.clone());
        }
        if ready && applied.settled && ignored {
            return self.serves(entry, applied.clone(), false);
        }
        self.compare(entry, applied.fingerprint.clone())
    }

    /// Whether the target has been read since a person asked for a check, if one did.
    fn is_checked(&self) -> bool {
        self.world.requested_at().is_none_or(|at| {
            let reading = self.world.memory.reading(&self.bound.gateway, &self.bound.target);
            reading.is_some_and(|reading| reading.as_of >= at)
        })
    }

    /// Whether the answer to our last change was newer than the state before it. That of a Create
    /// always is; of what another process was answered nothing is known.
    fn answer_moved(&self) -> bool {
        let memory = self.world.memory;
        let updated = self.applied().and_then(|applied| memory.update_answer(&applied.fingerprint));
        updated.map_or_else(|| memory.has_created(&self.bound.target), |updated| updated.moved)
    }

    /// Reads the configuration and compares it with what is wanted.
    fn compare(&self, entry: &Summary, wanted: String) -> Decision {
        match self.look_closer(entry, &wanted) {
            Err(decision) => decision,
            Ok(target) => self.judge(entry, target, wanted),
        }
    }

    /// The target with its configuration, as it is for certain.
    fn look_closer(&self, entry: &Summary, wanted: &str) -> Result<&Target, Decision> {
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
                let drifted = self.applied().is_some_and(|applied| applied.fingerprint == wanted);
                if drifted {
                    self.drifted(target)
                } else {
                    self.begin_update(entry, fingerprint(self.wanted))
                }
            }
        }
    }

    /// Somebody else has changed what was as written.
    fn drifted(&self, target: &Target) -> Decision {
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
            DriftPolicy::Ignore => self.failed(target, None),
        }
    }

    fn again_at(&self, schedule: Schedule) -> Timestamp {
        self.world.memory.again_at(schedule, self.world.generation(), self.world.seed)
    }

    /// When the entry was listed: a Get that is to explain it must not be older.
    pub(super) fn seen_at(&self) -> Timestamp {
        let sight = self.world.sight(&self.bound.gateway);
        sight.and_then(|sight| sight.as_of).unwrap_or(self.world.memory.since())
    }

    /// While we look closer, a target that was settled, or that was seen to have failed since, stays
    /// what it was.
    fn hold_or_busy(&self) -> Report {
        let settled = self.applied().is_none_or(|applied| applied.settled);
        let seen = self.world.status().and_then(|status| status.target_status.as_deref());
        let failed = seen.is_some_and(|seen| stage(&seen.into()) == Stage::Failed);
        if settled || failed { Report::of(Standing::Hold) } else { self.busy() }
    }

    fn ready(&self, entry: &Summary, fingerprint: String) -> Decision {
        let applied = Applied { fingerprint, updated_at: entry.updated_at, settled: true };
        self.serves(entry, applied, true)
    }

    fn serves(&self, entry: &Summary, applied: Applied, checked: bool) -> Decision {
        let report = Report::of(Standing::Ready {
            gateway: self.bound.gateway.clone(),
            target: self.bound.target.clone(),
            applied,
            checked,
        })
        .seeing(entry)
        .fetched(self.fetched_at());
        // The successor serves: what it replaces can go.
        let Some(left) = self.world.retired().first() else {
            return tools::plan(self, entry, report);
        };
        let decision = retire(self.world, left, report.clone());
        if needs_a_person(&decision.report.standing) {
            return decision;
        }
        // What only delays the end of the one makes the other no less ready.
        let report = Report { standing: report.standing, ..decision.report };
        match decision.step {
            Some(step) => Decision::step(step, report),
            None => tools::plan(self, entry, report),
        }
    }

    /// Failed with the configuration that is wanted: AWS's reasons, and another try in time.
    fn heal(&self, target: &Target) -> Decision {
        let pending = self.world.status().is_some_and(|status| status.authorization.is_some())
            && stage(&target.summary.status) == Stage::Failed;
        let unfetched = target.summary.status == TargetStatus::SynchronizeUnsuccessful;
        let sent = self.world.memory.sent();
        let rollout_counts_at = tools::news(self);
        let rolled_out = rollout_counts_at.is_some_and(|at| self.seen_at() >= at);
        let fetch_is_asked = self.is_sync_requested() || sent == Sent::NotYet || rolled_out;
        let asked =
            (self.world.request().is_some() || unfetched && fetch_is_asked) && !self.wish.suspended;
        if let Sent::Accepted(at) | Sent::Open(at) = sent
            && unfetched
            && self.seen_at() <= at
        {
            // What is listed is from before the last attempt.
            return Decision::wait(self.fetching().seeing(&target.summary));
        }
        if pending && !asked {
            // To try again would be to ask the person again.
            let standing = Standing::ConsentLapsed(self.bound.target.clone());
            return Decision::wait(Report::of(standing).reading(target));
        }
        let blamed = blame_the_spec(&target.status_reasons);
        let schedule = if blamed { Schedule::FAULTY_SPEC } else { Schedule::FAILED_TARGET };
        let heal_at = self.again_at(schedule);
        // Of one that is suspended it is said at once that it is not tried.
        let now = asked || self.wish.suspended || self.world.now >= heal_at;
        let refused = self.refused(Attempt::Synchronize).is_some();
        let decision = match (unfetched && !refused, now) {
            (true, _) if !asked && self.wanted.needs_consent() => {
                // To ask again could be to ask the person again.
                let mut decision = self.failed(target, None);
                if let Standing::Failed { remedy, .. } = &mut decision.report.standing {
                    *remedy = Remedy::SyncRequest;
                }
                decision
            }
            (true, false) => {
                let decision = self.failed(target, Some(heal_at));
                match rollout_counts_at {
                    Some(at) => wait_until(self.world, &self.bound.gateway, at, decision.report),
                    None => decision,
                }
            }
            (false, false) => self.failed(target, Some(heal_at)),
            (true, true) => self.fetch_again(&target.summary, rolled_out),
            (false, true) => self.begin_update(&target.summary, fingerprint(self.wanted)),
        };
        if !unfetched || decision.step.is_some() {
            return decision;
        }
        let report = self.saying(Tools::Failed, decision.report);
        Decision { report, ..decision }
    }

    /// The gateway could not fetch the tools, and is asked again.
    fn fetch_again(&self, entry: &Summary, rolled_out: bool) -> Decision {
        let report = self.fetching().seeing(entry);
        if self.sync_under_way().is_none() || self.is_sync_requested() || rolled_out {
            return Decision::step(tools::record(self), report);
        }
        let step = tools::synchronize(self, true);
        attempt(self.world, Attempt::Synchronize, &self.bound.gateway, step, report)
    }

    /// Whether a person has asked for the tools since they were last asked for.
    fn is_sync_requested(&self) -> bool {
        self.world.sync_request().is_some_and(|asked| {
            let under_way = self.sync_under_way();
            under_way.is_none_or(|under_way| under_way.request.as_deref() != Some(asked))
        })
    }

    /// It does not work, and is tried again then, if at all.
    fn failed(&self, target: &Target, again_at: Option<Timestamp>) -> Decision {
        let mut reasons = target.status_reasons.clone();
        let differing = target.definition.as_ref().map(|found| differences(self.wanted, found));
        if differing.as_ref().is_none_or(|fields| !fields.is_empty()) {
            let fields = differing.unwrap_or_default().join(", ");
            reasons.push(format!("it does not show what was asked for: {fields}"));
        }
        let standing = Standing::Failed {
            status: target.summary.status.clone(),
            reasons,
            remedy: match again_at {
                Some(_) if !blame_the_spec(&target.status_reasons) => Remedy::Time,
                Some(_) | None => Remedy::Edit,
            },
        };
        let report = Report::of(standing).reading(target);
        Decision::wait(again_at.into_iter().fold(report, Report::waking))
    }

    /// Not listed: gone, or not shown yet.
    fn missing(&self, as_of: Timestamp) -> Decision {
        let from = self.world.absence_counts_from();
        let report = self.hold_or_busy();
        if !self.world.absence_counts(as_of) {
            return wait_until(self.world, &self.bound.gateway, from, report);
        }
        match read_unlisted(self.world, self.bound, from, as_of, report.clone()) {
            Err(decision) => decision,
            Ok(reading) if reading.found.is_some() => {
                // Found and not listed: the next List will tell.
                Decision::wait(report.awaiting(&self.bound.gateway))
            }
            Ok(_) => {
                let report = Report::of(Standing::Recreating(self.bound.target.clone()));
                intend(self.world, &self.bound.gateway, self.wish, report)
            }
        }
    }
}

/// Whether what holds up the end of a target that was left goes on until a person helps.
fn needs_a_person(standing: &Standing) -> bool {
    match standing {
        Standing::Held { failure, .. } | Standing::Blind { failure, .. } => !passes(failure.class),
        _ => false,
    }
}

fn is_same(target: &Target, wanted: &str) -> bool {
    target.definition.as_ref().is_some_and(|found| fingerprint(found) == wanted)
}
