//! Who works next: the queue with a clock and workers, and who waits for which gateway.
//!
//! Contract: a resource is in the hands of one worker at a time. A wake-up is never lost.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use agentcore::Clock;
use api::GatewayId;
use jiff::Timestamp;
use queue::Queue;
use tokio::sync::Notify;

use crate::fleet::Key;

/// The work that is to be done.
pub(crate) struct Work {
    clock: Clock,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    queue: Queue<Key>,
    /// Which gateways each resource waits for, and the reverse.
    awaits: HashMap<Key, Vec<GatewayId>>,
    awaited: HashMap<GatewayId, HashSet<Key>>,
}

impl Work {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default(), changed: Notify::new() }
    }

    /// These resources are due now.
    pub(crate) fn wake(&self, keys: impl IntoIterator<Item = Key>) {
        let now = self.clock.now();
        let mut state = self.state();
        for key in keys {
            state.queue.wake(key, now);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// A gateway has been looked at: those who wait for it are due now.
    pub(crate) fn wake_awaiting(&self, gateway: &GatewayId) {
        let waiting = self.state().awaited.get(gateway).cloned().unwrap_or_default();
        self.wake(waiting);
    }

    /// The resource that is due, as soon as one is.
    pub(crate) async fn next(&self) -> Key {
        loop {
            let changed = self.changed.notified();
            let (taken, due) = {
                let now = self.clock.now();
                let mut state = self.state();
                (state.queue.take(now), state.queue.next_due())
            };
            if let Some(key) = taken {
                // One wake-up can stand for several resources: let another worker look too.
                self.changed.notify_one();
                return key;
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

    /// The worker is done with the resource, which is due again at `next`, and waits for these
    /// gateways. Returns the gateways that it waits for or has waited for.
    pub(crate) fn done(
        &self,
        key: &Key,
        next: Option<Timestamp>,
        awaits: Vec<GatewayId>,
    ) -> Vec<GatewayId> {
        let mut state = self.state();
        let state = &mut *state;
        let mut touched = state.awaits.remove(key).unwrap_or_default();
        for gateway in &touched {
            if let Some(waiting) = state.awaited.get_mut(gateway) {
                waiting.remove(key);
            }
        }
        for gateway in &awaits {
            state.awaited.entry(gateway.clone()).or_default().insert(key.clone());
        }
        state.awaited.retain(|_, waiting| !waiting.is_empty());
        touched.extend(awaits.iter().cloned());
        if !awaits.is_empty() {
            state.awaits.insert(key.clone(), awaits);
        }
        state.queue.done(key, next);
        self.changed.notify_one();
        touched
    }

    /// Tells whether anybody waits for the gateway. Nothing changes until that has been heard: of two
    /// who tell at once, the later says how it is.
    pub(crate) fn tell_awaited(&self, gateway: &GatewayId, hear: impl FnOnce(bool)) {
        let state = self.state();
        hear(state.awaited.contains_key(gateway));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that could panic is done while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_a_gateway_is_told_as_it_is_now() {
        let work = Work::new(Clock::start());
        let key = |name: &str| Key { namespace: "a".to_owned(), name: name.to_owned() };
        let gateway = GatewayId::from("gw");
        let awaited = |work: &Work| {
            let mut heard = None;
            work.tell_awaited(&gateway, |anybody| heard = Some(anybody));
            heard.unwrap()
        };
        assert_eq!(
            work.done(&key("x"), None, vec![gateway.clone()]),
            std::slice::from_ref(&gateway)
        );
        // Another is done before the first has told that it does not wait any more.
        assert_eq!(work.done(&key("x"), None, Vec::new()), std::slice::from_ref(&gateway));
        work.done(&key("y"), None, vec![gateway.clone()]);
        assert!(awaited(&work));
        work.done(&key("y"), None, Vec::new());
        assert!(!awaited(&work));
    }
}
