//! The process's clock: the wall clock of its start, moved on by the monotonic clock.

use jiff::Timestamp;
use tokio::time::Instant;

/// A clock that never jumps. Copies agree with one another.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Timestamp,
    monotonic: Instant,
}

impl Clock {
    /// A clock that starts with the wall clock.
    #[must_use]
    pub fn start() -> Self {
        Self { wall: Timestamp::now(), monotonic: Instant::now() }
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        // Past the end of the calendar time stands still.
        self.wall.checked_add(self.monotonic.elapsed()).unwrap_or(self.wall)
    }

    /// The same moment for the timers of the runtime; a past one is now.
    #[must_use]
    pub fn instant(&self, at: Timestamp) -> Instant {
        let wait = at.duration_since(self.now());
        Instant::now() + std::time::Duration::try_from(wait).unwrap_or_default()
    }
}
