//! One gateway and the targets on it.
//!
//! Keeps the three ways to find a target (order of creation, ID, name) in step.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::call::Caller;
use crate::settings::Settings;
use crate::target::{TargetSpec, TargetStatus, TargetSummary, TargetView};

#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) sequence: u64,
    account: String,
    /// None: a gateway that was there from the start, and answers in any Region.
    region: Option<String>,
    created_at: Timestamp,
    /// The members of `CreateGateway` that Get gives back as they came.
    members: Map<String, Value>,
    targets: BTreeMap<u64, Target>,
    by_id: HashMap<String, u64>,
    by_name: HashMap<String, u64>,
}

/// A target as the gateway keeps it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) spec: TargetSpec,
    pub(crate) status: TargetStatus,
    pub(crate) reasons: Vec<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) synchronized_at: Option<Timestamp>,
    /// When the transition under way ends.
    pub(crate) due: Option<Timestamp>,
}

/// A gateway as Get shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GatewayView {
    pub(crate) gateway_arn: String,
    pub(crate) gateway_id: String,
    pub(crate) gateway_url: String,
    pub(crate) name: String,
    pub(crate) status: &'static str,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    #[serde(flatten)]
    pub(crate) members: Map<String, Value>,
}

/// A gateway as List shows it.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GatewaySummary {
    gateway_id: String,
    name: String,
    status: &'static str,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer_type: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol_type: Option<Value>,
}

/// What becomes of a gateway; the emulator has them ready at once.
const READY: &str = "READY";

impl Gateway {
    /// A gateway that nobody created: the account's, as an administrator would have left it.
    pub(crate) fn preseeded(id: &str, settings: &Settings, now: Timestamp) -> Self {
        // An ID of AWS's form is the name and ten characters; any other form is all name.
        let name = match id.rsplit_once('-') {
            Some((name, suffix)) if suffix.len() == 10 && !name.is_empty() => name,
            _ => id,
        };
        let members = json!({
            "protocolType": "MCP",
            "authorizerType": "NONE",
            "roleArn": format!("arn:aws:iam::{}:role/gateway-{name}", settings.account),
        });
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            sequence: 0,
            account: settings.account.clone(),
            region: settings.region.clone(),
            created_at: now,
            members: members.as_object().cloned().unwrap_or_default(),
            targets: BTreeMap::new(),
            by_id: HashMap::new(),
            by_name: HashMap::new(),
        }
    }

    /// A gateway that a caller created; it belongs to the caller's account and Region.
    pub(crate) fn created(
        id: String,
        name: String,
        sequence: u64,
        caller: &Caller,
        members: Map<String, Value>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            name,
            sequence,
            account: caller.account.clone(),
            region: Some(caller.region.clone()),
            created_at: now,
            members,
            targets: BTreeMap::new(),
            by_id: HashMap::new(),
            by_name: HashMap::new(),
        }
    }

    pub(crate) fn is_visible_to(&self, caller: &Caller) -> bool {
        self.account == caller.account
            && self.region.as_ref().is_none_or(|region| *region == caller.region)
    }

    /// `region` is the caller's, for gateways that have none of their own.
    pub(crate) fn arn(&self, region: &str) -> String {
        let region = self.region.as_deref().unwrap_or(region);
        format!("arn:aws:bedrock-agentcore:{region}:{}:gateway/{}", self.account, self.id)
    }

    pub(crate) fn view(&self, region: &str) -> GatewayView {
        let home = self.region.as_deref().unwrap_or(region);
        GatewayView {
            gateway_arn: self.arn(region),
            gateway_id: self.id.clone(),
            gateway_url: format!(
                "https://{}.gateway.bedrock-agentcore.{home}.amazonaws.com/mcp",
                self.id
            ),
            name: self.name.clone(),
            status: READY,
            created_at: self.created_at,
            updated_at: self.created_at,
            members: self.members.clone(),
        }
    }

    pub(crate) fn summary(&self) -> GatewaySummary {
        GatewaySummary {
            gateway_id: self.id.clone(),
            name: self.name.clone(),
            status: READY,
            created_at: self.created_at,
            updated_at: self.created_at,
            description: self.members.get("description").cloned(),
            authorizer_type: self.members.get("authorizerType").cloned(),
            protocol_type: self.members.get("protocolType").cloned(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The targets made after the one with this sequence number, oldest first.
    pub(crate) fn targets_after(&self, sequence: u64) -> impl Iterator<Item = (u64, &Target)> {
        let start = sequence.saturating_add(1);
        self.targets.range(start..).map(|(sequence, target)| (*sequence, target))
    }

    pub(crate) fn find(&self, id: &str) -> Option<(u64, &Target)> {
        let sequence = *self.by_id.get(id)?;
        Some((sequence, self.targets.get(&sequence)?))
    }

    pub(crate) fn target_mut(&mut self, sequence: u64) -> Option<&mut Target> {
        self.targets.get_mut(&sequence)
    }

    /// Who holds a name: a target holds its own until the last moment of its deletion.
    pub(crate) fn holder_of(&self, name: &str) -> Option<u64> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn insert(&mut self, sequence: u64, target: Target) {
        self.by_id.insert(target.id.clone(), sequence);
        self.by_name.insert(target.spec.name.clone(), sequence);
        self.targets.insert(sequence, target);
    }

    pub(crate) fn remove(&mut self, sequence: u64) {
        if let Some(target) = self.targets.remove(&sequence) {
            self.by_id.remove(&target.id);
            self.by_name.remove(&target.spec.name);
        }
    }

    /// Replaces all that a client may set. The name must be free or the target's own.
    pub(crate) fn replace_spec(&mut self, sequence: u64, spec: TargetSpec) {
        let Some(target) = self.targets.get_mut(&sequence) else { return };
        self.by_name.remove(&target.spec.name);
        self.by_name.insert(spec.name.clone(), sequence);
        target.spec = spec;
    }

    /// Ends the transition of a target, if one ends at `at`.
    pub(crate) fn settle(&mut self, sequence: u64, at: Timestamp) {
        let Some(target) = self.targets.get_mut(&sequence) else { return };
        if target.due != Some(at) {
            return;
        }
        target.due = None;
        match target.status {
            TargetStatus::Deleting => self.remove(sequence),
            TargetStatus::Creating | TargetStatus::Updating | TargetStatus::Synchronizing => {
                target.status = TargetStatus::Ready;
                if !target.spec.has_static_tools() {
                    target.synchronized_at = Some(at);
                }
            }
            TargetStatus::UpdateUnsuccessful
            | TargetStatus::Ready
            | TargetStatus::Failed
            | TargetStatus::SynchronizeUnsuccessful
            | TargetStatus::CreatePendingAuth
            | TargetStatus::UpdatePendingAuth
            | TargetStatus::SynchronizePendingAuth
            | TargetStatus::Other(_) => {}
        }
    }
}

impl Target {
    /// `gateway_arn` is the gateway's, which a target does not know.
    pub(crate) fn view(&self, gateway_arn: String) -> TargetView {
        TargetView {
            gateway_arn,
            target_id: self.id.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            status: self.status.clone(),
            status_reasons: self.reasons.clone(),
            spec: self.spec.clone(),
            last_synchronized_at: self.synchronized_at,
        }
    }

    pub(crate) fn summary(&self) -> TargetSummary {
        TargetSummary {
            target_id: self.id.clone(),
            name: self.spec.name.clone(),
            status: self.status.clone(),
            description: self.spec.description.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            resource_priority: self.spec.resource_priority(),
            last_synchronized_at: self.synchronized_at,
            target_type: self.spec.target_type(),
            listing_mode: self.spec.listing_mode().map(str::to_owned),
        }
    }
}
