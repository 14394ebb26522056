//! The emulator without a network: state, clock, faults and log under one lock.
//!
//! The lock makes each call atomic, which is what "before the commit" and "after the commit"
//! mean. It is never held across an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::fault::Faults;
use crate::issuer::Issuer;
use crate::log::Log;
use crate::serve::{Request, Served};
use crate::settings::{Settings, SettingsChange};
use crate::state::State;
use crate::tally::Rules;

/// What the shells around the state machine share.
#[derive(Debug)]
pub(crate) struct Core {
    inner: Mutex<Inner>,
    /// Counts everything that may change what an onlooker sees.
    changes: watch::Sender<u64>,
    /// True once the emulator stops: nothing may wait any longer.
    closing: watch::Sender<bool>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) clock: Clock,
    pub(crate) state: State,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) issuer: Issuer,
    /// For latencies.
    pub(crate) random: fastrand::Rng,
}

impl Inner {
    /// `faults` and `outcomes` tell whether these rules of the settings replace those in force.
    fn set_settings(&mut self, settings: Settings, faults: bool, outcomes: bool) {
        if faults {
            self.faults = Rules::new(settings.faults.iter().cloned());
        }
        if outcomes {
            self.state.outcomes = Rules::new(settings.outcomes.iter().cloned());
        }
        self.state.set_settings(settings);
    }
}

impl Core {
    /// `url` is where clients reach the emulator; `now` the machine's time.
    pub(crate) fn new(settings: Settings, url: String, now: Timestamp) -> Self {
        let clock = Clock::starting_at(now.saturating_add(settings.clock.offset).unwrap_or(now));
        let inner = Inner {
            faults: Rules::new(settings.faults.iter().cloned()),
            log: Log::new(settings.call_log_capacity),
            issuer: Issuer::new(settings.seed),
            random: fastrand::Rng::with_seed(settings.seed),
            state: State::new(settings, url, clock.now()),
            clock,
        };
        Self {
            inner: Mutex::new(inner),
            changes: watch::Sender::new(0),
            closing: watch::Sender::new(false),
        }
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(self.lock().state.settings())
    }

    /// Changes the settings for everything that happens from now on.
    pub(crate) fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        self.change(|inner, _| {
            let before = Arc::clone(inner.state.settings());
            let mut after = Settings::clone(&before);
            change(&mut after);
            let faults = after.faults != before.faults;
            let outcomes = after.outcomes != before.outcomes;
            inner.set_settings(after, faults, outcomes);
        });
    }

    /// The same by sections. Rules that are among them replace those in force, and count anew even
    /// if they are the same.
    pub(crate) fn apply(&self, change: SettingsChange) {
        self.change(|inner, _| {
            let (faults, outcomes) = (change.faults.is_some(), change.outcomes.is_some());
            let mut after = Settings::clone(inner.state.settings());
            change.apply(&mut after);
            inner.set_settings(after, faults, outcomes);
        });
    }

    /// All settings, with the rules that are in force by now.
    pub(crate) fn settings_in_force(&self) -> SettingsChange {
        self.look(|inner| SettingsChange {
            faults: Some(inner.faults.all().into_iter().map(|counted| counted.rule).collect()),
            outcomes: Some(
                inner.state.outcomes.all().into_iter().map(|counted| counted.rule).collect(),
            ),
            ..SettingsChange::from(inner.state.settings().as_ref())
        })
    }

    /// Everything that is due has happened when this returns.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        let mut inner = self.lock();
        let now = inner.clock.now();
        inner.state.advance(now);
        look(&inner)
    }

    /// A change from behind the scenes, at the emulator's present moment.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Inner, Timestamp) -> T) -> T {
        let result = {
            let mut inner = self.lock();
            let now = inner.clock.now();
            inner.state.advance(now);
            change(&mut inner, now)
        };
        self.changes.send_modify(|count| *count += 1);
        result
    }

    /// A receiver that hears of every call and change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// How long until something happens by itself; None when nothing will.
    pub(crate) fn until_next(&self) -> Option<Duration> {
        self.look(|inner| {
            let due = inner.state.next_due().filter(|_| !inner.clock.is_frozen())?;
            Some(due.duration_since(inner.clock.now()).try_into().unwrap_or(Duration::ZERO))
        })
    }

    /// Carries out one call, faults included, and writes it down.
    pub(crate) fn serve(&self, request: Request) -> Served {
        self.change(|inner, now| inner.serve(request, now))
    }

    /// The time in the header `Date`.
    pub(crate) fn date(&self) -> Timestamp {
        self.look(Inner::date)
    }

    /// Lets go of all calls that hang.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Returns when the emulator stops.
    pub(crate) async fn closed(&self) {
        let mut closing = self.closing.subscribe();
        // The sender lives in `self`, so this never ends in an error.
        let _ = closing.wait_for(|closing| *closing).await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The state is changed only after all checks of a call, so that even a panic in the
        // middle would leave nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
