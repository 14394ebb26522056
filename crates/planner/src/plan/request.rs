//! A check that a person asks for.
//!
//! Contract: it is answered once what the person wanted has begun, or once everything has been looked at
//! since and the decision would be the same without the request.

use api::GatewayId;
use jiff::Timestamp;

use super::{decide, foreign_arn};
use crate::report::{Report, Standing};
use crate::world::World;
use crate::{Claim, Step};

/// Whether the check that a person has asked for is over with this decision: what the person wanted
/// begins now, or everything has been looked at since and the request makes no difference any more.
pub(super) fn answers_request(
    world: &World<'_>,
    step: Option<&Step>,
    report: &Report,
    unseen: &[GatewayId],
) -> bool {
    if let Some(step) = step {
        return matches!(step, Step::RecordIntent(_) | Step::RecordApplying(_));
    }
    if !unseen.is_empty() || report.standing == Standing::Hold {
        // It is still being looked at.
        return false;
    }
    let mut server = world.server.clone();
    server.metadata.annotations.get_or_insert_default().remove(api::REQUEST_ANNOTATION);
    let unasked = decide(&World { server: &server, ..world.clone() });
    // What is Ready with or without it is Ready, whatever is recorded of it.
    let ready = |report: &Report| matches!(report.standing, Standing::Ready { .. });
    unasked.step.is_none()
        && (unasked.report.standing == report.standing || ready(&unasked.report) && ready(report))
}

/// The gateways that the resource has to do with and that nobody has looked at since that time.
pub(super) fn unseen_since(world: &World<'_>, at: Timestamp) -> Vec<GatewayId> {
    if foreign_arn(world.server, world.policy).is_some() {
        // Nothing is looked at for such a resource.
        return Vec::new();
    }
    let seen = |gateway: &GatewayId| {
        world.sight(gateway).is_some_and(|sight| {
            let tried = sight.trouble.as_ref().map(|trouble| trouble.as_of);
            sight.as_of.max(tried).is_some_and(|as_of| as_of >= at)
        })
    };
    let claims = Claim::of(world.server, world.policy).into_iter();
    claims.map(|claim| claim.gateway).filter(|gateway| !seen(gateway)).collect()
}
