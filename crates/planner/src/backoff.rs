//! When to try again: a function of the failure's class, the attempt and a seed.
//!
//! Contract: pure. The jitter comes from the seed, so that resources which failed together do
//! not come back together, and a test can say what it expects.

use std::time::Duration;

use api::FailureClass;

/// A doubling delay between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    first: Duration,
    most: Duration,
}

impl Schedule {
    /// A target that failed: AWS has to be given time (IAM and DNS changes take a while).
    pub const FAILED_TARGET: Self =
        Self { first: Duration::from_secs(30), most: Duration::from_hours(1) };
    /// A target that failed because of what a person wrote: it is looked at again in case that was a
    /// misunderstanding.
    pub const FAULTY_SPEC: Self =
        Self { first: Duration::from_hours(1), most: Duration::from_hours(1) };
    /// AWS is busy: the next attempt is cheap and likely to pass.
    pub const BUSY: Self = Self { first: Duration::from_secs(1), most: Duration::from_mins(1) };
    /// There are no credentials: they come back by themselves, and shall be used soon then.
    pub const CREDENTIALS: Self =
        Self { first: Duration::from_secs(5), most: Duration::from_secs(30) };
    /// AWS is broken, or refuses.
    pub const REFUSED: Self = Self { first: Duration::from_secs(5), most: Duration::from_mins(10) };

    /// The schedule after a failed call.
    #[must_use]
    pub fn after(class: FailureClass) -> Self {
        match class {
            FailureClass::Throttled
            | FailureClass::Quota
            | FailureClass::Conflict
            | FailureClass::WrongState
            | FailureClass::NotFound
            | FailureClass::Server
            | FailureClass::Unanswered => Self::BUSY,
            FailureClass::Denied => Self::REFUSED,
            FailureClass::Credentials => Self::CREDENTIALS,
            FailureClass::Invalid => Self::FAILED_TARGET,
        }
    }
}

/// The delay before attempt `attempt + 1` (the first failure is attempt 1): doubled each time, up
/// to the bound, of which up to a quarter is cut by the seed.
#[must_use]
pub fn delay(schedule: Schedule, attempt: u32, seed: u64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(20);
    let full = schedule.first.saturating_mul(1 << doublings).min(schedule.most);
    let cut = u32::try_from(mixed(seed ^ u64::from(attempt)) % 250).unwrap_or_default();
    full.saturating_sub(full * cut / 1000)
}

/// Spreads neighbouring seeds (the finalising steps of splitmix64).
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_to_its_bound_with_at_most_a_quarter_cut() {
        let schedule = Schedule::FAILED_TARGET;
        for (attempt, full) in [(1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (99, 3600)] {
            for seed in 0..50 {
                let waits = delay(schedule, attempt, seed);
                let full = Duration::from_secs(full);
                assert!(waits <= full && waits >= full * 3 / 4, "{attempt} {seed}: {waits:?}");
            }
        }
    }

    /// The same seed always waits as long, on every machine and in every version: so that a log can
    /// be understood.
    #[test]
    fn a_seed_is_a_wait() {
        let waits = |seed| delay(Schedule::REFUSED, 3, seed).as_millis();
        assert_eq!([0, 1, 7, u64::MAX].map(waits), [18_940, 17_800, 15_440, 18_680]);
    }

    #[test]
    fn seeds_spread() {
        let waits: std::collections::BTreeSet<_> =
            (0..100).map(|seed| delay(Schedule::BUSY, 1, seed)).collect();
        assert!(waits.len() > 60, "{}", waits.len());
    }
}
