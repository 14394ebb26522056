//! Whose List is next, of all mirrors that draw on the same budget.
//!
//! Contract: the earliest due goes first, so that who was looked at least recently for its need is
//! next, and nobody is forgotten. Who gives up waiting holds up nobody.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::{Clock, Limit};

pub(super) struct Turnstile {
    clock: Clock,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    limit: Limit,
    waiting: BTreeSet<Ticket>,
    tickets: u64,
}

/// When the look was due, and which ticket it is.
type Ticket = (Timestamp, u64);

impl Turnstile {
    pub(super) fn new(clock: Clock, limit: Limit) -> Self {
        let state = State { limit, waiting: BTreeSet::new(), tickets: 0 };
        Self { clock, state: Mutex::new(state), changed: Notify::new() }
    }

    /// Waits until a look that has been due since then may be taken.
    pub(super) async fn pass(&self, due: Timestamp) {
        let waiting = self.join(due);
        loop {
            let changed = self.changed.notified();
            match self.try_pass(waiting.ticket) {
                Try::Passed => return,
                Try::At(at) => tokio::select! {
                    () = sleep_until(self.clock.instant(at)) => {}
                    () = changed => {}
                },
                Try::AfterOthers => changed.await,
            }
        }
    }

    /// How many may pass at once.
    pub(super) fn tokens(&self) -> f64 {
        self.state().limit.tokens(self.clock.now())
    }

    /// AWS refuses although the rate was kept.
    pub(super) fn slow_down(&self) {
        self.state().limit.slow_down(self.clock.now());
    }

    fn join(&self, due: Timestamp) -> Waiting<'_> {
        let mut state = self.state();
        state.tickets += 1;
        let ticket = (due, state.tickets);
        state.waiting.insert(ticket);
        // Who was first may be second now; it looks at that when its time has come.
        Waiting { turnstile: self, ticket }
    }

    fn try_pass(&self, ticket: Ticket) -> Try {
        let mut state = self.state();
        if state.waiting.first() != Some(&ticket) {
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
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.turnstile.state().waiting.remove(&self.ticket);
        self.turnstile.changed.notify_waiters();
    }
}
