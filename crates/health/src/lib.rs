//! Whether the loops that must turn do turn.
//!
//! Contract: each such loop has a [`Pulse`], and announces with every turn until when the next will have
//! come. While it waits for what may take any time it is looked after ([`Pulse::keep`]): it is then
//! polled every few seconds, which fails where its thread is blocked or a lock that it takes is never
//! released. Who asks ([`Health::checks`]) takes no lock under which anything is done but to look into
//! a list, and can be on another thread and another runtime. A loop that panics stays on the list; one
//! that ends, or is not wanted any more, goes.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long a turn may take, from one time that a loop waits to the next.
const TURN: Duration = Duration::from_secs(40);

/// All loops that must turn.
#[derive(Clone, Debug)]
pub struct Health(Arc<Loops>);

#[derive(Debug)]
struct Loops {
    begun: Instant,
    turn: Duration,
    beats: Mutex<Vec<Arc<Beat>>>,
}

/// Until when, in milliseconds since the beginning, a loop will have turned.
#[derive(Debug)]
struct Beat {
    name: &'static str,
    until: AtomicU64,
}

/// That of a loop which will never turn again.
const NEVER: u64 = 0;

/// How all loops of a name stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Their name.
    pub name: &'static str,
    /// What is wrong, if anything is.
    pub failure: Option<Failure>,
}

/// Why a loop does not turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It should have turned so long ago.
    Late(Duration),
    /// It has panicked.
    Panicked,
}

impl Default for Health {
    fn default() -> Self {
        Self::new(TURN)
    }
}

impl Health {
    /// No loops yet. A turn may take this long.
    #[must_use]
    pub fn new(turn: Duration) -> Self {
        Self(Arc::new(Loops { begun: Instant::now(), turn, beats: Mutex::default() }))
    }

    /// One more loop, which begins now. Several may have the same name.
    #[must_use]
    pub fn pulse(&self, name: &'static str) -> Pulse {
        let beat = Arc::new(Beat { name, until: AtomicU64::new(u64::MAX) });
        self.beats().push(Arc::clone(&beat));
        let pulse = Pulse { health: self.clone(), beat };
        pulse.within(Duration::ZERO);
        pulse
    }

    /// How the loops stand, by name.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let now = self.now();
        let mut latest = BTreeMap::<&str, u64>::new();
        for beat in self.beats().iter() {
            let until = beat.until.load(Ordering::Relaxed);
            let before = latest.entry(beat.name).or_insert(until);
            *before = until.min(*before);
        }
        let failure = |until: u64| match until {
            NEVER => Some(Failure::Panicked),
            until if until < now => Some(Failure::Late(Duration::from_millis(now - until))),
            _ => None,
        };
        latest.into_iter().map(|(name, until)| Check { name, failure: failure(until) }).collect()
    }

    fn now(&self) -> u64 {
        self.at(Duration::ZERO)
    }

    fn at(&self, after: Duration) -> u64 {
        let millis = (self.0.begun.elapsed() + after).as_millis();
        // The first of them is the one that means something else.
        u64::try_from(millis).unwrap_or(u64::MAX).saturating_add(1)
    }

    fn beats(&self) -> MutexGuard<'_, Vec<Arc<Beat>>> {
        self.0.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A loop that must turn.
#[derive(Debug)]
pub struct Pulse {
    health: Health,
    beat: Arc<Beat>,
}

impl Pulse {
    /// It turns, waits for up to so long, and then turns again.
    pub fn within(&self, wait: Duration) {
        let until = self.health.at(wait.saturating_add(self.health.0.turn));
        self.beat.until.store(until, Ordering::Relaxed);
    }

    /// It turns, and waits for this as long as it takes.
    pub async fn keep<T>(&self, wait: impl Future<Output = T>) -> T {
        self.keep_at_most(Duration::MAX, wait).await
    }

    /// It turns, and waits for this, which may take up to so long.
    pub async fn keep_at_most<T>(&self, most: Duration, wait: impl Future<Output = T>) -> T {
        let mut wait = pin!(wait);
        let (begun, tick) = (Instant::now(), self.health.0.turn / 4);
        loop {
            if begun.elapsed() <= most {
                self.within(Duration::ZERO);
            }
            tokio::select! {
                biased;
                done = &mut wait => {
                    self.within(Duration::ZERO);
                    return done;
                }
                () = sleep(tick) => {}
            }
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.beat.until.store(NEVER, Ordering::Relaxed);
        } else {
            self.health.beats().retain(|beat| !Arc::ptr_eq(beat, &self.beat));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn failure(health: &Health) -> Option<Failure> {
        health.checks().into_iter().find(|check| check.name == "loop")?.failure
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_awaited_for_as_long_as_was_announced() {
        let health = Health::new(SECOND);
        let [pulse, other] = [health.pulse("loop"), health.pulse("loop")];
        other.within(SECOND * 100);
        pulse.within(SECOND * 5);
        tokio::time::advance(SECOND * 6).await;
        assert_eq!(failure(&health), None);
        tokio::time::advance(SECOND * 2).await;
        assert_eq!(failure(&health), Some(Failure::Late(SECOND * 2)), "one of two is late");
        pulse.within(Duration::ZERO);
        assert_eq!(failure(&health), None);
        tokio::time::advance(SECOND * 2).await;
        drop(pulse);
        assert_eq!(failure(&health), None, "it has ended");
        drop(other);
        assert_eq!(health.checks(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_may_take_any_time_or_a_limited_one() {
        let health = Health::new(SECOND);
        let pulse = health.pulse("loop");
        pulse.keep(sleep(SECOND * 1000)).await;
        assert_eq!(failure(&health), None);
        tokio::select! {
            () = pulse.keep_at_most(SECOND * 5, std::future::pending()) => {}
            () = sleep(SECOND * 5) => assert_eq!(failure(&health), None),
        }
        tokio::select! {
            () = pulse.keep_at_most(SECOND * 5, std::future::pending()) => {}
            () = sleep(SECOND * 10) => assert!(failure(&health).is_some()),
        }
    }

    /// A real thread that really stands still.
    #[test]
    fn a_lock_that_is_never_released_shows() {
        let health = Health::new(Duration::from_millis(200));
        let lock = Arc::new(Mutex::new(()));
        let (locked, waits) = mpsc::channel();
        let held = lock.lock().unwrap();
        let thread = std::thread::spawn({
            let (health, lock) = (health.clone(), Arc::clone(&lock));
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
                runtime.unwrap().block_on(async {
                    let pulse = health.pulse("loop");
                    locked.send(()).unwrap();
                    pulse.keep(async { drop(lock.lock()) }).await;
                    pulse.keep(async { locked.send(()) }).await.unwrap();
                });
            }
        });
        waits.recv().unwrap();
        let deadline = std::time::Instant::now() + SECOND * 10;
        while failure(&health).is_none() {
            assert!(std::time::Instant::now() < deadline, "nothing shows");
            std::thread::yield_now();
        }
        drop(held);
        waits.recv().unwrap();
        thread.join().unwrap();
        assert_eq!(health.checks(), []);
    }

    #[test]
    fn who_panics_is_not_forgotten() {
        let health = Health::default();
        let pulse = health.pulse("loop");
        let thread = std::thread::spawn(move || {
            let _pulse = pulse;
            panic!("as it is meant to");
        });
        assert!(thread.join().is_err());
        assert_eq!(failure(&health), Some(Failure::Panicked));
    }
}
