//! One pass over one resource: observe → plan → act, until there is no step, then report.
//!
//! Contract: a pass goes on with the object that its last write returned. Before the first
//! change at AWS, and before every intent, the resource is read live, because a cache can be as old
//! as it likes. Waiting is no error; an error is only what Kubernetes refused.

mod act;
mod log;
mod rehearse;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agentcore::{AgentCore, Clock, Limit, Mirrors};
use api::{GatewayId, MCPServer};
use jiff::Timestamp;
use planner::{Claim, Decision, Memory, Owner, Policy, Report, Step, World, note, plan, project};
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::events::Events;
use crate::fleet::{Fleet, Key};
use crate::kubernetes::{Error, Resources};
use crate::work::Work;
use crate::workloads::Workloads;
use log::{log_report, log_step};

/// More steps than any story has in a row. A plan that goes on for longer is broken, and must
/// not keep a worker.
const MOST_STEPS: usize = 16;
/// When Kubernetes refuses, it is asked again after this.
const KUBERNETES_PAUSE: Duration = Duration::from_secs(2);
/// When its CRD has to be replaced first, after this.
const CRD_PAUSE: Duration = Duration::from_secs(30);

/// How often the whole process has gateways fetch tools. AWS publishes no quota for
/// `SynchronizeGatewayTargets`; the smallest that it publishes for calls on targets is 5 a second, in
/// which others are to have their part. And each of these calls has the gateway call a server, of
/// which many can be rolled out at once: by one node pool, or one release of many charts.
pub(crate) const SYNCS: Limit = Limit::new(Duration::from_secs(1), 5);

/// Everything that a pass needs.
pub(crate) struct Operator<A> {
    pub(crate) agentcore: Arc<A>,
    pub(crate) resources: Resources,
    pub(crate) clock: Clock,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) mirrors: Mirrors<A>,
    pub(crate) workloads: Workloads,
    pub(crate) work: Work,
    pub(crate) policy: Mutex<Arc<Policy>>,
    pub(crate) care: Mutex<HashMap<Key, Care>>,
    pub(crate) syncs: Mutex<Limit>,
    pub(crate) events: Events,
    /// Whether nothing is to be written to either side.
    pub(crate) dry_run: bool,
}

/// What this process knows of its care for a resource.
#[derive(Clone)]
pub(crate) struct Care {
    uid: Option<String>,
    memory: Memory,
    /// Whether the resource has been read live since this process cares for it.
    live: bool,
    /// Spreads the waits of this resource.
    seed: u64,
    /// What a dry run has told last.
    rehearsed: Vec<(&'static str, String)>,
}

/// How a pass ended.
struct Outcome {
    next: Option<Timestamp>,
    awaits: Vec<GatewayId>,
}

impl Outcome {
    fn nothing() -> Self {
        Self { next: None, awaits: Vec::new() }
    }
}

impl<A: AgentCore> Operator<A> {
    /// Takes one resource after the other until told to stop; a pass under way is finished. Begins
    /// when all resources are known: a claim that has not been read yet may be the better one.
    pub(crate) async fn serve(&self, mut stopped: watch::Receiver<bool>) {
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = self.fleet.synced() => {}
        }
        loop {
            let key = tokio::select! {
                biased;
                // An error says that the sender is gone, and with it the process.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                key = self.work.next() => key,
            };
            self.attend(&key).await;
        }
    }

    async fn attend(&self, key: &Key) {
        let before = self.fleet.get(key);
        let passed = match self.awaited_list(key) {
            Some(until) => Ok(Outcome { next: Some(until), awaits: Vec::new() }),
            None if self.dry_run => self.rehearse(key).await,
            None => self.pass(key).await,
        };
        let outcome = match passed {
            Ok(outcome) => outcome,
            Err(Error::Gone) => {
                self.work.wake(before.map(|server| self.fleet.left(&server)).unwrap_or_default());
                Outcome::nothing()
            }
            Err(error) => {
                warn!(namespace = key.namespace, name = key.name, %error, "Kubernetes refused a call");
                let pause =
                    if matches!(error, Error::Pruned(_)) { CRD_PAUSE } else { KUBERNETES_PAUSE };
                let next = self.clock.now().checked_add(pause).ok();
                Outcome { next, awaits: Vec::new() }
            }
        };
        for gateway in self.work.done(key, outcome.next, outcome.awaits) {
            self.work.tell_awaited(&gateway, |anybody| self.mirrors.awaiting(&gateway, anybody));
        }
    }

    async fn pass(&self, key: &Key) -> Result<Outcome, Error> {
        let mut has_changed_aws = false;
        let mut has_read = false;
        for _ in 0..MOST_STEPS {
            let Some(server) = self.fleet.get(key) else {
                self.forget(key);
                return Ok(Outcome::nothing());
            };
            let mut care = self.care(key, &server);
            let Decision { step, report } = self.decide(key, &server, &care);
            // A step whose turn has not come is none yet.
            let turn = step.as_ref().and_then(|step| self.turn_of(step));
            let Some(step) = step.filter(|_| turn.is_none()) else {
                let next = report.wake_at.into_iter().chain(turn).min();
                return match self.write_report(key, &server, &report).await {
                    Err(Error::Conflict(said)) => {
                        self.read_after_conflict(key, &said).await?;
                        continue;
                    }
                    Err(error) => Err(error),
                    Ok(()) => Ok(Outcome { next, awaits: report.awaits }),
                };
            };
            if step.changes_aws() && has_changed_aws {
                // One change in a pass: others may be waiting, and what was planned on is older now.
                return Ok(Outcome { next: Some(self.clock.now()), awaits: report.awaits });
            }
            // A new intent must not take the place of one that the watch has not shown.
            let intends = matches!(step, Step::RecordIntent(_)) && !has_read;
            if intends || !care.live && step.changes_aws() {
                self.read_live(key).await?;
                has_read = true;
                care.live = true;
                self.remember(key, care);
                continue;
            }
            if !self.takes_its_turn(&step) {
                // Another was faster.
                continue;
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
        let next = self.clock.now().checked_add(KUBERNETES_PAUSE).ok();
        Ok(Outcome { next, awaits: Vec::new() })
    }

    /// Gathers both pictures and asks the planner.
    fn decide(&self, key: &Key, server: &MCPServer, care: &Care) -> Decision {
        let now = self.clock.now();
        let policy = self.policy();
        let mut rivals = self.fleet.rivals(key);
        let mut sights = HashMap::new();
        for claim in Claim::of(server, &policy) {
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

    /// When the turn of the step comes, if it has to wait for it. What asks for the tools waits
    /// before its record, too: of the rollouts until then the last counts.
    fn turn_of(&self, step: &Step) -> Option<Timestamp> {
        if !matches!(step, Step::RecordSync(_) | Step::Synchronize { .. }) {
            return None;
        }
        let now = self.clock.now();
        Some(self.syncs().free_at(now)).filter(|at| *at > now)
    }

    /// Whether the step may be taken now.
    fn takes_its_turn(&self, step: &Step) -> bool {
        !matches!(step, Step::Synchronize { .. }) || self.syncs().take(self.clock.now()).is_ok()
    }

    fn syncs(&self) -> MutexGuard<'_, Limit> {
        self.syncs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that everything is observed that the resources are about.
    pub(crate) fn observe_what_is_needed(&self) {
        self.fleet.tell_needed(|needed| {
            self.mirrors.keep(&needed.gateways);
            self.workloads.keep(&needed.places);
        });
    }

    /// Writes where the resource stands, if that is new.
    async fn write_report(
        &self,
        key: &Key,
        server: &MCPServer,
        report: &Report,
    ) -> Result<(), Error> {
        let status = project(server, None, report, self.clock.now());
        let Some((written, lost)) = self.resources.write_status(server, &status).await? else {
            return Ok(());
        };
        log_report(key, &written);
        self.took_in_change(server, written, None, report);
        // The conditions at least are true.
        if lost.is_empty() { Ok(()) } else { Err(Error::Pruned(lost)) }
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
            self.events.tell(&after, note);
        }
        self.took_in(after);
    }

    /// An object that Kubernetes returned goes into the picture.
    fn took_in(&self, server: MCPServer) {
        self.work.wake(self.fleet.refreshed(server));
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

    fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is known of the care for this resource. For one that has just come, or has come again
    /// under the same name, care begins now, and that is remembered: absences count from here.
    fn care(&self, key: &Key, server: &MCPServer) -> Care {
        let mut care = self.care.lock().unwrap_or_else(PoisonError::into_inner);
        let uid = &server.metadata.uid;
        let begin = || Care {
            uid: uid.clone(),
            memory: Memory::new(self.clock.now()),
            live: false,
            seed: fastrand::u64(..),
            rehearsed: Vec::new(),
        };
        let known = care.entry(key.clone()).or_insert_with(begin);
        if known.uid != *uid {
            *known = begin();
        }
        known.memory.notice(server, self.clock.now());
        known.clone()
    }

    fn remember(&self, key: &Key, known: Care) {
        self.care.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), known);
    }

    fn forget(&self, key: &Key) {
        self.care.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// 128 random bits.
fn nonce() -> String {
    format!("{:032x}", fastrand::u128(..))
}
