//! What targets looked like a while ago, for reads that lag behind.
//!
//! Versions are kept only while reads can lag, and only as long as one can still show them. A
//! target without versions has not changed within anybody's sight: its present state is right
//! for every lag.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::gateway::Target;

#[derive(Debug, Default)]
pub(super) struct History {
    /// How far back a read may look; zero keeps nothing.
    keep: Duration,
    versions: BTreeMap<u64, Past>,
    ids: HashMap<String, u64>,
    /// Which target changed when: in this order their versions go out of sight.
    changes: VecDeque<(Timestamp, u64)>,
}

/// All that is known of one target.
#[derive(Debug)]
struct Past {
    id: String,
    versions: VecDeque<Version>,
}

/// What a target was from a moment on; None where there was none.
#[derive(Debug)]
struct Version {
    since: Timestamp,
    target: Option<Target>,
}

impl History {
    pub(super) fn keep(&mut self, keep: Duration) {
        self.keep = keep;
        if keep.is_zero() {
            *self = Self::default();
        }
    }

    pub(super) fn is_kept(&self) -> bool {
        !self.keep.is_zero()
    }

    /// Notes a change. `before` is asked only if nothing is known about the time before.
    pub(super) fn note(
        &mut self,
        at: Timestamp,
        sequence: u64,
        id: &str,
        before: Option<Target>,
        after: Option<Target>,
    ) {
        let past = self.versions.entry(sequence).or_insert_with(|| {
            self.ids.insert(id.to_owned(), sequence);
            let first = Version { since: Timestamp::MIN, target: before };
            Past { id: id.to_owned(), versions: VecDeque::from([first]) }
        });
        past.versions.push_back(Version { since: at, target: after });
        self.changes.push_back((at, sequence));
        self.forget(at);
    }

    /// The target as it was at a time; `present` is what it is now.
    pub(super) fn at<'a>(
        &'a self,
        sequence: u64,
        time: Timestamp,
        present: Option<&'a Target>,
    ) -> Option<&'a Target> {
        let Some(past) = self.versions.get(&sequence) else { return present };
        // Before all that is known, which is so once the lag has grown: the oldest of it.
        let version = past.versions.iter().rev().find(|version| version.since <= time);
        version.or(past.versions.front()).map_or(present, |version| version.target.as_ref())
    }

    /// The sequence number of an ID, dead or alive, that changed within sight.
    pub(super) fn find(&self, id: &str) -> Option<u64> {
        self.ids.get(id).copied()
    }

    /// The targets that changed within sight, after the one with this sequence number.
    pub(super) fn after(&self, sequence: u64) -> impl Iterator<Item = u64> {
        self.versions.range(sequence.saturating_add(1)..).map(|(sequence, _)| *sequence)
    }

    /// Lets go of what no read can show any more.
    fn forget(&mut self, now: Timestamp) {
        let horizon = horizon(now, self.keep);
        while let Some((_, sequence)) = self.changes.pop_front_if(|(at, _)| *at <= horizon) {
            let Some(Past { id, versions }) = self.versions.get_mut(&sequence) else { continue };
            while versions.get(1).is_some_and(|version| version.since <= horizon) {
                versions.pop_front();
            }
            // What is left is the present.
            if versions.len() == 1 {
                self.ids.remove(id.as_str());
                self.versions.remove(&sequence);
            }
        }
    }
}

/// The moment that a read which lags by `lag` shows.
pub(super) fn horizon(now: Timestamp, lag: Duration) -> Timestamp {
    let lag = SignedDuration::try_from(lag).unwrap_or(SignedDuration::MAX);
    now.checked_sub(lag).unwrap_or(Timestamp::MIN)
}
