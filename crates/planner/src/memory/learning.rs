//! How steps, answers and failures become memory.
//!
//! Contract: told in the order in which things happen: what is planned for before every plan, what is
//! to be recorded before the write, and a call to AWS when it has ended.

use api::{
    Accepted, Attempt, Failure, FailureClass, GatewayId, Intent, MCPServer, Target, TargetId,
};
use jiff::Timestamp;

use super::{Answer, Call, Deleted, Intended, Memory, Reading, Sent, Setback, Updated, later};
use crate::Step;
use crate::backoff::{Schedule, delay};
use crate::diff::fingerprint;
use crate::world::{Bound, request};

/// How many targets' readings are kept: more than any one story looks at by turns.
const READINGS: usize = 4;

impl Memory {
    /// The resource as it is now planned for. To be told before every plan: whoever asks for a check
    /// is not made to wait for the end of a pause.
    pub fn notice(&mut self, server: &MCPServer, now: Timestamp) {
        let status = server.status.as_ref();
        if status.is_some_and(|status| status.applying.is_some()) && !self.update_is_unsent {
            // A process before this one may have sent it until this one began.
            self.in_doubt.get_or_insert(self.since);
        }
        let handled = status.and_then(|status| status.last_handled_reconcile_at.as_ref());
        if let Some(asked) = request(server, api::REQUEST_ANNOTATION)
            && self.request.as_ref().is_none_or(|(known, _)| *known != asked)
            && handled != Some(&asked)
        {
            self.request = Some((asked, now));
            self.setbacks.clear();
            self.again = None;
            self.deleted.iter_mut().for_each(|deleted| deleted.times = 0);
        }
        let asked = request(server, api::SYNC_REQUEST_ANNOTATION);
        if asked.is_some() && self.sync_request != asked {
            self.sync_request = asked;
            self.succeeded(Attempt::Synchronize);
        }
    }

    /// The step is about to be recorded in the status. To be told *before* the write: whether or
    /// not its answer arrives, what is remembered then fits what stands there.
    pub fn recording(&mut self, server: &MCPServer, step: &Step) {
        match step {
            // The same intent, recorded again before a late attempt.
            Step::RecordIntent(intent) if self.intended(&intent.nonce).is_some() => {}
            Step::RecordIntent(intent) => {
                // One that stands there already may have been sent by a process before this one.
                let recorded = server.status.as_ref().and_then(|status| status.intent.as_ref());
                let other = |recorded: &Intent| {
                    recorded.name != intent.name || recorded.gateway != intent.gateway
                };
                if recorded.is_some_and(other) {
                    // What AWS has refused says nothing of this one.
                    self.succeeded(Attempt::Create);
                }
                self.intended = Some(Box::new(Intended {
                    nonce: intent.nonce.clone(),
                    sent: false,
                    ambiguous: recorded.is_some_and(|recorded| recorded.nonce == intent.nonce),
                    answer: None,
                }));
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
                self.updated = accepted.map(|answer| {
                    Box::new(Updated {
                        fingerprint: fingerprint(definition),
                        moved: answer.updated_at > *before,
                        answer,
                    })
                });
                if changed && result.is_err() {
                    self.in_doubt = Some(ended);
                }
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
        self.intended = Some(Box::new(Intended {
            nonce: nonce.to_owned(),
            sent: true,
            ambiguous: ambiguous || changed && answer.is_none(),
            answer,
        }));
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
        let since = before.filter(|before| before.failure.class == failure.class);
        let since = since.map_or(now, |before| before.since);
        let wait = delay(Schedule::after(failure.class), times, seed);
        self.succeeded(attempt);
        let retry_at = later(now, wait);
        let at = now;
        self.setbacks.push(Setback {
            attempt,
            generation,
            failure,
            at,
            since,
            retry_at,
            busy,
            times,
        });
    }

    /// A call succeeded: its setbacks are over.
    fn succeeded(&mut self, attempt: Attempt) {
        self.setbacks.retain(|setback| setback.attempt != attempt);
    }

    fn once_more(&mut self, generation: i64) {
        self.again = Some((generation, self.times_again(generation).saturating_add(1)));
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
