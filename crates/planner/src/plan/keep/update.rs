//! The target is changed to what is wanted, or another is made where AWS refuses.
//!
//! Contract: every Update stands between two records. AWS is not asked for a name that is seen to be
//! another's, and what has served is replaced only where the resource allows it.

use api::{Applying, Failure, FailureClass, Summary, TargetStatus};

use super::super::create::{conflict, intend, too_many};
use super::super::remove::delete;
use super::super::settle::holder_of;
use super::super::{
    Decision, Stage, attempt, is_busy, read_since, retire, seen, stage, wait_until,
};
use super::Keeper;
use super::compare::is_same;
use crate::claim::{ClaimKind, Stake};
use crate::diff::fingerprint;
use crate::memory::later;
use crate::reasons::blames_a_value;
use crate::report::{Holder, Report, Standing};
use crate::world::Bound;
use crate::{Attempt, ReplacementPolicy, Step};

impl Keeper<'_> {
    pub(super) fn begin_update(&self, entry: &Summary, fingerprint: String) -> Decision {
        if let Some(decision) = self.name_is_taken(entry) {
            return decision;
        }
        let step = Step::RecordApplying(self.next(fingerprint));
        Decision::step(step, self.updating().seeing(entry))
    }

    /// The record of an Update to come.
    pub(super) fn next(&self, fingerprint: String) -> Applying {
        let template = self.world.complete_template().map(str::to_owned);
        Applying { fingerprint, generation: self.world.generation(), template }
    }

    pub(super) fn update(&self, entry: &Summary) -> Decision {
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
            before: self.world.updated_at_most(entry, self.seen_at()),
            busy: is_busy(self.world, &self.bound.gateway),
        };
        let recorded = self.applying().and_then(|applying| applying.template.as_ref());
        if self.world.is_outdated(recorded) {
            return self.begin_update(entry, fingerprint(self.wanted));
        }
        let report = self.updating().seeing(entry);
        let refused = self.refused(Attempt::Update);
        if let Some(failure) = refused.filter(|failure| self.may_be_replaced(entry, failure)) {
            return self.replace(entry, failure);
        }
        let mut decision = attempt(self.world, Attempt::Update, &self.bound.gateway, step, report);
        if let Standing::Held { failure, .. } = &decision.report.standing
            && failure.class == FailureClass::Invalid
            && !self.was_never_ready(entry)
        {
            let (target, failure) = (self.bound.target.clone(), failure.clone());
            decision.report.standing = if self.may_be_replaced(entry, &failure) {
                // As soon as that is certain.
                Standing::Replacing { target, refusal: failure }
            } else {
                Standing::CannotChange { target, failure }
            };
        }
        decision
    }

    /// Of an Update that may have been sent: whether it has come through. To send it again does no harm,
    /// except where a person would have to consent again.
    pub(super) fn came_through(&self, entry: &Summary, wanted: &str) -> Option<Decision> {
        if !self.wanted.needs_consent() || self.world.memory.update_is_unsent() {
            return None;
        }
        match self.look_closer(entry, wanted) {
            Err(decision) => Some(decision),
            Ok(target) => {
                let serves = stage(&target.summary.status) == Stage::Ready;
                (serves && is_same(target, wanted))
                    .then(|| self.ready(&target.summary, wanted.to_owned()))
            }
        }
    }

    /// Of what is written again after an Update to something else was recorded: whether the target has it
    /// still, as it has where AWS refused that Update. To send it would ask a person for consent anew.
    pub(super) fn still_holds(&self, wanted: &str) -> Option<Decision> {
        if !self.wanted.needs_consent() {
            return None;
        }
        let from = self.world.absence_counts_from().max(self.seen_at());
        match read_since(self.world, self.bound, from, self.updating()) {
            Err(decision) => Some(decision),
            Ok(reading) => {
                let target = reading.found.as_deref()?;
                let serves = stage(&target.summary.status) == Stage::Ready;
                (serves && is_same(target, wanted))
                    .then(|| self.ready(&target.summary, wanted.to_owned()))
            }
        }
    }

    /// Why AWS refuses the call, if it does so for what is asked rather than for now.
    pub(super) fn refused(&self, attempt: Attempt) -> Option<&Failure> {
        let world = self.world;
        let setback = world.memory.setback(attempt, world.generation())?;
        let class = setback.failure.class;
        // A wrong state can also be one that the List did not show yet.
        (matches!(class, FailureClass::Invalid | FailureClass::WrongState)
            && self.seen_at() >= later(setback.at, world.policy.consistency_window))
        .then_some(&setback.failure)
    }

    fn was_never_ready(&self, entry: &Summary) -> bool {
        stage(&entry.status) != Stage::Ready
            && self.world.status().is_some_and(|status| status.never_ready)
    }

    /// Whether another target can take the place of one that AWS refuses to change: nobody has ever
    /// used it, or the resource allows it.
    fn may_be_replaced(&self, entry: &Summary, refusal: &Failure) -> bool {
        if self.was_never_ready(entry) {
            entry.status == TargetStatus::Failed
        } else {
            refusal.class == FailureClass::Invalid
                && !blames_a_value(&refusal.message)
                && self.wish.replacement == ReplacementPolicy::Allow
        }
    }

    fn replace(&self, entry: &Summary, refusal: &Failure) -> Decision {
        let Bound { gateway, target, .. } = self.bound.clone();
        let replacing = Standing::Replacing { target: target.clone(), refusal: refusal.clone() };
        let report = Report::of(replacing).awaiting(&gateway);
        if self.wanted.name != entry.name {
            if let Some(left) = too_many(self.world.retired()) {
                return retire(self.world, left, report);
            }
            if let Some(decision) = self.name_is_claimed() {
                return decision;
            }
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
    pub(super) fn name_is_taken(&self, entry: &Summary) -> Option<Decision> {
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

    /// The new name, which a successor would have, is claimed by another resource. Nobody else's intent
    /// must meet a target of ours there: it could take it for its own.
    pub(super) fn name_is_claimed(&self) -> Option<Decision> {
        let (name, gateway) = (&self.wanted.name, &self.bound.gateway);
        let had = self.world.status().and_then(|status| status.target_name.as_ref());
        if had == Some(name) {
            return None;
        }
        let better = self.world.better_claim(gateway, Stake::Name(name), ClaimKind::Desires)?;
        Some(conflict(gateway, name, Holder::Resource(better.owner.name.clone())))
    }

    /// AWS has accepted the update that is recorded as under way.
    pub(super) fn record_answer(&self) -> Option<Decision> {
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
}
