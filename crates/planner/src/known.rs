//! What counts as known.
//!
//! Contract: the only place that judges whether an observation is recent enough to act on. AWS
//! shows old states for a while after a change (field reports: Get and List lag), so
//!
//! - *absence* counts only when it was observed a consistency window after our last attempt that
//!   may have changed anything for the resource;
//! - *presence* counts only when it was observed after our last attempt, and a Get only when it
//!   shows nothing older than the List that made us ask.

use api::{Sight, Summary, TargetId};
use jiff::{SignedDuration, Timestamp};

use crate::memory::later;
use crate::world::World;

/// How far the `Date` header of AWS's answers (whole seconds, and estimated between answers) may
/// lie from the clock that dates what happens to a target.
pub(crate) const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(5);

impl World<'_> {
    /// Whether an absence that was observed at this time can be trusted.
    pub(crate) fn absence_counts(&self, as_of: Timestamp) -> bool {
        as_of >= self.absence_counts_from()
    }

    /// From when on an observed absence can be trusted.
    pub(crate) fn absence_counts_from(&self) -> Timestamp {
        later(self.memory.changed_or_since(), self.policy.consistency_window)
    }

    /// From when on the observed absence of this target can be trusted.
    pub(crate) fn gone_counts_from(&self, target: &TargetId) -> Timestamp {
        let deleted = self.memory.deleted(target);
        let shown = deleted.map(|at| later(at, self.policy.consistency_window));
        shown.map_or(self.absence_counts_from(), |shown| shown.max(self.absence_counts_from()))
    }

    /// From when on everything that AWS shows has seen a change that AWS dates so.
    pub(crate) fn shown_everywhere_from(&self, changed_at: Timestamp) -> Timestamp {
        let age = self.aws_now.duration_since(changed_at);
        let here = self.now.checked_sub(age).unwrap_or(self.now);
        later(here, self.policy.consistency_window)
    }

    /// Whether a presence that was observed at this time can be trusted.
    pub(crate) fn presence_counts(&self, as_of: Timestamp) -> bool {
        self.memory.changed().is_none_or(|changed| as_of >= changed)
    }

    /// Whether the mirror's absence of something has stood in two complete Lists that count.
    pub(crate) fn absent_in_two_lists(&self, sight: &Sight) -> bool {
        let lists = [sight.before, sight.as_of];
        lists.iter().all(|list| list.is_some_and(|as_of| self.absence_counts(as_of)))
    }

    /// Whether the gateway has gone unobserved for so long that nothing can be claimed about it.
    pub(crate) fn is_stale(&self, sight: &Sight) -> bool {
        let seen = sight.as_of.unwrap_or_else(|| self.memory.since());
        later(seen, self.policy.stale_after) < self.now
    }

    /// The latest `updatedAt` that the target can have now, of which this entry was listed at this
    /// time. Somebody may have changed it since, but not by much if an answer is to be taken for ours;
    /// what may still come of a change of our own has no such limit.
    pub(crate) fn updated_at_most(&self, entry: &Summary, as_of: Timestamp) -> Timestamp {
        if self.may_move(entry, as_of) {
            return Timestamp::MAX;
        }
        // What a Get has shown the List can still lack.
        let applied = self.status().and_then(|status| status.applied.as_ref());
        let recorded = applied.map_or(entry.updated_at, |applied| applied.updated_at);
        entry.updated_at.max(recorded).max(shifted(self.aws_now, -CLOCK_TOLERANCE))
    }

    /// Whether a change of our own may be under way, or over, without being shown.
    fn may_move(&self, entry: &Summary, as_of: Timestamp) -> bool {
        let status = self.status();
        let applied = status.and_then(|status| status.applied.as_ref());
        let tools = status.and_then(|status| status.tool_sync.as_ref());
        let in_doubt = self.memory.in_doubt();
        applied.is_some_and(|applied| {
            !applied.settled && !self.shows_change(entry, as_of, applied.updated_at, false)
        }) || tools.is_some_and(|tools| tools.under_way.is_some())
            || in_doubt.is_some_and(|at| as_of < later(at, self.policy.consistency_window))
    }

    /// Whether this entry shows the state after the change that gave `updated_at`, rather than
    /// one from before it. `moved` is whether that answer was newer than the state before the
    /// change: where AWS moves `updatedAt` only when a change completes, the answer repeats the
    /// old time, and an equal time proves nothing until the window is over. Then an older time is
    /// no lag either.
    pub(crate) fn shows_change(
        &self,
        entry: &Summary,
        as_of: Timestamp,
        updated_at: Timestamp,
        moved: bool,
    ) -> bool {
        self.presence_counts(as_of)
            && (entry.updated_at > updated_at
                || entry.updated_at == updated_at && moved
                || self.absence_counts(as_of))
    }
}

/// The time moved by so much, or as far as the calendar goes: a status can hold any time.
pub(crate) fn shifted(time: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    time.checked_add(by).unwrap_or(end)
}
