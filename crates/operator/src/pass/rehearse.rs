//! The dry run: what would be done for a resource, and why, without doing it.
//!
//! Contract: nothing is written to either side. AWS is only read. The steps that would be written
//! to Kubernetes are imagined, so that what comes after them is seen as well: up to the first
//! change at AWS, of which the outcome cannot be known. Each rehearsal is logged when it differs
//! from the one before.

use agentcore::AgentCore;
use api::{FINALIZER, MCPServer, TARGET_ANNOTATION};
use planner::{Decision, Report, Step, project};
use tracing::info;

use super::care::Care;
use super::log::step_at;
use super::{MOST_STEPS, Operator};
use crate::fleet::Key;
use crate::kubernetes::Error;
use crate::work::{Call, Outcome};

impl<A: AgentCore> Operator<A> {
    pub(super) async fn rehearse(&self, key: &Key) -> Result<Outcome, Error> {
        let Some(server) = self.fleet.get(key) else {
            self.forget(key);
            self.panics.forget(key);
            return Ok(Outcome::default());
        };
        let mut care = self.care(key, &server);
        let mut imagined = MCPServer::clone(&server);
        let mut memory = care.memory.clone();
        let mut scenes = Vec::new();
        let mut outcome = Outcome::default();
        for _ in 0..MOST_STEPS {
            let thought = Care { memory: memory.clone(), ..care.clone() };
            let Decision { step, report } = self.decide(key, &imagined, &thought);
            let why = reason(&imagined, step.as_ref(), &report, self.clock.now());
            let Some(step) = step else {
                scenes.push((None, why));
                (outcome.next, outcome.awaits) = (report.wake_at, report.awaits);
                break;
            };
            if let Step::Read { .. } = &step {
                // A look is no change, and takes its turn as any other.
                if let Some(later) = self.turn(key, &imagined, &step, &report) {
                    self.remember(key, care);
                    // From then on only its turn wakes it.
                    let next = Some(later.tell_at).filter(|at| *at > self.clock.now());
                    return Ok(Outcome { next, call: Call::InTurn, ..Outcome::default() });
                }
                self.call(key, &imagined, &mut care, &step).await;
                memory = care.memory.clone();
                self.remember(key, care.clone());
                continue;
            }
            memory.recording(&imagined, &step);
            let goes_on = self.imagine(&mut imagined, &step, &report);
            scenes.push((Some(step), why));
            if !goes_on {
                break;
            }
        }
        tell(key, &server, &mut care, &scenes);
        self.remember(key, care);
        Ok(outcome)
    }

    /// What the resource would look like after the step; `false` where nobody can know.
    fn imagine(&self, server: &mut MCPServer, step: &Step, report: &Report) -> bool {
        match step {
            Step::AddFinalizer => {
                server.metadata.finalizers.get_or_insert_default().push(FINALIZER.to_owned());
            }
            Step::Annotate(identity) => {
                let annotations = server.metadata.annotations.get_or_insert_default();
                annotations.insert(TARGET_ANNOTATION.to_owned(), identity.clone());
            }
            Step::RecordIntent(_)
            | Step::Bind(_)
            | Step::RecordApplying(_)
            | Step::RecordApplied { .. }
            | Step::RecordSync(_)
            | Step::ForgetRetired(_) => {
                server.status = Some(project(server, Some(step), report, self.clock.now()));
            }
            Step::Create { .. }
            | Step::Read { .. }
            | Step::Update { .. }
            | Step::Synchronize { .. }
            | Step::Delete { .. }
            | Step::ReleaseFinalizer => return false,
        }
        true
    }
}

/// Logs the rehearsal, if it differs from the one before.
fn tell(key: &Key, server: &MCPServer, care: &mut Care, scenes: &[(Option<Step>, String)]) {
    let name = |step: &Option<Step>| step.as_ref().map_or("wait", Step::name);
    let script: Vec<(&'static str, String)> =
        scenes.iter().map(|(step, why)| (name(step), why.clone())).collect();
    if care.rehearsed == script {
        return;
    }
    for (step, why) in scenes {
        let (gateway, target) = step.as_ref().map(|step| step_at(server, step)).unwrap_or_default();
        info!(
            namespace = key.namespace,
            name = key.name,
            gateway,
            target,
            step = name(step),
            why,
            "dry run: this would be done"
        );
    }
    care.rehearsed = script;
}

/// What `Ready` would say.
fn reason(
    server: &MCPServer,
    step: Option<&Step>,
    report: &Report,
    now: jiff::Timestamp,
) -> String {
    let status = project(server, step, report, now);
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
    ready.map(|ready| ready.message.clone()).unwrap_or_default()
}
