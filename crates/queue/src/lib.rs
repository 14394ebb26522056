//! What is due next: one entry a resource, each with the time before which it rests.
//!
//! Contract: pure; the present is an argument. A key is handed out to one worker at a time: a
//! wake-up that comes meanwhile is kept, and the key is due again when the worker is done. Of two
//! wake-ups of one key the earlier counts.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use jiff::Timestamp;

/// A queue of keys.
#[derive(Debug)]
pub struct Queue<K> {
    /// By due time, then in order of arrival.
    due: BTreeMap<(Timestamp, u64), K>,
    entries: HashMap<K, Entry>,
    arrivals: u64,
}

#[derive(Debug)]
enum Entry {
    Resting((Timestamp, u64)),
    InWork { again: Option<Timestamp> },
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        Self { due: BTreeMap::new(), entries: HashMap::new(), arrivals: 0 }
    }
}

impl<K: Clone + Eq + Hash> Queue<K> {
    /// The key is due at this time, or earlier if it was due earlier already.
    pub fn wake(&mut self, key: K, at: Timestamp) {
        match self.entries.get_mut(&key) {
            Some(Entry::InWork { again }) => {
                *again = Some(again.map_or(at, |earlier| earlier.min(at)));
            }
            Some(Entry::Resting((due, _))) if *due <= at => {}
            Some(Entry::Resting(slot)) => {
                self.due.remove(slot);
                self.rest(key, at);
            }
            None => self.rest(key, at),
        }
    }

    /// The key that has been due for longest, for one worker, who calls [`Queue::done`] in the
    /// end.
    pub fn take(&mut self, now: Timestamp) -> Option<K> {
        let first = self.due.first_entry().filter(|entry| entry.key().0 <= now)?;
        let key = first.remove();
        self.entries.insert(key.clone(), Entry::InWork { again: None });
        Some(key)
    }

    /// The worker is done with the key, which is due again at `next`, if at all, or when it was
    /// woken meanwhile.
    pub fn done(&mut self, key: &K, next: Option<Timestamp>) {
        if let Some(Entry::InWork { again }) = self.entries.remove(key) {
            let due = again.into_iter().chain(next).min();
            if let Some(due) = due {
                self.rest(key.clone(), due);
            }
        }
    }

    /// When the next key is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    fn rest(&mut self, key: K, at: Timestamp) {
        self.arrivals += 1;
        let slot = (at, self.arrivals);
        self.due.insert(slot, key.clone());
        self.entries.insert(key, Entry::Resting(slot));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn keys_come_when_due_in_order() {
        let mut queue = Queue::default();
        queue.wake("b", at(2));
        queue.wake("a", at(1));
        queue.wake("c", at(1));
        assert_eq!(queue.take(at(0)), None);
        assert_eq!(queue.next_due(), Some(at(1)));
        assert_eq!(queue.take(at(5)), Some("a"));
        assert_eq!(queue.take(at(5)), Some("c"));
        assert_eq!(queue.take(at(5)), Some("b"));
        assert_eq!(queue.take(at(5)), None);
    }

    #[test]
    fn the_earlier_wake_up_counts() {
        let mut queue = Queue::default();
        queue.wake("a", at(9));
        queue.wake("a", at(3));
        queue.wake("a", at(6));
        assert_eq!(queue.next_due(), Some(at(3)));
        assert_eq!(queue.take(at(3)), Some("a"));
        assert_eq!(queue.take(at(9)), None);
    }

    #[test]
    fn a_key_in_work_is_handed_out_again_only_when_done() {
        let mut queue = Queue::default();
        queue.wake("a", at(1));
        assert_eq!(queue.take(at(1)), Some("a"));
        queue.wake("a", at(1));
        assert_eq!(queue.take(at(2)), None);
        queue.done(&"a", Some(at(7)));
        assert_eq!(queue.take(at(2)), Some("a"), "the wake-up of meanwhile is not lost");
        queue.done(&"a", None);
        assert_eq!(queue.next_due(), None);
    }
}
