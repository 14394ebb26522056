//! What two clocks say at one moment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// A moment, on both clocks of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reading {
    /// Since the process's clock was started. It never jumps, and may stand still while the machine
    /// is suspended (`CLOCK_MONOTONIC` on Linux).
    pub monotonic: Duration,
    /// What the calendar says. It may jump.
    pub wall: Timestamp,
}

impl Reading {
    /// How much time has passed since then, at the most: the longer of what the two clocks say.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let wall = self.wall.duration_since(earlier.wall);
        let wall = Duration::try_from(wall).unwrap_or_default();
        self.monotonic.saturating_sub(earlier.monotonic).max(wall)
    }
}

/// The clocks of this process. Copies agree with one another.
#[derive(Clone)]
pub struct Clock {
    start: Instant,
    wall: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Clock {
    /// The clocks of this machine.
    #[must_use]
    pub fn start() -> Self {
        Self::with_wall(Timestamp::now)
    }

    /// With another calendar.
    pub fn with_wall(wall: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { start: Instant::now(), wall: Arc::new(wall) }
    }

    /// The present.
    #[must_use]
    pub fn read(&self) -> Reading {
        Reading { monotonic: self.start.elapsed(), wall: (self.wall)() }
    }

    /// A moment of the monotonic clock, for the timers of the runtime.
    pub(crate) fn instant(&self, monotonic: Duration) -> Instant {
        self.start + monotonic
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Clock").field("now", &self.read()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whichever_clock_says_more_counts() {
        let at = |monotonic, wall| Reading {
            monotonic: Duration::from_secs(monotonic),
            wall: Timestamp::from_second(wall).expect("it is in the calendar"),
        };
        let seconds = Duration::from_secs;
        assert_eq!(at(9, 104).since(at(5, 100)), seconds(4));
        assert_eq!(at(9, 130).since(at(5, 100)), seconds(30), "the machine was suspended");
        assert_eq!(at(9, 70).since(at(5, 100)), seconds(4), "the calendar was put back");
        assert_eq!(at(5, 100).since(at(9, 104)), seconds(0));
    }
}
