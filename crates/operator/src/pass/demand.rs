//! What a step asks of AWS's limits, and how urgent that is.

use api::{Attempt, GatewayId, MCPServer};
use planner::{Bound, Report, Standing, Step, is_asked};
use queue::{Place, Urgency};

use crate::fleet::Key;

/// Where the step has to stand in line; `None`: it asks nothing of AWS. A record of a call to come
/// waits with it, so that what is recorded is as new as can be when the call is made.
pub(super) fn place(key: &Key, server: &MCPServer, step: &Step, report: &Report) -> Option<Place> {
    let bound = || Bound::of(server).map(|bound| bound.gateway);
    let (attempt, gateway) = match step {
        Step::RecordIntent(intent) => (Attempt::Create, GatewayId(intent.gateway.clone())),
        Step::RecordApplying(_) => (Attempt::Update, bound()?),
        Step::RecordSync(_) => (Attempt::Synchronize, bound()?),
        Step::Create { gateway, .. } => (Attempt::Create, gateway.clone()),
        Step::Read { gateway, .. } => (Attempt::Read, gateway.clone()),
        Step::Update { gateway, .. } => (Attempt::Update, gateway.clone()),
        Step::Synchronize { gateway, .. } => (Attempt::Synchronize, gateway.clone()),
        Step::Delete { gateway, .. } => (Attempt::Delete, gateway.clone()),
        Step::AddFinalizer
        | Step::Bind(_)
        | Step::Annotate(_)
        | Step::RecordApplied { .. }
        | Step::ForgetRetired(_)
        | Step::ReleaseFinalizer => return None,
    };
    let urgency = match urgency(server) {
        Urgency::Routine => match &report.standing {
            // Nobody waits for it, and somebody may have wanted it so.
            Standing::Repairing { .. } | Standing::Drifted { .. } | Standing::Hold => {
                Urgency::Routine
            }
            _ => Urgency::Healing,
        },
        urgent => urgent,
    };
    Some(Place { urgency, attempt, gateway, namespace: key.namespace.to_string() })
}

/// How urgent it is to look after the resource.
pub(super) fn urgency(server: &MCPServer) -> Urgency {
    if server.metadata.deletion_timestamp.is_some() || is_asked(server) {
        return Urgency::Person;
    }
    match server.status.as_ref().and_then(|status| status.applied_generation) {
        None => Urgency::New,
        Some(applied) if Some(applied) != server.metadata.generation => Urgency::Person,
        Some(_) => Urgency::Routine,
    }
}
