//! What one process remembers of its own calls for one resource.
//!
//! Contract: everything here may be lost at any moment without harm; what must survive is in the
//! resource's status. A process that remembers nothing treats every attempt as one of which the
//! outcome is unknown. Times are the process's own monotonic clock.

use api::{Accepted, Failure, GatewayId, Target, TargetId};
use jiff::Timestamp;

use crate::backoff::{Schedule, delay};

/// The calls of which setbacks are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// `CreateGatewayTarget`.
    Create,
    /// `UpdateGatewayTarget`.
    Update,
    /// `DeleteGatewayTarget`.
    Delete,
    /// `GetGatewayTarget`.
    Read,
}

/// The answer to a Get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The gateway that was asked.
    pub gateway: GatewayId,
    /// The target that was asked for.
    pub target: TargetId,
    /// When the call began.
    pub as_of: Timestamp,
    /// What AWS answered; `None`: there is no such target.
    pub found: Option<Box<Target>>,
}

/// A call that failed, and when it may be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setback {
    pub(crate) attempt: Attempt,
    pub(crate) generation: i64,
    pub(crate) failure: Failure,
    pub(crate) retry_at: Timestamp,
    times: u32,
}

/// What is known of the attempts on one intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Intended {
    pub(crate) nonce: String,
    /// How many Creates were sent for it.
    pub(crate) attempts: u32,
    /// Whether one of them ended without a definite answer.
    pub(crate) ambiguous: bool,
    /// The last answer, if there was one.
    pub(crate) answer: Option<Accepted>,
    /// When the last attempt ended.
    pub(crate) ended_at: Option<Timestamp>,
}

/// An Update that AWS has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Updated {
    pub(crate) fingerprint: String,
    pub(crate) answer: Accepted,
    /// Whether it is newer than the state before the Update.
    pub(crate) moved: bool,
}

/// What one process remembers for one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    since: Timestamp,
    last_attempt: Option<Timestamp>,
    intended: Option<Intended>,
    updated: Option<Updated>,
    deleted: Option<(TargetId, Timestamp)>,
    reading: Option<Reading>,
    setback: Option<Setback>,
    /// How many times a generation's configuration was applied again.
    again: Option<(i64, u32)>,
}

impl Memory {
    /// The memory of a process that begins to watch over the resource now.
    #[must_use]
    pub fn new(since: Timestamp) -> Self {
        Self {
            since,
            last_attempt: None,
            intended: None,
            updated: None,
            deleted: None,
            reading: None,
            setback: None,
            again: None,
        }
    }

    /// The intent with this nonce has been recorded, and nothing has been sent for it yet.
    pub fn intent_recorded(&mut self, nonce: &str) {
        self.intended = Some(Intended {
            nonce: nonce.to_owned(),
            attempts: 0,
            ambiguous: false,
            answer: None,
            ended_at: None,
        });
    }

    /// A Create for the intent with this nonce has ended.
    pub fn created(&mut self, nonce: &str, now: Timestamp, result: Result<Accepted, Failure>) {
        self.last_attempt = Some(now);
        let earlier = self.intended.take().filter(|intended| intended.nonce == nonce);
        // Without a memory of the intent a process before this one may have tried.
        let (attempts, ambiguous) =
            earlier.map_or((1, true), |earlier| (earlier.attempts, earlier.ambiguous));
        self.intended = Some(Intended {
            nonce: nonce.to_owned(),
            attempts: attempts + 1,
            ambiguous: ambiguous || result.as_ref().is_err_and(|f| !f.class.is_definite()),
            answer: result.ok(),
            ended_at: Some(now),
        });
    }

    /// An Update to the configuration with this fingerprint has ended. `before` is the target's
    /// recorded `updatedAt` from before it.
    pub fn updated(
        &mut self,
        fingerprint: &str,
        before: Option<Timestamp>,
        now: Timestamp,
        result: Result<Accepted, Failure>,
    ) {
        self.last_attempt = Some(now);
        self.updated = result.ok().map(|answer| Updated {
            fingerprint: fingerprint.to_owned(),
            moved: before.is_none_or(|before| answer.updated_at > before),
            answer,
        });
    }

    /// A Delete has ended; `accepted` is whether AWS took it.
    pub fn deleted(&mut self, target: &TargetId, now: Timestamp, accepted: bool) {
        self.last_attempt = Some(now);
        if accepted {
            self.deleted = Some((target.clone(), now));
        }
    }

    /// A Get has been answered.
    pub fn read(&mut self, reading: Reading) {
        self.reading = Some(reading);
    }

    /// A call failed: it waits longer each time, for as long as the resource is not edited.
    pub fn failed(
        &mut self,
        attempt: Attempt,
        generation: i64,
        failure: Failure,
        now: Timestamp,
        seed: u64,
    ) {
        let times = self
            .setback
            .take()
            .filter(|before| before.attempt == attempt && before.generation == generation)
            .map_or(1, |before| before.times.saturating_add(1));
        let wait = delay(Schedule::after(failure.class), times, seed);
        self.setback =
            Some(Setback { attempt, generation, failure, retry_at: later(now, wait), times });
    }

    /// A call succeeded: its setbacks are over.
    pub fn succeeded(&mut self, attempt: Attempt) {
        if self.setback.as_ref().is_some_and(|setback| setback.attempt == attempt) {
            self.setback = None;
        }
    }

    /// A configuration that was applied before has been applied again.
    pub fn applied_again(&mut self, generation: i64) {
        let times = self.again.filter(|(of, _)| *of == generation).map_or(0, |(_, times)| times);
        self.again = Some((generation, times.saturating_add(1)));
    }

    /// When a target that failed with this generation's configuration may be sent it again.
    pub(crate) fn heal_at(&self, generation: i64, seed: u64) -> Timestamp {
        let times = self.again.filter(|(of, _)| *of == generation).map_or(0, |(_, times)| times);
        later(self.last_attempt(), delay(Schedule::FAILED_TARGET, times + 1, seed))
    }

    /// When this process began to watch over the resource.
    pub(crate) fn since(&self) -> Timestamp {
        self.since
    }

    /// When something at AWS may last have been changed for this resource: the end of our last
    /// attempt, or the beginning of this process.
    pub(crate) fn last_attempt(&self) -> Timestamp {
        self.last_attempt.unwrap_or(self.since)
    }

    /// When this process last tried to change something.
    pub(crate) fn own_last_attempt(&self) -> Option<Timestamp> {
        self.last_attempt
    }

    pub(crate) fn intended(&self, nonce: &str) -> Option<&Intended> {
        self.intended.as_ref().filter(|intended| intended.nonce == nonce)
    }

    pub(crate) fn update_answer(&self, fingerprint: &str) -> Option<&Updated> {
        self.updated.as_ref().filter(|updated| updated.fingerprint == fingerprint)
    }

    /// When AWS accepted our last Delete of this target.
    pub(crate) fn delete_accepted(&self, target: &TargetId) -> Option<Timestamp> {
        self.deleted.as_ref().filter(|(deleted, _)| deleted == target).map(|(_, at)| *at)
    }

    pub(crate) fn reading(&self, gateway: &GatewayId, target: &TargetId) -> Option<&Reading> {
        self.reading
            .as_ref()
            .filter(|reading| reading.gateway == *gateway && reading.target == *target)
    }

    /// The setback that still holds this call up.
    pub(crate) fn setback(&self, attempt: Attempt, generation: i64) -> Option<&Setback> {
        self.setback
            .as_ref()
            .filter(|setback| setback.attempt == attempt && setback.generation == generation)
    }
}

/// `wait` after `time`; time itself where the calendar ends.
pub(crate) fn later(time: Timestamp, wait: std::time::Duration) -> Timestamp {
    time.checked_add(wait).unwrap_or(time)
}
