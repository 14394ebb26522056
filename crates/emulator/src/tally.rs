//! What fault rules and outcome rules share: counting what they matched, and when they act.

use serde::Serialize;

use crate::spread::Chance;

/// When a rule acts on what it matches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) skip: u64,
    pub(crate) times: Option<u64>,
    pub(crate) probability: Option<Chance>,
}

/// How often a rule was met.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    pub(crate) matched: u64,
    pub(crate) acted: u64,
    random: fastrand::Rng,
}

/// A rule in force, and how often it was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counted<R = crate::fault::FaultRule> {
    /// Names the rule.
    pub id: u64,
    /// How often it matched so far.
    pub matched: u64,
    /// How often it acted.
    pub acted: u64,
    /// The rule.
    pub rule: R,
}

/// Rules in the order in which they were made, with their tallies.
#[derive(Debug)]
pub(crate) struct Rules<R> {
    rules: Vec<(u64, Tally, R)>,
    next_id: u64,
}

/// A rule that can be kept in [`Rules`].
pub(crate) trait Rule: Clone {
    fn terms(&self) -> Terms;
    /// Seed of the rule's own draws: rules do not disturb each other.
    fn seed(&self) -> u64;
    /// Whether it matches whatever the other one matches.
    fn covers(&self, other: &Self) -> bool;

    /// Whether a later rule never acts because this one always does before it.
    fn leaves_nothing_of(&self, later: &Self) -> bool {
        let (own, its) = (self.terms(), later.terms());
        let acts_always = own.times.is_none() && own.probability.is_none_or(Chance::is_sure);
        // Whatever both match, this one has counted at least as often.
        acts_always && own.skip <= its.skip && self.covers(later)
    }
}

/// Whether what a member of one rule lets through includes what it lets through in another.
pub(crate) fn is_wider<T: PartialEq>(own: Option<&T>, other: Option<&T>) -> bool {
    own.is_none() || own == other
}

impl<R: Rule> Rules<R> {
    pub(crate) fn new(rules: impl IntoIterator<Item = R>) -> Self {
        let mut all = Self { rules: Vec::new(), next_id: 0 };
        for rule in rules {
            all.add(rule);
        }
        all
    }

    pub(crate) fn add(&mut self, rule: R) -> u64 {
        self.next_id += 1;
        let random = fastrand::Rng::with_seed(rule.seed());
        self.rules.push((self.next_id, Tally { matched: 0, acted: 0, random }, rule));
        self.next_id
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn all(&self) -> Vec<Counted<R>> {
        let counted = |(id, tally, rule): &(u64, Tally, R)| Counted {
            id: *id,
            matched: tally.matched,
            acted: tally.acted,
            rule: rule.clone(),
        };
        self.rules.iter().map(counted).collect()
    }

    /// The rule that acts: the first that matches and is ripe. Every rule that matches counts it.
    pub(crate) fn strike(&mut self, matches: impl Fn(&R) -> bool) -> Option<R> {
        let mut struck = None;
        for (_, tally, rule) in self.rules.iter_mut().filter(|(_, _, rule)| matches(rule)) {
            if tally.meets(rule.terms(), struck.is_none()) {
                struck = Some(rule.clone());
            }
        }
        struck
    }
}

impl Tally {
    /// Counts a match; whether the rule acts on it. `free`: no rule before it did.
    fn meets(&mut self, terms: Terms, free: bool) -> bool {
        self.matched += 1;
        let ripe = self.matched > terms.skip && terms.times.is_none_or(|times| self.acted < times);
        // Drawn for every match, so that one rule's luck does not shift another's.
        let lucky = terms.probability.is_none_or(|chance| chance.strikes(&mut self.random));
        let acts = free && ripe && lucky;
        self.acted += u64::from(acts);
        acts
    }
}
