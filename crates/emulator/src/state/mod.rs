//! The state machine: gateways, their targets, and what time and calls do to them.
//!
//! Pure. Nothing here performs I/O, reads a clock or draws a random number that the seed does
//! not determine. `handle` first lets everything happen that was due by `now`, then carries out
//! one call, at once and completely; an error leaves no trace. What takes AWS time is kept as a
//! target's due time and happens on the next look.

mod admission;
mod backdoor;
mod echo;
mod gateway;
mod gateways;
mod headers;
mod history;
mod ids;
mod lifecycle;
mod paging;
mod quotas;
mod targets;
mod tokens;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::call::{Call, Caller};
use crate::error::{ApiError, ErrorKind};
use crate::outcome::OutcomeRule;
use crate::settings::{GatewayIds, Settings};
use crate::shape::{check_text, requests};
use crate::tally::Rules;
use crate::target::{TargetStatus, TargetSummary, TargetView};

pub use backdoor::{BackdoorError, NewGateway, TargetPatch};
pub(crate) use gateway::GatewayView;
use gateway::{Gateway, GatewaySummary};
use ids::Ids;
pub(crate) use lifecycle::Consented;
use tokens::Tokens;

/// Everything the emulator knows, at one moment.
#[derive(Debug)]
pub(crate) struct State {
    settings: Arc<Settings>,
    /// Where the emulator can be reached, for the URLs that it gives out.
    url: String,
    gateways: BTreeMap<String, Gateway>,
    /// When a target has to be looked at. An entry whose target has other plans by then is
    /// ignored, so nobody has to search here for entries to take out.
    due: BinaryHeap<Reverse<Due>>,
    tokens: Tokens,
    pub(crate) outcomes: Rules<OutcomeRule>,
    buckets: quotas::Buckets,
    ids: Ids,
    /// For everything that is drawn and is not an ID, so that a distribution shifts no ID.
    random: fastrand::Rng,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Timestamp,
    target: u64,
    gateway: String,
}

/// What a successful call says.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Target(Box<TargetView>),
    DeletedTarget(DeletedTarget),
    Targets(Items<TargetSummary>),
    Synchronizing(Synchronizing),
    Gateway(Box<GatewayView>),
    DeletedGateway(DeletedGateway),
    Gateways(Items<GatewaySummary>),
}

/// One page of a list.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Items<T> {
    pub(crate) items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeletedTarget {
    pub(crate) gateway_arn: String,
    pub(crate) target_id: String,
    pub(crate) status: TargetStatus,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Synchronizing {
    pub(crate) targets: Vec<TargetView>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeletedGateway {
    pub(crate) gateway_id: String,
    pub(crate) status: &'static str,
}

impl Answer {
    /// Shows every target in this status, whatever it is in.
    pub(crate) fn show_status(&mut self, status: &TargetStatus) {
        match self {
            Self::Target(target) => target.status = status.clone(),
            Self::DeletedTarget(target) => target.status = status.clone(),
            Self::Targets(items) => {
                items.items.iter_mut().for_each(|target| target.status = status.clone());
            }
            Self::Synchronizing(synchronizing) => {
                synchronizing.targets.iter_mut().for_each(|target| target.status = status.clone());
            }
            Self::Gateway(_) | Self::DeletedGateway(_) | Self::Gateways(_) => {}
        }
    }
}

impl State {
    pub(crate) fn new(settings: Settings, url: String, now: Timestamp) -> Self {
        let mut state = Self {
            url,
            gateways: BTreeMap::new(),
            due: BinaryHeap::new(),
            tokens: Tokens::default(),
            outcomes: Rules::new(settings.outcomes.iter().cloned()),
            buckets: quotas::Buckets::default(),
            ids: Ids::new(settings.seed),
            random: fastrand::Rng::with_seed(settings.seed),
            settings: Arc::new(settings),
        };
        let settings = Arc::clone(&state.settings);
        let own = settings.gateways.iter().map(|id| (id, &settings.account));
        let others = settings
            .accounts
            .iter()
            .flat_map(|account| account.gateways.iter().map(move |id| (id, &account.id)));
        for (id, account) in own.chain(others) {
            let sequence = state.ids.next_sequence();
            let gateway =
                Gateway::preseeded(id, account, sequence, &settings, now).keeping(&settings);
            state.gateways.insert(id.clone(), gateway);
        }
        state
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// From now on it behaves like this. What has begun ends as it began.
    pub(crate) fn set_settings(&mut self, settings: Settings) {
        for gateway in self.gateways.values_mut() {
            gateway.keep_history(settings.consistency.longest());
        }
        self.settings = Arc::new(settings);
    }

    /// Carries out one call.
    pub(crate) fn handle(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        call: Call,
    ) -> Result<Answer, ApiError> {
        self.advance(now);
        match call {
            Call::CreateGateway { token, name, members } => {
                self.create_gateway(now, caller, token, name, members)
            }
            Call::GetGateway { gateway } => self.get_gateway(caller, &gateway),
            Call::DeleteGateway { gateway } => self.delete_gateway(caller, &gateway),
            Call::ListGateways(page) => self.list_gateways(caller, &page),
            Call::CreateTarget { gateway, token, spec } => {
                self.create_target(now, caller, &gateway, token, spec)
            }
            Call::GetTarget { gateway, target } => self.get_target(now, caller, &gateway, &target),
            Call::UpdateTarget { gateway, target, spec } => {
                self.update_target(now, caller, &gateway, &target, spec)
            }
            Call::DeleteTarget { gateway, target } => {
                self.delete_target(now, caller, &gateway, &target)
            }
            Call::ListTargets { gateway, page } => self.list_targets(now, caller, &gateway, &page),
            Call::Synchronize { gateway, targets } => {
                self.synchronize(now, caller, &gateway, &targets)
            }
        }
    }

    /// Lets everything happen that is due by `now`, in its order and at its own time.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        while let Some(Reverse(due)) = self.due.peek() {
            if due.at > now {
                break;
            }
            let Some(Reverse(due)) = self.due.pop() else { break };
            self.settle(now, &due);
        }
    }

    /// When something will happen by itself; nothing before that changes without a call.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.peek().map(|Reverse(due)| due.at)
    }

    fn schedule(&mut self, gateway: &str, target: u64, at: Timestamp) {
        self.due.push(Reverse(Due { at, target, gateway: gateway.to_owned() }));
    }

    /// The same where a target may wait for nothing.
    fn schedule_at(&mut self, gateway: &str, target: u64, at: Option<Timestamp>) {
        if let Some(at) = at {
            self.schedule(gateway, target, at);
        }
    }

    /// The gateway of this ID, if the caller's account and Region are the gateway's.
    fn gateway(&self, caller: &Caller, id: &str) -> Result<&Gateway, ApiError> {
        if id.starts_with("arn:") {
            // Field reports: the call fails its authorisation before anybody looks at the form.
            let message = format!("User is not authorized to perform this action on {id}");
            return Err(ApiError::new(ErrorKind::AccessDenied, message));
        }
        if self.settings.variants.gateway_ids == GatewayIds::ModelForm {
            check_text("gatewayIdentifier", id, &requests::GATEWAY_ID)?;
        }
        self.gateways.get(id).filter(|gateway| gateway.is_visible_to(caller)).ok_or_else(|| {
            let message = format!("Gateway with identifier {id} not found");
            ApiError::new(ErrorKind::ResourceNotFound, message)
        })
    }
}

#[cfg(test)]
mod tests;
