//! Whether this replica works or stands by, and whether a step may begin.
//!
//! Contract: of several replicas with `--leader-elect` only the one that leads makes passes and looks
//! at gateways; the others watch Kubernetes, so that they can take over at once. What lasts longer
//! than the leadership is not begun: a call to AWS is given its time limit for that. After a loss
//! everything is forgotten that was known of calls and gateways, as after a crash, and the replica
//! stands by.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use agentcore::AgentCore;
use anyhow::Context as _;
use health::Health;
use leader::{Clock, Election, KubeLeases, Standing, Term, identity, namespace};
use planner::Step;
use queue::Urgency;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::kubernetes;
use crate::pass::Operator;
use crate::settings::Leadership;

/// Whether this process may begin something now.
pub(crate) struct Guard {
    /// How long a call to AWS may take.
    call_timeout: Duration,
    right: Mutex<Right>,
    /// Whether the process is to end.
    ends: AtomicBool,
}

enum Right {
    /// There is no election.
    Alone,
    Standby,
    Leader(Term),
}

impl Guard {
    pub(crate) fn new(elects: bool, call_timeout: Duration) -> Self {
        let right = if elects { Right::Standby } else { Right::Alone };
        Self { call_timeout, right: Mutex::new(right), ends: AtomicBool::new(false) }
    }

    /// From now on nothing is begun but what says what came of a call.
    pub(crate) fn end(&self) {
        self.ends.store(true, Ordering::Relaxed);
    }

    /// Whether the process is to end before this step.
    pub(crate) fn ends_before(&self, step: &Step) -> bool {
        self.ends.load(Ordering::Relaxed) && !step.settles()
    }

    /// Whether anything may be begun.
    pub(crate) fn works(&self) -> bool {
        self.permits(Duration::ZERO)
    }

    /// Whether this step may be begun. To be asked last.
    pub(crate) fn permits_step(&self, step: &Step) -> bool {
        self.permits(if step.changes_aws() { self.call_timeout } else { Duration::ZERO })
    }

    fn permits(&self, timeout: Duration) -> bool {
        match &*self.right.lock().unwrap_or_else(PoisonError::into_inner) {
            Right::Alone => true,
            Right::Standby => false,
            Right::Leader(term) => term.permits(timeout),
        }
    }

    fn is(&self, right: Right) {
        *self.right.lock().unwrap_or_else(PoisonError::into_inner) = right;
    }
}

impl<A: AgentCore> Operator<A> {
    /// Begins to work. Nothing is known yet but the resources.
    fn take_up(&self, term: Term) {
        self.guard.is(Right::Leader(term));
        self.work.open();
        self.observe_what_is_needed();
        self.work.wake(self.fleet.keys(), Urgency::Routine);
    }

    /// Stands by from now on. No pass may be under way.
    fn lay_down(&self) {
        self.guard.is(Right::Standby);
        self.observe_what_is_needed();
        self.work.close();
        self.turns.clear();
        self.care.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.panics.clear();
        self.refusals.clear();
    }
}

/// The part of this replica in the election; without one it leads from the start and for ever.
pub(crate) struct Candidacy(Option<Running>);

struct Running {
    standing: watch::Receiver<Standing>,
    stop: oneshot::Sender<()>,
    election: JoinHandle<()>,
}

impl Candidacy {
    pub(crate) async fn begin(
        settings: Option<&Leadership>,
        health: &Health,
    ) -> anyhow::Result<Self> {
        let Some(Leadership { timing, name, namespace: given }) = settings else {
            return Ok(Self(None));
        };
        let config = kubernetes::config().await?;
        let variable = |name| std::env::var(name).ok();
        let pod_namespace = variable("POD_NAMESPACE");
        let namespace = namespace(given.as_deref(), pod_namespace.as_deref(), &config);
        let identity = identity(variable("POD_NAME").as_deref(), fastrand::u64(..));
        info!(lease = name, namespace, identity, "stands as a candidate");
        let leases = KubeLeases::new(config, &namespace, name, *timing)
            .context("the Kubernetes configuration cannot be used for the Lease")?;
        let (election, standing) = Election::new(leases, identity, *timing, Clock::start());
        let pulse = health.pulse("election");
        let election = election.with_beat(move |within| pulse.within(within));
        let (stop, stopped) = oneshot::channel();
        let election = tokio::spawn(election.run(async { drop(stopped.await) }));
        Ok(Self(Some(Running { standing, stop, election })))
    }

    /// Waits until this replica leads, and takes up its work.
    pub(crate) async fn leads<A: AgentCore>(
        &mut self,
        operator: &Operator<A>,
    ) -> anyhow::Result<()> {
        let Some(Running { standing, .. }) = &mut self.0 else { return Ok(()) };
        loop {
            let leads = standing.wait_for(|standing| standing.term().is_some()).await;
            // It may have been lost since.
            if let Some(term) = leads.context("the election has ended")?.term() {
                operator.take_up(term.clone());
                return Ok(());
            }
        }
    }

    /// Waits until it leads no more.
    pub(crate) async fn loses(&mut self) -> anyhow::Result<()> {
        let Some(Running { standing, .. }) = &mut self.0 else {
            return std::future::pending().await;
        };
        // Every loss is seen, because a new term is another one.
        standing.changed().await.context("the election has ended")
    }

    /// Lays the work down. No pass may be under way.
    pub(crate) fn has_lost<A: AgentCore>(&self, operator: &Operator<A>) {
        if self.0.is_some() {
            operator.lay_down();
        }
    }

    /// Lets the Lease go. No pass may be under way.
    pub(crate) async fn end(self) {
        let Some(Running { stop, election, .. }) = self.0 else { return };
        // Nobody listens only if it has ended already.
        let _ = stop.send(());
        if let Err(error) = election.await {
            warn!(%error, "the election did not end as it should");
        }
    }
}
