//! Which resource is looked at next: one entry each, with the time before which it rests.
//!
//! Contract: a key is handed out to one worker at a time: a wake-up that comes meanwhile is kept, and
//! the key is due again when the worker is done. Of two wake-ups of one key the earlier counts, and
//! the more urgent. To wake and to take cost the logarithm of the number of keys.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use jiff::Timestamp;

use crate::Urgency;
use crate::shares::Shares;
use crate::urgency::Turns;

/// A queue of keys, each of which belongs to a namespace.
#[derive(Debug)]
pub struct Queue<K> {
    entries: HashMap<K, Entry>,
    /// By the time when they are due, then in order of arrival.
    resting: BTreeMap<(Timestamp, u64), K>,
    due: [Due<K>; 4],
    turns: Turns,
    arrivals: u64,
    adds: u64,
}

/// The keys of one urgency that are due.
#[derive(Debug)]
struct Due<K> {
    /// By rank, then in order of arrival.
    keys: BTreeMap<(u64, u64), K>,
    namespaces: Shares<String>,
}

#[derive(Debug)]
enum Entry {
    Resting { slot: (Timestamp, u64), urgency: Urgency },
    Due { slot: (u64, u64), urgency: Urgency, since: Timestamp },
    InWork { again: Option<(Timestamp, Urgency)>, due_since: Timestamp },
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        let due = || Due { keys: BTreeMap::new(), namespaces: Shares::default() };
        Self {
            entries: HashMap::new(),
            resting: BTreeMap::new(),
            due: [due(), due(), due(), due()],
            turns: Turns::default(),
            arrivals: 0,
            adds: 0,
        }
    }
}

impl<K: Clone + Eq + Hash> Queue<K> {
    /// The key is due at this time, or earlier if it was due earlier already.
    pub fn wake(&mut self, key: K, namespace: &str, at: Timestamp, urgency: Urgency) {
        match self.entries.get_mut(&key) {
            Some(Entry::InWork { again, .. }) => *again = Some(sooner(*again, (at, urgency))),
            Some(Entry::Resting { slot, urgency: before }) => {
                let (slot, before) = (*slot, *before);
                if at < slot.0 || urgency < before {
                    self.resting.remove(&slot);
                    let (at, urgency) = sooner(Some((slot.0, before)), (at, urgency));
                    self.rest(key, at, urgency);
                }
            }
            Some(Entry::Due { slot, urgency: before, since }) => {
                let (slot, before, since) = (*slot, *before, *since);
                if urgency < before {
                    self.due[before as usize].keys.remove(&slot);
                    self.stand(key, namespace, urgency, since);
                }
            }
            None => self.rest(key, at, urgency),
        }
    }

    /// The key whose turn it is, for one worker, who calls [`Queue::done`] in the end.
    pub fn take<'n>(&mut self, now: Timestamp, namespace: impl Fn(&K) -> &str + 'n) -> Option<K>
    where
        K: 'n,
    {
        while let Some(first) = self.resting.first_entry().filter(|first| first.key().0 <= now) {
            let (since, _) = *first.key();
            let key = first.remove();
            let urgency = match self.entries.get(&key) {
                Some(Entry::Resting { urgency, .. }) => *urgency,
                Some(Entry::Due { .. } | Entry::InWork { .. }) | None => continue,
            };
            let namespace = namespace(&key).to_owned();
            self.adds += 1;
            self.stand(key, &namespace, urgency, since);
        }
        let urgency =
            self.turns.order().into_iter().find(|urgency| !self.line(*urgency).keys.is_empty())?;
        let ((rank, _), key) = self.line(urgency).keys.pop_first()?;
        self.line(urgency).namespaces.reach(rank);
        self.turns.had(urgency);
        let due_since = match self.entries.get(&key) {
            Some(Entry::Due { since, .. }) => *since,
            Some(Entry::Resting { .. } | Entry::InWork { .. }) | None => now,
        };
        self.entries.insert(key.clone(), Entry::InWork { again: None, due_since });
        Some(key)
    }

    /// The worker is done with the key, which is due again at `next`, if at all, or when it was
    /// woken meanwhile.
    pub fn done(&mut self, key: &K, next: Option<(Timestamp, Urgency)>) {
        if let Some(Entry::InWork { again, .. }) = self.entries.remove(key) {
            let due = next.map(|next| sooner(again, next)).or(again);
            if let Some((at, urgency)) = due {
                self.rest(key.clone(), at, urgency);
            }
        }
    }

    /// Forgets all keys, of which none may be in work.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.resting.clear();
        self.due.iter_mut().for_each(|due| due.keys.clear());
    }

    /// Since when the key, which is in work, had been due when a worker took it.
    #[must_use]
    pub fn due_since(&self, key: &K) -> Option<Timestamp> {
        match self.entries.get(key)? {
            Entry::InWork { due_since, .. } => Some(*due_since),
            Entry::Resting { .. } | Entry::Due { .. } => None,
        }
    }

    /// The keys that are due and wait for a worker.
    pub fn waiting(&self, now: Timestamp) -> impl Iterator<Item = &K> {
        let due = self.due.iter().flat_map(|due| due.keys.values());
        due.chain(self.resting.range(..=(now, u64::MAX)).map(|(_, key)| key))
    }

    /// The keys that rest, and until when.
    pub fn resting(&self) -> impl Iterator<Item = (&K, Timestamp)> {
        self.resting.iter().map(|((at, _), key)| (key, *at))
    }

    /// How often a key has become due.
    #[must_use]
    pub fn adds(&self) -> u64 {
        self.adds
    }

    /// When the next key is due; in the past, if one is.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        if self.due.iter().any(|due| !due.keys.is_empty()) {
            return Some(Timestamp::MIN);
        }
        self.resting.first_key_value().map(|((at, _), _)| *at)
    }

    fn line(&mut self, urgency: Urgency) -> &mut Due<K> {
        &mut self.due[urgency as usize]
    }

    fn rest(&mut self, key: K, at: Timestamp, urgency: Urgency) {
        let slot = (at, self.arrival());
        self.resting.insert(slot, key.clone());
        self.entries.insert(key, Entry::Resting { slot, urgency });
    }

    fn stand(&mut self, key: K, namespace: &str, urgency: Urgency, since: Timestamp) {
        let arrival = self.arrival();
        let due = self.line(urgency);
        let slot = (due.namespaces.charge(&namespace.to_owned(), 1), arrival);
        due.keys.insert(slot, key.clone());
        self.entries.insert(key, Entry::Due { slot, urgency, since });
    }

    fn arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }
}

/// The earlier time and the greater urgency of both.
fn sooner(
    before: Option<(Timestamp, Urgency)>,
    (at, urgency): (Timestamp, Urgency),
) -> (Timestamp, Urgency) {
    before.map_or((at, urgency), |before| (before.0.min(at), before.1.min(urgency)))
}

#[cfg(test)]
mod tests;
