//! Carries out one step.
//!
//! Contract: exactly one write to Kubernetes or one call to AWS. What AWS answered, failures
//! included, goes into the memory for the planner to judge; only Kubernetes' refusals are errors.

use agentcore::AgentCore;
use api::{Failure, GatewayId, MCPServer, TargetId};
use planner::{Answer, Call, Report, Step, note, project};
use queue::Urgency;
use tracing::warn;

use super::Operator;
use super::care::Care;
use crate::fleet::Key;
use crate::kubernetes::Error;

impl<A: AgentCore> Operator<A> {
    pub(super) async fn act(
        &self,
        key: &Key,
        server: &MCPServer,
        care: &mut Care,
        step: &Step,
        report: &Report,
    ) -> Result<(), Error> {
        match step {
            Step::AddFinalizer => self.took_in(self.resources.add_finalizer(server).await?),
            Step::ReleaseFinalizer => {
                let after = self.resources.release_finalizer(server).await?;
                if let Some(note) = note(server, &after, Some(step), report) {
                    self.events.tell(&after, note);
                }
                // Nothing is left to be done for it, whenever the watch shows it to be gone.
                self.work.wake(self.fleet.left(server), Urgency::Healing);
                self.observe_what_is_needed();
            }
            Step::Annotate(identity) => {
                self.took_in(self.resources.annotate(server, identity).await?);
            }
            Step::RecordIntent(_)
            | Step::Bind(_)
            | Step::RecordApplying(_)
            | Step::RecordApplied { .. }
            | Step::RecordSync(_)
            | Step::ForgetRetired(_) => {
                let status = project(server, Some(step), report, self.clock.now());
                care.memory.recording(server, step);
                let written = self.resources.write_status(server, &status).await;
                if let (Err(Error::Gone), Step::Bind(binding)) = (&written, step) {
                    let (gateway, target) = (&binding.gateway, &binding.target);
                    let (namespace, name) = (&key.namespace, &key.name);
                    warn!(%namespace, %name, %gateway, %target, "the resource is gone while its target was made, which is left behind");
                }
                if let Some((written, lost)) = written? {
                    self.took_in_change(server, written, Some(step), report);
                    if !lost.is_empty() {
                        return Err(Error::Pruned(lost));
                    }
                }
            }
            Step::Create { .. }
            | Step::Read { .. }
            | Step::Update { .. }
            | Step::Synchronize { .. }
            | Step::Delete { .. } => {
                self.call(key, server, care, step).await;
            }
        }
        Ok(())
    }

    /// Asks AWS, and remembers what came of it.
    pub(super) async fn call(&self, key: &Key, server: &MCPServer, care: &mut Care, step: &Step) {
        let underway = self.turns.begin(key);
        let began = self.clock.now();
        let result = match step {
            Step::Create { gateway, token, definition, .. } => {
                let result = self.agentcore.create_target(gateway, token, definition).await;
                self.changed(gateway, result).map(Answer::Accepted)
            }
            Step::Update { gateway, target, definition, .. } => {
                let result = self.agentcore.update_target(gateway, target, definition).await;
                self.changed(gateway, result).map(Answer::Accepted)
            }
            Step::Synchronize { gateway, target, .. } => {
                let result = self.agentcore.synchronize_target(gateway, target).await;
                self.changed(gateway, result).map(|()| Answer::Synchronizing)
            }
            Step::Delete { gateway, target, .. } => {
                let result = self.agentcore.delete_target(gateway, target).await;
                self.changed(gateway, result).map(|()| Answer::Deleting)
            }
            Step::Read { gateway, target } => {
                let result = self.agentcore.get_target(gateway, target).await;
                result.map(|target| Answer::Found(Box::new(target)))
            }
            Step::AddFinalizer
            | Step::RecordIntent(_)
            | Step::Bind(_)
            | Step::Annotate(_)
            | Step::RecordApplying(_)
            | Step::RecordApplied { .. }
            | Step::RecordSync(_)
            | Step::ForgetRetired(_)
            | Step::ReleaseFinalizer => return,
        };
        if let Some(underway) = underway {
            underway.ended(result.as_ref().map(|answer| target_of(step, answer)));
        }
        if let Err(failure) = &result {
            warn!(
                namespace = key.namespace,
                name = key.name,
                step = step.name(),
                class = failure.class.as_str(),
                error = failure.message,
                "AWS refused a call or did not answer"
            );
        }
        let call = Call { began, ended: self.clock.now(), result };
        care.memory.learn(server, step, call, care.seed);
    }

    /// A change has been asked of AWS: unless it was refused, something will be seen to move.
    fn changed<T>(&self, gateway: &GatewayId, result: Result<T, Failure>) -> Result<T, Failure> {
        let refused = result.as_ref().is_err_and(|failure| failure.class.is_definite());
        if !refused {
            self.mirrors.expect_change(gateway);
        }
        result
    }
}

/// The target that a call was about, as far as it is known.
fn target_of<'a>(step: &'a Step, answer: &'a Answer) -> Option<&'a TargetId> {
    match (step, answer) {
        (_, Answer::Accepted(accepted)) => Some(&accepted.target),
        (Step::Delete { target, .. } | Step::Synchronize { target, .. }, _) => Some(target),
        _ => None,
    }
}
