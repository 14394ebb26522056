//! The calls about targets: what each one asks of the state, and where it leads.

use std::sync::Arc;

use jiff::Timestamp;

use super::admission::admit;
use super::echo::echoed;
use super::gateway::{Gateway, Target};
use super::history::horizon;
use super::quotas::{require_room, require_slot};
use super::tokens::Verdict;
use super::{Answer, DeletedTarget, Items, State, Synchronizing, paging};
use crate::call::{CallKind, Caller, Page};
use crate::error::{ApiError, ErrorKind, Reason};
use crate::settings::{Transition, UpdateOfFailed, UpdatedAt, Variants};
use crate::target::{TargetSpec, TargetStatus, TargetView};

impl State {
    pub(super) fn create_target(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        gateway_id: &str,
        token: Option<String>,
        spec: TargetSpec,
    ) -> Result<Answer, ApiError> {
        // The token comes before the name: a repeat would otherwise trip over its own target.
        if let Some(answer) = self.repeated(now, caller, gateway_id, token.as_deref(), &spec)? {
            return Ok(answer);
        }
        let settings = Arc::clone(&self.settings);
        let gateway = self.gateway(caller, gateway_id)?;
        admit(gateway, &spec, settings.variants)?;
        require_free_name(gateway, &spec.name)?;
        require_room(&settings, gateway)?;
        require_slot(&settings, gateway)?;

        // Nothing can refuse any more.
        let (sequence, id) = (self.ids.next_sequence(), self.ids.target());
        if let Some(token) = token {
            let policy = &settings.tokens;
            self.tokens.remember(now, policy, gateway_id, token, id.clone(), &spec);
        }
        let target = Target {
            id,
            spec,
            // As `begin` will have it; nobody sees it in between.
            status: TargetStatus::Creating,
            reasons: Vec::new(),
            created_at: now,
            updated_at: now,
            synchronized_at: None,
            due: None,
            authorization: None,
        };
        if let Some(gateway) = self.gateways.get_mut(gateway_id) {
            gateway.insert(sequence, target, now);
        }
        self.begin(now, gateway_id, sequence, Transition::Creating, |_| {})?;
        let view = self.shown(caller, gateway_id, sequence)?;
        Ok(Answer::Target(Box::new(view)))
    }

    /// The answer to a Create whose token is known.
    fn repeated(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        gateway_id: &str,
        token: Option<&str>,
        spec: &TargetSpec,
    ) -> Result<Option<Answer>, ApiError> {
        self.gateway(caller, gateway_id)?;
        let Some(token) = token else { return Ok(None) };
        let Some(gateway) = self.gateways.get(gateway_id) else { return Ok(None) };
        let is_alive = |id: &str| gateway.find(id).is_some();
        let policy = &self.settings.tokens;
        match self.tokens.judge(now, policy, gateway_id, token, spec, is_alive) {
            Verdict::New => Ok(None),
            Verdict::Mismatch => Err(ApiError::validation(
                Reason::IdempotentParameterMismatchException,
                "The client token was used before with other parameters",
            )),
            Verdict::Repeat { first } => {
                let target = gateway.find(&first.id).map_or(&*first, |(_, target)| target);
                let view = self.show(caller, gateway, target);
                Ok(Some(Answer::Target(Box::new(view))))
            }
        }
    }

    pub(super) fn get_target(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        gateway_id: &str,
        target_id: &str,
    ) -> Result<Answer, ApiError> {
        let lag = self.settings.consistency.get.draw(&mut self.random);
        let gateway = self.gateway(caller, gateway_id)?;
        let target = gateway
            .find_at(target_id, horizon(now, lag))
            .ok_or_else(|| no_target(gateway, target_id))?;
        Ok(Answer::Target(Box::new(self.show(caller, gateway, target))))
    }

    pub(super) fn update_target(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        gateway_id: &str,
        target_id: &str,
        spec: TargetSpec,
    ) -> Result<Answer, ApiError> {
        let gateway = self.gateway(caller, gateway_id)?;
        let (sequence, target) = find(gateway, target_id)?;
        require_settled(CallKind::UpdateGatewayTarget, &target.status, self.settings.variants)?;
        if target.spec.target_type() != spec.target_type() {
            return Err(ApiError::field(
                "targetConfiguration",
                "The type of a target cannot be changed",
            ));
        }
        admit(gateway, &spec, self.settings.variants)?;
        if gateway.holder_of(&spec.name) != Some(sequence) {
            require_free_name(gateway, &spec.name)?;
        }
        require_slot(&self.settings, gateway)?;

        let moves = match self.settings.variants.updated_at {
            UpdatedAt::Acceptance | UpdatedAt::Both => true,
            UpdatedAt::Completion => false,
        };
        self.begin(now, gateway_id, sequence, Transition::Updating, |target| {
            target.spec = spec;
            if moves {
                target.updated_at = now;
            }
        })?;
        Ok(Answer::Target(Box::new(self.shown(caller, gateway_id, sequence)?)))
    }

    pub(super) fn delete_target(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        gateway_id: &str,
        target_id: &str,
    ) -> Result<Answer, ApiError> {
        let gateway = self.gateway(caller, gateway_id)?;
        let (sequence, target) = find(gateway, target_id)?;
        require_settled(CallKind::DeleteGatewayTarget, &target.status, self.settings.variants)?;
        require_slot(&self.settings, gateway)?;

        let gateway_arn = gateway.arn(&caller.region);
        self.begin(now, gateway_id, sequence, Transition::Deleting, |_| {})?;
        Ok(Answer::DeletedTarget(DeletedTarget {
            gateway_arn,
            target_id: target_id.to_owned(),
            status: TargetStatus::Deleting,
        }))
    }

    pub(super) fn list_targets(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        gateway_id: &str,
        page: &Page,
    ) -> Result<Answer, ApiError> {
        let lag = self.settings.consistency.list.draw(&mut self.random);
        let gateway = self.gateway(caller, gateway_id)?;
        let after = paging::sequence_of(page.next_token.as_deref())?;
        let size = self.page_size(page);
        let mut targets: Box<dyn Iterator<Item = (u64, &Target)>> = if lag.is_zero() {
            Box::new(gateway.targets_after(after))
        } else {
            Box::new(gateway.targets_at(after, horizon(now, lag)))
        };
        let mut last = after;
        let items = targets
            .by_ref()
            .take(size)
            .map(|(sequence, target)| {
                last = sequence;
                target.summary()
            })
            .collect();
        let next_token = targets.next().map(|_| paging::token_after(last));
        Ok(Answer::Targets(Items { items, next_token }))
    }

    pub(super) fn synchronize(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        gateway_id: &str,
        target_ids: &[String],
    ) -> Result<Answer, ApiError> {
        let gateway = self.gateway(caller, gateway_id)?;
        // The service model allows exactly one; more than one would have to be all or nothing.
        let mut sequences = Vec::with_capacity(target_ids.len());
        for id in target_ids {
            let (sequence, target) = find(gateway, id)?;
            let variants = self.settings.variants;
            require_settled(CallKind::SynchronizeGatewayTargets, &target.status, variants)?;
            if target.spec.has_static_tools() {
                return Err(ApiError::field(
                    "targetIdList",
                    "A target with a static tool schema cannot be synchronized",
                ));
            }
            sequences.push(sequence);
        }

        let mut targets = Vec::with_capacity(sequences.len());
        for sequence in sequences {
            self.begin(now, gateway_id, sequence, Transition::Synchronizing, |_| {})?;
            targets.push(self.shown(caller, gateway_id, sequence)?);
        }
        Ok(Answer::Synchronizing(Synchronizing { targets }))
    }

    /// A target as the API shows it to this caller.
    fn show(&self, caller: &Caller, gateway: &Gateway, target: &Target) -> TargetView {
        echoed(target.view(gateway.arn(&caller.region)), gateway, self.settings.echo)
    }

    fn shown(
        &self,
        caller: &Caller,
        gateway_id: &str,
        sequence: u64,
    ) -> Result<TargetView, ApiError> {
        let gateway = self.gateway(caller, gateway_id)?;
        let target = gateway.target(sequence).ok_or_else(|| no_target(gateway, gateway_id))?;
        Ok(self.show(caller, gateway, target))
    }
}

fn find<'a>(gateway: &'a Gateway, target_id: &str) -> Result<(u64, &'a Target), ApiError> {
    gateway.find(target_id).ok_or_else(|| no_target(gateway, target_id))
}

fn no_target(gateway: &Gateway, target_id: &str) -> ApiError {
    let message = format!("Target with identifier {target_id} not found in gateway {}", gateway.id);
    ApiError::new(ErrorKind::ResourceNotFound, message)
}

fn require_free_name(gateway: &Gateway, name: &str) -> Result<(), ApiError> {
    if gateway.holder_of(name).is_none() {
        return Ok(());
    }
    let message = format!("A target with name {name} already exists in gateway {}", gateway.id);
    Err(ApiError::new(ErrorKind::Conflict, message))
}

/// Refuses a change of a target that is busy. AWS makes it a `ValidationException`, not a
/// conflict, and clients have to recognise the wording.
fn require_settled(
    kind: CallKind,
    status: &TargetStatus,
    variants: Variants,
) -> Result<(), ApiError> {
    let settled = match status {
        TargetStatus::Ready
        | TargetStatus::UpdateUnsuccessful
        | TargetStatus::SynchronizeUnsuccessful => true,
        TargetStatus::Failed => match kind {
            CallKind::UpdateGatewayTarget => variants.update_of_failed == UpdateOfFailed::Rescues,
            // There is nothing to fetch again where nothing was ever fetched.
            _ => kind != CallKind::SynchronizeGatewayTargets,
        },
        TargetStatus::Creating
        | TargetStatus::Updating
        | TargetStatus::Deleting
        | TargetStatus::Synchronizing
        | TargetStatus::CreatePendingAuth
        | TargetStatus::UpdatePendingAuth
        | TargetStatus::SynchronizePendingAuth
        | TargetStatus::Other(_) => false,
    };
    if settled {
        return Ok(());
    }
    let message = format!(
        "{} operation can't be performed on target when it is in {} state",
        kind.name(),
        status.in_words()
    );
    Err(ApiError::validation(Reason::FieldValidationFailed, message))
}
