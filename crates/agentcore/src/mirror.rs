//! The gateway mirrors: one task per gateway that lists its targets and tells what changed, an
//! informer for AgentCore.
//!
//! Contract: only complete Lists count. All mirrors together keep within a budget of Lists. A sight says when its List *began*. Whoever waits for
//! something on a gateway says so with [`Mirrors::awaiting`], and the mirror looks often for as
//! long; otherwise it looks once in a sync interval. An [`Observation`] is sent after every
//! attempt to look, and one more when a gateway has not been seen for too long, whatever its
//! Lists do meanwhile.

mod picture;
mod turnstile;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::{Failure, FailureClass, GatewayId, Listing, Sight, TargetId};
use health::Health;
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;
use tokio::time::{sleep_until, timeout};

use crate::pace::is_refusal;
use crate::{AgentCore, Clock, Limit, Pace};
use picture::Picture;
use turnstile::{Look, Turnstile};

/// How long a List may take, with all its pages: a mirror must not hang on one that never ends.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

/// Each mirror has its turn within this time, and what the others take at the slowest, or something is
/// wrong.
const LONGEST_TURN: Duration = Duration::from_mins(10);

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

/// How a mirror stands.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// The gateway.
    pub gateway: GatewayId,
    /// What is seen of it.
    pub sight: Sight,
    /// When what is seen was so; before anything was seen, when the looking began.
    pub as_of: Timestamp,
    /// Since when something is awaited there.
    pub awaiting_since: Option<Timestamp>,
    /// Lists that have failed in a row.
    pub failures: u32,
    /// When the next look is due, unless somebody asks for one.
    pub due: Timestamp,
}

/// The mirrors of all gateways that anybody has a use for.
pub struct Mirrors<A> {
    shared: Arc<Shared<A>>,
}

struct Shared<A> {
    agentcore: Arc<A>,
    clock: Clock,
    pace: Pace,
    stale_after: Duration,
    turnstile: Turnstile,
    health: Health,
    observations: mpsc::UnboundedSender<Observation>,
    mirrors: Mutex<HashMap<GatewayId, Mirror>>,
}

struct Mirror {
    picture: Picture,
    /// When its last List began.
    began: Option<Timestamp>,
    /// Since when something is awaited.
    awaiting_since: Option<Timestamp>,
    /// Whether a look has been asked for that has not begun yet.
    asked: bool,
    /// When the next look is due.
    due: Timestamp,
    /// Rouses the task to think again about when to look. It is also what tells this mirror from
    /// an earlier one of the same gateway.
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
        stale_after: Duration,
        health: Health,
        observations: mpsc::UnboundedSender<Observation>,
    ) -> Self {
        let mirrors = Mutex::default();
        let turnstile = Turnstile::new(clock, Limit::per_second(pace.lists_per_second));
        let shared = Shared {
            agentcore,
            clock,
            pace,
            stale_after,
            turnstile,
            health,
            observations,
            mirrors,
        };
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
        let sight = &mirrors.get(gateway)?.picture.sight;
        (sight.listing.is_some() || sight.trouble.is_some()).then(|| sight.clone())
    }

    /// How every mirror stands, by gateway.
    #[must_use]
    pub fn outlooks(&self) -> Vec<Outlook> {
        let mirrors = self.shared.lock();
        let mut outlooks: Vec<Outlook> = mirrors
            .iter()
            .map(|(gateway, mirror)| Outlook {
                gateway: gateway.clone(),
                sight: mirror.picture.sight.clone(),
                as_of: mirror.picture.as_of(),
                awaiting_since: mirror.awaiting_since,
                failures: mirror.picture.failures,
                due: mirror.due,
            })
            .collect();
        drop(mirrors);
        outlooks.sort_unstable_by(|one, other| one.gateway.cmp(&other.gateway));
        outlooks
    }

    /// How many Lists may be made at once.
    #[must_use]
    pub fn lists_left(&self) -> f64 {
        self.shared.turnstile.tokens()
    }

    /// Says whether anything is awaited on the gateway. When the waiting begins, the gateway is
    /// looked at at once; saying it again changes nothing.
    pub fn awaiting(&self, gateway: &GatewayId, anything: bool) {
        let now = self.shared.clock.now();
        if let Some(mirror) = self.shared.lock().get_mut(gateway)
            && mirror.awaiting_since.is_some() != anything
        {
            mirror.awaiting_since = anything.then_some(now);
            mirror.asked |= anything;
            mirror.wake.notify_one();
        }
    }

    /// A change has just been asked of AWS: what is awaited is young again.
    pub fn expect_change(&self, gateway: &GatewayId) {
        let now = self.shared.clock.now();
        if let Some(mirror) = self.shared.lock().get_mut(gateway) {
            mirror.awaiting_since = Some(now);
            mirror.asked = true;
            mirror.wake.notify_one();
        }
    }

    /// A person wants to know how the gateway stands now: it is looked at at once, even while it
    /// rests after refusals.
    pub fn ask(&self, gateway: &GatewayId) {
        if let Some(mirror) = self.shared.lock().get_mut(gateway) {
            mirror.asked = true;
            mirror.wake.notify_one();
        }
    }

    fn start(&self, gateway: GatewayId) -> Mirror {
        let wake = Arc::new(Notify::new());
        let due = self.shared.clock.now();
        let picture = Picture::new(gateway.clone(), due);
        let task = Task { shared: Arc::clone(&self.shared), gateway, wake: Arc::clone(&wake) };
        let task = tokio::spawn(task.run()).abort_handle();
        Mirror { picture, began: None, awaiting_since: None, asked: false, due, wake, task }
    }
}

/// The task of one mirror. It ends when the mirror is not wanted any more, or when nobody listens.
struct Task<A> {
    shared: Arc<Shared<A>>,
    gateway: GatewayId,
    wake: Arc<Notify>,
}

impl<A: AgentCore> Task<A> {
    async fn run(self) {
        tokio::select! {
            _ = self.look_again_and_again() => {}
            _ = self.tell_of_lost_sight() => {}
        }
    }

    async fn look_again_and_again(&self) -> Option<()> {
        let pulse = self.shared.health.pulse("mirrors");
        let mut due = self.shared.clock.now();
        for look in 0_u64.. {
            // Whatever is said meanwhile can bring the look forward, or put it off. What is said
            // between the two lines is kept by the `Notify`.
            loop {
                self.with(|mirror| mirror.due = due)?;
                let wait = due.duration_since(self.shared.clock.now());
                let most = Duration::try_from(wait).unwrap_or_default() + self.longest_turn();
                let its_turn = pulse.keep_at_most(most, async {
                    tokio::select! {
                        () = self.turn(look, due) => true,
                        () = self.wake.notified() => false,
                    }
                });
                if its_turn.await {
                    break;
                }
                due = self.with(|mirror| mirror.began)?.map_or(Some(due), |began| {
                    began.checked_add(self.pause(self.dice(look))?).ok()
                })?;
            }
            let began = self.shared.clock.now();
            self.with(|mirror| {
                mirror.asked = false;
                mirror.began = Some(began);
            })?;
            let list = self.shared.agentcore.list_targets(&self.gateway);
            let result = pulse.keep_at_most(LIST_TIMEOUT, timeout(LIST_TIMEOUT, list)).await;
            let result = result.unwrap_or_else(|_| Err(no_end()));
            if result.as_ref().is_err_and(|failure| failure.class == FailureClass::Throttled) {
                self.shared.turnstile.slow_down();
            }
            let observation = self.with(|mirror| self.note(mirror, began, result))?;
            self.tell(observation)?;
            due = began.checked_add(self.pause(self.dice(look))?).ok()?;
        }
        None
    }

    /// How long its turn may be away: where AWS throttles, of hundreds of mirrors each waits for long. At
    /// worst for all first looks, with the others among them, and then for all others.
    fn longest_turn(&self) -> Duration {
        let mirrors = u32::try_from(self.shared.lock().len()).unwrap_or(u32::MAX);
        let looks = mirrors.saturating_mul(3);
        LONGEST_TURN.saturating_add(self.shared.turnstile.slowest().saturating_mul(looks))
    }

    /// The time has come, and the budget permits it.
    async fn turn(&self, look: u64, due: Timestamp) {
        sleep_until(self.shared.clock.instant(due)).await;
        let look = if look == 0 { Look::First } else { Look::Another };
        self.shared.turnstile.pass(look, due).await;
    }

    /// A List can take long and pauses can be longer, so this has a timer of its own. It also
    /// runs while all is well: a look at the clock every few minutes.
    async fn tell_of_lost_sight(&self) -> Option<()> {
        loop {
            let stale_from =
                self.with(|mirror| mirror.picture.stale_from(self.shared.stale_after))?;
            if self.shared.clock.now() < stale_from {
                sleep_until(self.shared.clock.instant(stale_from)).await;
                continue;
            }
            if let Some(observation) = self.with(|mirror| mirror.picture.lost())? {
                self.tell(observation)?;
            }
            // Were it seen meanwhile, it could not be lost again any earlier.
            tokio::time::sleep(self.shared.stale_after).await;
        }
    }

    fn note(
        &self,
        mirror: &mut Mirror,
        began: Timestamp,
        result: Result<Listing, Failure>,
    ) -> Observation {
        let observation = match result {
            Ok(listing) => mirror.picture.saw(began, listing),
            Err(failure) => mirror.picture.missed(began, failure),
        };
        if !observation.changed.is_empty() && mirror.awaiting_since.is_some() {
            // Things move: what is awaited now has just begun.
            mirror.awaiting_since = Some(self.shared.clock.now());
        }
        observation
    }

    /// The pause from the beginning of the last List to the next; `None` when the mirror is not
    /// wanted any more.
    fn pause(&self, dice: u64) -> Option<Duration> {
        let mirrors = self.shared.lock();
        let mirror = mirrors.get(&self.gateway).filter(|mirror| self.owns(mirror))?;
        let pace = &self.shared.pace;
        if let Some(class) = mirror.failing() {
            let refuses = |other: &&Mirror| other.failing().is_some_and(is_refusal);
            let alike = mirrors.values().filter(refuses).count();
            // Who asks is not made to wait for the end of a long pause.
            let times = if mirror.asked { 1 } else { mirror.picture.failures };
            return Some(pace.after(class, times, alike, dice));
        }
        if !mirror.is_watched() {
            return Some(pace.quiet(dice));
        }
        let now = self.shared.clock.now();
        let since = mirror.awaiting_since.filter(|_| !mirror.asked).unwrap_or(now);
        Some(pace.awaiting(now.duration_since(since).unsigned_abs()))
    }

    /// Any number, another one for every gateway and every look.
    fn dice(&self, look: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.gateway, look).hash(&mut hasher);
        hasher.finish()
    }

    /// Works on this task's mirror; `None` when that is not wanted any more. An aborted task runs
    /// to its next await: what it learns must not go to a younger mirror of the same gateway.
    fn with<T>(&self, work: impl FnOnce(&mut Mirror) -> T) -> Option<T> {
        let mut mirrors = self.shared.lock();
        mirrors.get_mut(&self.gateway).filter(|mirror| self.owns(mirror)).map(work)
    }

    fn owns(&self, mirror: &Mirror) -> bool {
        Arc::ptr_eq(&mirror.wake, &self.wake)
    }

    fn tell(&self, observation: Observation) -> Option<()> {
        self.shared.observations.send(observation).ok()
    }
}

impl Mirror {
    /// What its last List failed with.
    fn failing(&self) -> Option<FailureClass> {
        self.picture.sight.trouble.as_ref().map(|trouble| trouble.failure.class)
    }

    /// Whether anybody waits for what it sees next.
    fn is_watched(&self) -> bool {
        self.asked || self.awaiting_since.is_some()
    }
}

impl<A> Shared<A> {
    fn lock(&self) -> MutexGuard<'_, HashMap<GatewayId, Mirror>> {
        // Nothing that could panic is done while it is held.
        self.mirrors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_end() -> Failure {
    Failure {
        class: FailureClass::Unanswered,
        message: format!("the list of targets did not end within {} s", LIST_TIMEOUT.as_secs()),
    }
}

#[cfg(test)]
mod tests;
