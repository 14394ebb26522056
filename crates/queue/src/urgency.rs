//! How urgent a piece of work is, and what share that gives it.

use crate::shares::Shares;

/// Why something is to be done; the most urgent first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// A person waits for it: an edit, a deletion, a request.
    Person,
    /// A resource is on its way to be Ready for the first time.
    New,
    /// Something failed and is tried again, or is cleaned up.
    Healing,
    /// Nobody knows yet that there is anything to do.
    #[default]
    Routine,
}

impl Urgency {
    /// All of them, the most urgent first.
    pub(crate) const ALL: [Self; 4] = [Self::Person, Self::New, Self::Healing, Self::Routine];

    /// What one turn costs: half the share of the one before each time.
    fn cost(self) -> u64 {
        match self {
            Self::Person => 1,
            Self::New => 2,
            Self::Healing => 4,
            Self::Routine => 8,
        }
    }
}

/// Whose turn it is, by weight.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    shares: Shares<Urgency>,
}

impl Turns {
    /// Whom to ask, in this order.
    pub(crate) fn order(&self) -> [Urgency; 4] {
        let mut order = Urgency::ALL;
        // Of equal ranks the more urgent comes first: the sort is stable.
        order.sort_by_key(|urgency| self.shares.rank(urgency));
        order
    }

    /// It had its turn.
    pub(crate) fn had(&mut self, urgency: Urgency) {
        let rank = self.shares.charge(&urgency, urgency.cost());
        self.shares.reach(rank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_twice_the_share_of_the_next() {
        let mut turns = Turns::default();
        let mut had = [0_u32; 4];
        for _ in 0..1500 {
            let next = turns.order()[0];
            turns.had(next);
            had[Urgency::ALL.iter().position(|urgency| *urgency == next).unwrap()] += 1;
        }
        for (count, fair) in had.iter().zip([800, 400, 200, 100]) {
            assert!(count.abs_diff(fair) <= 2, "{had:?}");
        }
    }

    #[test]
    fn who_comes_back_after_a_rest_has_saved_nothing_up() {
        let mut turns = Turns::default();
        for _ in 0..1000 {
            turns.had(Urgency::Routine);
        }
        let first: Vec<Urgency> = (0..30)
            .map(|_| {
                let next = turns.order()[0];
                turns.had(next);
                next
            })
            .collect();
        let routine = first.iter().filter(|urgency| **urgency == Urgency::Routine).count();
        assert!(routine >= 1, "{first:?}");
    }
}
