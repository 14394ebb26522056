//! What happens at AWS without a call of the client's: somebody else's hand, or the service's.
//!
//! Every change here is immediate, and none of it is in the call log.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::State;
use super::gateway::{Gateway, Target};
use crate::settings::words;
use crate::target::{TargetSpec, TargetStatus, TargetView};

/// A change that the client did not ask for. Members that are absent stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetPatch {
    /// A JSON merge patch (RFC 7396) on what Create and Update set.
    #[serde(default)]
    pub spec: Map<String, Value>,
    /// A new status. A transition that was under way ends with it, and none begins.
    pub status: Option<TargetStatus>,
    /// New reasons.
    pub status_reasons: Option<Vec<String>>,
}

/// A gateway as an administrator would have left it. What is absent is as the settings have it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewGateway {
    /// Of any form.
    #[serde(deserialize_with = "words::gateway")]
    pub id: String,
    /// The account that it belongs to.
    #[serde(default, deserialize_with = "words::optional_account")]
    pub account: Option<String>,
    /// The one Region that it answers in.
    pub region: Option<String>,
    /// Members of `CreateGateway` that Get gives back, such as `policyEngineConfiguration`.
    #[serde(default)]
    pub members: Map<String, Value>,
}

/// Why a change behind the client's back was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackdoorError {
    /// No such gateway.
    #[error("no gateway {0}")]
    NoGateway(String),
    /// No such target.
    #[error("no target {target} on gateway {gateway}")]
    NoTarget {
        /// The gateway that was searched.
        gateway: String,
        /// The ID that is not there.
        target: String,
    },
    /// Names are unique, whoever gives them.
    #[error("the name {0} is taken")]
    NameTaken(String),
    /// The ID is in use.
    #[error("gateway {0} exists")]
    GatewayExists(String),
    /// The patched target would not be a target.
    #[error("not a target: {0}")]
    NotATarget(String),
}

impl State {
    /// Every target of a gateway, oldest first.
    pub(crate) fn look(&self, gateway: &str) -> Result<Vec<TargetView>, BackdoorError> {
        let gateway = self.any_gateway(gateway)?;
        let arn = gateway.arn(self.home_region());
        Ok(gateway.targets_after(0).map(|(_, target)| target.view(arn.clone())).collect())
    }

    /// IDs of all gateways.
    pub(crate) fn gateway_ids(&self) -> Vec<String> {
        self.gateways.keys().cloned().collect()
    }

    /// Adds a gateway as if it had been there from the start.
    pub(crate) fn add_gateway(
        &mut self,
        now: Timestamp,
        new: NewGateway,
    ) -> Result<(), BackdoorError> {
        if self.gateways.contains_key(&new.id) {
            return Err(BackdoorError::GatewayExists(new.id));
        }
        let (settings, sequence) = (&self.settings, self.ids.next_sequence());
        let account = new.account.as_ref().unwrap_or(&settings.account);
        let mut gateway =
            Gateway::preseeded(&new.id, account, sequence, settings, now).keeping(settings);
        gateway.adjust(new.region, new.members);
        self.gateways.insert(new.id, gateway);
        Ok(())
    }

    /// Removes a gateway with all that is on it.
    pub(crate) fn remove_gateway(&mut self, id: &str) -> Result<(), BackdoorError> {
        self.any_gateway(id)?;
        self.gateways.remove(id);
        self.tokens.forget_gateway(id);
        Ok(())
    }

    /// Adds a target that no client of ours created; returns its ID.
    pub(crate) fn plant(
        &mut self,
        now: Timestamp,
        gateway: &str,
        spec: TargetSpec,
        status: TargetStatus,
    ) -> Result<String, BackdoorError> {
        if self.any_gateway(gateway)?.holder_of(&spec.name).is_some() {
            return Err(BackdoorError::NameTaken(spec.name));
        }
        let id = self.ids.target();
        // A pending status without a URL is nothing that a client would ever see.
        let authorization = self.authorization_for(now, &status);
        let due = authorization.as_ref().map(|asked| asked.until);
        let target = Target {
            id: id.clone(),
            spec,
            status,
            reasons: Vec::new(),
            created_at: now,
            updated_at: now,
            synchronized_at: Some(now),
            due,
            authorization,
        };
        let sequence = self.ids.next_sequence();
        self.any_gateway_mut(gateway)?.insert(sequence, target, now);
        self.schedule_at(gateway, sequence, due);
        Ok(id)
    }

    /// Changes a target.
    pub(crate) fn patch(
        &mut self,
        now: Timestamp,
        gateway_id: &str,
        target_id: &str,
        patch: TargetPatch,
    ) -> Result<TargetView, BackdoorError> {
        let region = self.home_region().to_owned();
        let gateway = self.any_gateway(gateway_id)?;
        let (sequence, target) = find(gateway, target_id)?;
        let spec = merged(&target.spec, patch.spec)?;
        if gateway.holder_of(&spec.name).is_some_and(|holder| holder != sequence) {
            return Err(BackdoorError::NameTaken(spec.name));
        }
        let arn = gateway.arn(&region);
        let authorization =
            patch.status.as_ref().and_then(|status| self.authorization_for(now, status));
        let due = authorization.as_ref().map(|asked| asked.until);
        let change = |target: &mut Target| {
            target.spec = spec;
            if let Some(status) = patch.status {
                target.status = status;
                target.due = due;
                target.authorization = authorization;
            }
            if let Some(reasons) = patch.status_reasons {
                target.reasons = reasons;
            }
            target.updated_at = now;
        };
        let gateway = self.any_gateway_mut(gateway_id)?;
        let target = gateway.edit(sequence, now, change);
        let view = target.ok_or_else(|| no_target(gateway_id, target_id))?.view(arn);
        self.schedule_at(gateway_id, sequence, due);
        Ok(view)
    }

    /// Removes a target at once.
    pub(crate) fn erase(
        &mut self,
        now: Timestamp,
        gateway: &str,
        target: &str,
    ) -> Result<(), BackdoorError> {
        let gateway = self.any_gateway_mut(gateway)?;
        let (sequence, _) = find(gateway, target)?;
        gateway.remove(sequence, now);
        Ok(())
    }

    /// The name of a target, for whoever knows only its ID.
    pub(crate) fn name_of(&self, gateway: &str, target: &str) -> Option<String> {
        let (_, target) = self.gateways.get(gateway)?.find(target)?;
        Some(target.spec.name.clone())
    }

    fn any_gateway(&self, id: &str) -> Result<&Gateway, BackdoorError> {
        self.gateways.get(id).ok_or_else(|| BackdoorError::NoGateway(id.to_owned()))
    }

    fn any_gateway_mut(&mut self, id: &str) -> Result<&mut Gateway, BackdoorError> {
        self.gateways.get_mut(id).ok_or_else(|| BackdoorError::NoGateway(id.to_owned()))
    }

    /// The Region in ARNs that no caller's signature decides.
    fn home_region(&self) -> &str {
        self.settings.region.as_deref().unwrap_or("us-east-1")
    }
}

fn find<'a>(gateway: &'a Gateway, target: &str) -> Result<(u64, &'a Target), BackdoorError> {
    gateway.find(target).ok_or_else(|| no_target(&gateway.id, target))
}

fn no_target(gateway: &str, target: &str) -> BackdoorError {
    BackdoorError::NoTarget { gateway: gateway.to_owned(), target: target.to_owned() }
}

fn merged(spec: &TargetSpec, patch: Map<String, Value>) -> Result<TargetSpec, BackdoorError> {
    let not_a_target = |error: serde_json::Error| BackdoorError::NotATarget(error.to_string());
    let mut document = serde_json::to_value(spec).map_err(not_a_target)?;
    merge(&mut document, Value::Object(patch));
    serde_json::from_value(document).map_err(not_a_target)
}

/// RFC 7396: objects merge, null removes, anything else replaces.
fn merge(into: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *into = patch;
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let Value::Object(into) = into else { return };
    for (name, value) in patch {
        if value.is_null() {
            into.remove(&name);
        } else {
            merge(into.entry(name).or_insert(Value::Null), value);
        }
    }
}
