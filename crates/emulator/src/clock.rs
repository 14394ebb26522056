//! The emulator's own time: it runs with the machine's, or stands still until a test steps it.
//!
//! Only the outermost layer reads it; the state machine gets the time as an argument.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
// Tokio's clock, so that a paused runtime and the emulator agree about what time it is.
use tokio::time::Instant;

/// A clock that can be frozen and stepped.
#[derive(Debug)]
pub(crate) struct Clock {
    /// What the clock showed at `since`.
    base: Timestamp,
    /// None while the clock is frozen.
    since: Option<Instant>,
}

impl Clock {
    /// A running clock that shows `now`.
    pub(crate) fn starting_at(now: Timestamp) -> Self {
        Self { base: micros(now), since: Some(Instant::now()) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        match self.since {
            Some(since) => later(self.base, since.elapsed()),
            None => self.base,
        }
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.since.is_none()
    }

    pub(crate) fn freeze(&mut self) {
        self.base = self.now();
        self.since = None;
    }

    pub(crate) fn resume(&mut self) {
        self.base = self.now();
        self.since = Some(Instant::now());
    }

    pub(crate) fn step(&mut self, by: Duration) {
        self.base = later(self.base, by);
    }
}

/// `time` plus `by`, in whole microseconds, which is as fine as AWS writes timestamps. A time
/// beyond the calendar becomes its last moment: a duration of centuries means "never".
pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
    let sum = SignedDuration::try_from(by).ok().and_then(|by| time.checked_add(by).ok());
    micros(sum.unwrap_or(Timestamp::MAX))
}

fn micros(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn runs_with_the_runtime_unless_frozen() {
        let mut clock = Clock::starting_at(Timestamp::UNIX_EPOCH);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(clock.now().as_second(), 3);

        clock.freeze();
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(clock.now().as_second(), 3);
        clock.step(Duration::from_secs(7));
        assert_eq!(clock.now().as_second(), 10);

        clock.resume();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(clock.now().as_second(), 11);
    }

    #[test]
    fn never_is_a_time() {
        assert_eq!(
            later(Timestamp::UNIX_EPOCH, Duration::MAX).as_second(),
            Timestamp::MAX.as_second()
        );
    }
}
