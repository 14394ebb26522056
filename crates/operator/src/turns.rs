//! Whose turn it is to call AWS: the line of those who want to, and what AWS allows at present.
//!
//! Contract: nobody calls without a permit, and nobody holds up a worker while waiting for one: who
//! finds no room stands in line and is woken when its turn has come. A permit that is not used goes
//! to the next, and one whose user is gone counts as a call without an answer. What is in line and what
//! is allowed change under one lock, so that no turn is lost.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agentcore::{Clock, Lack, Limits, Permit, Quotas};
use api::{Attempt, Failure, FailureClass, GatewayId, Sight, TargetId};
use health::Pulse;
use jiff::Timestamp;
use planner::Wait;
use queue::{Line, Place};
use tokio::sync::Notify;
use tokio::time::timeout_at;

use crate::fleet::Key;
use crate::work::Work;

/// A wait that is over sooner is not worth telling.
const PATIENCE: Duration = Duration::from_secs(1);

/// The turns of all resources.
pub(crate) struct Turns {
    clock: Clock,
    limits: Limits,
    work: Arc<Work>,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    line: Line<Key>,
    quotas: Quotas,
    /// Whose turn has come, and for what.
    granted: HashMap<Key, (Place, Permit)>,
    /// Since when the others wait, for which call, and what they lack.
    waiting: HashMap<Key, (Timestamp, (Attempt, GatewayId), Wait)>,
}

/// A resource that wants to call AWS.
pub(crate) struct InLine {
    pub(crate) key: Key,
    pub(crate) place: Place,
    /// Since when it has waited in vain.
    pub(crate) since: Option<Timestamp>,
    /// Its turn has come.
    pub(crate) granted: bool,
}

/// A call that is being made. Where whoever makes it panics, nobody knows what came of it.
#[must_use = "it ends with `ended`"]
pub(crate) struct Underway<'a> {
    turns: &'a Turns,
    permit: Option<Permit>,
}

impl Underway<'_> {
    /// The call has ended: it was accepted for this target, or failed.
    pub(crate) fn ended(mut self, result: Result<Option<&TargetId>, &Failure>) {
        if let Some(permit) = self.permit.take() {
            self.turns.ended(permit, result);
        }
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            let unknown = Failure { class: FailureClass::Unanswered, message: String::new() };
            self.turns.ended(permit, Err(&unknown));
        }
    }
}

/// Whether a resource may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It may.
    Now,
    /// It will be woken.
    Later {
        /// From then on the wait is worth telling.
        tell_at: Timestamp,
        /// What it waits for.
        wait: Wait,
    },
}

impl Turns {
    pub(crate) fn new(clock: Clock, limits: Limits, work: Arc<Work>) -> Self {
        let state = State {
            line: Line::default(),
            quotas: Quotas::new(limits),
            granted: HashMap::new(),
            waiting: HashMap::new(),
        };
        Self { clock, limits, work, state: Mutex::new(state), changed: Notify::new() }
    }

    /// The resource wants to make this call. It stands in line from now on, unless its turn has come.
    pub(crate) fn take(&self, key: &Key, place: Place) -> Turn {
        let now = self.clock.now();
        let mut state = self.state();
        if let Some((granted, permit)) = state.granted.remove(key) {
            if (granted.attempt, &granted.gateway) == (place.attempt, &place.gateway) {
                state.granted.insert(key.clone(), (granted, permit));
                return Turn::Now;
            }
            state.quotas.unused(permit, now);
        }
        let (attempt, gateway) = (place.attempt, place.gateway.clone());
        state.line.join(key, place);
        self.deal(&mut state, Some(key), now);
        if state.granted.contains_key(key) {
            return Turn::Now;
        }
        let lack = state.quotas.permits(attempt, &gateway, now).err();
        let call = (attempt, gateway.clone());
        let wait = match lack {
            Some(Lack::Slot) => Wait::Operations { gateway, most: self.limits.operations },
            Some(Lack::Token(_)) | None => Wait::Calls { most: self.limits.rate(attempt) },
        };
        // What is told stays told: a wait of which the reason changed would be written again and again.
        let told = state.waiting.entry(key.clone());
        let (since, told_of, told) = told.or_insert_with(|| (now, call.clone(), wait.clone()));
        if *told_of != call {
            (*told_of, *told) = (call, wait);
        }
        let (since, wait) = (*since, told.clone());
        drop(state);
        self.changed.notify_one();
        Turn::Later { tell_at: since.checked_add(PATIENCE).unwrap_or(since), wait }
    }

    /// The resource, whose turn has come, makes its call now.
    pub(crate) fn begin(&self, key: &Key) -> Option<Underway<'_>> {
        let (_, permit) = self.state().granted.remove(key)?;
        Some(Underway { turns: self, permit: Some(permit) })
    }

    fn ended(&self, permit: Permit, result: Result<Option<&TargetId>, &Failure>) {
        let now = self.clock.now();
        let mut state = self.state();
        state.quotas.ended(permit, result, now);
        self.deal(&mut state, None, now);
    }

    /// The resource does not want to call any more.
    pub(crate) fn leave(&self, key: &Key) {
        let now = self.clock.now();
        let mut state = self.state();
        state.line.leave(key);
        state.waiting.remove(key);
        if let Some((_, permit)) = state.granted.remove(key) {
            state.quotas.unused(permit, now);
            self.deal(&mut state, None, now);
        }
    }

    /// Nobody wants to call any more.
    pub(crate) fn clear(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        let State { line, quotas, granted, waiting } = &mut *state;
        *line = Line::default();
        waiting.clear();
        for (_, (_, permit)) in granted.drain() {
            quotas.unused(permit, now);
        }
    }

    /// The gateway has been looked at.
    pub(crate) fn looked_at(&self, gateway: &GatewayId, sight: &Sight) {
        let now = self.clock.now();
        let mut state = self.state();
        state.quotas.listed(gateway, sight, now);
        self.deal(&mut state, None, now);
    }

    /// Nobody has anything to do with other gateways any more.
    pub(crate) fn keep(&self, gateways: &HashSet<GatewayId>) {
        self.state().quotas.keep(|gateway| gateways.contains(gateway));
    }

    /// Who wants to call, those who have waited longest first.
    pub(crate) fn in_line(&self) -> Vec<InLine> {
        let state = self.state();
        let granted = state.granted.iter().map(|(key, (place, _))| (key, place, true));
        let waiting = state.line.standing().map(|(key, place)| (key, place, false));
        let mut in_line: Vec<InLine> = granted
            .chain(waiting)
            .map(|(key, place, granted)| InLine {
                key: key.clone(),
                place: place.clone(),
                since: state.waiting.get(key).map(|(since, ..)| *since),
                granted,
            })
            .collect();
        drop(state);
        in_line
            .sort_unstable_by(|one, other| (one.since, &one.key).cmp(&(other.since, &other.key)));
        in_line
    }

    /// How many calls of this kind may be made at once.
    pub(crate) fn tokens(&self, attempt: Attempt) -> f64 {
        self.state().quotas.left(attempt, self.clock.now())
    }

    /// How many operations count as under way on each of these gateways.
    pub(crate) fn slots_used(&self, gateways: &[GatewayId]) -> Vec<usize> {
        let now = self.clock.now();
        let state = self.state();
        gateways.iter().map(|gateway| state.quotas.slots_used(gateway, now)).collect()
    }

    /// Gives turns as time makes room for them.
    pub(crate) async fn give(&self, pulse: Pulse) {
        loop {
            let changed = self.changed.notified();
            let now = self.clock.now();
            let next = {
                let mut state = self.state();
                self.deal(&mut state, None, now);
                let tokens = state.line.attempts().map(|it| state.quotas.token_at(it, now));
                tokens.filter(|at| *at > now).min()
            };
            match next.map(|at| self.clock.instant(at)) {
                // Either will do.
                Some(at) => drop(pulse.keep(timeout_at(at, changed)).await),
                None => pulse.keep(changed).await,
            }
        }
    }

    /// Gives turns to those for whom there is room, and wakes them but for the one who asks.
    fn deal(&self, state: &mut State, asking: Option<&Key>, now: Timestamp) {
        let State { line, quotas, granted, waiting } = state;
        while let Some((key, place)) =
            line.pick(|attempt, gateway| quotas.permits(attempt, gateway, now).is_ok())
        {
            let Ok(permit) = quotas.take(place.attempt, &place.gateway, now) else { break };
            let urgency = place.urgency;
            waiting.remove(&key);
            granted.insert(key.clone(), (place, permit));
            if asking != Some(&key) {
                self.work.wake([key], urgency);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that could panic is done while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
