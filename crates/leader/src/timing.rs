//! How long a lease lasts, and what follows from that.

use std::time::Duration;

/// How much faster another machine's clock may run than ours: one part in so many. Clocks that are
/// kept in step are slewed by 1 in 2000 at most (`adjtimex(2)`); this is for those that are not.
const SKEW: u32 = 20;

/// The times of an election, with the meaning of client-go's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timing {
    pub(crate) lease_duration: Duration,
    pub(crate) renew_deadline: Duration,
    pub(crate) retry_period: Duration,
    /// For how long from when a renewal was sent nobody else can lead, on our clock.
    pub(crate) fence: Duration,
}

/// Why no election can be held with these times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTiming {
    /// A Lease says its duration in seconds (Kubernetes API: `leaseDurationSeconds`).
    #[error("the lease duration has to be whole seconds, one at least")]
    LeaseDuration,
    /// Whoever cannot renew has to notice before others take over.
    #[error("the renew deadline has to be shorter than the lease duration")]
    RenewDeadline,
    /// A renewal that fails once has to have a second chance (client-go: its jitter of 1.2).
    #[error("the renew deadline has to be longer than 1.2 times the retry period")]
    RetryPeriod,
    /// A leader that never rests leaves the API server no rest either.
    #[error("the retry period has to be longer than nothing")]
    NoPause,
}

impl Timing {
    /// Judges the times as client-go does, and in one point more strictly: where it cuts a lease
    /// duration down to whole seconds, so that others wait for less than the leader counts on, this
    /// refuses it.
    pub fn new(
        lease_duration: Duration,
        renew_deadline: Duration,
        retry_period: Duration,
    ) -> Result<Self, BadTiming> {
        if lease_duration.is_zero()
            || lease_duration.subsec_nanos() != 0
            || i32::try_from(lease_duration.as_secs()).is_err()
        {
            return Err(BadTiming::LeaseDuration);
        }
        if retry_period.is_zero() {
            return Err(BadTiming::NoPause);
        }
        if renew_deadline >= lease_duration {
            return Err(BadTiming::RenewDeadline);
        }
        // In whole numbers: 5 deadlines against 6 periods.
        if renew_deadline * 5 <= retry_period.saturating_mul(6) {
            return Err(BadTiming::RetryPeriod);
        }
        Ok(Self::of(lease_duration, renew_deadline, retry_period))
    }

    fn of(lease_duration: Duration, renew_deadline: Duration, retry_period: Duration) -> Self {
        let fence = lease_duration.saturating_sub(lease_duration / SKEW);
        Self { lease_duration, renew_deadline, retry_period, fence }
    }

    /// The longest that a call may take which a leader in good health may begin at any time. In good
    /// health the last renewal was sent a retry period ago, and as long again is left for the next
    /// one to be answered.
    ///
    /// By the defaults of 15 s, 10 s and 2 s these are 10.25 s. The rule of thumb that a call be
    /// shorter than lease duration less renew deadline (5 s) is for programs that ask nobody before
    /// they begin: here [`Term::permits`](crate::Term::permits) refuses what would not end in time, so
    /// that a leader whose renewals fail begins less and less, and nothing at the renew deadline.
    #[must_use]
    pub fn longest_call(&self) -> Duration {
        self.fence.saturating_sub(self.retry_period * 2)
    }

    /// How long a call for the Lease may take (as controller-runtime has it): what hangs leaves time
    /// for another attempt.
    #[must_use]
    pub fn call_timeout(&self) -> Duration {
        self.renew_deadline / 2
    }

    /// How often a standby looks: a little more often than a leader renews, so that what a leader
    /// lets go is taken within one retry period.
    pub(crate) fn look_period(&self) -> Duration {
        self.retry_period * 3 / 4
    }

    /// How long a leader leads without a renewal.
    pub(crate) fn leads_for(&self) -> Duration {
        self.renew_deadline.min(self.fence)
    }

    /// Whether what takes up to `timeout` may begin at this age of the last renewal.
    pub(crate) fn permits(&self, age: Duration, timeout: Duration) -> bool {
        age < self.leads_for() && age.saturating_add(timeout) <= self.fence
    }

    pub(crate) fn lease_seconds(&self) -> i32 {
        i32::try_from(self.lease_duration.as_secs()).unwrap_or(i32::MAX)
    }
}

impl Default for Timing {
    /// 15 s, 10 s and 2 s, as in client-go and controller-runtime.
    fn default() -> Self {
        let [lease_duration, renew_deadline, retry_period] = [15, 10, 2].map(Duration::from_secs);
        Self::of(lease_duration, renew_deadline, retry_period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(lease: u64, renew: u64, retry: u64) -> Result<Timing, BadTiming> {
        let [lease, renew, retry] = [lease, renew, retry].map(Duration::from_millis);
        Timing::new(lease, renew, retry)
    }

    #[test]
    fn times_are_judged_as_client_go_judges_them() {
        assert_eq!(timing(15_000, 10_000, 2_000), Ok(Timing::default()));
        assert_eq!(timing(0, 10_000, 2_000), Err(BadTiming::LeaseDuration));
        assert_eq!(timing(1_500, 1_000, 200), Err(BadTiming::LeaseDuration));
        assert_eq!(timing(10_000, 10_000, 2_000), Err(BadTiming::RenewDeadline));
        assert_eq!(timing(15_000, 2_400, 2_000), Err(BadTiming::RetryPeriod));
        assert_eq!(timing(15_000, 2_401, 2_000).map(|_| ()), Ok(()));
        assert_eq!(timing(15_000, 0, 2_000), Err(BadTiming::RetryPeriod));
        assert_eq!(timing(15_000, 10_000, 0), Err(BadTiming::NoPause));
    }

    #[test]
    fn by_default_a_leader_in_good_health_may_always_make_a_call_of_ten_seconds() {
        let timing = Timing::default();
        let [age, call] = [4, 10].map(Duration::from_secs);
        assert!(timing.longest_call() >= call);
        assert!(timing.permits(age, call));
        assert!(!timing.permits(age + Duration::from_millis(251), call));
    }

    #[test]
    fn at_the_renew_deadline_nothing_is_begun() {
        let timing = Timing::default();
        assert!(timing.permits(Duration::from_millis(9_999), Duration::ZERO));
        assert!(!timing.permits(timing.renew_deadline, Duration::ZERO));
        let short = self::timing(20_000, 19_900, 2_000).expect("these are allowed");
        assert!(!short.permits(short.fence, Duration::ZERO));
    }
}
