//! A target that is wished for and not there: look, then record the intent.
//!
//! The Create itself belongs to the settling of the intent, whether this process or one before
//! it recorded it.

use api::{GatewayId, Intent, Retired, Summary, TargetStatus};

use super::settle::holder_of;
use super::{Decision, retire, seen};
use crate::claim::{ClaimKind, Stake};
use crate::diff::fingerprint;
use crate::report::{Holder, Report, Standing};
use crate::world::World;
use crate::{Step, Validated};

/// Most targets on gateways that the resource has left and that are still to be deleted; the
/// schema of the status holds the same number.
const RETIRED: usize = 8;

/// Records the intent to make the target, unless its name belongs to somebody else.
pub(super) fn plan(world: &World<'_>, gateway: &GatewayId, wish: &Validated) -> Decision {
    let name = &wish.definition.name;
    let listing = match seen(world, gateway) {
        Ok((_, listing)) => listing,
        Err(report) => return Decision::wait(report),
    };
    // What the resource has left behind stands in its own way: on the gateway that it comes back
    // to, where it may hold the name whatever a List shows, or because no more can be remembered.
    let left = world.retired();
    let in_the_way = left.iter().find(|retired| retired.gateway_id == gateway.0);
    if let Some(left) = in_the_way.or_else(|| too_many(left)) {
        return retire(world, left, Report::of(Standing::Creating(gateway.clone())));
    }
    if let Some(better) = world.better_claim(gateway, Stake::Name(name), ClaimKind::Desires) {
        return conflict(gateway, name, Holder::Resource(better.owner.name.clone()));
    }
    match listing.by_name(name) {
        Some(entry) => occupied(gateway, entry, holder_of(world, gateway, &entry.id)),
        None => intend(world, gateway, wish, Report::of(Standing::Creating(gateway.clone()))),
    }
}

/// The one that has to go first, where no more targets that were left can be remembered.
pub(super) fn too_many(left: &[Retired]) -> Option<&Retired> {
    left.first().filter(|_| left.len() >= RETIRED)
}

/// Records the intent to make the target.
pub(super) fn intend(
    world: &World<'_>,
    gateway: &GatewayId,
    wish: &Validated,
    report: Report,
) -> Decision {
    let intent = Intent {
        nonce: world.nonce.to_owned(),
        gateway: gateway.0.clone(),
        name: wish.definition.name.clone(),
        fingerprint: fingerprint(&wish.definition),
        generation: world.generation(),
        aws_time: Some(world.aws_now),
        attempts_until: None,
        template: world.complete_template().map(str::to_owned),
        account: world.policy.account.clone(),
        region: Some(world.policy.region.clone()),
    };
    Decision::step(Step::RecordIntent(intent), report.awaiting(gateway))
}

/// A target of somebody else has the name.
pub(super) fn occupied(gateway: &GatewayId, entry: &Summary, holder: Holder) -> Decision {
    if entry.status == TargetStatus::Deleting {
        // The name is free again when it is gone.
        let report = Report::of(Standing::Creating(gateway.clone())).awaiting(gateway);
        return Decision::wait(report);
    }
    conflict(gateway, &entry.name, holder)
}

/// The name belongs to somebody else.
pub(super) fn conflict(gateway: &GatewayId, name: &str, holder: Holder) -> Decision {
    Decision::wait(Report::of(Standing::NameConflict {
        gateway: gateway.clone(),
        name: name.to_owned(),
        holder,
    }))
}
