//! What the log says of a pass: its steps, and where the resource stands then.

use api::MCPServer;
use planner::{Bound, Step};
use tracing::info;

use crate::fleet::Key;

/// The step that is about to be taken.
pub(super) fn log_step(key: &Key, server: &MCPServer, step: &Step) {
    let (gateway, target) = step_at(server, step);
    info!(
        namespace = key.namespace,
        name = key.name,
        gateway,
        target,
        step = step.name(),
        generation = server.metadata.generation,
        "step"
    );
}

/// The gateway and the target that a step is about.
pub(super) fn step_at(server: &MCPServer, step: &Step) -> (String, String) {
    match step {
        Step::Create { gateway, .. } => (gateway.0.clone(), String::new()),
        Step::RecordIntent(intent) => (intent.gateway.clone(), String::new()),
        Step::Bind(binding) => (binding.gateway.0.clone(), binding.target.0.clone()),
        Step::Read { gateway, target }
        | Step::Update { gateway, target, .. }
        | Step::Synchronize { gateway, target, .. }
        | Step::Delete { gateway, target, .. } => (gateway.0.clone(), target.0.clone()),
        Step::AddFinalizer
        | Step::Annotate(_)
        | Step::RecordApplying(_)
        | Step::RecordApplied { .. }
        | Step::RecordSync(_)
        | Step::ForgetRetired(_)
        | Step::ReleaseFinalizer => {
            Bound::of(server).map(|bound| (bound.gateway.0, bound.target.0)).unwrap_or_default()
        }
    }
}

/// What has been written of where it stands.
pub(super) fn log_report(key: &Key, server: &MCPServer) {
    let Some(status) = &server.status else { return };
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
    info!(
        namespace = key.namespace,
        name = key.name,
        gateway = status.gateway_id,
        target = status.target_id,
        target_status = status.target_status,
        ready = ready.map(|ready| &ready.status),
        reason = ready.map(|ready| &ready.reason),
        detail = ready.map(|ready| &ready.message),
        "status"
    );
}
