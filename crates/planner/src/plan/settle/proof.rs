//! Whether a target of the intended name came from our attempt, as far as that can be seen.

use api::{GatewayId, Intent, Summary, TargetId};
use jiff::Timestamp;

use super::super::{Decision, read_since};
use super::{CALL, is_held, is_intended, may_begin_until, waiting};
use crate::claim::{ClaimKind, Stake};
use crate::diff::fingerprint;
use crate::known::{CLOCK_TOLERANCE, shifted};
use crate::memory::Reading;
use crate::report::Holder;
use crate::world::{Bound, World};
use crate::{Binding, Validated};

pub(super) enum Proof {
    Ours(Binding),
    NotOurs(Holder),
    Open(Decision),
}

/// Whether a target of the intended name, listed at this time, came from our attempt.
pub(super) fn prove(
    world: &World<'_>,
    intent: &Intent,
    gateway: &GatewayId,
    wish: Option<&Validated>,
    entry: &Summary,
    as_of: Timestamp,
) -> Proof {
    let holder = holder_of(world, gateway, &entry.id);
    let stake = Stake::Name(&intent.name);
    let mut rivals = world.better_claims(gateway, stake, ClaimKind::Intends);
    if let Some(rival) = rivals.find(|rival| rival.fits(&intent.fingerprint)) {
        return Proof::NotOurs(Holder::Resource(rival.owner.name.clone()));
    }
    if matches!(holder, Holder::Resource(_)) || !came_to_be_during(world, intent, entry.created_at)
    {
        return Proof::NotOurs(holder);
    }
    let reading = match look_at(world, gateway, entry, as_of) {
        Ok(reading) => reading,
        Err(decision) => return Proof::Open(decision),
    };
    let Some(target) = reading.found.as_deref() else {
        return Proof::Open(Decision::wait(waiting(world, gateway)));
    };
    let same = target.definition.as_ref().is_some_and(|found| match wish {
        Some(wish) => is_intended(world, intent, wish, found),
        None => fingerprint(found) == intent.fingerprint,
    });
    if same {
        Proof::Ours(Binding {
            gateway: gateway.clone(),
            gateway_arn: target.gateway_arn.clone(),
            target: entry.id.clone(),
            name: intent.name.clone(),
            status: target.summary.status.clone(),
            updated_at: target.summary.updated_at,
            made_with: Some((intent.fingerprint.clone(), intent.generation)),
            template: intent.template.clone(),
        })
    } else {
        Proof::NotOurs(holder)
    }
}

/// What a Get shows of the target of this entry. Every List asks anew, because the Get may be behind it;
/// but not while AWS is not to be asked more.
pub(super) fn look_at<'a>(
    world: &'a World<'_>,
    gateway: &GatewayId,
    entry: &Summary,
    as_of: Timestamp,
) -> Result<&'a Reading, Decision> {
    let known = world.memory.reading(gateway, &entry.id).filter(|known| known.found.is_some());
    let from = match known {
        Some(known) if is_held(world) => known.as_of,
        Some(_) | None => world.memory.changed_or_since().max(as_of),
    };
    read_since(world, &candidate(gateway, &entry.id), from, waiting(world, gateway))
}

/// Whether a target that was created at this time can have come from an attempt on the intent as it
/// is recorded.
fn came_to_be_during(world: &World<'_>, intent: &Intent, created_at: Timestamp) -> bool {
    let known = world.memory.intended(&intent.nonce);
    let may_be_sent = known.is_none_or(|intended| intended.sent);
    may_be_sent
        && intent.aws_time.is_some_and(|began| {
            created_at >= shifted(began, -CLOCK_TOLERANCE)
                && created_at <= shifted(may_begin_until(intent), CALL + CLOCK_TOLERANCE)
        })
}

/// Who has this target, as far as the resources say.
pub(in crate::plan) fn holder_of(
    world: &World<'_>,
    gateway: &GatewayId,
    target: &TargetId,
) -> Holder {
    let mut claims = world.rival_claims(gateway, Stake::Target(target));
    claims.find(|claim| claim.kind == ClaimKind::Holds).map_or_else(
        || Holder::Target(target.clone()),
        |claim| Holder::Resource(claim.owner.name.clone()),
    )
}

pub(super) fn candidate(gateway: &GatewayId, target: &TargetId) -> Bound {
    Bound { gateway: gateway.clone(), gateway_arn: None, target: target.clone() }
}
