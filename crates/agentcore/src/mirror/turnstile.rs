//! Whose List is next, of all mirrors that draw on the same budget.
//!
//! Contract: the earliest due goes first, so that who was looked at least recently for its need is
//! next, and nobody is forgotten. But whoever has been looked at has a part of the budget, however many
//! come that never were: anybody can name hundreds of gateways that do not exist. Who gives up waiting
//! holds up nobody. Who goes rouses the next, and nobody else: thousands may wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::{Clock, Limit};

/// So many first looks may go before one that is not: a start with a fleet consists of first looks, and
/// shall not take much longer for those that wait beside it.
const FIRST_LOOKS_IN_A_ROW: u32 = 4;

pub(super) struct Turnstile {
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    limit: Limit,
    /// Those who wait for a first look, and for another one, and what rouses each when nobody is before
    /// it any more.
    waiting: [BTreeMap<Ticket, Arc<Notify>>; 2],
    /// First looks that have gone before others that waited.
    in_a_row: u32,
    tickets: u64,
}

/// Whether the gateway has never been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    First,
    Another,
}

/// When the look was due, and which ticket it is.
type Ticket = (Timestamp, u64);

impl State {
    fn next(&self) -> Option<(&Ticket, &Arc<Notify>)> {
        let [first, another] = &self.waiting;
        let (first, another) = (first.first_key_value(), another.first_key_value());
        match (first, another) {
            (Some(_), Some(another)) if self.in_a_row >= FIRST_LOOKS_IN_A_ROW => Some(another),
            _ => first.into_iter().chain(another).min_by_key(|(ticket, _)| **ticket),
        }
    }

    fn count(&mut self, look: Look) {
        self.in_a_row = match look {
            Look::First if !self.waiting[Look::Another as usize].is_empty() => self.in_a_row + 1,
            Look::First | Look::Another => 0,
        };
    }
}

impl Turnstile {
    pub(super) fn new(clock: Clock, limit: Limit) -> Self {
        let state = State { limit, waiting: Default::default(), in_a_row: 0, tickets: 0 };
        Self { clock, state: Mutex::new(state) }
    }

    /// Waits until a look that has been due since then may be taken.
    pub(super) async fn pass(&self, look: Look, due: Timestamp) {
        let waiting = self.join(look, due);
        loop {
            match self.try_pass(look, waiting.ticket) {
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

    fn join(&self, look: Look, due: Timestamp) -> Waiting<'_> {
        let mut state = self.state();
        state.tickets += 1;
        let ticket = (due, state.tickets);
        let first = Arc::new(Notify::new());
        state.waiting[look as usize].insert(ticket, Arc::clone(&first));
        // Who was first may be second now; it looks at that when its time has come.
        Waiting { turnstile: self, look, ticket, first }
    }

    fn try_pass(&self, look: Look, ticket: Ticket) -> Try {
        let mut state = self.state();
        if state.next().is_none_or(|(next, _)| *next != ticket) {
            return Try::AfterOthers;
        }
        match state.limit.take(self.clock.now()) {
            Ok(()) => {
                state.count(look);
                Try::Passed
            }
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
    look: Look,
    ticket: Ticket,
    first: Arc<Notify>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.turnstile.state();
        state.waiting[self.look as usize].remove(&self.ticket);
        if let Some((_, first)) = state.next() {
            // It is kept for one that does not listen at this moment.
            first.notify_one();
        }
    }
}
