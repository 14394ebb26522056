//! Tools that stay fresh: the gateway fetches them at Create and Update only, and whenever it is
//! asked to.
//!
//! Contract: asked for only where the target serves what is written. Written ahead like every change
//! at AWS: of a call whose outcome nobody knows the tools' date tells what became of it, so that a
//! crash costs one call more at most.

use std::time::Duration;

use api::{FailureClass, ListingMode, Summary, Synchronizing};
use jiff::{SignedDuration, Timestamp};

use super::keep::Keeper;
use super::{Decision, is_busy};
use crate::known::shifted;
use crate::memory::{Synced, later};
use crate::report::{self, Report, Tools};
use crate::{Attempt, Step, ToolSync, Workload};

/// What is to be done about the tools of a target that serves what is written, as it is reported.
pub(super) fn plan(keeper: &Keeper<'_>, entry: &Summary, report: Report) -> Decision {
    let wish = keeper.wish;
    let request = keeper.world.sync_request();
    let under_way = keeper.sync_under_way();
    if wish.tool_sync.is_none() && request.is_none() && under_way.is_none() {
        return Decision::wait(saying(report, Tools::Unasked));
    }
    // What AWS would refuse, or what would change nothing, is not asked for.
    let needless = match (&wish.definition.tools, wish.definition.listing) {
        (Some(_), _) => Some(Tools::Fixed),
        (None, ListingMode::Dynamic) => Some(Tools::Dynamic),
        (None, ListingMode::Default) => None,
    };
    if let Some(tools) = needless {
        let request = request.map(str::to_owned);
        let over = request.is_some() || under_way.is_some();
        let synced = report::Synced { template: None, request, refused: None };
        let report = Report { synced: over.then_some(synced), ..report };
        return Decision::wait(saying(report, tools));
    }
    if let Some(under_way) = under_way {
        return go_on(keeper, entry, under_way, report);
    }
    match due(keeper, entry, request) {
        Due::Not(tools, at) => {
            let report = at.into_iter().fold(report, Report::waking);
            Decision::wait(saying(report, tools))
        }
        Due::Now if wish.suspended => Decision::wait(saying(report, Tools::Suspended)),
        Due::Now => Decision::step(record(keeper, entry), saying(report, Tools::Fetching)),
        Due::AfterALook => {
            let report = report.awaiting(&keeper.bound.gateway);
            Decision::wait(saying(report, Tools::Fetching))
        }
    }
}

/// The record of a Synchronize of the target as it is listed now.
pub(super) fn record(keeper: &Keeper<'_>, entry: &Summary) -> Step {
    Step::RecordSync(Synchronizing {
        template: keeper.world.complete_template().map(str::to_owned),
        request: keeper.world.sync_request().map(str::to_owned),
        last_synchronized_at: entry.last_synchronized_at,
    })
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
    /// As soon as the gateway has been looked at: the tools' date is to be one from after the
    /// rollout, so that it proves something.
    AfterALook,
}

fn due(keeper: &Keeper<'_>, entry: &Summary, request: Option<&str>) -> Due {
    let world = keeper.world;
    if request.is_some() {
        return Due::Now;
    }
    if keeper.wanted.needs_consent() {
        return Due::Not(Tools::OnRequestOnly, None);
    }
    let by_time = interval_ends(keeper, entry);
    if by_time.is_some_and(|at| at <= world.now) {
        return Due::Now;
    }
    let record = world.status().and_then(|status| status.tool_sync.as_ref());
    let refused = record.and_then(|record| record.refused.clone());
    let fresh = || refused.clone().map_or(Tools::Fresh, Tools::Refused);
    let named = keeper.wish.tool_sync.as_ref().and_then(|sync| sync.workload.clone());
    let Some(named) = named else { return Due::Not(fresh(), by_time) };
    match world.workload {
        None => Due::Not(Tools::Hold, by_time),
        Some(Workload::Hidden(why)) => Due::Not(Tools::Hidden(named, why.clone()), by_time),
        Some(Workload::Missing) => Due::Not(Tools::NoWorkload(named), by_time),
        Some(Workload::RollingOut) => Due::Not(Tools::RollingOut(named), by_time),
        Some(Workload::Complete { template, since }) => {
            let fetched = record.and_then(|record| record.template.as_ref());
            let settled = later(*since, world.policy.tool_sync_settle);
            if fetched == Some(template) {
                Due::Not(fresh(), by_time)
            } else if world.now < settled {
                Due::Not(Tools::Fetching, Some(by_time.map_or(settled, |at| at.min(settled))))
            } else if keeper.seen_at() < *since {
                Due::AfterALook
            } else {
                Due::Now
            }
        }
    }
}

/// When the tools are to be fetched by time: up to a twentieth sooner or later, so that those that
/// were fetched together are not fetched together for ever.
fn interval_ends(keeper: &Keeper<'_>, entry: &Summary) -> Option<Timestamp> {
    let world = keeper.world;
    let ToolSync { interval, .. } = keeper.wish.tool_sync.as_ref()?;
    let per_mille = 950 + u32::try_from(world.seed % 101).unwrap_or_default();
    let interval: Duration = (*interval)?.saturating_mul(per_mille) / 1000;
    let fetched = entry.last_synchronized_at.unwrap_or(entry.updated_at);
    let age = world.aws_now.duration_since(fetched);
    let left =
        SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX).saturating_sub(age);
    Some(shifted(world.now, left))
}

/// A Synchronize is recorded as under way, and the target is READY.
fn go_on(
    keeper: &Keeper<'_>,
    entry: &Summary,
    under_way: &Synchronizing,
    report: Report,
) -> Decision {
    let world = keeper.world;
    let over = |report: Report, refused: Option<String>| {
        let Synchronizing { template, request, .. } = under_way.clone();
        let tools = refused.clone().map_or(Tools::Fresh, Tools::Refused);
        let synced = Some(report::Synced { template, request, refused });
        // There may be more to fetch by now.
        Decision::wait(saying(Report { synced, ..report }, tools).waking(world.now))
    };
    if entry.last_synchronized_at > under_way.last_synchronized_at {
        return over(report, None);
    }
    let window = world.policy.consistency_window;
    let seen = keeper.seen_at();
    let waiting = |report: Report, from: Timestamp| {
        let report = saying(report, Tools::Fetching).awaiting(&keeper.bound.gateway);
        Decision::wait(if world.now < from { report.waking(from) } else { report })
    };
    match world.memory.synced() {
        Synced::NotYet => {}
        // It is READY again, and AWS has no other date to tell.
        Synced::Accepted(at) if seen >= later(at, window) => return over(report, None),
        Synced::Open(at) if seen >= later(at, window) => {}
        Synced::Accepted(at) | Synced::Open(at) => return waiting(report, later(at, window)),
    }
    if keeper.wish.suspended {
        return Decision::wait(saying(report, Tools::Suspended));
    }
    match world.memory.setback(Attempt::Synchronize, world.generation()) {
        Some(setback) if setback.failure.class == FailureClass::Invalid => {
            over(report, Some(setback.failure.message.clone()))
        }
        Some(setback) if world.now < setback.retry_at => {
            let report = report.waking(setback.retry_at).awaiting(&keeper.bound.gateway);
            Decision::wait(saying(report, Tools::Held(setback.failure.clone())))
        }
        _ => Decision::step(synchronize(keeper, false), saying(report, Tools::Fetching)),
    }
}

fn saying(report: Report, tools: Tools) -> Report {
    Report { tools, ..report }
}
