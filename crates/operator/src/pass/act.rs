//! Carries out one step.
//!
//! Contract: exactly one write to Kubernetes or one call to AWS. What AWS answered, failures
//! included, goes into the memory for the planner to judge; only Kubernetes' refusals are errors.

use agentcore::AgentCore;
use api::{Failure, FailureClass, GatewayId, MCPServer, TargetId};
use planner::{Attempt, Reading, Report, Step, fingerprint, project};
use tracing::warn;

use super::{Care, Operator};
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
                self.resources.release_finalizer(server).await?;
                // Nothing is left to be done for it, whenever the watch shows it to be gone.
                self.work.wake(self.fleet.gone(key));
                self.mirrors.keep(&self.fleet.gateways());
            }
            Step::Annotate(identity) => {
                self.took_in(self.resources.annotate(server, identity).await?);
            }
            Step::RecordIntent(_)
            | Step::Bind(_)
            | Step::RecordApplying(_)
            | Step::RecordApplied { .. }
            | Step::ForgetRetired(_) => {
                let status = project(server, Some(step), report, self.clock.now());
                if let Some(written) = self.resources.write_status(server, &status).await? {
                    self.took_in(written);
                }
                if let Step::RecordIntent(intent) = step {
                    care.memory.intent_recorded(&intent.nonce);
                }
            }
            Step::Create { .. } | Step::Read { .. } | Step::Update { .. } | Step::Delete { .. } => {
                self.call(key, server, care, step).await;
            }
        }
        Ok(())
    }

    /// Asks AWS, and remembers what came of it.
    async fn call(&self, key: &Key, server: &MCPServer, care: &mut Care, step: &Step) {
        let generation = server.metadata.generation.unwrap_or_default();
        let memory = &mut care.memory;
        let (attempt, failure) = match step {
            Step::Create { gateway, nonce, token, definition } => {
                let result = self.agentcore.create_target(gateway, token, definition).await;
                let result = self.changed(gateway, result);
                memory.created(nonce, self.clock.now(), result.clone());
                (Attempt::Create, result.err())
            }
            Step::Update { gateway, target, definition, again } => {
                let result = self.agentcore.update_target(gateway, target, definition).await;
                let result = self.changed(gateway, result);
                let before = server.status.as_ref().and_then(|status| status.applied.as_ref());
                memory.updated(
                    &fingerprint(definition),
                    before.map(|applied| applied.updated_at),
                    self.clock.now(),
                    result.clone(),
                );
                if *again && result.is_ok() {
                    memory.applied_again(generation);
                }
                (Attempt::Update, result.err())
            }
            Step::Delete { gateway, target } => {
                let result = self.agentcore.delete_target(gateway, target).await;
                let result = self.changed(gateway, result);
                memory.deleted(target, self.clock.now(), result.is_ok());
                // What is gone is what was wanted; a Get will have to say so too.
                let failure = result.err().filter(|f| f.class != FailureClass::NotFound);
                (Attempt::Delete, failure)
            }
            Step::Read { gateway, target } => {
                (Attempt::Read, self.read_target(gateway, target, care).await)
            }
            Step::AddFinalizer
            | Step::RecordIntent(_)
            | Step::Bind(_)
            | Step::Annotate(_)
            | Step::RecordApplying(_)
            | Step::RecordApplied { .. }
            | Step::ForgetRetired(_)
            | Step::ReleaseFinalizer => return,
        };
        match failure {
            None => care.memory.succeeded(attempt),
            Some(failure) => {
                warn!(
                    namespace = key.namespace,
                    name = key.name,
                    step = step.name(),
                    class = failure.class.as_str(),
                    message = failure.message,
                    "AWS refused a call or did not answer"
                );
                let seed = care.seed;
                care.memory.failed(attempt, generation, failure, self.clock.now(), seed);
            }
        }
    }

    async fn read_target(
        &self,
        gateway: &GatewayId,
        target: &TargetId,
        care: &mut Care,
    ) -> Option<Failure> {
        let as_of = self.clock.now();
        let found = match self.agentcore.get_target(gateway, target).await {
            Ok(found) => Some(Box::new(found)),
            Err(failure) if failure.class == FailureClass::NotFound => None,
            Err(failure) => return Some(failure),
        };
        care.memory.read(Reading {
            gateway: gateway.clone(),
            target: target.clone(),
            as_of,
            found,
        });
        None
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
