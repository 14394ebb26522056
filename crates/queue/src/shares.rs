//! Who has had how much of something that many share.
//!
//! Contract: start-time fair queueing (Goyal, Vin, Cheng 1996). Whoever has had least has the lowest
//! rank and goes first. Who was away comes back level with the others: a rest saves nothing up. Of
//! those who have had no more than their share nothing is kept.

use std::collections::HashMap;
use std::hash::Hash;

/// Entries below which it is not worth looking for those that can go.
const FEW: usize = 64;

#[derive(Clone, Debug)]
pub(crate) struct Shares<T> {
    /// The lowest rank of those who wait.
    level: u64,
    /// The ranks above that.
    ranks: HashMap<T, u64>,
    tidy_at: usize,
}

impl<T> Default for Shares<T> {
    fn default() -> Self {
        Self { level: 0, ranks: HashMap::new(), tidy_at: FEW }
    }
}

impl<T: Clone + Eq + Hash> Shares<T> {
    /// The lower, the less it has had.
    pub(crate) fn rank(&self, who: &T) -> u64 {
        self.ranks.get(who).map_or(self.level, |rank| self.level.max(*rank))
    }

    /// It is served, now or when its turn comes. Returns the rank that it had.
    pub(crate) fn charge(&mut self, who: &T, cost: u64) -> u64 {
        let rank = self.rank(who);
        self.ranks.insert(who.clone(), rank.saturating_add(cost));
        if self.ranks.len() >= self.tidy_at {
            let level = self.level;
            self.ranks.retain(|_, rank| *rank > level);
            self.tidy_at = FEW.max(self.ranks.len() * 2);
        }
        rank
    }

    /// Nobody of a lower rank than this waits.
    pub(crate) fn reach(&mut self, rank: u64) {
        self.level = self.level.max(rank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_those_who_came_once() {
        let mut shares = Shares::default();
        for who in 0..100_000_u32 {
            shares.charge(&who, 1);
            shares.reach(u64::from(who));
        }
        assert!(shares.ranks.len() <= FEW, "{}", shares.ranks.len());
    }
}
