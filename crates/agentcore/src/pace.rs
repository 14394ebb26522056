//! When a mirror looks again: a function of what is awaited and what went wrong.

use std::time::Duration;

use api::FailureClass;

/// The pace of all mirrors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two Lists when nothing is awaited.
    pub quiet: Duration,
    /// Between two Lists at the least.
    pub fastest: Duration,
    /// Lists a second that all mirrors share while something is awaited: AWS allows an account
    /// 10 (AWS documentation), of which others need some.
    pub lists_per_second: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            quiet: Duration::from_mins(1),
            fastest: Duration::from_millis(125),
            lists_per_second: 8,
        }
    }
}

/// A transition that is younger than this is watched as closely as the budget allows.
const YOUNG: Duration = Duration::from_secs(10);
/// An old transition (a private endpoint takes minutes) is looked at this often at least.
const SLOWEST_AWAITING: Duration = Duration::from_secs(30);
/// The pause after missing credentials: they are renewed elsewhere.
const CREDENTIALS: Duration = Duration::from_secs(30);
const REFUSED: Duration = Duration::from_mins(10);
const BROKEN: Duration = Duration::from_mins(1);

impl Pace {
    /// The pause before the next List while something has been awaited for `age` on this one of
    /// `mirrors` that await something.
    pub(crate) fn awaiting(&self, age: Duration, mirrors: usize) -> Duration {
        let mirrors = u32::try_from(mirrors).unwrap_or(u32::MAX).max(1);
        let share = Duration::from_secs(1).saturating_mul(mirrors) / self.lists_per_second.max(1);
        let pause = share.max(self.fastest);
        // From the tenth second on the pause grows with the age, a tenth of what lies behind.
        let aged = age.saturating_sub(YOUNG) / 10;
        pause.max(aged.min(SLOWEST_AWAITING)).min(self.quiet.max(pause))
    }

    /// The pause before the next List when nothing is awaited: up to 5 % longer or shorter, so
    /// that mirrors do not march in step. `dice` is any number.
    pub(crate) fn quiet(&self, dice: u64) -> Duration {
        let per_mille = 950 + u32::try_from(dice % 101).unwrap_or_default();
        self.quiet.saturating_mul(per_mille) / 1000
    }

    /// The pause after the `times`-th failure in a row.
    pub(crate) fn after(&self, class: FailureClass, times: u32) -> Duration {
        let most = match class {
            FailureClass::Credentials => return CREDENTIALS.min(self.quiet),
            FailureClass::Denied | FailureClass::NotFound | FailureClass::Invalid => REFUSED,
            FailureClass::Throttled
            | FailureClass::Quota
            | FailureClass::Conflict
            | FailureClass::WrongState
            | FailureClass::Server
            | FailureClass::Unanswered => BROKEN,
        };
        let doubled = Duration::from_secs(1).saturating_mul(1 << times.saturating_sub(1).min(16));
        doubled.min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_that_wait_share_the_budget() {
        let pace = Pace::default();
        assert_eq!(pace.awaiting(Duration::ZERO, 1), Duration::from_millis(125));
        assert_eq!(pace.awaiting(Duration::ZERO, 16), Duration::from_secs(2));
    }

    #[test]
    fn an_old_transition_is_watched_less_closely() {
        let pace = Pace::default();
        assert_eq!(pace.awaiting(Duration::from_secs(10), 1), Duration::from_millis(125));
        assert_eq!(pace.awaiting(Duration::from_secs(110), 1), Duration::from_secs(10));
        assert_eq!(pace.awaiting(Duration::from_secs(86_400), 1), Duration::from_secs(30));
    }

    #[test]
    fn quiet_mirrors_do_not_march_in_step() {
        let pace = Pace::default();
        assert_eq!(pace.quiet(0), Duration::from_secs(57));
        assert_eq!(pace.quiet(100), Duration::from_secs(63));
    }

    #[test]
    fn refusals_double_to_ten_minutes() {
        let pace = Pace::default();
        assert_eq!(pace.after(FailureClass::Denied, 1), Duration::from_secs(1));
        assert_eq!(pace.after(FailureClass::Denied, 4), Duration::from_secs(8));
        assert_eq!(pace.after(FailureClass::NotFound, 40), Duration::from_secs(600));
        assert_eq!(pace.after(FailureClass::Credentials, 40), Duration::from_secs(30));
    }
}
