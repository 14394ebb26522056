//! A target that failed with the configuration that is wanted: another try in time.
//!
//! Contract: the pauses grow, and end early when a person asks or a rollout may have mended the
//! server. Nobody is asked for consent again but by a person.

use api::{Summary, Target, TargetStatus};
use jiff::Timestamp;

use super::super::{Decision, Stage, attempt, stage, tools, wait_until};
use super::Keeper;
use crate::Attempt;
use crate::backoff::Schedule;
use crate::diff::{differences, fingerprint};
use crate::memory::Sent;
use crate::reasons::blame_the_spec;
use crate::report::{Remedy, Report, Standing, Tools};

impl Keeper<'_> {
    /// Failed with the configuration that is wanted: AWS's reasons, and another try in time.
    pub(super) fn heal(&self, target: &Target) -> Decision {
        let lapsed = self.world.status().is_some_and(|status| status.consent_asked)
            && stage(&target.summary.status) == Stage::Failed;
        let unfetched = target.summary.status == TargetStatus::SynchronizeUnsuccessful;
        let sent = self.world.memory.sent();
        let rollout_counts_at = tools::news(self);
        let rolled_out = rollout_counts_at.is_some_and(|at| self.seen_at() >= at);
        let recorded = sent == Sent::NotYet && self.sync_under_way().is_some();
        let fetch_is_asked = self.is_sync_requested() || recorded || rolled_out;
        let asked =
            (self.world.request().is_some() || unfetched && fetch_is_asked) && !self.wish.suspended;
        if let Sent::Accepted(at) | Sent::Open(at) = sent
            && unfetched
            && self.seen_at() <= at
        {
            // What is listed is from before the last attempt.
            return Decision::wait(self.fetching().seeing(&target.summary));
        }
        if lapsed && !asked {
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
            under_way.is_none_or(|under_way| under_way.request.as_ref() != Some(&asked))
        })
    }

    /// It does not work, and is tried again then, if at all.
    pub(super) fn failed(&self, target: &Target, again_at: Option<Timestamp>) -> Decision {
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
}
