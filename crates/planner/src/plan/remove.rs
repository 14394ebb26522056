//! Targets that shall go: with the resource, or because it has moved.
//!
//! A target counts as gone only when a Get answers 404 a consistency window after our last
//! attempt: the Delete's 202 is a promise, and a List can lag.

use api::{Retired, TargetId, TargetStatus};
use jiff::Timestamp;

use super::{
    Decision, Stage, adopt, attempt, first_holder, gateway_is_gone, is_busy, read_unlisted, seen,
    stage, wait_until,
};
use crate::report::{Report, Standing};
use crate::world::{Bound, World};
use crate::{Attempt, Step};

/// Removes everything that the resource has at AWS, then lets it go.
pub(super) fn plan(world: &World<'_>) -> Decision {
    let deleting = |target: &TargetId| Report::of(Standing::Deleting(target.clone()));
    if let Some(left) = world.retired().first() {
        return retire(world, left, deleting(&Bound::from(left).target));
    }
    let removal = match Bound::recorded(world.server, world.policy) {
        Some(bound) => remove(world, &bound, deleting(&bound.target)),
        // Its records are lost, and yet it may have one.
        None => adopt::plan(world, None),
    };
    removal.unwrap_or_else(|| Decision::step(Step::ReleaseFinalizer, Report::of(Standing::Gone)))
}

/// Removes a target that the resource has left behind, while `report` holds for its successor.
pub(super) fn retire(world: &World<'_>, left: &Retired, report: Report) -> Decision {
    let bound = Bound::from(left);
    let kept = Bound::recorded(world.server, world.policy).filter(|_| !world.is_deleting());
    if kept.is_some_and(|kept| kept.is(&bound.gateway, &bound.target)) {
        // It has been taken over since.
        return Decision::step(Step::ForgetRetired(bound), report);
    }
    remove(world, &bound, report.clone())
        .unwrap_or_else(|| Decision::step(Step::ForgetRetired(bound), report))
}

/// What brings the target nearer to its end; `None`: it is gone, or not ours to delete.
fn remove(world: &World<'_>, bound: &Bound, report: Report) -> Option<Decision> {
    if first_holder(world, bound).is_some() {
        return None;
    }
    let report = report.awaiting(&bound.gateway);
    let Some(sight) = world.sight(&bound.gateway) else {
        return Some(Decision::wait(report));
    };
    if gateway_is_gone(world, &bound.gateway) {
        return None;
    }
    let entry = sight.listing.as_ref().and_then(|listing| listing.by_id(&bound.target));
    let as_of = sight.as_of.unwrap_or(world.memory.since());
    let Some(entry) = entry else {
        return gone(world, bound, sight.listing.is_some(), as_of, report);
    };
    let report = if world.is_deleting() { report.seeing(entry) } else { report };
    let from = world.gone_counts_from(&bound.target);
    let may_lag = world.memory.deleted(&bound.target).is_some() && as_of < from;
    match stage(&entry.status) {
        Stage::Consent | Stage::Ready | Stage::Failed if may_lag => {
            Some(wait_until(world, &bound.gateway, from, report))
        }
        // Nobody knows whether a status of the future ever passes; AWS refuses what it must.
        Stage::Moving if is_of_the_future(&entry.status) => Some(delete(world, bound, report)),
        // AWS refuses a Delete while the target moves, and while it waits for consent.
        Stage::Moving => Some(watch(world, bound, report)),
        Stage::Consent => {
            let standing = match report.standing {
                Standing::Deleting(target) => Standing::DeletingAfterConsent(target),
                other => other,
            };
            Some(watch(world, bound, Report { standing, ..report }))
        }
        Stage::Ready | Stage::Failed => Some(delete(world, bound, report)),
    }
}

fn is_of_the_future(status: &TargetStatus) -> bool {
    matches!(status, TargetStatus::Unknown(_))
}

/// The Delete, or the pause after one that AWS has accepted and not carried out.
pub(super) fn delete(world: &World<'_>, bound: &Bound, report: Report) -> Decision {
    if let Some(at) = world.memory.delete_again_at(&bound.target, world.seed)
        && world.now < at
    {
        let standing = match report.standing {
            Standing::Deleting(target) => Standing::DeletingAgain(target),
            other => other,
        };
        return Decision::wait(Report { standing, ..report }.waking(at));
    }
    let step = Step::Delete {
        gateway: bound.gateway.clone(),
        target: bound.target.clone(),
        busy: is_busy(world, &bound.gateway),
    };
    attempt(world, Attempt::Delete, &bound.gateway, step, report)
}

/// Not listed: a Get has to say so too.
fn gone(
    world: &World<'_>,
    bound: &Bound,
    listed: bool,
    as_of: Timestamp,
    report: Report,
) -> Option<Decision> {
    if !listed {
        return Some(watch(world, bound, report));
    }
    let from = world.gone_counts_from(&bound.target);
    match read_unlisted(world, bound, from, as_of, report.clone()) {
        Err(decision) => Some(decision),
        Ok(reading) if reading.found.is_none() => None,
        Ok(_) => Some(watch(world, bound, report)),
    }
}

/// Waits for what the gateway shows next, and says so when it shows nothing.
fn watch(world: &World<'_>, bound: &Bound, report: Report) -> Decision {
    Decision::wait(seen(world, &bound.gateway).err().unwrap_or(report))
}
