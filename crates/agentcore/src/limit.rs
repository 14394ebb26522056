//! How often something may be done: a bucket of tokens, full at first, that fills evenly.
//!
//! Contract: pure; the present is an argument, and does not go back. Nobody waits in here: who gets
//! no token is told when there is one.

use std::time::Duration;

use jiff::Timestamp;

/// A rate, with a burst on top of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    every: Duration,
    burst: u32,
    /// When the bucket is full, if nothing is taken until then; `None`: it is.
    full_at: Option<Timestamp>,
}

impl Limit {
    /// One in every such time, and up to `burst` (at least one) at once after a rest.
    #[must_use]
    pub const fn new(every: Duration, burst: u32) -> Self {
        Self { every, burst, full_at: None }
    }

    /// When there is a token: now, or later.
    #[must_use]
    pub fn free_at(&self, now: Timestamp) -> Timestamp {
        let Some(full_at) = self.full_at else { return now };
        // It lacks one token for each `every` until it is full, and may lack all but one.
        let may_lack = self.every.saturating_mul(self.burst.saturating_sub(1));
        full_at.checked_sub(may_lack).map_or(now, |free| free.max(now))
    }

    /// Takes a token.
    ///
    /// # Errors
    ///
    /// There is none: when there is one.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let free_at = self.free_at(now);
        if free_at > now {
            return Err(free_at);
        }
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now));
        self.full_at = Some(full_at.checked_add(self.every).unwrap_or(full_at));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn after_the_burst_comes_one_at_a_time() {
        let mut limit = Limit::new(Duration::from_secs(1), 5);
        for _ in 0..5 {
            assert_eq!(limit.take(at(0)), Ok(()));
        }
        assert_eq!(limit.take(at(0)), Err(at(1000)));
        assert_eq!(limit.take(at(999)), Err(at(1000)));
        assert_eq!(limit.take(at(1000)), Ok(()));
        assert_eq!(limit.take(at(1000)), Err(at(2000)));
    }

    #[test]
    fn a_rest_fills_the_bucket_and_not_more() {
        let mut limit = Limit::new(Duration::from_secs(1), 2);
        assert_eq!(limit.take(at(0)), Ok(()));
        assert_eq!(limit.take(at(500)), Ok(()));
        assert_eq!(limit.free_at(at(500)), at(1000));
        for _ in 0..2 {
            assert_eq!(limit.take(at(3_600_000)), Ok(()));
        }
        assert_eq!(limit.take(at(3_600_000)), Err(at(3_601_000)));
    }

    #[test]
    fn to_ask_takes_nothing() {
        let mut limit = Limit::new(Duration::from_secs(1), 1);
        assert_eq!(limit.free_at(at(7)), at(7));
        assert_eq!(limit.take(at(7)), Ok(()));
        assert_eq!(limit.free_at(at(8)), at(1007));
        assert_eq!(limit.free_at(at(1008)), at(1008));
    }

    #[test]
    fn at_every_time_no_more_than_the_rate_and_the_burst() {
        for (every, burst) in [(100_u32, 1_u32), (250, 3), (1000, 5)] {
            let mut limit = Limit::new(Duration::from_millis(every.into()), burst);
            let taken: Vec<u32> =
                (0..10_000).filter(|ms| limit.take(at(i64::from(*ms))).is_ok()).collect();
            for (index, first) in taken.iter().enumerate() {
                for (number, last) in (1..).zip(&taken[index..]) {
                    let allowed = burst + (last - first) / every;
                    assert!(number <= allowed, "{every} {burst} {first} {last}");
                }
            }
            assert_eq!(taken.last(), Some(&(9_999 / every * every)), "and not less");
        }
    }
}
