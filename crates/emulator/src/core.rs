//! The emulator without a network: state, clock, faults and log under one lock.
//!
//! The lock makes each call atomic, which is what "before the commit" and "after the commit"
//! mean. It is never held across an await.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::call::{Call, CallKind, Caller};
use crate::clock::Clock;
use crate::error::ApiError;
use crate::fault::{Fault, Faults, Subject};
use crate::log::{CallRecord, Log, Outcome};
use crate::settings::Settings;
use crate::state::{Answer, State};

/// What the shells around the state machine share.
#[derive(Debug)]
pub(crate) struct Core {
    settings: Settings,
    inner: Mutex<Inner>,
    /// Counts everything that may change what an onlooker sees.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) clock: Clock,
    pub(crate) state: State,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
}

/// A call as it arrived: what it is about is known even when it cannot be carried out.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) kind: CallKind,
    pub(crate) gateway: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) client_token: Option<String>,
    /// Who calls and what for, or why it is refused at the door.
    pub(crate) work: Result<Work, ApiError>,
}

/// What there is to do.
#[derive(Debug)]
pub(crate) enum Work {
    Call(Box<(Caller, Call)>),
    /// Not the state machine's affair; answered by who made the request.
    Nothing,
}

/// What the client gets.
#[derive(Debug)]
pub(crate) enum Served {
    Answer(Timestamp, Result<Option<Answer>, ApiError>),
    Cut,
}

impl Core {
    pub(crate) fn new(settings: Settings, now: Timestamp) -> Self {
        let clock = Clock::starting_at(now);
        let inner = Inner {
            state: State::new(settings.clone(), clock.now()),
            clock,
            faults: Faults::default(),
            log: Log::new(settings.call_log_capacity),
        };
        Self { settings, inner: Mutex::new(inner), changes: watch::Sender::new(0) }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Everything that is due has happened when this returns.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        let mut inner = self.lock();
        let now = inner.clock.now();
        inner.state.advance(now);
        look(&inner)
    }

    /// A change from behind the scenes, at the emulator's present moment.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Inner, Timestamp) -> T) -> T {
        let result = {
            let mut inner = self.lock();
            let now = inner.clock.now();
            inner.state.advance(now);
            change(&mut inner, now)
        };
        self.changes.send_modify(|count| *count += 1);
        result
    }

    /// A receiver that hears of every call and change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// How long until something happens by itself; None when nothing will.
    pub(crate) fn until_next(&self) -> Option<Duration> {
        self.look(|inner| {
            let due = inner.state.next_due().filter(|_| !inner.clock.is_frozen())?;
            Some(due.duration_since(inner.clock.now()).try_into().unwrap_or(Duration::ZERO))
        })
    }

    /// Carries out one call, faults included, and writes it down.
    pub(crate) fn serve(&self, request: Request) -> Served {
        self.change(|inner, now| inner.serve(request, now))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The state is changed only after all checks of a call, so that even a panic in the
        // middle would leave nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn serve(&mut self, request: Request, now: Timestamp) -> Served {
        let Request { kind, gateway, mut target, mut name, client_token, work } = request;
        if let (None, Some(gateway), Some(target)) = (&name, &gateway, &target) {
            name = self.state.name_of(gateway, target);
        }
        let subject = Subject { kind, gateway: gateway.as_deref(), name: name.as_deref() };
        let fault = self.faults.strike(&subject);

        let result = match fault.as_ref().map(|fault| (fault, fault.to_error())) {
            Some((Fault::CutBeforeCommit, _)) => None,
            Some((_, Some(error))) => Some(Err(error)),
            Some((Fault::CutAfterCommit | Fault::Error { .. }, None)) | None => {
                Some(work.and_then(|work| self.carry_out(now, work)))
            }
        };
        if let (None, Some(Ok(Some(Answer::Target(created))))) = (&target, &result) {
            target = Some(created.target_id.clone());
        }
        let cut = fault == Some(Fault::CutAfterCommit);
        let outcome = outcome(kind, result.as_ref(), cut);
        self.log.push(CallRecord {
            sequence: 0,
            time: now,
            kind,
            gateway,
            target,
            name,
            client_token,
            outcome,
        });
        match result {
            Some(result) if !cut => Served::Answer(now, result),
            Some(_) | None => Served::Cut,
        }
    }

    fn carry_out(&mut self, now: Timestamp, work: Work) -> Result<Option<Answer>, ApiError> {
        match work {
            Work::Call(work) => {
                let (caller, call) = *work;
                self.state.handle(now, &caller, call).map(Some)
            }
            Work::Nothing => Ok(None),
        }
    }
}

fn outcome(
    kind: CallKind,
    result: Option<&Result<Option<Answer>, ApiError>>,
    cut: bool,
) -> Outcome {
    let (status, error) = match result {
        None => return Outcome::CutBeforeCommit,
        Some(Ok(_)) => (success_status(kind), None),
        Some(Err(error)) => (error.kind.status(), Some(error.kind.code().to_owned())),
    };
    if cut {
        Outcome::CutAfterCommit { status, error }
    } else {
        Outcome::Answered { status, error }
    }
}

/// The HTTP status of success: what goes on in the background is accepted, not done.
pub(crate) fn success_status(kind: CallKind) -> u16 {
    match kind {
        CallKind::CreateGateway
        | CallKind::DeleteGateway
        | CallKind::CreateGatewayTarget
        | CallKind::UpdateGatewayTarget
        | CallKind::DeleteGatewayTarget
        | CallKind::SynchronizeGatewayTargets => 202,
        CallKind::GetGateway
        | CallKind::ListGateways
        | CallKind::GetGatewayTarget
        | CallKind::ListGatewayTargets
        | CallKind::GetCallerIdentity => 200,
    }
}
