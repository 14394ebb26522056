//! What one process remembers of its own calls for one resource.
//!
//! Contract: everything here may be lost at any moment without harm; what must survive is in the
//! resource's status. A process that remembers nothing treats every attempt as one of which the
//! outcome is unknown. Times are the process's own monotonic clock.

use api::{Accepted, Attempt, Failure, FailureClass, GatewayId, MCPServer, Target, TargetId};
use jiff::Timestamp;

use crate::Step;
use crate::backoff::{Schedule, delay};
use crate::diff::fingerprint;
use crate::world::{Bound, annotation};

/// How many targets' readings are kept: more than any one story looks at by turns.
const READINGS: usize = 4;
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
    /// Whether a Create was sent for it.
    pub(crate) sent: bool,
    /// Whether one of them ended without a definite answer.
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
    intended: Option<Intended>,
    updated: Option<Updated>,
    /// Whether the Update that is recorded as under way was recorded by this process, and not sent.
    update_is_unsent: bool,
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
            sent: None,
            readings: Vec::new(),
            setbacks: Vec::new(),
            again: None,
            request: None,
            sync_request: None,
        }
    }

    /// The resource as it is now planned for. To be told before every plan: whoever asks for a check
    /// is not made to wait for the end of a pause.
    pub fn notice(&mut self, server: &MCPServer, now: Timestamp) {
        let status = server.status.as_ref();
        let handled = status.and_then(|status| status.last_handled_reconcile_at.as_deref());
        if let Some(asked) = annotation(server, api::REQUEST_ANNOTATION)
            && self.request.as_ref().is_none_or(|(known, _)| known != asked)
            && handled != Some(asked)
        {
            self.request = Some((asked.to_owned(), now));
            self.setbacks.clear();
            self.again = None;
            self.deleted.iter_mut().for_each(|deleted| deleted.times = 0);
        }
        let asked = annotation(server, api::SYNC_REQUEST_ANNOTATION);
        if asked.is_some() && self.sync_request.as_deref() != asked {
            self.sync_request = asked.map(str::to_owned);
            self.succeeded(Attempt::Synchronize);
        }
    }

    /// The step is about to be recorded in the status. To be told *before* the write: whether or
    /// not its answer arrives, what is remembered then fits what stands there.
    pub fn recording(&mut self, step: &Step) {
        match step {
            // The same intent, recorded again before a late attempt.
            Step::RecordIntent(intent) if self.intended(&intent.nonce).is_some() => {}
            Step::RecordIntent(intent) => {
                self.intended = Some(Intended {
                    nonce: intent.nonce.clone(),
                    sent: false,
                    ambiguous: false,
                    answer: None,
                });
            }
            // An answer to an earlier Update is none to the one that comes now.
            Step::RecordApplying(_) => {
                self.updated = None;
                self.update_is_unsent = true;
            }
            Step::RecordSync(_) => self.sent = Some(Sent::NotYet),
            Step::AddFinalizer
            | Step::Create { .. }
            | Step::Bind(_)
            | Step::Annotate(_)
            | Step::Read { .. }
            | Step::Update { .. }
            | Step::RecordApplied { .. }
            | Step::Synchronize { .. }
            | Step::Delete { .. }
            | Step::ForgetRetired(_)
            | Step::ReleaseFinalizer => {}
        }
    }

    /// The step called AWS for this resource, and the call has ended.
    pub fn learn(&mut self, server: &MCPServer, step: &Step, call: Call, seed: u64) {
        let generation = server.metadata.generation.unwrap_or_default();
        let Call { began, ended, result } = call;
        let accepted = match &result {
            Ok(Answer::Accepted(accepted)) => Some(accepted.clone()),
            Ok(Answer::Deleting | Answer::Synchronizing | Answer::Found(_)) | Err(_) => None,
        };
        let failure = result.as_ref().err();
        // A definite refusal changes nothing.
        let changed = failure.is_none_or(|failure| !failure.class.is_definite());
        let not_found = failure.is_some_and(|failure| failure.class == FailureClass::NotFound);
        let (attempt, succeeded) = match step {
            Step::Create { nonce, .. } => {
                self.created(nonce, accepted, changed);
                (Attempt::Create, result.is_ok())
            }
            Step::Update { definition, again, before, .. } => {
                self.updated = accepted.map(|answer| Updated {
                    fingerprint: fingerprint(definition),
                    moved: answer.updated_at > *before,
                    answer,
                });
                // A definite refusal leaves it unsent.
                self.update_is_unsent &= failure.is_some_and(|f| f.class.is_definite());
                if *again && result.is_ok() {
                    self.once_more(generation);
                }
                (Attempt::Update, result.is_ok())
            }
            Step::Synchronize { again, .. } => {
                if result.is_ok() {
                    self.sent = Some(Sent::Accepted(ended));
                } else if changed {
                    self.sent = Some(Sent::Open(ended));
                }
                if *again && result.is_ok() {
                    self.once_more(generation);
                }
                (Attempt::Synchronize, result.is_ok())
            }
            Step::Delete { target, .. } => {
                if changed || not_found {
                    let earlier = self.deleted.take().filter(|earlier| earlier.target == *target);
                    let times = earlier.map_or(0, |earlier| earlier.times).saturating_add(1);
                    self.deleted = Some(Deleted { target: target.clone(), at: ended, times });
                }
                let replaced = Bound::of(server).is_some_and(|bound| bound.target == *target)
                    && server.metadata.deletion_timestamp.is_none();
                if replaced && result.is_ok() {
                    self.once_more(generation);
                }
                // What is gone is what was wanted; a Get will have to say so too.
                (Attempt::Delete, result.is_ok() || not_found)
            }
            Step::Read { gateway, target } => {
                let found = match &result {
                    Ok(Answer::Found(target)) => Some(target.clone()),
                    Ok(Answer::Accepted(_) | Answer::Deleting | Answer::Synchronizing) | Err(_) => {
                        None
                    }
                };
                if found.is_some() || not_found {
                    self.read(gateway, target, began, found);
                }
                (Attempt::Read, result.is_ok() || not_found)
            }
            Step::AddFinalizer
            | Step::RecordIntent(_)
            | Step::Bind(_)
            | Step::Annotate(_)
            | Step::RecordApplying(_)
            | Step::RecordApplied { .. }
            | Step::RecordSync(_)
            | Step::ForgetRetired(_)
            | Step::ReleaseFinalizer => return,
        };
        if changed && matches!(attempt, Attempt::Create | Attempt::Update) {
            self.changed = Some(ended);
        }
        match result {
            Err(failure) if !succeeded => {
                self.failed(attempt, generation, failure, ended, seed, was_busy(step));
            }
            Ok(_) | Err(_) => self.succeeded(attempt),
        }
    }

    fn created(&mut self, nonce: &str, answer: Option<Accepted>, changed: bool) {
        let earlier = self.intended.take().filter(|intended| intended.nonce == nonce);
        // Without a memory of the intent a process before this one may have tried.
        let ambiguous = earlier.is_none_or(|earlier| earlier.ambiguous);
        self.intended = Some(Intended {
            nonce: nonce.to_owned(),
            sent: true,
            ambiguous: ambiguous || changed && answer.is_none(),
            answer,
        });
    }

    fn read(
        &mut self,
        gateway: &GatewayId,
        target: &TargetId,
        as_of: Timestamp,
        found: Option<Box<Target>>,
    ) {
        let (gateway, target) = (gateway.clone(), target.clone());
        self.readings.retain(|reading| reading.gateway != gateway || reading.target != target);
        self.readings.push(Reading { gateway, target, as_of, found });
        if self.readings.len() > READINGS {
            self.readings.remove(0);
        }
    }

    /// A call failed: it waits longer each time, for as long as the resource is not edited.
    fn failed(
        &mut self,
        attempt: Attempt,
        generation: i64,
        failure: Failure,
        now: Timestamp,
        seed: u64,
        busy: bool,
    ) {
        let before = self.setback(attempt, generation);
        let times = before.map_or(1, |before| before.times.saturating_add(1));
        let wait = delay(Schedule::after(failure.class), times, seed);
        self.succeeded(attempt);
        let retry_at = later(now, wait);
        let at = now;
        self.setbacks.push(Setback { attempt, generation, failure, at, retry_at, busy, times });
    }

    /// A call succeeded: its setbacks are over.
    fn succeeded(&mut self, attempt: Attempt) {
        self.setbacks.retain(|setback| setback.attempt != attempt);
    }

    fn once_more(&mut self, generation: i64) {
        self.again = Some((generation, self.times_again(generation).saturating_add(1)));
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
        self.intended.as_ref().filter(|intended| intended.nonce == nonce)
    }

    pub(crate) fn update_answer(&self, fingerprint: &str) -> Option<&Updated> {
        self.updated.as_ref().filter(|updated| updated.fingerprint == fingerprint)
    }

    /// Whether the recorded Update has certainly not come through.
    pub(crate) fn update_is_unsent(&self) -> bool {
        self.update_is_unsent
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

/// Whether other operations were seen under way when the step was decided on.
fn was_busy(step: &Step) -> bool {
    match step {
        Step::Create { busy, .. }
        | Step::Update { busy, .. }
        | Step::Synchronize { busy, .. }
        | Step::Delete { busy, .. } => *busy,
        Step::AddFinalizer
        | Step::RecordIntent(_)
        | Step::Bind(_)
        | Step::Annotate(_)
        | Step::Read { .. }
        | Step::RecordApplying(_)
        | Step::RecordApplied { .. }
        | Step::RecordSync(_)
        | Step::ForgetRetired(_)
        | Step::ReleaseFinalizer => false,
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
