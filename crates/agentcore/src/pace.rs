//! When a mirror wants to look again: a function of what is awaited and what went wrong.
//!
//! Contract: pure. Whether the budget permits it then is another matter. A pause counts from the beginning of one List to the beginning of the next.
//! `dice` is any number: it keeps mirrors that began together from marching in step.

use std::time::Duration;

use api::FailureClass;

/// The pace of all mirrors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two Lists when nothing is awaited.
    pub quiet: Duration,
    /// Between two Lists at the least.
    pub fastest: Duration,
    /// Lists a second that all mirrors share: AWS allows an account 10 (AWS documentation), of which
    /// others need some.
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
/// The longest pause after a refusal, which a person has to mend.
const REFUSED: Duration = Duration::from_mins(10);
/// The longest pause after a failure that passes by itself.
const BROKEN: Duration = Duration::from_mins(1);
/// The pause after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// Gateways that refuse share this part of the budget, so that they take nothing from the others.
const REFUSED_PART: u32 = 10;

impl Pace {
    /// The pause while something has been awaited for `age`.
    pub(crate) fn awaiting(&self, age: Duration) -> Duration {
        // From the tenth second on the pause grows with the age, a tenth of what lies behind.
        let aged = age.saturating_sub(YOUNG) / 10;
        self.fastest.max(aged.min(SLOWEST_AWAITING)).min(self.quiet.max(self.fastest))
    }

    /// The pause when nothing is awaited: up to 5 % longer or shorter.
    pub(crate) fn quiet(&self, dice: u64) -> Duration {
        let per_mille = 950 + u32::try_from(dice % 101).unwrap_or_default();
        self.quiet.saturating_mul(per_mille) / 1000
    }

    /// The pause after the `times`-th failure in a row: doubled each time, and up to half as long
    /// again. Of gateways that refuse, so many do.
    pub(crate) fn after(
        &self,
        class: FailureClass,
        times: u32,
        refusing: usize,
        dice: u64,
    ) -> Duration {
        let (most, share) = match class {
            FailureClass::Credentials => return CREDENTIALS.min(self.quiet),
            _ if is_refusal(class) => (REFUSED, self.refused_share(refusing)),
            _ => (BROKEN, Duration::ZERO),
        };
        let per_mille = 1000 + u32::try_from(dice % 501).unwrap_or_default();
        let longer = |pause: Duration| pause.saturating_mul(per_mille) / 1000;
        let doubled = FIRST.saturating_mul(1 << times.saturating_sub(1).min(16));
        longer(doubled).min(most).max(longer(share))
    }

    /// The pause of each gateway that refuses when they share their part of the budget.
    fn refused_share(&self, refusing: usize) -> Duration {
        let refusing = u32::try_from(refusing).unwrap_or(u32::MAX).max(1);
        let all = Duration::from_secs(1).saturating_mul(refusing) / self.lists_per_second.max(1);
        all.saturating_mul(REFUSED_PART)
    }
}

/// Whether a List that fails like this goes on failing until a person does something.
pub(crate) fn is_refusal(class: FailureClass) -> bool {
    match class {
        FailureClass::Denied | FailureClass::NotFound | FailureClass::Invalid => true,
        FailureClass::Throttled
        | FailureClass::Quota
        | FailureClass::Conflict
        | FailureClass::WrongState
        | FailureClass::Credentials
        | FailureClass::Server
        | FailureClass::Unanswered => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        quiet: Duration::from_mins(1),
        fastest: Duration::from_millis(125),
        lists_per_second: 8,
    };

    #[test]
    fn an_old_transition_is_watched_less_closely() {
        assert_eq!(PACE.awaiting(Duration::ZERO), Duration::from_millis(125));
        assert_eq!(PACE.awaiting(Duration::from_secs(10)), Duration::from_millis(125));
        assert_eq!(PACE.awaiting(Duration::from_secs(110)), Duration::from_secs(10));
        assert_eq!(PACE.awaiting(Duration::from_hours(24)), Duration::from_secs(30));
    }

    #[test]
    fn a_transition_is_never_watched_less_closely_than_nothing_at_all() {
        let hasty = Pace { quiet: Duration::from_secs(5), ..PACE };
        assert_eq!(hasty.awaiting(Duration::from_hours(24)), Duration::from_secs(5));
    }

    #[test]
    fn quiet_mirrors_do_not_march_in_step() {
        assert_eq!(PACE.quiet(0), Duration::from_secs(57));
        assert_eq!(PACE.quiet(100), Duration::from_secs(63));
    }

    #[test]
    fn refusals_double_to_ten_minutes() {
        let after = |times| PACE.after(FailureClass::Denied, times, 1, 0);
        // A tenth of the budget comes before the first step of the doubling.
        assert_eq!(after(1), Duration::from_millis(1250));
        assert_eq!(after(2), Duration::from_secs(2));
        assert_eq!(after(4), Duration::from_secs(8));
        assert_eq!(after(40), Duration::from_mins(10));
        let spread = PACE.after(FailureClass::NotFound, 4, 1, 500);
        assert_eq!(spread, Duration::from_secs(12));
        assert_eq!(PACE.after(FailureClass::NotFound, 40, 1, 500), Duration::from_mins(10));
    }

    #[test]
    fn what_passes_by_itself_is_tried_every_minute_at_least() {
        let after = |times| PACE.after(FailureClass::Server, times, 1, 0);
        assert_eq!(after(1), Duration::from_secs(1));
        assert_eq!(after(40), Duration::from_mins(1));
    }

    #[test]
    fn mirrors_that_are_refused_together_share_their_part_of_the_budget() {
        let after = |class| PACE.after(class, 1, 80, 0);
        assert_eq!(after(FailureClass::Throttled), Duration::from_secs(1));
        assert_eq!(after(FailureClass::Denied), Duration::from_secs(100));
    }

    #[test]
    fn credentials_are_probed_at_an_even_pace() {
        for (times, dice) in [(1, 0), (40, 500)] {
            let pause = PACE.after(FailureClass::Credentials, times, 9, dice);
            assert_eq!(pause, Duration::from_secs(30));
        }
    }
}
