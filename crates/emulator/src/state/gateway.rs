//! One gateway and the targets on it.
//!
//! Keeps the three ways to find a target (order of creation, ID, name), the number of operations
//! under way and the history in step; so every change of a target goes through `insert`, `edit`
//! or `remove`.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::history::History;
use crate::call::Caller;
use crate::settings::Settings;
use crate::target::{Authorization, TargetSpec, TargetStatus, TargetSummary, TargetView};

#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) sequence: u64,
    /// The client token that it was created with.
    pub(crate) token: Option<String>,
    account: String,
    /// None: a gateway that was there from the start, and answers in any Region.
    region: Option<String>,
    created_at: Timestamp,
    /// The members of `CreateGateway` that Get gives back as they came.
    members: Map<String, Value>,
    targets: BTreeMap<u64, Target>,
    by_id: HashMap<String, u64>,
    by_name: HashMap<String, u64>,
    under_way: usize,
    history: History,
}

/// A target as the gateway keeps it.
#[derive(Debug, Clone)]
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
    /// While a person has to consent.
    pub(crate) authorization: Option<Authorization>,
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
    pub(crate) fn preseeded(
        id: &str,
        account: &str,
        sequence: u64,
        settings: &Settings,
        now: Timestamp,
    ) -> Self {
        // An ID of AWS's form is the name and ten characters; any other form is all name.
        let name = match id.rsplit_once('-') {
            Some((name, suffix)) if suffix.len() == 10 && !name.is_empty() => name,
            _ => id,
        };
        let mut members = json!({
            "protocolType": "MCP",
            "authorizerType": settings.authorizer_type,
            "roleArn": format!("arn:aws:iam::{account}:role/gateway-{name}"),
        });
        if settings.authorizer_type == "CUSTOM_JWT" {
            members["authorizerConfiguration"] = json!({"customJWTAuthorizer": {
                "discoveryUrl": "https://issuer.example/.well-known/openid-configuration",
                "allowedClients": ["client"],
            }});
        }
        let members = members.as_object().cloned().unwrap_or_default();
        let region = settings.region.clone();
        let account = account.to_owned();
        Self::new(id.to_owned(), name.to_owned(), sequence, account, region, members, now)
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
        let (account, region) = (caller.account.clone(), Some(caller.region.clone()));
        Self::new(id, name, sequence, account, region, members, now)
    }

    fn new(
        id: String,
        name: String,
        sequence: u64,
        account: String,
        region: Option<String>,
        members: Map<String, Value>,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            name,
            sequence,
            token: None,
            account,
            region,
            created_at,
            members,
            targets: BTreeMap::new(),
            by_id: HashMap::new(),
            by_name: HashMap::new(),
            under_way: 0,
            history: History::default(),
        }
    }

    /// Makes a gateway that nobody created other than the settings have it.
    pub(crate) fn adjust(&mut self, region: Option<String>, members: Map<String, Value>) {
        self.region = region.or(self.region.take());
        self.members.extend(members);
    }

    /// A member of `CreateGateway`, as it came.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    /// None: it answers in any Region.
    pub(crate) fn region(&self) -> Option<&str> {
        self.region.as_deref()
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

    /// Who holds a name: a target holds its own until the last moment of its deletion.
    pub(crate) fn holder_of(&self, name: &str) -> Option<u64> {
        self.by_name.get(name).copied()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.targets.len()
    }

    /// How many creations, updates and deletions are going on.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way
    }

    pub(crate) fn insert(&mut self, sequence: u64, target: Target, at: Timestamp) {
        if self.history.is_kept() {
            self.history.note(at, sequence, &target.id, None, Some(target.clone()));
        }
        self.under_way += usize::from(target.is_under_way());
        self.by_id.insert(target.id.clone(), sequence);
        self.by_name.insert(target.spec.name.clone(), sequence);
        self.targets.insert(sequence, target);
    }

    /// Changes a target. A new name must be free.
    pub(crate) fn edit(
        &mut self,
        sequence: u64,
        at: Timestamp,
        change: impl FnOnce(&mut Target),
    ) -> Option<&Target> {
        let target = self.targets.get_mut(&sequence)?;
        let before = self.history.is_kept().then(|| target.clone());
        let name = target.spec.name.clone();
        self.under_way -= usize::from(target.is_under_way());
        change(target);
        self.under_way += usize::from(target.is_under_way());
        if target.spec.name != name {
            self.by_name.remove(&name);
            self.by_name.insert(target.spec.name.clone(), sequence);
        }
        if before.is_some() {
            self.history.note(at, sequence, &target.id, before, Some(target.clone()));
        }
        Some(target)
    }

    pub(crate) fn remove(&mut self, sequence: u64, at: Timestamp) {
        if let Some(target) = self.targets.remove(&sequence) {
            self.by_id.remove(&target.id);
            self.by_name.remove(&target.spec.name);
            self.under_way -= usize::from(target.is_under_way());
            if self.history.is_kept() {
                let id = target.id.clone();
                self.history.note(at, sequence, &id, Some(target), None);
            }
        }
    }

    pub(crate) fn target(&self, sequence: u64) -> Option<&Target> {
        self.targets.get(&sequence)
    }

    /// How long reads may lag behind from now on.
    pub(crate) fn keep_history(&mut self, keep: Duration) {
        self.history.keep(keep);
    }

    /// The target of this ID as it was at a time.
    pub(crate) fn find_at(&self, id: &str, time: Timestamp) -> Option<&Target> {
        let sequence = self.by_id.get(id).copied().or_else(|| self.history.find(id))?;
        self.history.at(sequence, time, self.targets.get(&sequence))
    }

    /// The targets that there were at a time, made after the one with this sequence number.
    pub(crate) fn targets_at(
        &self,
        sequence: u64,
        time: Timestamp,
    ) -> impl Iterator<Item = (u64, &Target)> {
        let present = self.targets_after(sequence).map(|(sequence, _)| sequence);
        let all: std::collections::BTreeSet<u64> =
            present.chain(self.history.after(sequence)).collect();
        all.into_iter().filter_map(move |sequence| {
            let present = self.targets.get(&sequence);
            Some((sequence, self.history.at(sequence, time, present)?))
        })
    }
}

impl Target {
    /// Whether it counts against the operations under way.
    fn is_under_way(&self) -> bool {
        matches!(
            self.status,
            TargetStatus::Creating | TargetStatus::Updating | TargetStatus::Deleting
        )
    }

    /// `gateway_arn` is the gateway's, which a target does not know.
    pub(crate) fn view(&self, gateway_arn: String) -> TargetView {
        TargetView {
            gateway_arn,
            target_id: self.id.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            status: self.status.clone(),
            status_reasons: self.reasons.clone(),
            protocol_type: self.spec.protocol_type(),
            spec: self.spec.clone(),
            last_synchronized_at: self.synchronized_at,
            authorization_data: self.authorization.as_ref().map(Authorization::data),
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
            authorization_data: self.authorization.as_ref().map(Authorization::data),
            target_type: self.spec.target_type(),
            listing_mode: self.spec.listing_mode().map(str::to_owned),
        }
    }
}
