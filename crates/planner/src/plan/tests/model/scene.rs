//! A state of the model: all that people, the operator and AWS have at one moment.
//!
//! Contract: plain data that can be copied and hashed. What decides nothing (the times in
//! conditions, versions of a target that can no longer be shown) is left out, so that lives which
//! differ in nothing else are one state.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use api::{GatewayId, MCPServer, Reason, Sight, Summary, Trouble};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::super::aws::{Aws, Identity};
use crate::{Claim, Memory, Policy, Workload};

#[derive(Clone, Debug, PartialEq, Hash)]
pub(in super::super) struct Scene {
    pub(super) now: Timestamp,
    /// The resources as Kubernetes has them; `None`: gone.
    pub(super) servers: Vec<Option<Arc<Kept>>>,
    /// What the one process that cares for all of them knows of each.
    pub(super) minds: Vec<Mind>,
    pub(super) seen: BTreeMap<GatewayId, Seen>,
    pub(super) looked_at: Timestamp,
    pub(super) aws: Aws,
    /// The workload that the resources name, as the process sees it.
    pub(super) workload: Option<Workload>,
    /// For which resource a target was made.
    pub(super) makers: BTreeMap<Identity, usize>,
    pub(super) left: Budget,
    /// An invariant that a step has broken.
    pub(super) broken: Option<&'static str>,
}

/// What may still go wrong, be done by a person, or by a stranger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(in super::super) struct Budget {
    pub(super) mishaps: u8,
    pub(super) deeds: u8,
    pub(super) strangers: u8,
}

/// A resource with its hash.
#[derive(Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) server: MCPServer,
    hash: u64,
}

#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) struct Mind {
    pub(super) memory: Memory,
    pub(super) due: bool,
    pub(super) wake_at: Option<Timestamp>,
    pub(super) awaits: Vec<GatewayId>,
    /// How many intents there were, so that no nonce comes twice.
    pub(super) intents: u32,
}

/// What a mirror shows.
#[derive(Clone, Debug, Default, PartialEq, Hash)]
pub(super) struct Seen {
    pub(super) as_of: Option<Timestamp>,
    pub(super) before: Option<Timestamp>,
    pub(super) entries: Option<Vec<Summary>>,
    pub(super) trouble: Option<Trouble>,
}

impl Kept {
    pub(super) fn new(mut server: MCPServer) -> Arc<Self> {
        let conditions = server.status.iter_mut().flat_map(|status| &mut status.conditions);
        conditions.for_each(|c| c.last_transition_time = Time(Timestamp::UNIX_EPOCH));
        let mut hasher = DefaultHasher::new();
        serde_json::to_string(&server).expect("it is plain data").hash(&mut hasher);
        Arc::new(Self { server, hash: hasher.finish() })
    }
}

impl Hash for Kept {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

impl Seen {
    pub(super) fn sight(&self) -> Sight {
        let listing = self.entries.as_ref();
        Sight {
            listing: listing.map(|entries| Arc::new(entries.iter().cloned().collect())),
            as_of: self.as_of,
            before: self.before,
            trouble: self.trouble.clone(),
        }
    }

    /// What concerns the claim.
    fn entry(&self, claim: &Claim) -> [Option<&Summary>; 2] {
        let all = || self.entries.iter().flatten();
        [
            all().find(|entry| Some(&entry.id) == claim.target.as_ref()),
            all().find(|entry| Some(&entry.name) == claim.name.as_ref()),
        ]
    }

    /// Whether the one shows something else than the other that concerns the claim.
    pub(super) fn differs(&self, other: &Self, claim: &Claim) -> bool {
        self.trouble.is_some() != other.trouble.is_some()
            || self.entries.is_some() != other.entries.is_some()
            || self.entry(claim) != other.entry(claim)
    }
}

impl Scene {
    pub(super) fn server(&self, index: usize) -> Option<&MCPServer> {
        self.servers[index].as_ref().map(|kept| &kept.server)
    }

    pub(super) fn claims(&self, index: usize, policy: &Policy) -> Vec<Claim> {
        self.server(index).map(|server| Claim::of(server, policy)).unwrap_or_default()
    }

    /// Every gateway that is claimed.
    pub(super) fn gateways(&self, policy: &Policy) -> Vec<GatewayId> {
        let all = (0..self.servers.len()).flat_map(|index| self.claims(index, policy));
        let mut gateways: Vec<GatewayId> = all.map(|claim| claim.gateway).collect();
        gateways.sort_unstable();
        gateways.dedup();
        gateways
    }

    /// The targets that were made for this resource and live.
    pub(super) fn alive(&self, index: usize) -> Vec<Identity> {
        let made = self.makers.iter().filter(|(_, maker)| **maker == index);
        let alive = made.filter(|(identity, _)| self.aws.now(identity, self.now).is_some());
        alive.map(|(identity, _)| identity.clone()).collect()
    }

    /// Whether `Ready` has this reason.
    pub(super) fn says(&self, index: usize, reason: Reason) -> bool {
        let status = self.server(index).and_then(|server| server.status.as_ref());
        let mut conditions = status.iter().flat_map(|status| &status.conditions);
        conditions.any(|c| c.type_ == "Ready" && c.reason == reason.as_str())
    }

    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}
