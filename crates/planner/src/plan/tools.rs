//! Tools that stay fresh: the gateway fetches them at Create and Update only, and whenever it is
//! asked to.
//!
//! Contract: asked for only where the target serves what is written. Written ahead like every change
//! at AWS: of a call whose outcome nobody knows the tools' date tells what became of it, so that a
//! crash costs one call more at most.

use std::time::Duration;

use api::{FailureClass, ListingMode, Summary, Synchronizing, ToolSyncRecord};
use jiff::{SignedDuration, Timestamp};

use super::keep::Keeper;
use super::{Decision, is_busy, wait_until};
use crate::known::shifted;
use crate::memory::{Sent, later};
use crate::report::{Report, Synced, Tools};
use crate::world::World;
use crate::{Attempt, Step, Validated, Workload};

/// What is to be done about the tools of a target that serves what is written, as it is reported.
pub(super) fn plan(keeper: &Keeper<'_>, entry: &Summary, report: Report) -> Decision {
    let wish = keeper.wish;
    let mut known = Known::of(keeper.world);
    if wish.tool_sync.is_none() && known.is_nothing() {
        return Decision::wait(saying(report, Tools::Unasked));
    }
    // What AWS would refuse, or what would change nothing, is not asked for.
    let needless = match (&wish.definition.tools, wish.definition.listing) {
        (Some(_), _) => Some(Tools::Fixed),
        (None, ListingMode::Dynamic) => Some(Tools::Dynamic),
        (None, ListingMode::Default) => None,
    };
    if let Some(tools) = needless {
        let over = known.request.is_some() || known.under_way.is_some();
        let at = keeper.world.aws_now;
        let synced = Synced { template: None, request: known.request, refused: None, at };
        let report = Report { synced: over.then_some(synced), ..report };
        return Decision::wait(saying(report, tools));
    }
    let mut report = report;
    if let Some(under_way) = known.under_way.take() {
        match go_on(keeper, &under_way, report) {
            Err(decision) => return decision,
            // From here on it is as if there had never been one.
            Ok((synced, rest)) => {
                known.take_in(&synced);
                report = Report { synced: Some(synced), ..rest };
            }
        }
    }
    match due(keeper, entry, &known) {
        Due::Not(tools, at) => {
            let report = at.into_iter().fold(report, Report::waking);
            Decision::wait(saying(report, tools))
        }
        Due::Now if wish.suspended => Decision::wait(saying(report, Tools::Suspended)),
        Due::Now => Decision::step(record(keeper), saying(report, Tools::Fetching)),
        Due::AfterALook(from) => {
            let report = saying(report, Tools::Fetching);
            wait_until(keeper.world, &keeper.bound.gateway, from, report)
        }
    }
}

/// What is recorded of the tools, and what is asked.
struct Known {
    under_way: Option<Synchronizing>,
    template: Option<String>,
    refused: Option<String>,
    request: Option<String>,
    asked_at: Option<Timestamp>,
}

impl Known {
    fn of(world: &World<'_>) -> Self {
        let record = world.status().and_then(|status| status.tool_sync.clone()).unwrap_or_default();
        let ToolSyncRecord { template, asked_at, under_way, refused } = record;
        // What was refused is of interest to those who ask, or have asked.
        let refused = refused.filter(|_| {
            let status = world.status();
            world.server.spec.tool_sync.is_some()
                || status.is_some_and(|status| status.last_handled_sync_at.is_some())
        });
        let request = world.sync_request();
        Self { under_way, template, refused, request, asked_at }
    }

    fn is_nothing(&self) -> bool {
        self.under_way.is_none() && self.refused.is_none() && self.request.is_none()
    }

    fn take_in(&mut self, synced: &Synced) {
        self.template.clone_from(&synced.template);
        self.asked_at = Some(synced.at);
        self.refused.clone_from(&synced.refused);
        if self.request == synced.request {
            self.request = None;
        }
    }
}

/// What is to be said of the tools of a target that the decision says nothing of them for: what was
/// said before can have become wrong.
pub(super) fn otherwise(world: &World<'_>, wish: &Validated) -> Tools {
    let named = wish.tool_sync.as_ref().and_then(|sync| sync.workload.as_ref());
    let record = world.status().and_then(|status| status.tool_sync.as_ref());
    let fetched = record.and_then(|record| record.template.as_ref());
    match (named, world.workload) {
        (Some(_), Some(Workload::Complete { template, .. })) if Some(template) != fetched => {
            Tools::Behind
        }
        (Some(named), Some(Workload::Idle { template })) if Some(template) != fetched => {
            Tools::Idle(named.clone())
        }
        _ => Tools::Hold,
    }
}

/// The same where what is written is not valid: nobody looks at the workload, nor at the clock.
pub(super) fn of_an_invalid_wish(world: &World<'_>) -> Tools {
    let is_asked = world.server.spec.tool_sync.is_some() || world.sync_request().is_some();
    if is_asked { Tools::Invalid } else { Tools::Unasked }
}

/// From when on a rollout counts that was complete after the tools were last asked for, in vain: the
/// server may give them now. None where people would have to consent.
pub(super) fn news(keeper: &Keeper<'_>) -> Option<Timestamp> {
    let under_way = keeper.sync_under_way()?;
    match keeper.world.workload? {
        Workload::Complete { template, since }
            if under_way.template.as_ref() != Some(template) && !keeper.wanted.needs_consent() =>
        {
            let proved = proves_from(keeper.world, *since);
            Some(later(*since, keeper.world.policy.tool_sync_settle).max(proved))
        }
        _ => None,
    }
}

/// The record of a Synchronize that comes next.
pub(super) fn record(keeper: &Keeper<'_>) -> Step {
    let world = keeper.world;
    let record = world.status().and_then(|status| status.tool_sync.as_ref());
    let stands_for = record.and_then(|record| record.template.as_ref());
    let template = match world.workload {
        // Tools that stand for it already stand for it when they are fetched once more.
        Some(Workload::Complete { template, since })
            if stands_for == Some(template) || keeper.seen_at() >= proves_from(world, *since) =>
        {
            Some(template.clone())
        }
        _ => None,
    };
    Step::RecordSync(Synchronizing {
        template,
        request: world.sync_request(),
        last_synchronized_at: keeper.fetched_at(),
    })
}

/// From when on what AWS shows tells every fetch that began before a rollout was complete: a later
/// date than that is one of a fetch that began after it.
fn proves_from(world: &World<'_>, complete_since: Timestamp) -> Timestamp {
    later(complete_since, world.policy.consistency_window)
}

/// The call itself. `again`: it heals what an earlier one left.
pub(super) fn synchronize(keeper: &Keeper<'_>, again: bool) -> Step {
    Step::Synchronize {
        gateway: keeper.bound.gateway.clone(),
        target: keeper.bound.target.clone(),
        again,
        busy: is_busy(keeper.world, &keeper.bound.gateway),
    }
}

enum Due {
    /// Not now: how the tools stand, and when to look again.
    Not(Tools, Option<Timestamp>),
    /// Now.
    Now,
    /// As soon as the gateway has been looked at from then on: a later date of the tools is to prove
    /// that they were fetched after the rollout.
    AfterALook(Timestamp),
}

fn due(keeper: &Keeper<'_>, entry: &Summary, known: &Known) -> Due {
    let world = keeper.world;
    if known.request.is_some() {
        return Due::Now;
    }
    let fresh = || known.refused.clone().map_or(Tools::Fresh, Tools::Refused);
    let Some(sync) = &keeper.wish.tool_sync else {
        let nobody_asks = known.is_nothing();
        return Due::Not(if nobody_asks { Tools::Unasked } else { fresh() }, None);
    };
    if keeper.wanted.needs_consent() {
        return Due::Not(Tools::OnRequestOnly, None);
    }
    let by_time = sync.interval.map(|interval| interval_ends(keeper, entry, known, interval));
    let is_old = by_time.is_some_and(|at| at <= world.now);
    let is_idle = sync.workload.is_some() && matches!(world.workload, Some(Workload::Idle { .. }));
    if is_old && !is_idle {
        return Due::Now;
    }
    let by_time = by_time.filter(|_| !is_old);
    let Some(named) = sync.workload.clone() else { return Due::Not(fresh(), by_time) };
    match world.workload {
        None => Due::Not(Tools::Hold, by_time),
        Some(Workload::Hidden(why)) => Due::Not(Tools::Hidden(named, why.clone()), by_time),
        Some(Workload::Missing) => Due::Not(Tools::NoWorkload(named), by_time),
        Some(Workload::RollingOut) => Due::Not(Tools::RollingOut(named), by_time),
        Some(Workload::Idle { template }) => {
            let tools = if known.template.as_ref() == Some(template) && !is_old {
                fresh()
            } else {
                Tools::Idle(named)
            };
            Due::Not(tools, by_time)
        }
        Some(Workload::Complete { template, since }) => {
            let settled = later(*since, world.policy.tool_sync_settle);
            if known.template.as_ref() == Some(template) {
                Due::Not(fresh(), by_time)
            } else if world.now < settled {
                Due::Not(Tools::Fetching, Some(by_time.map_or(settled, |at| at.min(settled))))
            } else if keeper.seen_at() < proves_from(world, *since) {
                Due::AfterALook(proves_from(world, *since))
            } else {
                Due::Now
            }
        }
    }
}

/// When the tools are to be fetched by time: up to a twentieth sooner or later, so that those that
/// were fetched together are not fetched together for ever.
///
/// It counts from when they were last fetched or asked for: AWS may refuse, and need not say when it
/// fetched them.
fn interval_ends(
    keeper: &Keeper<'_>,
    entry: &Summary,
    known: &Known,
    interval: Duration,
) -> Timestamp {
    let world = keeper.world;
    let per_mille = 950 + u32::try_from(world.seed % 101).unwrap_or_default();
    let interval = interval.saturating_mul(per_mille) / 1000;
    let fetched = keeper.fetched_at().max(known.asked_at).unwrap_or(entry.updated_at);
    let age = world.aws_now.duration_since(fetched);
    let left =
        SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX).saturating_sub(age);
    shifted(world.now, left)
}

/// A Synchronize is recorded as under way, and the target is READY: what has come of it, and the
/// report; or what there is to do until that is known.
fn go_on(
    keeper: &Keeper<'_>,
    under_way: &Synchronizing,
    report: Report,
) -> Result<(Synced, Report), Decision> {
    let world = keeper.world;
    let Synchronizing { template, request, last_synchronized_at: before } = under_way.clone();
    if keeper.fetched_at() > before {
        return Ok((Synced { template, request, refused: None, at: world.aws_now }, report));
    }
    let seen = keeper.seen_at();
    let shown = |at: Timestamp| later(at, world.policy.consistency_window);
    match world.memory.sent() {
        Sent::NotYet => {}
        // It is READY again, and AWS has no later date to tell.
        Sent::Accepted(at) if seen >= shown(at) => {
            return Ok((Synced { template, request, refused: None, at: world.aws_now }, report));
        }
        Sent::Open(at) if seen >= shown(at) => {}
        Sent::Accepted(at) | Sent::Open(at) => {
            let report = saying(report, Tools::Fetching);
            return Err(wait_until(world, &keeper.bound.gateway, shown(at), report));
        }
    }
    if keeper.wish.suspended {
        return Err(Decision::wait(saying(report, Tools::Suspended)));
    }
    match world.memory.setback(Attempt::Synchronize, world.generation()) {
        Some(setback) if setback.failure.class == FailureClass::Invalid => {
            let refused = Some(setback.failure.message.clone());
            Ok((Synced { template, request, refused, at: world.aws_now }, report))
        }
        Some(setback) if world.now < setback.retry_at => {
            let report = report.waking(setback.retry_at).awaiting(&keeper.bound.gateway);
            Err(Decision::wait(saying(report, Tools::Held(setback.failure.clone()))))
        }
        _ => {
            let step = if world.is_outdated(under_way.template.as_ref()) {
                record(keeper)
            } else {
                synchronize(keeper, false)
            };
            Err(Decision::step(step, saying(report, Tools::Fetching)))
        }
    }
}

fn saying(report: Report, tools: Tools) -> Report {
    Report { tools, ..report }
}
