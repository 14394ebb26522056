//! The calls about targets: what each one asks of the state, and where it leads.

use jiff::Timestamp;

use super::gateway::{Gateway, Target};
use super::tokens::Verdict;
use super::{Answer, DeletedTarget, Items, State, Synchronizing, paging};
use crate::call::{CallKind, Caller, Page};
use crate::clock::later;
use crate::error::{ApiError, ErrorKind, Reason};
use crate::target::{TargetSpec, TargetStatus};

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
        require_free_name(self.gateway(caller, gateway_id)?, &spec.name)?;

        let due = later(now, self.settings.durations.creating);
        let sequence = self.ids.next_sequence();
        let target = Target {
            id: self.ids.target(),
            spec: spec.clone(),
            status: TargetStatus::Creating,
            reasons: Vec::new(),
            created_at: now,
            updated_at: now,
            synchronized_at: None,
            due: Some(due),
        };
        let gateway = self.gateway_mut(caller, gateway_id)?;
        let view = target.view(gateway.arn(&caller.region));
        gateway.insert(sequence, target);
        self.schedule(gateway_id, sequence, due);
        if let Some(token) = token {
            self.tokens.remember(now, gateway_id, token, spec, view.clone());
        }
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
        match self.tokens.judge(now, gateway_id, token, spec, is_alive) {
            Verdict::New => Ok(None),
            Verdict::Mismatch => Err(ApiError::validation(
                Reason::IdempotentParameterMismatchException,
                "The client token was used before with other parameters",
            )),
            Verdict::Repeat { first_answer } => {
                let view = match gateway.find(&first_answer.target_id) {
                    Some((_, target)) => Box::new(target.view(gateway.arn(&caller.region))),
                    None => first_answer,
                };
                Ok(Some(Answer::Target(view)))
            }
        }
    }

    pub(super) fn get_target(
        &self,
        caller: &Caller,
        gateway_id: &str,
        target_id: &str,
    ) -> Result<Answer, ApiError> {
        let gateway = self.gateway(caller, gateway_id)?;
        let (_, target) = find(gateway, target_id)?;
        Ok(Answer::Target(Box::new(target.view(gateway.arn(&caller.region)))))
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
        require_settled(CallKind::UpdateGatewayTarget, &target.status)?;
        if target.spec.target_type() != spec.target_type() {
            return Err(ApiError::field(
                "targetConfiguration",
                "The type of a target cannot be changed",
            ));
        }
        if gateway.holder_of(&spec.name) != Some(sequence) {
            require_free_name(gateway, &spec.name)?;
        }

        let due = later(now, self.settings.durations.updating);
        let gateway = self.gateway_mut(caller, gateway_id)?;
        gateway.replace_spec(sequence, spec);
        let arn = gateway.arn(&caller.region);
        let target = begin(gateway, sequence, TargetStatus::Updating, due)?;
        target.updated_at = now;
        let view = target.view(arn);
        self.schedule(gateway_id, sequence, due);
        Ok(Answer::Target(Box::new(view)))
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
        require_settled(CallKind::DeleteGatewayTarget, &target.status)?;

        let due = later(now, self.settings.durations.deleting);
        let gateway = self.gateway_mut(caller, gateway_id)?;
        let gateway_arn = gateway.arn(&caller.region);
        begin(gateway, sequence, TargetStatus::Deleting, due)?;
        self.schedule(gateway_id, sequence, due);
        Ok(Answer::DeletedTarget(DeletedTarget {
            gateway_arn,
            target_id: target_id.to_owned(),
            status: TargetStatus::Deleting,
        }))
    }

    pub(super) fn list_targets(
        &self,
        caller: &Caller,
        gateway_id: &str,
        page: &Page,
    ) -> Result<Answer, ApiError> {
        let gateway = self.gateway(caller, gateway_id)?;
        let after = paging::sequence_of(page.next_token.as_deref())?;
        let size = self.page_size(page);
        let mut targets = gateway.targets_after(after);
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
            require_settled(CallKind::SynchronizeGatewayTargets, &target.status)?;
            if target.spec.has_static_tools() {
                return Err(ApiError::field(
                    "targetIdList",
                    "A target with a static tool schema cannot be synchronized",
                ));
            }
            sequences.push(sequence);
        }

        let due = later(now, self.settings.durations.synchronizing);
        let gateway = self.gateway_mut(caller, gateway_id)?;
        let arn = gateway.arn(&caller.region);
        let mut views = Vec::with_capacity(sequences.len());
        for sequence in &sequences {
            let target = begin(gateway, *sequence, TargetStatus::Synchronizing, due)?;
            views.push(target.view(arn.clone()));
        }
        for sequence in sequences {
            self.schedule(gateway_id, sequence, due);
        }
        Ok(Answer::Synchronizing(Synchronizing { targets: views }))
    }
}

fn find<'a>(gateway: &'a Gateway, target_id: &str) -> Result<(u64, &'a Target), ApiError> {
    gateway.find(target_id).ok_or_else(|| {
        let message =
            format!("Target with identifier {target_id} not found in gateway {}", gateway.id);
        ApiError::new(ErrorKind::ResourceNotFound, message)
    })
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
fn require_settled(kind: CallKind, status: &TargetStatus) -> Result<(), ApiError> {
    let settled = match status {
        TargetStatus::Ready
        | TargetStatus::UpdateUnsuccessful
        | TargetStatus::SynchronizeUnsuccessful => true,
        // There is nothing to fetch again where nothing was ever fetched.
        TargetStatus::Failed => kind != CallKind::SynchronizeGatewayTargets,
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

/// Sends a target into a transition that ends at `due`.
fn begin(
    gateway: &mut Gateway,
    sequence: u64,
    status: TargetStatus,
    due: Timestamp,
) -> Result<&mut Target, ApiError> {
    let target = gateway.target_mut(sequence).ok_or_else(|| {
        ApiError::new(ErrorKind::InternalServer, "a target vanished between two looks")
    })?;
    target.status = status;
    target.reasons.clear();
    target.due = Some(due);
    Ok(target)
}
