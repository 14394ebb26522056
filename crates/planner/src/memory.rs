//! What one process remembers of its own calls for one resource.
//!
//! Contract: everything here may be lost at any moment without harm; what must survive is in the
//! resource's status. A process that remembers nothing treats every attempt as one of which the
//! outcome is unknown. Times are the process's own monotonic clock.
//!
//! This file is what is remembered and what that means; `memory/learning.rs` is how it comes to be.

mod learning;

use api::{Accepted, Attempt, Failure, FailureClass, GatewayId, Target, TargetId};
use jiff::Timestamp;

use crate::backoff::{Schedule, delay};
use crate::report::Report;

/// How many times in a row a look may fail before that is told: about two minutes.
const HICCUPS: u32 = 7;

/// A call to AWS that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// What came of it.
    pub result: Result<Answer, Failure>,
}

/// What AWS answered to a call that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To a Create or an Update.
    Accepted(Accepted),
    /// To a Delete.
    Deleting,
    /// To a Synchronize.
    Synchronizing,
    /// To a Get.
    Found(Box<Target>),
}

/// The answer to a Get.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reading {
    /// The gateway that was asked.
    gateway: GatewayId,
    /// The target that was asked for.
    target: TargetId,
    /// When the call began.
    pub(crate) as_of: Timestamp,
    /// What AWS answered; `None`: there is no such target.
    pub(crate) found: Option<Box<Target>>,
}

/// A call that failed, and when it may be tried again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Setback {
    pub(crate) attempt: Attempt,
    pub(crate) generation: i64,
    pub(crate) failure: Failure,
    pub(crate) at: Timestamp,
    /// Since when every such call has failed in this way.
    pub(crate) since: Timestamp,
    pub(crate) retry_at: Timestamp,
    /// Whether other operations were seen under way when the call was decided on: what is seen of
    /// them later explains nothing.
    pub(crate) busy: bool,
    times: u32,
}

impl Setback {
    /// Whether it is a look that has failed a few times, and not for good: nothing has changed that
    /// would be worth telling.
    pub(crate) fn is_hiccup(&self) -> bool {
        self.attempt == Attempt::Read && passes(self.failure.class) && self.times <= HICCUPS
    }
}

/// What is known of the attempts on one intent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Intended {
    pub(crate) nonce: String,
    /// Whether this process has sent a Create for it.
    pub(crate) sent: bool,
    /// Whether one of them may have ended without a definite answer, whichever process sent it.
    pub(crate) ambiguous: bool,
    /// The last answer, if there was one.
    pub(crate) answer: Option<Accepted>,
}

/// An Update that AWS has accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Updated {
    pub(crate) fingerprint: String,
    pub(crate) answer: Accepted,
    /// Whether it is newer than the state before the Update.
    pub(crate) moved: bool,
}

/// What is known of the Synchronize that the status records as under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sent {
    /// It has not begun.
    NotYet,
    /// AWS accepted it at this time.
    Accepted(Timestamp),
    /// At this time it was left open whether AWS did.
    Open(Timestamp),
}

/// A target that was asked to be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Deleted {
    target: TargetId,
    /// When that last ended.
    at: Timestamp,
    /// How many times, since somebody last asked for a check.
    times: u32,
}

/// What one process remembers for one resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Memory {
    since: Timestamp,
    /// When the last Create or Update ended that may have changed something.
    changed: Option<Timestamp>,
    /// The same of Deletes.
    deleted: Option<Deleted>,
    // Boxed, because most resources have none of these most of the time.
    intended: Option<Box<Intended>>,
    updated: Option<Box<Updated>>,
    /// Whether the Update that is recorded as under way was recorded by this process, and not sent.
    update_is_unsent: bool,
    /// When the last Update ended of which it is not known whether AWS took it.
    in_doubt: Option<Timestamp>,
    /// `None`: that of a process before this one, if any.
    sent: Option<Sent>,
    /// The last answer for each target, the newest last.
    readings: Vec<Reading>,
    /// At most one for each kind of call.
    setbacks: Vec<Setback>,
    /// How many times a generation's configuration was applied again.
    again: Option<(i64, u32)>,
    /// The last check that was asked for, and when it was noticed.
    request: Option<(String, Timestamp)>,
    /// The last Synchronize that was asked for.
    sync_request: Option<String>,
}

impl Memory {
    /// The memory of a process that begins to watch over the resource now.
    #[must_use]
    pub fn new(since: Timestamp) -> Self {
        Self {
            since,
            changed: None,
            deleted: None,
            intended: None,
            updated: None,
            update_is_unsent: false,
            in_doubt: None,
            sent: None,
            readings: Vec::new(),
            setbacks: Vec::new(),
            again: None,
            request: None,
            sync_request: None,
        }
    }

    /// The status says this now. What nobody will ask for is forgotten: whatever is remembered is
    /// remembered by the thousands.
    pub fn rest(&mut self, report: &Report) {
        if report.needs_no_reading && report.awaits.is_empty() {
            self.readings = Vec::new();
        }
    }

    pub(crate) fn times_again(&self, generation: i64) -> u32 {
        self.again.filter(|(of, _)| *of == generation).map_or(0, |(_, times)| times)
    }

    /// When this generation's configuration may be sent again, by this schedule.
    pub(crate) fn again_at(&self, schedule: Schedule, generation: i64, seed: u64) -> Timestamp {
        let times = self.times_again(generation).saturating_add(1);
        let fetched = match self.sent {
            Some(Sent::Accepted(at) | Sent::Open(at)) => at,
            Some(Sent::NotYet) | None => self.since,
        };
        later(self.changed_or_since().max(fetched), delay(schedule, times, seed))
    }

    /// When this check was asked for: when it was noticed, or at the latest when this process began.
    pub(crate) fn requested_at(&self, asked: &str) -> Timestamp {
        let known = self.request.as_ref().filter(|(known, _)| known == asked);
        known.map_or(self.since, |(_, at)| *at)
    }

    /// When this process began to watch over the resource.
    pub(crate) fn since(&self) -> Timestamp {
        self.since
    }

    /// When this process last created or updated anything, or may have.
    pub(crate) fn changed(&self) -> Option<Timestamp> {
        self.changed
    }

    /// The same, or the beginning of this process: one before it may have.
    pub(crate) fn changed_or_since(&self) -> Timestamp {
        self.changed.unwrap_or(self.since)
    }

    pub(crate) fn intended(&self, nonce: &str) -> Option<&Intended> {
        self.intended.as_deref().filter(|intended| intended.nonce == nonce)
    }

    pub(crate) fn update_answer(&self, fingerprint: &str) -> Option<&Updated> {
        self.updated.as_deref().filter(|updated| updated.fingerprint == fingerprint)
    }

    /// Whether the recorded Update has certainly not come through.
    pub(crate) fn update_is_unsent(&self) -> bool {
        self.update_is_unsent
    }

    /// When the last Update ended of which it is not known whether AWS took it.
    pub(crate) fn in_doubt(&self) -> Option<Timestamp> {
        self.in_doubt
    }

    /// What became of the Synchronize that is recorded as under way: without a memory of it, a
    /// process before this one may have sent it until this one began.
    pub(crate) fn sent(&self) -> Sent {
        self.sent.unwrap_or(Sent::Open(self.since))
    }

    /// Whether a Create of this process was answered with this target.
    pub(crate) fn has_created(&self, target: &TargetId) -> bool {
        let answer = self.intended.as_ref().and_then(|intended| intended.answer.as_ref());
        answer.is_some_and(|answer| answer.target == *target)
    }

    /// When this process last deleted this target, or may have.
    pub(crate) fn deleted(&self, target: &TargetId) -> Option<Timestamp> {
        self.deleted_target(target).map(|deleted| deleted.at)
    }

    /// When to ask again that this target be deleted, should it be shown as it was: AWS can accept
    /// that and fail behind it.
    pub(crate) fn delete_again_at(&self, target: &TargetId, seed: u64) -> Option<Timestamp> {
        let deleted = self.deleted_target(target).filter(|deleted| deleted.times > 0)?;
        Some(later(deleted.at, delay(Schedule::REFUSED, deleted.times, seed)))
    }

    fn deleted_target(&self, target: &TargetId) -> Option<&Deleted> {
        self.deleted.as_ref().filter(|deleted| deleted.target == *target)
    }

    pub(crate) fn reading(&self, gateway: &GatewayId, target: &TargetId) -> Option<&Reading> {
        self.readings
            .iter()
            .find(|reading| reading.gateway == *gateway && reading.target == *target)
    }

    /// The setback that still holds this call up.
    pub(crate) fn setback(&self, attempt: Attempt, generation: i64) -> Option<&Setback> {
        self.setbacks
            .iter()
            .find(|setback| setback.attempt == attempt && setback.generation == generation)
    }
}

/// Whether the failure goes by without a person's help.
pub(crate) fn passes(class: FailureClass) -> bool {
    match class {
        FailureClass::Throttled
        | FailureClass::Conflict
        | FailureClass::WrongState
        | FailureClass::NotFound
        | FailureClass::Server
        | FailureClass::Unanswered => true,
        FailureClass::Quota
        | FailureClass::Denied
        | FailureClass::Credentials
        | FailureClass::Invalid => false,
    }
}

/// `wait` after `time`; time itself where the calendar ends.
pub(crate) fn later(time: Timestamp, wait: std::time::Duration) -> Timestamp {
    time.checked_add(wait).unwrap_or(time)
}

#[cfg(test)]
mod tests;
