//! The gateway mirrors: one task per gateway that lists its targets and tells what changed, an
//! informer for AgentCore.
//!
//! Contract: only complete Lists count. A sight says when its List *began*. Whoever waits for
//! something on a gateway says so with [`Mirrors::awaiting`], and the mirror looks often for as
//! long; otherwise it looks once in a sync interval. An [`Observation`] is sent after every
//! attempt to look.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::{Failure, GatewayId, Listing, Sight, Summary, TargetId, Trouble};
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use crate::{AgentCore, Clock, Pace};

/// What a mirror has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The gateway.
    pub gateway: GatewayId,
    /// The targets that came, went or changed, with the names that they have or had.
    pub changed: Vec<(TargetId, String)>,
    /// Whether what can be seen at all has changed: sight gained, lost, or lost for long.
    pub outlook_changed: bool,
}

/// The mirrors of all gateways that anybody has a use for.
pub struct Mirrors<A> {
    shared: Arc<Shared<A>>,
}

struct Shared<A> {
    agentcore: Arc<A>,
    clock: Clock,
    pace: Pace,
    stale_after: std::time::Duration,
    observations: mpsc::UnboundedSender<Observation>,
    mirrors: Mutex<HashMap<GatewayId, Mirror>>,
}

struct Mirror {
    sight: Sight,
    failures: u32,
    /// Whether the lasting loss of sight has been told.
    told_stale: bool,
    /// Since when something is awaited.
    awaiting_since: Option<Timestamp>,
    wake: Arc<Notify>,
    task: AbortHandle,
}

impl<A> Drop for Mirrors<A> {
    fn drop(&mut self) {
        for mirror in self.shared.lock().values() {
            mirror.task.abort();
        }
    }
}

impl<A: AgentCore> Mirrors<A> {
    /// No mirrors yet. A gateway that nobody has seen for `stale_after` is told of once more.
    pub fn new(
        agentcore: Arc<A>,
        clock: Clock,
        pace: Pace,
        stale_after: std::time::Duration,
        observations: mpsc::UnboundedSender<Observation>,
    ) -> Self {
        let mirrors = Mutex::default();
        let shared = Shared { agentcore, clock, pace, stale_after, observations, mirrors };
        Self { shared: Arc::new(shared) }
    }

    /// Runs mirrors for these gateways and for no others.
    pub fn keep(&self, gateways: &HashSet<GatewayId>) {
        let mut mirrors = self.shared.lock();
        mirrors.retain(|gateway, mirror| {
            let keep = gateways.contains(gateway);
            if !keep {
                mirror.task.abort();
            }
            keep
        });
        for gateway in gateways {
            if !mirrors.contains_key(gateway) {
                mirrors.insert(gateway.clone(), self.start(gateway.clone()));
            }
        }
    }

    /// What is seen of the gateway; `None` when no mirror has answered yet.
    #[must_use]
    pub fn sight(&self, gateway: &GatewayId) -> Option<Sight> {
        let mirrors = self.shared.lock();
        let sight = &mirrors.get(gateway)?.sight;
        (sight.listing.is_some() || sight.trouble.is_some()).then(|| sight.clone())
    }

    /// Says whether anything is awaited on the gateway.
    pub fn awaiting(&self, gateway: &GatewayId, anything: bool) {
        let now = self.shared.clock.now();
        if let Some(mirror) = self.shared.lock().get_mut(gateway)
            && mirror.awaiting_since.is_some() != anything
        {
            mirror.awaiting_since = anything.then_some(now);
            mirror.wake.notify_one();
        }
    }

    /// A change has just been asked of AWS: what is awaited is young again.
    pub fn expect_change(&self, gateway: &GatewayId) {
        let now = self.shared.clock.now();
        if let Some(mirror) = self.shared.lock().get_mut(gateway) {
            mirror.awaiting_since = Some(now);
            mirror.wake.notify_one();
        }
    }

    fn start(&self, gateway: GatewayId) -> Mirror {
        let wake = Arc::new(Notify::new());
        let run = run(Arc::clone(&self.shared), gateway, Arc::clone(&wake));
        Mirror {
            sight: Sight::default(),
            failures: 0,
            told_stale: false,
            awaiting_since: None,
            wake,
            task: tokio::spawn(run).abort_handle(),
        }
    }
}

async fn run<A: AgentCore>(shared: Arc<Shared<A>>, gateway: GatewayId, wake: Arc<Notify>) {
    loop {
        let (began, instant) = (shared.clock.now(), Instant::now());
        let result = shared.agentcore.list_targets(&gateway).await;
        let Some(observation) = shared.note(&gateway, began, result) else { return };
        if shared.observations.send(observation).is_err() {
            return;
        }
        // Whatever is said meanwhile can bring the next look forward, or put it off.
        let dice = u64::try_from(began.as_nanosecond().rem_euclid(1 << 32)).unwrap_or_default();
        while let Some(pause) = shared.pause(&gateway, dice) {
            tokio::select! {
                () = sleep_until(instant + pause) => break,
                () = wake.notified() => {}
            }
        }
    }
}

impl<A: AgentCore> Shared<A> {
    /// Takes in the outcome of a List; `None` when the mirror is no longer wanted.
    fn note(
        &self,
        gateway: &GatewayId,
        began: Timestamp,
        result: Result<Listing, Failure>,
    ) -> Option<Observation> {
        let mut mirrors = self.lock();
        let mirror = mirrors.get_mut(gateway)?;
        let observation = match result {
            Ok(listing) => mirror.saw(gateway, began, listing),
            Err(failure) => {
                let mut observation = mirror.missed(gateway, began, failure);
                let seen = mirror.sight.as_of.or(mirror.sight.trouble.as_ref().map(|t| t.since));
                let stale = seen.is_some_and(|seen| {
                    began.duration_since(seen).unsigned_abs() > self.stale_after
                });
                observation.outlook_changed |= stale && !mirror.told_stale;
                mirror.told_stale |= stale;
                observation
            }
        };
        if !observation.changed.is_empty() && mirror.awaiting_since.is_some() {
            // Things move: what is awaited now has just begun.
            mirror.awaiting_since = Some(self.clock.now());
        }
        Some(observation)
    }

    /// The pause from the beginning of the last List to the next.
    fn pause(&self, gateway: &GatewayId, dice: u64) -> Option<std::time::Duration> {
        let mirrors = self.lock();
        let mirror = mirrors.get(gateway)?;
        if let Some(trouble) = &mirror.sight.trouble {
            return Some(self.pace.after(trouble.failure.class, mirror.failures));
        }
        let Some(since) = mirror.awaiting_since else { return Some(self.pace.quiet(dice)) };
        let waiting = mirrors.values().filter(|mirror| mirror.awaiting_since.is_some()).count();
        let age = self.clock.now().duration_since(since).unsigned_abs();
        Some(self.pace.awaiting(age, waiting))
    }
}

impl<A> Shared<A> {
    fn lock(&self) -> MutexGuard<'_, HashMap<GatewayId, Mirror>> {
        // Nothing that could panic is done while it is held.
        self.mirrors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mirror {
    fn saw(&mut self, gateway: &GatewayId, began: Timestamp, listing: Listing) -> Observation {
        let changed = changes(self.sight.listing.as_deref(), &listing);
        let recovered = self.sight.trouble.take().is_some();
        if recovered {
            info!(%gateway, "the gateway can be listed again");
        }
        let first = self.sight.listing.is_none();
        self.sight.before = self.sight.as_of;
        self.sight.as_of = Some(began);
        self.sight.listing = Some(Arc::new(listing));
        self.failures = 0;
        self.told_stale = false;
        Observation { gateway: gateway.clone(), changed, outlook_changed: first || recovered }
    }

    fn missed(&mut self, gateway: &GatewayId, began: Timestamp, failure: Failure) -> Observation {
        let before = self.sight.trouble.take();
        let since = before.as_ref().map_or(began, |trouble| trouble.since);
        let news = before.is_none_or(|trouble| trouble.failure != failure);
        if news {
            warn!(%gateway, class = failure.class.as_str(), message = failure.message, "the gateway cannot be listed");
        }
        self.failures = self.failures.saturating_add(1);
        self.sight.trouble = Some(Trouble { failure, as_of: began, since });
        Observation { gateway: gateway.clone(), changed: Vec::new(), outlook_changed: news }
    }
}

/// The targets that came, went or changed.
fn changes(before: Option<&Listing>, after: &Listing) -> Vec<(TargetId, String)> {
    let key = |summary: &Summary| (summary.id.clone(), summary.name.clone());
    let new =
        |summary: &&Summary| before.and_then(|before| before.by_id(&summary.id)) != Some(*summary);
    let mut changed: Vec<_> = after.iter().filter(new).map(key).collect();
    let old = |summary: &&Summary| {
        // Gone, or with another name: those who want the name must hear of it.
        after.by_id(&summary.id).is_none_or(|now| now.name != summary.name)
    };
    changed.extend(before.into_iter().flat_map(|before| before.iter().filter(old).map(key)));
    changed
}

#[cfg(test)]
mod tests;
