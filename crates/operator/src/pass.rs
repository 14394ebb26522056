//! One pass over one resource: observe → plan → act, until there is no step, then report.
//!
//! Contract: a pass goes on with the object that its last write returned. It never sleeps: what has to
//! wait for its turn at AWS ends the pass and is woken. Before the first change at AWS, and before every
//! intent, the resource is read live, because a cache can be as old as it likes. Waiting is no error; an
//! error is only what Kubernetes refused.

mod act;
mod care;
mod demand;
mod log;
mod panics;
mod refusals;
mod rehearse;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agentcore::{AgentCore, Clock, Mirrors};
use api::{Attempt, MCPServer};
use health::Health;
use jiff::Timestamp;
use planner::{Claim, Decision, Owner, Report, Step, Wait, World, note, plan, project};
use queue::Urgency;
use tokio::sync::{Notify, watch};
use tracing::{debug, warn};

use crate::events::Events;
use crate::fleet::{Fleet, Key, Needed};
use crate::kubernetes::{Error, Resources};
use crate::leadership::Guard;
use crate::metrics::{Edits, End, Metrics};
use crate::panics::caught;
use crate::turns::{Turn, Turns};
use crate::work::{Call, Outcome, Work};
use crate::workloads::Workloads;
use care::Care;
use demand::{place, urgency};
use log::{log_report, log_step};
pub(crate) use panics::Panics;
use refusals::KUBERNETES_PAUSE;
pub(crate) use refusals::Refusals;

/// More steps than any story has in a row. A plan that goes on for longer is broken, and must
/// not keep a worker.
const MOST_STEPS: usize = 16;
/// When the lease does not last for a step, it is asked again after this.
const LEASE_PAUSE: Duration = Duration::from_secs(1);

/// A pass that takes longer hangs: each of its steps has a time limit.
const LONGEST_PASS: Duration = Duration::from_mins(15);

/// Everything that a pass needs.
pub(crate) struct Operator<A> {
    pub(crate) agentcore: Arc<A>,
    pub(crate) resources: Resources,
    pub(crate) clock: Clock,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) mirrors: Mirrors<A>,
    pub(crate) workloads: Workloads,
    pub(crate) work: Arc<Work>,
    pub(crate) turns: Arc<Turns>,
    pub(crate) guard: Guard,
    /// Name of the Lease, also where nobody asks for it.
    pub(crate) lease: String,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Health,
    pub(crate) edits: Edits,
    pub(crate) care: Mutex<HashMap<Key, Box<Care>>>,
    pub(crate) panics: Panics,
    pub(crate) refusals: Refusals,
    /// Told when a resource comes that cannot be read.
    pub(crate) unreadable: Notify,
    pub(crate) events: Events,
    /// Whether nothing is to be written to either side.
    pub(crate) dry_run: bool,
}

/// A step whose turn has not come.
struct Later {
    tell_at: Timestamp,
    wait: Wait,
    attempt: Attempt,
}

/// What a status says after the attempt to write it.
#[derive(PartialEq, Eq)]
enum Written {
    AsReported,
    /// Something newer, which is to be planned on.
    BySomebodyElse,
}

impl<A: AgentCore> Operator<A> {
    /// Takes one resource after the other until told to stop; a pass under way is finished. Begins
    /// when all resources are known: a claim that has not been read yet may be the better one.
    pub(crate) async fn serve(&self, mut stopped: watch::Receiver<bool>) {
        let pulse = self.health.pulse("workers");
        // An error says that the sender is gone, and with it the process.
        let mut stops = pin!(stopped.wait_for(|stopped| *stopped));
        let mut synced = false;
        loop {
            let next = pulse.keep(async {
                if !synced {
                    self.fleet.synced().await;
                    synced = true;
                }
                self.work.next().await
            });
            let key = tokio::select! {
                biased;
                _ = &mut stops => return,
                key = next => key,
            };
            let pass = self.metrics.pass(self.work.waited(&key));
            // In a box, because a worker at rest shall not hold what a pass takes.
            let attended = Box::pin(self.attend(&key));
            let end = pulse.keep_at_most(LONGEST_PASS, attended).await;
            pass.ended(end);
        }
    }

    async fn attend(&self, key: &Key) -> End {
        // What several resources use is whole at every point at which a pass can panic, or whoever uses
        // it makes it so: no lock is held over anything that waits, and none stays poisoned.
        let (end, outcome) = match caught(self.look_after(key)).await {
            Ok(ended) => ended,
            Err(panic) => (End::Panicked, Box::pin(self.panicked(key, &panic)).await),
        };
        if outcome.call == Call::Always {
            self.turns.leave(key);
        }
        for gateway in self.work.done(key, outcome) {
            self.work.tell_awaited(&gateway, |anybody| self.mirrors.awaiting(&gateway, anybody));
        }
        end
    }

    async fn look_after(&self, key: &Key) -> (End, Outcome) {
        let before = self.fleet.get(key);
        let pause = self.panics.pause(key, before.as_ref(), self.clock.now());
        let passed = if let Some(until) = pause.or_else(|| self.awaited_list(key)) {
            Ok(Outcome { next: Some(until), ..Outcome::default() })
        } else {
            let passed = if self.dry_run { self.rehearse(key).await } else { self.pass(key).await };
            if passed.is_ok() {
                self.panics.calm(key, self.clock.now());
                self.refusals.over(key);
            }
            passed
        };
        let mut end = None;
        let outcome = match passed {
            Ok(outcome) => outcome,
            Err(Error::Gone) => {
                let woken = before.as_ref().map(|server| self.fleet.left(server));
                self.work.wake(woken.unwrap_or_default(), Urgency::Healing);
                self.forget(key);
                self.panics.forget(key);
                self.refusals.over(key);
                Outcome::default()
            }
            Err(error) => {
                end = Some(End::Refused);
                self.again_in(self.refused(key, before.as_ref(), &error))
            }
        };
        let end = end.unwrap_or(if outcome.next.is_some() { End::Again } else { End::Rests });
        let urgency = before.as_ref().map_or(Urgency::Routine, urgency);
        (end, Outcome { urgency, ..outcome })
    }

    fn again_in(&self, pause: Duration) -> Outcome {
        Outcome { next: self.clock.now().checked_add(pause).ok(), ..Outcome::default() }
    }

    async fn pass(&self, key: &Key) -> Result<Outcome, Error> {
        let mut has_changed_aws = false;
        let mut has_read = false;
        for _ in 0..MOST_STEPS {
            if !self.guard.works() {
                return Ok(self.again_in(LEASE_PAUSE));
            }
            let Some(server) = self.fleet.get(key) else {
                self.forget(key);
                self.panics.forget(key);
                return Ok(Outcome::default());
            };
            let mut care = self.care(key, &server);
            let Decision { step, report } = self.decide(key, &server, &care);
            let Some(step) = step else {
                if self.write_report(key, &server, &report).await? == Written::BySomebodyElse {
                    continue;
                }
                care.memory.rest(&report);
                self.remember(key, care);
                let (next, awaits) = (report.wake_at, report.awaits);
                return Ok(Outcome { next, awaits, ..Outcome::default() });
            };
            if self.guard.ends_before(&step) {
                return Ok(Outcome::default());
            }
            if step.changes_aws() && has_changed_aws {
                // One change in a pass: others may be waiting, and what was planned on is older now.
                let next = Some(self.clock.now());
                return Ok(Outcome { next, awaits: report.awaits, ..Outcome::default() });
            }
            if let Some(later) = self.turn(key, &server, &step, &report) {
                match self.stand_in_line(key, &server, report, later).await? {
                    Some(outcome) => return Ok(outcome),
                    None => continue,
                }
            }
            // A new intent must not take the place of one that the watch has not shown; and before a Delete
            // comes no write that would fail on an object that is not the last: `Retain` can be said there.
            let must_be_fresh = matches!(step, Step::RecordIntent(_) | Step::Delete { .. });
            if must_be_fresh && !has_read || !care.live && step.changes_aws() {
                self.read_live(key).await?;
                has_read = true;
                care.live = true;
                self.remember(key, care);
                continue;
            }
            if !self.guard.permits_step(&step) {
                return Ok(self.again_in(LEASE_PAUSE));
            }
            has_changed_aws |= step.changes_aws();
            log_step(key, &server, &step);
            match self.act(key, &server, &mut care, &step, &report).await {
                Ok(()) => {}
                Err(Error::Conflict(said)) => self.read_after_conflict(key, &said).await?,
                Err(error) => {
                    self.remember(key, care);
                    return Err(error);
                }
            }
            self.remember(key, care);
        }
        warn!(namespace = key.namespace, name = key.name, "the plan does not come to rest");
        Ok(self.again_in(KUBERNETES_PAUSE))
    }

    /// What the step has to wait for, if its turn at AWS has not come.
    fn turn(&self, key: &Key, server: &MCPServer, step: &Step, report: &Report) -> Option<Later> {
        let place = place(key, server, step, report)?;
        let attempt = place.attempt;
        match self.turns.take(key, place) {
            Turn::Now => None,
            Turn::Later { tell_at, wait } => Some(Later { tell_at, wait, attempt }),
        }
    }

    /// Ends a pass whose step has to wait for its turn, and says so once the wait is long. `None`:
    /// there is something newer to plan on.
    async fn stand_in_line(
        &self,
        key: &Key,
        server: &MCPServer,
        report: Report,
        Later { tell_at, wait, attempt }: Later,
    ) -> Result<Option<Outcome>, Error> {
        let mut awaits = report.awaits.clone();
        if let Wait::Operations { gateway, .. } = &wait {
            awaits.push(gateway.clone());
        }
        let mut next = Some(tell_at);
        if tell_at <= self.clock.now() {
            let report = report.queued(attempt, wait);
            if self.write_report(key, server, &report).await? == Written::BySomebodyElse {
                return Ok(None);
            }
            next = report.wake_at;
        }
        Ok(Some(Outcome { next, awaits, call: Call::InTurn, ..Outcome::default() }))
    }

    /// Gathers both pictures and asks the planner.
    fn decide(&self, key: &Key, server: &MCPServer, care: &Care) -> Decision {
        let now = self.clock.now();
        let policy = self.fleet.policy();
        let claims = Claim::of(server, &policy);
        let mut rivals = self.fleet.rivals(key, &claims);
        let mut sights = HashMap::new();
        for claim in claims {
            let Some(sight) = self.mirrors.sight(&claim.gateway) else { continue };
            // Who has the target that stands under our name?
            let holder = claim.name.as_ref().and_then(|name| sight.listing.as_ref()?.by_name(name));
            rivals.extend(
                holder
                    .into_iter()
                    .flat_map(|holder| self.fleet.holders(&claim.gateway, &holder.id)),
            );
            sights.insert(claim.gateway, sight);
        }
        let workload = self.fleet.workload_of(key);
        let workload = workload.and_then(|named| self.workloads.look(&named).ok().flatten());
        let me = Owner::of(server).uid;
        rivals.retain(|rival| rival.owner.uid != me);
        plan(&World {
            now,
            aws_now: self.agentcore.aws_time(now),
            policy: &policy,
            server,
            memory: &care.memory,
            sights: &sights,
            rivals: &rivals,
            workload: workload.as_ref(),
            nonce: &nonce(),
            seed: care.seed,
        })
    }

    /// Until when to wait for the first list of what the resource names: a target that were made
    /// before would have its tools fetched twice.
    fn awaited_list(&self, key: &Key) -> Option<Timestamp> {
        self.workloads.look(&self.fleet.workload_of(key)?).err()
    }

    /// Sees to it that everything is observed that the resources are about.
    pub(crate) fn observe_what_is_needed(&self) {
        let observe = |needed: &Needed| {
            self.workloads.keep(&needed.places);
            self.mirrors.keep(&needed.gateways);
            self.turns.keep(&needed.gateways);
        };
        self.fleet.tell_needed(|| self.guard.works(), observe);
    }

    /// Writes where the resource stands, if that is new.
    async fn write_report(
        &self,
        key: &Key,
        server: &MCPServer,
        report: &Report,
    ) -> Result<Written, Error> {
        let status = project(server, None, report, self.clock.now());
        let (written, lost) = match self.resources.write_status(server, &status).await {
            Ok(Some(written)) => written,
            Ok(None) => return Ok(Written::AsReported),
            Err(Error::Conflict(said)) => {
                self.read_after_conflict(key, &said).await?;
                return Ok(Written::BySomebodyElse);
            }
            Err(error) => return Err(error),
        };
        log_report(key, &written);
        self.took_in_change(server, written, None, report);
        // The conditions at least are true.
        if lost.is_empty() { Ok(Written::AsReported) } else { Err(Error::Pruned(lost)) }
    }

    /// An object that our write has changed goes into the picture, and is told of.
    fn took_in_change(
        &self,
        before: &MCPServer,
        after: MCPServer,
        step: Option<&Step>,
        report: &Report,
    ) {
        if let Some(note) = note(before, &after, step, report) {
            if note.is_of_drift() {
                self.metrics.drift();
            }
            self.events.tell(&after, note);
        }
        if let Some(time) = self.edits.look(&after) {
            self.metrics.ready_after(time);
        }
        self.took_in(after);
    }

    /// An object that Kubernetes returned goes into the picture.
    fn took_in(&self, server: MCPServer) {
        self.work.wake(self.fleet.refreshed(server), Urgency::Healing);
        self.observe_what_is_needed();
    }

    /// Somebody else wrote first: what they wrote is planned on.
    async fn read_after_conflict(&self, key: &Key, said: &str) -> Result<(), Error> {
        debug!(namespace = key.namespace, name = key.name, said, "somebody else wrote first");
        self.read_live(key).await
    }

    async fn read_live(&self, key: &Key) -> Result<(), Error> {
        let server = self.resources.read(key).await?;
        self.took_in(server);
        Ok(())
    }
}

/// 128 random bits.
fn nonce() -> String {
    format!("{:032x}", fastrand::u128(..))
}

#[cfg(test)]
mod stage;
#[cfg(test)]
mod tests;
