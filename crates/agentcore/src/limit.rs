//! How often something may be done: a bucket of tokens, full at first, that fills evenly.
//!
//! Contract: pure; the present is an argument, and does not go back. Nobody waits in here: who gets
//! no token is told when there is one. AWS may be stricter than the rate says, because others draw on
//! the same quota: then the bucket fills more slowly for a while.

use std::time::Duration;

use jiff::Timestamp;

/// The slowest that a bucket fills, as a part of its rate.
const SLOWEST: u32 = 16;
/// Refusals that come together count once.
const TOGETHER: Duration = Duration::from_secs(1);
/// After this long without a refusal the bucket fills a step faster again.
const STEP_UP: Duration = Duration::from_secs(5);

/// A token, in the parts in which the bucket is filled.
const TOKEN: u64 = 1_000_000_000;

/// A rate, with a burst on top of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    every: Duration,
    burst: u32,
    /// What was in the bucket, in parts of a token, and when; `None`: it is full.
    level: Option<(u64, Timestamp)>,
    /// How many sixteenths of the rate were used, and since when; `None`: all.
    pace: Option<(u32, Timestamp)>,
}

impl Limit {
    /// One in every such time, and up to `burst` (at least one) at once after a rest.
    #[must_use]
    pub const fn new(every: Duration, burst: u32) -> Self {
        Self { every, burst, level: None, pace: None }
    }

    /// So many a second, with a burst of as many as fit into a second but one: calls that are made
    /// evenly do not arrive evenly.
    #[must_use]
    pub fn per_second(rate: u32) -> Self {
        Self::new(Duration::from_secs(1) / rate.max(1), rate.saturating_sub(1))
    }

    /// When there is a token: now, or later.
    #[must_use]
    pub fn free_at(&self, now: Timestamp) -> Timestamp {
        let lacking = TOKEN.saturating_sub(self.level(now));
        if lacking == 0 {
            return now;
        }
        let wait = u128::from(lacking) * self.interval(now).as_nanos();
        let wait = u64::try_from(wait.div_ceil(u128::from(TOKEN))).unwrap_or(u64::MAX);
        now.checked_add(Duration::from_nanos(wait)).unwrap_or(Timestamp::MAX)
    }

    /// Takes a token.
    ///
    /// # Errors
    ///
    /// There is none: when there is one.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let left = self.level(now).checked_sub(TOKEN).ok_or_else(|| self.free_at(now))?;
        self.level = Some((left, now));
        Ok(())
    }

    /// In how long a time there is one at least, whatever AWS refuses.
    #[must_use]
    pub fn slowest(&self) -> Duration {
        self.every.saturating_mul(SLOWEST)
    }

    /// How many there are, parts of one included.
    #[must_use]
    pub fn tokens(&self, now: Timestamp) -> f64 {
        // Of billionths nobody misses the last ones.
        #[allow(clippy::cast_precision_loss)]
        let parts = |number: u64| number as f64;
        parts(self.level(now)) / parts(TOKEN)
    }

    /// A token that was taken has not been used.
    pub fn give_back(&mut self, now: Timestamp) {
        self.level = Some((self.level(now).saturating_add(TOKEN).min(self.full()), now));
    }

    /// AWS refuses although the rate was kept: others draw on the same quota. Half the rate is left to
    /// them, until some time has passed without a refusal.
    pub fn slow_down(&mut self, now: Timestamp) {
        if self.pace.is_some_and(|(_, since)| now.duration_since(since).unsigned_abs() < TOGETHER) {
            return;
        }
        self.pace = Some(((self.sixteenths(now) / 2).max(1), now));
        // Whatever was saved up is not there.
        self.level = Some((0, now));
    }

    fn level(&self, now: Timestamp) -> u64 {
        let Some((level, at)) = self.level else { return self.full() };
        let parts = now.duration_since(at).unsigned_abs().as_nanos() * u128::from(TOKEN);
        let filled = parts / self.interval(now).as_nanos().max(1);
        level.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX)).min(self.full())
    }

    fn full(&self) -> u64 {
        TOKEN.saturating_mul(self.burst.max(1).into())
    }

    fn interval(&self, now: Timestamp) -> Duration {
        self.every.saturating_mul(SLOWEST) / self.sixteenths(now)
    }

    fn sixteenths(&self, now: Timestamp) -> u32 {
        let Some((sixteenths, since)) = self.pace else { return SLOWEST };
        let steps = now.duration_since(since).unsigned_abs().as_secs() / STEP_UP.as_secs();
        u32::try_from(steps).unwrap_or(SLOWEST).saturating_add(sixteenths).min(SLOWEST)
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
    fn one_can_see_how_many_are_left() {
        let mut limit = Limit::new(Duration::from_secs(1), 2);
        let tokens = |limit: &Limit, millis| format!("{:.2}", limit.tokens(at(millis)));
        assert_eq!(tokens(&limit, 0), "2.00");
        assert_eq!(limit.take(at(0)), Ok(()));
        assert_eq!(tokens(&limit, 0), "1.00");
        assert_eq!(tokens(&limit, 250), "1.25");
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

    #[test]
    fn what_was_not_used_is_there_again() {
        let mut limit = Limit::new(Duration::from_secs(1), 2);
        assert_eq!((limit.take(at(0)), limit.take(at(0))), (Ok(()), Ok(())));
        limit.give_back(at(0));
        assert_eq!(limit.take(at(0)), Ok(()));
        assert_eq!(limit.take(at(0)), Err(at(1000)));
    }

    /// How many are taken in this second, of those who ask every millisecond.
    fn taken(limit: &mut Limit, second: i64) -> usize {
        (0..1000).filter(|ms| limit.take(at(second * 1000 + ms)).is_ok()).count()
    }

    #[test]
    fn refusals_halve_the_rate_and_time_restores_it() {
        let mut limit = Limit::per_second(16);
        let mut last = 0;
        for (second, refused) in [(100, false), (101, true), (102, false), (103, true)] {
            last = taken(&mut limit, second);
            if refused {
                limit.slow_down(at(second * 1000 + 999));
                limit.slow_down(at(second * 1000 + 999));
            }
        }
        assert_eq!(last, 8);
        assert!(taken(&mut limit, 104) <= 4, "halved again");
        let later: Vec<usize> = (105..240).map(|second| taken(&mut limit, second)).collect();
        assert!(later.iter().all(|taken| (3..=16).contains(taken)), "{later:?}");
        assert_eq!(later.last(), Some(&16), "it grows back: {later:?}");
    }

    #[test]
    fn it_never_comes_to_a_stop() {
        let mut limit = Limit::per_second(5);
        for second in 0..100 {
            limit.slow_down(at(second * 2000));
        }
        assert!(limit.free_at(at(200_000)) < at(220_000));
    }
}
