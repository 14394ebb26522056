//! A target that somebody else has made, and that the resource asks to take over.
//!
//! Asked for by a person (`adopt-target-id`), or by the annotation that a backup has brought along
//! without the status (`target`). Neither proves anything, so only an administrator can allow it,
//! and never for a target that another resource has. Until that is decided nothing is created: it
//! would be the second target of the resource.

use api::{GatewayId, TargetStatus};

use super::{Decision, gateway_is_gone, read_since, read_unlisted, seen, wait_until};
use crate::claim::{Claim, ClaimKind, Stake};
use crate::report::{Holder, Report, Standing};
use crate::world::{Bound, Wished, World, wished_targets};
use crate::{Binding, Step, Violation};

/// What comes of the requests; `None`: there is none, or nothing to take over.
pub(super) fn plan(world: &World<'_>, gateway: Option<&GatewayId>) -> Option<Decision> {
    wished_targets(world.server, gateway).into_iter().find_map(|wished| take_over(world, wished))
}

fn take_over(world: &World<'_>, wished: Wished) -> Option<Decision> {
    let stake = Stake::Target(&wished.target);
    if let Some(rival) = world.better_claim(&wished.gateway, stake, ClaimKind::Desires) {
        return claimed(&wished, rival);
    }
    let waiting = || {
        let standing = if world.is_deleting() {
            Standing::Deleting(wished.target.clone())
        } else {
            Standing::Creating(wished.gateway.clone())
        };
        Report::of(standing).awaiting(&wished.gateway)
    };
    let bound =
        Bound { gateway: wished.gateway.clone(), gateway_arn: None, target: wished.target.clone() };
    let (sight, listing) = match seen(world, &wished.gateway) {
        Ok(seen) => seen,
        Err(_) if gateway_is_gone(world, &wished.gateway) => return None,
        Err(report) => return Some(Decision::wait(report)),
    };
    let as_of = sight.as_of.unwrap_or(world.memory.since());
    let Some(entry) = listing.by_id(&wished.target) else {
        let from = world.absence_counts_from();
        if !world.absence_counts(as_of) {
            return Some(wait_until(world, &wished.gateway, from, waiting()));
        }
        return match read_unlisted(world, &bound, from, as_of, waiting()) {
            Err(decision) => Some(decision),
            Ok(reading) if reading.found.is_some() => Some(Decision::wait(waiting())),
            Ok(_) if wished.explicit => Some(unknown(&wished)),
            Ok(_) => None,
        };
    };
    if entry.status == TargetStatus::Deleting {
        return Some(Decision::wait(waiting()));
    }
    if !world.policy.allow_adoption {
        let standing = if wished.explicit {
            Standing::NotPermitted { gateway: wished.gateway, target: wished.target }
        } else {
            Standing::NameConflict {
                gateway: wished.gateway,
                name: entry.name.clone(),
                holder: Holder::Remembered(wished.target),
            }
        };
        return Some(Decision::wait(Report::of(standing)));
    }
    let reading = match read_since(world, &bound, as_of, waiting()) {
        Ok(reading) => reading,
        Err(decision) => return Some(decision),
    };
    let Some(target) = reading.found.as_deref() else {
        // Listed and not found: the next List will tell.
        return Some(Decision::wait(waiting()));
    };
    let binding = Binding {
        gateway: wished.gateway.clone(),
        gateway_arn: target.gateway_arn.clone(),
        target: wished.target.clone(),
        name: target.summary.name.clone(),
        status: target.summary.status.clone(),
        updated_at: target.summary.updated_at,
        made_with: None,
        template: None,
    };
    Some(Decision::step(Step::Bind(binding), waiting()))
}

/// The target belongs to another resource. A copied annotation asks for nothing then.
fn claimed(wished: &Wished, rival: &Claim) -> Option<Decision> {
    if !wished.explicit && rival.kind == ClaimKind::Holds {
        return None;
    }
    Some(Decision::wait(Report::of(Standing::NameConflict {
        gateway: wished.gateway.clone(),
        name: wished.target.0.clone(),
        holder: Holder::Resource(rival.owner.name.clone()),
    })))
}

/// The person who asked has to know.
fn unknown(wished: &Wished) -> Decision {
    let Wished { gateway, target, .. } = wished;
    Decision::wait(Report::of(Standing::Invalid(vec![Violation {
        field: api::ADOPT_ANNOTATION,
        message: format!("gateway {gateway} has no target {target}; correct or remove it"),
    }])))
}
