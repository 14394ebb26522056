//! One call from its arrival to its answer: faults, who is calling, quotas, the state machine and
//! the log.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::call::{Call, CallKind, Caller, Signer};
use crate::core::Inner;
use crate::error::ApiError;
use crate::fault::{Fault, Subject};
use crate::issuer::{Ask, Credentials};
use crate::log::{CallRecord, Outcome};
use crate::settings::QuotaOrder;
use crate::state::Answer;

/// A call as it arrived: what it is about is known even when it cannot be carried out.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) kind: CallKind,
    pub(crate) gateway: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) client_token: Option<String>,
    /// Who signed, or why the request is refused at the door; None where nobody has to.
    pub(crate) signer: Option<Result<Signer, ApiError>>,
    /// What for, or why it is invalid in form.
    pub(crate) work: Result<Work, ApiError>,
}

/// What there is to do.
#[derive(Debug)]
pub(crate) enum Work {
    Call(Box<Call>),
    Identify,
    Issue(Ask),
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Reply {
    Answer(Answer),
    /// Account and ARN of the caller.
    Identity(String, String),
    Credentials(Credentials),
}

/// What the client gets.
#[derive(Debug)]
pub(crate) enum Served {
    Answer {
        date: Timestamp,
        result: Result<Reply, ApiError>,
        /// How long it takes beyond what it takes.
        delay: Duration,
        /// The connection ends in the middle of it.
        half: bool,
    },
    Cut,
    Hang,
}

impl Inner {
    pub(crate) fn serve(&mut self, request: Request, now: Timestamp) -> Served {
        let Request { kind, gateway, mut target, mut name, client_token, signer, work } = request;
        if let (None, Some(gateway), Some(target)) = (&name, &gateway, &target) {
            name = self.state.name_of(gateway, target);
        }
        let subject = Subject { kind, gateway: gateway.as_deref(), name: name.as_deref() };
        let fault = self.faults.strike(|rule| rule.matches(&subject)).map(|rule| rule.fault);

        let result = match &fault {
            Some(Fault::CutBeforeCommit | Fault::HangBeforeCommit) => None,
            fault => Some(match fault.as_ref().and_then(Fault::to_error) {
                Some(error) => Err(error),
                None => self.carry_out(now, kind, signer, work),
            }),
        };
        if let (None, Some(Ok(Reply::Answer(Answer::Target(created))))) = (&target, &result) {
            target = Some(created.target_id.clone());
        }
        let outcome = outcome(kind, result.as_ref(), fault.as_ref());
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
        self.answer(result, fault)
    }

    fn answer(&mut self, result: Option<Result<Reply, ApiError>>, fault: Option<Fault>) -> Served {
        let settings = Arc::clone(self.state.settings());
        let mut delay = settings.latency.draw(&mut self.random);
        let Some(mut result) = result else {
            let hangs = matches!(fault, Some(Fault::HangBeforeCommit));
            return if hangs { Served::Hang } else { Served::Cut };
        };
        let mut half = false;
        match fault {
            Some(Fault::CutAfterCommit) => return Served::Cut,
            Some(Fault::HangAfterCommit) => return Served::Hang,
            Some(Fault::HalfAnswer) => half = true,
            Some(Fault::Slow(by)) => delay += by.draw(&mut self.random),
            Some(Fault::ShowStatus(status)) => {
                if let Ok(Reply::Answer(answer)) = &mut result {
                    answer.show_status(&status);
                }
            }
            Some(
                Fault::Error { .. }
                | Fault::CredentialsRefused
                | Fault::CutBeforeCommit
                | Fault::HangBeforeCommit,
            )
            | None => {}
        }
        Served::Answer { date: self.date(), result, delay, half }
    }

    /// The time in the header `Date`.
    pub(crate) fn date(&self) -> Timestamp {
        let now = self.clock.now();
        now.saturating_add(self.state.settings().clock.date_header).unwrap_or(now)
    }

    fn carry_out(
        &mut self,
        now: Timestamp,
        kind: CallKind,
        signer: Option<Result<Signer, ApiError>>,
        work: Result<Work, ApiError>,
    ) -> Result<Reply, ApiError> {
        let caller = match signer {
            Some(signer) => Some(self.caller(now, &signer?)?),
            None => None,
        };
        let invalid_first = self.state.settings().quotas.order == QuotaOrder::ValidationFirst;
        if let Some((caller, _)) = caller.as_ref().filter(|_| work.is_ok() || !invalid_first) {
            self.state.charge(now, caller, kind)?;
        }
        match (work?, caller) {
            (Work::Call(call), Some((caller, _))) => {
                self.state.handle(now, &caller, *call).map(Reply::Answer)
            }
            (Work::Identify, Some((caller, arn))) => Ok(Reply::Identity(caller.account, arn)),
            (Work::Issue(ask), _) => {
                let settings = Arc::clone(self.state.settings());
                self.issuer.issue(now, ask, &settings).map(Reply::Credentials)
            }
            (Work::Call(_) | Work::Identify, None) => {
                let message = "Missing Authentication Token";
                Err(ApiError::door("MissingAuthenticationTokenException", message))
            }
        }
    }

    /// Whose key the signer holds: the caller, and the ARN that STS would tell.
    fn caller(&self, now: Timestamp, signer: &Signer) -> Result<(Caller, String), ApiError> {
        let settings = self.state.settings();
        let region = signer.region.clone();
        if let Some(issued) = self.issuer.find(now, signer)? {
            let caller = Caller { account: issued.account.clone(), region };
            return Ok((caller, issued.arn.clone()));
        }
        let has_key = |account: &&crate::settings::Account| {
            account.access_keys.iter().any(|key| key.id == signer.access_key)
        };
        let known = settings.accounts.iter().find(has_key).map(|account| &account.id);
        if known.is_none() && settings.signatures.known_keys_only {
            let message = "The security token included in the request is invalid.";
            return Err(ApiError::door("UnrecognizedClientException", message));
        }
        let account = known.unwrap_or(&settings.account).clone();
        let arn = format!("arn:aws:sts::{account}:assumed-role/emulator/session");
        Ok((Caller { account, region }, arn))
    }
}

fn outcome(
    kind: CallKind,
    result: Option<&Result<Reply, ApiError>>,
    fault: Option<&Fault>,
) -> Outcome {
    let (status, error) = match result {
        None if fault == Some(&Fault::HangBeforeCommit) => return Outcome::HungBeforeCommit,
        None => return Outcome::CutBeforeCommit,
        Some(Ok(_)) => (success_status(kind), None),
        Some(Err(error)) => (error.kind.status(), Some(error.kind.code().to_owned())),
    };
    match fault {
        Some(Fault::CutAfterCommit) => Outcome::CutAfterCommit { status, error },
        Some(Fault::HangAfterCommit) => Outcome::HungAfterCommit { status, error },
        Some(Fault::HalfAnswer) => Outcome::HalfAnswered { status, error },
        _ => Outcome::Answered { status, error },
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
        | CallKind::GetCallerIdentity
        | CallKind::AssumeRoleWithWebIdentity
        | CallKind::GetContainerCredentials => 200,
    }
}
