//! Transitions: how they begin, how long they take, and what becomes of the target.
//!
//! A transition is a status and a due time on the target. It ends on the first look after that,
//! as if it had been at the due time: well, as an outcome rule has it, or in the hands of a
//! person who has to consent.

use std::time::Duration;

use jiff::Timestamp;

use super::gateway::{Gateway, Target};
use super::{Due, State};
use crate::clock::later;
use crate::error::{ApiError, ErrorKind};
use crate::settings::{ConsentLapse, Settings, Transition, UpdatedAt};
use crate::target::{Authorization, TargetStatus};

/// Where a consent leads, and whether there was one to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consented {
    Granted,
    Denied,
    /// The URL has expired, was used, or never was one.
    Unknown,
}

impl State {
    /// How long a transition of this target takes.
    pub(super) fn time_for(
        &mut self,
        transition: Transition,
        gateway: &str,
        name: &str,
    ) -> Duration {
        let rules = &self.settings.duration_rules;
        match rules.iter().find(|rule| rule.matches(transition, gateway, name)) {
            Some(rule) => rule.takes.draw(&mut self.random),
            None => self.settings.durations.of(transition),
        }
    }

    /// Sends a target into a transition, and does with it what `change` says.
    pub(super) fn begin(
        &mut self,
        now: Timestamp,
        gateway_id: &str,
        sequence: u64,
        transition: Transition,
        change: impl FnOnce(&mut Target),
    ) -> Result<(), ApiError> {
        let vanished =
            || ApiError::new(ErrorKind::InternalServer, "a target vanished between two looks");
        let edit = |target: &mut Target| {
            target.status = transition.status();
            target.reasons.clear();
            target.authorization = None;
            change(target);
        };
        let gateway = self.gateways.get_mut(gateway_id).ok_or_else(vanished)?;
        let name = gateway.edit(sequence, now, edit).ok_or_else(vanished)?.spec.name.clone();
        let due = later(now, self.time_for(transition, gateway_id, &name));
        self.await_until(now, gateway_id, sequence, due);
        Ok(())
    }

    /// Ends what a target was waiting for, when it waited for this moment.
    pub(super) fn settle(&mut self, now: Timestamp, due: &Due) {
        let Some(gateway) = self.gateways.get(&due.gateway) else { return };
        let Some(target) = gateway.target(due.target).filter(|target| target.due == Some(due.at))
        else {
            return;
        };
        if let Some(transition) = Transition::of(&target.status) {
            let rule = self
                .outcomes
                .strike(|rule| rule.matches(transition, &due.gateway, &target.spec.name));
            match rule.map(|rule| rule.ending(transition)) {
                Some((status, reasons)) => self.end(due, transition, status, reasons),
                None if transition == Transition::Deleting => {
                    if let Some(gateway) = self.gateways.get_mut(&due.gateway) {
                        gateway.remove(due.target, due.at);
                    }
                }
                None if target.spec.needs_consent() => self.ask_for_consent(due, transition),
                None => self.end(due, transition, TargetStatus::Ready, Vec::new()),
            }
        } else if let Some(transition) = Transition::pending_in(&target.status) {
            match self.settings.consent.lapse {
                ConsentLapse::Lingers => self.edit(due, |target| target.due = None),
                ConsentLapse::Renews => self.renew_consent(now, due, transition),
                ConsentLapse::Fails => {
                    let reason = "The authorization URL expired before consent was given";
                    self.end(due, transition, transition.failure(), vec![reason.to_owned()]);
                }
            }
        }
    }

    /// By what the authorization URL of the target of this name is known.
    pub(crate) fn consent_token(&self, gateway: &str, name: &str) -> Option<String> {
        let gateway = self.gateways.get(gateway)?;
        let target = gateway.target(gateway.holder_of(name)?)?;
        Some(target.authorization.as_ref()?.token.clone())
    }

    /// A person opens an authorization URL.
    pub(crate) fn consent(&mut self, now: Timestamp, token: &str, granted: bool) -> Consented {
        let found = self.gateways.values().find_map(|gateway| {
            let mut targets = gateway.targets_after(0);
            let (sequence, target) = targets.find(|(_, target)| {
                target.authorization.as_ref().is_some_and(|asked| asked.token == token)
            })?;
            let alive = target.authorization.as_ref().is_some_and(|asked| now < asked.until);
            let transition = Transition::pending_in(&target.status).filter(|_| alive)?;
            Some((Due { at: now, target: sequence, gateway: gateway.id.clone() }, transition))
        });
        let Some((here, transition)) = found else { return Consented::Unknown };
        if granted {
            self.end(&here, transition, TargetStatus::Ready, Vec::new());
            return Consented::Granted;
        }
        let reason = "Authorization was denied: access_denied";
        self.end(&here, transition, transition.failure(), vec![reason.to_owned()]);
        Consented::Denied
    }

    /// The end of a transition, whichever it is.
    fn end(
        &mut self,
        due: &Due,
        transition: Transition,
        status: TargetStatus,
        reasons: Vec<String>,
    ) {
        let moves = match self.settings.variants.updated_at {
            UpdatedAt::Acceptance => false,
            UpdatedAt::Completion | UpdatedAt::Both => match transition {
                Transition::Creating | Transition::Updating => true,
                // Nothing that a client set has changed.
                Transition::Deleting | Transition::Synchronizing => false,
            },
        };
        // A rule may end a transition in a status that waits for consent.
        let authorization = self.authorization_for(due.at, &status);
        let until = authorization.as_ref().map(|asked| asked.until);
        self.edit(due, |target| {
            if status == TargetStatus::Ready && !target.spec.has_static_tools() {
                target.synchronized_at = Some(due.at);
            }
            if moves {
                target.updated_at = due.at;
            }
            target.status = status;
            target.reasons = reasons;
            target.authorization = authorization;
            target.due = until;
        });
        self.schedule_at(&due.gateway, due.target, until);
    }

    fn ask_for_consent(&mut self, due: &Due, transition: Transition) {
        let authorization = self.authorization(due.at);
        let until = authorization.until;
        self.edit(due, |target| {
            target.status = transition.pending();
            target.authorization = Some(authorization);
        });
        self.await_until(due.at, &due.gateway, due.target, until);
    }

    /// Asks anew, as often as it takes until `now`; but those URLs that nobody can have seen are
    /// left out, or a long step of the clock would take as long as there are many.
    fn renew_consent(&mut self, now: Timestamp, due: &Due, transition: Transition) {
        let expiry = self.settings.consent.expiry;
        let late = now.duration_since(due.at).unsigned_abs().as_micros();
        let age = late.checked_rem(expiry.as_micros()).and_then(|age| u64::try_from(age).ok());
        let at = age.and_then(|age| now.checked_sub(Duration::from_micros(age)).ok());
        match at.filter(|at| later(*at, expiry) > now) {
            Some(at) => {
                let here = Due { at, target: due.target, gateway: due.gateway.clone() };
                self.ask_for_consent(&here, transition);
            }
            // Nothing is new about a URL that is dead from the start.
            None => self.edit(due, |target| target.due = None),
        }
    }

    /// A new authorization URL, if the status is one that waits for consent.
    pub(super) fn authorization_for(
        &mut self,
        now: Timestamp,
        status: &TargetStatus,
    ) -> Option<Authorization> {
        Transition::pending_in(status).map(|_| self.authorization(now))
    }

    fn authorization(&mut self, now: Timestamp) -> Authorization {
        let token = self.ids.consent();
        let url = format!("{}/_emulator/consent/{token}", self.url);
        Authorization { token, url, until: later(now, self.settings.consent.expiry) }
    }

    fn edit(&mut self, due: &Due, change: impl FnOnce(&mut Target)) {
        if let Some(gateway) = self.gateways.get_mut(&due.gateway) {
            gateway.edit(due.target, due.at, change);
        }
    }

    /// Has a target looked at again.
    fn await_until(&mut self, now: Timestamp, gateway: &str, sequence: u64, due: Timestamp) {
        if let Some(gateway) = self.gateways.get_mut(gateway) {
            gateway.edit(sequence, now, |target| target.due = Some(due));
        }
        self.schedule(gateway, sequence, due);
    }
}

impl Gateway {
    /// A new gateway, as the settings want its targets' past to be kept.
    pub(super) fn keeping(mut self, settings: &Settings) -> Self {
        self.keep_history(settings.consistency.longest());
        self
    }
}

impl Transition {
    /// The status while it goes on.
    pub(crate) fn status(self) -> TargetStatus {
        match self {
            Self::Creating => TargetStatus::Creating,
            Self::Updating => TargetStatus::Updating,
            Self::Deleting => TargetStatus::Deleting,
            Self::Synchronizing => TargetStatus::Synchronizing,
        }
    }

    /// The status while a person has to consent to it.
    fn pending(self) -> TargetStatus {
        match self {
            Self::Creating | Self::Deleting => TargetStatus::CreatePendingAuth,
            Self::Updating => TargetStatus::UpdatePendingAuth,
            Self::Synchronizing => TargetStatus::SynchronizePendingAuth,
        }
    }

    fn of(status: &TargetStatus) -> Option<Self> {
        match status {
            TargetStatus::Creating => Some(Self::Creating),
            TargetStatus::Updating => Some(Self::Updating),
            TargetStatus::Deleting => Some(Self::Deleting),
            TargetStatus::Synchronizing => Some(Self::Synchronizing),
            TargetStatus::UpdateUnsuccessful
            | TargetStatus::Ready
            | TargetStatus::Failed
            | TargetStatus::SynchronizeUnsuccessful
            | TargetStatus::CreatePendingAuth
            | TargetStatus::UpdatePendingAuth
            | TargetStatus::SynchronizePendingAuth
            | TargetStatus::Other(_) => None,
        }
    }

    fn pending_in(status: &TargetStatus) -> Option<Self> {
        match status {
            TargetStatus::CreatePendingAuth => Some(Self::Creating),
            TargetStatus::UpdatePendingAuth => Some(Self::Updating),
            TargetStatus::SynchronizePendingAuth => Some(Self::Synchronizing),
            TargetStatus::Creating
            | TargetStatus::Updating
            | TargetStatus::UpdateUnsuccessful
            | TargetStatus::Deleting
            | TargetStatus::Ready
            | TargetStatus::Failed
            | TargetStatus::Synchronizing
            | TargetStatus::SynchronizeUnsuccessful
            | TargetStatus::Other(_) => None,
        }
    }
}
