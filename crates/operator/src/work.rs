//! Who works next: the queue with a clock and workers, and who waits for which gateway.
//!
//! Contract: a resource is in the hands of one worker at a time. While there is work to be done a wake-up
//! is never lost; who stands by keeps none, because whoever takes up the work looks after all.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agentcore::Clock;
use api::GatewayId;
use jiff::Timestamp;
use queue::{Queue, Urgency};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::fleet::Key;

/// The work that is to be done.
pub(crate) struct Work {
    clock: Clock,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Whether nobody works here.
    is_closed: bool,
    queue: Queue<Key>,
    /// Since when workers have had the resources that they have.
    in_work: HashMap<Key, Instant>,
    /// Which gateways each resource waits for, and the reverse.
    awaits: HashMap<Key, Vec<GatewayId>>,
    awaited: HashMap<GatewayId, HashMap<Key, Call>>,
}

/// When a worker has done what can be done for a resource: what comes next.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// When it is due again, if at all.
    pub(crate) next: Option<Timestamp>,
    /// How urgent it is then.
    pub(crate) urgency: Urgency,
    /// The gateways on which it waits for something.
    pub(crate) awaits: Vec<GatewayId>,
    /// Whether every look at them is news for it.
    pub(crate) call: Call,
}

/// Whether a resource is woken by every look at a gateway that it waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Call {
    /// It is.
    #[default]
    Always,
    /// It stands in line for a call, and is woken when its turn comes.
    InTurn,
}

/// How the work stands.
pub(crate) struct Overview {
    /// Resources that are due and wait for a worker.
    pub(crate) due: Vec<Key>,
    /// How often a resource has become due.
    pub(crate) adds: u64,
    /// Those that workers have, and for how long.
    pub(crate) in_work: Vec<(Key, Duration)>,
}

impl Work {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default(), changed: Notify::new() }
    }

    /// Work is done here from now on.
    pub(crate) fn open(&self) {
        self.state().is_closed = false;
    }

    /// No work is done here any more, and what was to be done is forgotten: it would be kept for as long as
    /// another replica works, of resources that are gone too. No worker may have a resource.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.queue.clear();
        state.in_work.clear();
        state.awaits.clear();
        state.awaited.clear();
    }

    /// These resources are due now.
    pub(crate) fn wake(&self, keys: impl IntoIterator<Item = Key>, urgency: Urgency) {
        let now = self.clock.now();
        let mut state = self.state();
        if state.is_closed {
            return;
        }
        for key in keys {
            let namespace = key.namespace.clone();
            state.queue.wake(key, &namespace, now, urgency);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// A gateway has been looked at: those who wait for that are due now.
    pub(crate) fn wake_awaiting(&self, gateway: &GatewayId) {
        let waiting: Vec<Key> = self
            .state()
            .awaited
            .get(gateway)
            .into_iter()
            .flatten()
            .filter(|(_, call)| **call == Call::Always)
            .map(|(key, _)| key.clone())
            .collect();
        self.wake(waiting, Urgency::New);
    }

    /// The resource that is due, as soon as one is.
    pub(crate) async fn next(&self) -> Key {
        loop {
            let changed = self.changed.notified();
            let (taken, due) = {
                let now = self.clock.now();
                let mut state = self.state();
                let taken = state.queue.take(now, |key| &key.namespace);
                if let Some(taken) = &taken {
                    state.in_work.insert(taken.clone(), Instant::now());
                }
                (taken, state.queue.next_due())
            };
            if let Some(taken) = taken {
                // One wake-up can stand for several resources: let another worker look too.
                self.changed.notify_one();
                return taken;
            }
            match due {
                Some(due) => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep_until(self.clock.instant(due)) => {}
                },
                None => changed.await,
            }
        }
    }

    /// The worker is done with the resource. Returns the gateways that it waits for or has waited for.
    pub(crate) fn done(&self, key: &Key, outcome: Outcome) -> Vec<GatewayId> {
        let Outcome { next, urgency, awaits, call } = outcome;
        let mut state = self.state();
        let state = &mut *state;
        state.in_work.remove(key);
        let mut touched = state.awaits.remove(key).unwrap_or_default();
        for gateway in &touched {
            if let Some(waiting) = state.awaited.get_mut(gateway) {
                waiting.remove(key);
                if waiting.is_empty() {
                    state.awaited.remove(gateway);
                }
            }
        }
        for gateway in &awaits {
            state.awaited.entry(gateway.clone()).or_default().insert(key.clone(), call);
        }
        touched.extend(awaits.iter().cloned());
        if !awaits.is_empty() {
            state.awaits.insert(key.clone(), awaits);
        }
        state.queue.done(key, next.map(|next| (next, urgency)));
        self.changed.notify_one();
        touched
    }

    /// Tells whether anybody waits for the gateway. Nothing changes until that has been heard: of two
    /// who tell at once, the later says how it is.
    pub(crate) fn tell_awaited(&self, gateway: &GatewayId, hear: impl FnOnce(bool)) {
        let state = self.state();
        hear(state.awaited.contains_key(gateway));
    }

    /// For how long the resource, which a worker has, was due before that.
    pub(crate) fn waited(&self, key: &Key) -> Duration {
        let now = self.clock.now();
        let since = self.state().queue.due_since(key).unwrap_or(now);
        now.duration_since(since).try_into().unwrap_or_default()
    }

    /// For which gateways resources wait, and until when they rest if nothing happens there.
    pub(crate) fn waits(&self) -> HashMap<Key, (Vec<GatewayId>, Option<Timestamp>)> {
        let state = self.state();
        let mut waits: HashMap<_, (Vec<GatewayId>, _)> = HashMap::new();
        for (key, at) in state.queue.resting() {
            waits.entry(key.clone()).or_default().1 = Some(at);
        }
        for (key, gateways) in &state.awaits {
            waits.entry(key.clone()).or_default().0.clone_from(gateways);
        }
        waits
    }

    /// How the work stands.
    pub(crate) fn overview(&self) -> Overview {
        let now = self.clock.now();
        let state = self.state();
        Overview {
            due: state.queue.waiting(now).cloned().collect(),
            adds: state.queue.adds(),
            in_work: state.in_work.iter().map(|(key, at)| (key.clone(), at.elapsed())).collect(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that could panic is done while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new("a", name)
    }

    fn awaiting(call: Call) -> Outcome {
        Outcome { awaits: vec![GatewayId::from("gw")], call, ..Outcome::default() }
    }

    #[test]
    fn who_waits_for_a_gateway_is_told_as_it_is_now() {
        let work = Work::new(Clock::start());
        let gateway = GatewayId::from("gw");
        let awaited = |work: &Work| {
            let mut heard = None;
            work.tell_awaited(&gateway, |anybody| heard = Some(anybody));
            heard.unwrap()
        };
        assert_eq!(work.done(&key("x"), awaiting(Call::Always)), std::slice::from_ref(&gateway));
        // Another is done before the first has told that it does not wait any more.
        assert_eq!(work.done(&key("x"), Outcome::default()), std::slice::from_ref(&gateway));
        work.done(&key("y"), awaiting(Call::InTurn));
        assert!(awaited(&work));
        work.done(&key("y"), Outcome::default());
        assert!(!awaited(&work));
    }

    #[tokio::test]
    async fn nothing_is_kept_while_nobody_works() {
        let work = Work::new(Clock::start());
        work.wake([key("before")], Urgency::New);
        work.done(&key("waits"), awaiting(Call::Always));
        work.close();
        work.wake([key("meanwhile")], Urgency::Person);
        work.wake_awaiting(&GatewayId::from("gw"));
        assert!(work.overview().due.is_empty() && work.waits().is_empty());
        work.open();
        work.wake([key("after")], Urgency::Routine);
        assert_eq!(work.next().await, key("after"));
        assert_eq!(work.state().queue.next_due(), None);
    }

    #[tokio::test]
    async fn who_stands_in_line_is_not_woken_by_every_look() {
        let work = Work::new(Clock::start());
        work.done(&key("line"), awaiting(Call::InTurn));
        work.done(&key("looks"), awaiting(Call::Always));
        work.wake_awaiting(&GatewayId::from("gw"));
        assert_eq!(work.next().await, key("looks"));
        assert_eq!(work.state().queue.next_due(), None);
    }
}
