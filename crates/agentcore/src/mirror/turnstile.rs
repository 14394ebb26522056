//! Whose List is next, of all mirrors that draw on the same budget.
//!
//! Contract: the earliest due goes first, so that who was looked at least recently for its need is
//! next, and nobody is forgotten. Who gives up waiting holds up nobody. Who goes rouses the next, and
//! nobody else: thousands may wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::{Clock, Limit};

pub(super) struct Turnstile {
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    limit: Limit,
    /// Those who wait, and what rouses each when nobody is before it any more.
    waiting: BTreeMap<Ticket, Arc<Notify>>,
    tickets: u64,
}

/// When the look was due, and which ticket it is.
type Ticket = (Timestamp, u64);

impl Turnstile {
    pub(super) fn new(clock: Clock, limit: Limit) -> Self {
        let state = State { limit, waiting: BTreeMap::new(), tickets: 0 };
        Self { clock, state: Mutex::new(state) }
    }

    /// Waits until a look that has been due since then may be taken.
    pub(super) async fn pass(&self, due: Timestamp) {
        let waiting = self.join(due);
        loop {
            match self.try_pass(waiting.ticket) {
                Try::Passed => return,
                // Until then nothing happens that would bring it forward.
                Try::At(at) => sleep_until(self.clock.instant(at)).await,
                Try::AfterOthers => waiting.first.notified().await,
            }
        }
    }

    /// How many may pass at once.
    pub(super) fn tokens(&self) -> f64 {
        self.state().limit.tokens(self.clock.now())
    }

    /// How long one may take at the most to pass.
    pub(super) fn slowest(&self) -> Duration {
        self.state().limit.slowest()
    }

    /// AWS refuses although the rate was kept.
    pub(super) fn slow_down(&self) {
        self.state().limit.slow_down(self.clock.now());
    }

    fn join(&self, due: Timestamp) -> Waiting<'_> {
        let mut state = self.state();
        state.tickets += 1;
        let ticket = (due, state.tickets);
        let first = Arc::new(Notify::new());
        state.waiting.insert(ticket, Arc::clone(&first));
        // Who was first may be second now; it looks at that when its time has come.
        Waiting { turnstile: self, ticket, first }
    }

    fn try_pass(&self, ticket: Ticket) -> Try {
        let mut state = self.state();
        if state.waiting.first_key_value().is_none_or(|(first, _)| *first != ticket) {
            return Try::AfterOthers;
        }
        match state.limit.take(self.clock.now()) {
            Ok(()) => Try::Passed,
            Err(at) => Try::At(at),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that could panic is done while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Try {
    Passed,
    At(Timestamp),
    AfterOthers,
}

struct Waiting<'a> {
    turnstile: &'a Turnstile,
    ticket: Ticket,
    first: Arc<Notify>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.turnstile.state();
        state.waiting.remove(&self.ticket);
        if let Some((_, first)) = state.waiting.first_key_value() {
            // It is kept for one that does not listen at this moment.
            first.notify_one();
        }
    }
}
