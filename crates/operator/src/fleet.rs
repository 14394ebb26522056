//! The Kubernetes mirror: every `MCPServer` as it was last seen or written, who claims what, and who
//! names which workload.
//!
//! Contract: never goes back: an object that is older than the one held is ignored, so that a
//! watch which lags behind our own writes cannot make us plan on the past. Tells who has to be
//! woken by a change: the resource itself when a person changed it (not after our own status
//! writes), and those whose rival's claims have changed.

mod state;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agentcore::Observation;
use api::{GatewayId, MCPServer, Summary, TargetId};
use kube::api::ObjectMeta;
use planner::{Claim, ClaimKind, Policy};
use tokio::sync::watch;

use crate::workloads::{Named, News, Place};
use state::{Identity, State, identities};

/// Namespace and name of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn of(server: &MCPServer) -> Self {
        Self::of_metadata(&server.metadata)
    }

    pub(crate) fn of_metadata(metadata: &ObjectMeta) -> Self {
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What one watch covers: a namespace, or all of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Scope(pub(crate) Option<String>);

impl Scope {
    fn covers(&self, key: &Key) -> bool {
        self.0.as_ref().is_none_or(|namespace| *namespace == key.namespace)
    }
}

/// What has to be observed for the resources that there are.
#[derive(Debug)]
pub(crate) struct Needed {
    /// The gateways that anybody claims something on.
    pub(crate) gateways: HashSet<GatewayId>,
    /// Where the workloads are that anybody names.
    pub(crate) places: HashSet<Place>,
}

/// What the resources have at AWS, or are making there.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    targets: HashMap<GatewayId, HashSet<TargetId>>,
    names: HashMap<GatewayId, HashSet<String>>,
}

impl Holdings {
    /// Whether this target is one of them.
    pub(crate) fn include(&self, gateway: &GatewayId, target: &Summary) -> bool {
        self.targets.get(gateway).is_some_and(|held| held.contains(&target.id))
            || self.names.get(gateway).is_some_and(|made| made.contains(&target.name))
    }
}

/// All resources.
#[derive(Debug)]
pub(crate) struct Fleet {
    policy: Policy,
    state: Mutex<State>,
    /// Whether all resources have been read once.
    synced: watch::Sender<bool>,
}

impl Fleet {
    /// An empty fleet, to be fed by a watch of each scope.
    pub(crate) fn new(policy: Policy, scopes: impl IntoIterator<Item = Scope>) -> Self {
        let state = State { unread: scopes.into_iter().collect(), ..State::default() };
        let synced = watch::Sender::new(state.unread.is_empty());
        Self { policy, state: Mutex::new(state), synced }
    }

    /// Whether all resources have been read once.
    pub(crate) fn is_synced(&self) -> bool {
        *self.synced.borrow()
    }

    /// Waits until all resources have been read once. Before that nobody knows all claims.
    pub(crate) async fn synced(&self) {
        // An error says that the sender is gone, which is held right here.
        let _ = self.synced.subscribe().wait_for(|synced| *synced).await;
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<MCPServer>> {
        self.state().members.get(key).map(|member| Arc::clone(&member.server))
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        self.state().members.keys().cloned().collect()
    }

    /// Every resource, as it was last seen or written.
    pub(crate) fn servers(&self) -> Vec<Arc<MCPServer>> {
        self.state().members.values().map(|member| Arc::clone(&member.server)).collect()
    }

    /// What anybody has or makes at AWS.
    pub(crate) fn holdings(&self) -> Holdings {
        let mut holdings = Holdings::default();
        for claim in self.state().members.values().flat_map(|member| &member.claims) {
            let here = || claim.gateway.clone();
            match (claim.kind, &claim.target, &claim.name) {
                (ClaimKind::Holds, Some(target), _) => {
                    holdings.targets.entry(here()).or_default().insert(target.clone());
                }
                (ClaimKind::Intends, _, Some(name)) => {
                    holdings.names.entry(here()).or_default().insert(name.clone());
                }
                (ClaimKind::Holds | ClaimKind::Intends | ClaimKind::Desires, _, _) => {}
            }
        }
        holdings
    }

    /// Tells what has to be observed. Nothing changes until that has been heard: of two who tell at
    /// once, the later says how it is.
    pub(crate) fn tell_needed(&self, hear: impl FnOnce(&Needed)) {
        let state = self.state();
        hear(&Needed {
            gateways: state.gateways.keys().cloned().collect(),
            places: state.workloads.keys().cloned().collect(),
        });
    }

    /// The workload that this resource names.
    pub(crate) fn workload_of(&self, key: &Key) -> Option<Named> {
        self.state().members.get(key)?.workload.clone()
    }

    /// Who names what the news are of.
    pub(crate) fn naming(&self, place: &Place, news: &News) -> HashSet<Key> {
        let state = self.state();
        let Some(here) = state.workloads.get(place) else { return HashSet::new() };
        match news {
            News::All => here.values().flatten().cloned().collect(),
            News::Of(names) => {
                names.iter().filter_map(|name| here.get(name)).flatten().cloned().collect()
            }
        }
    }

    /// The gateways that this resource claims something on.
    pub(crate) fn gateways_of(&self, key: &Key) -> HashSet<GatewayId> {
        let state = self.state();
        let claims = state.members.get(key).into_iter().flat_map(|member| &member.claims);
        claims.map(|claim| claim.gateway.clone()).collect()
    }

    /// What others claim of the identities that this resource claims.
    pub(crate) fn rivals(&self, key: &Key) -> Vec<Claim> {
        let state = self.state();
        let Some(member) = state.members.get(key) else { return Vec::new() };
        let gateways: HashSet<&GatewayId> =
            member.claims.iter().map(|claim| &claim.gateway).collect();
        let others: HashSet<&Key> = member
            .claims
            .iter()
            .flat_map(identities)
            .filter_map(|identity| state.claimants.get(&identity))
            .flatten()
            .filter(|other| *other != key)
            .collect();
        others
            .into_iter()
            .filter_map(|other| state.members.get(other))
            .flat_map(|other| &other.claims)
            .filter(|claim| gateways.contains(&claim.gateway))
            .cloned()
            .collect()
    }

    /// Who has this target: for one that is found under a name.
    pub(crate) fn holders(&self, gateway: &GatewayId, target: &TargetId) -> Vec<Claim> {
        let state = self.state();
        let identity = Identity::Target(gateway.clone(), target.clone());
        let holders = state.claimants.get(&identity).into_iter().flatten();
        holders
            .filter_map(|key| state.members.get(key))
            .flat_map(|member| &member.claims)
            .filter(|claim| claim.kind == ClaimKind::Holds && claim.gateway == *gateway)
            .filter(|claim| claim.target.as_ref() == Some(target))
            .cloned()
            .collect()
    }

    /// Whom an observation concerns.
    pub(crate) fn concerned(&self, observation: &Observation) -> HashSet<Key> {
        let state = self.state();
        let gateway = &observation.gateway;
        if observation.outlook_changed {
            return state.gateways.get(gateway).cloned().unwrap_or_default();
        }
        let identities = observation.changed.iter().flat_map(|(target, name)| {
            [
                Identity::Target(gateway.clone(), target.clone()),
                Identity::Name(gateway.clone(), name.clone()),
            ]
        });
        identities
            .filter_map(|identity| state.claimants.get(&identity))
            .flatten()
            .cloned()
            .collect()
    }

    /// A resource as the watch shows it. Returns whom to wake.
    pub(crate) fn seen(&self, server: MCPServer) -> HashSet<Key> {
        let key = Key::of(&server);
        let mut state = self.state();
        state.list(&key);
        let before = state.members.get(&key).map(|member| Arc::clone(&member.server));
        if before.as_ref().is_some_and(|before| !is_newer(&server, before)) {
            return HashSet::new();
        }
        let concerns = before.is_none_or(|before| concern(&before) != concern(&server));
        let mut woken = state.put(&key, server, &self.policy);
        if concerns {
            woken.insert(key);
        }
        woken
    }

    /// There is a resource that cannot be read. What was known of it before is all that is.
    pub(crate) fn unreadable(&self, key: &Key) {
        self.state().list(key);
    }

    /// A resource as our own write returned it, or as it was read live. Returns whom to wake,
    /// which is never the resource itself.
    pub(crate) fn refreshed(&self, server: MCPServer) -> HashSet<Key> {
        let key = Key::of(&server);
        let mut state = self.state();
        // Of a resource that the watch has shown to be gone, a late answer is nothing new. But of the
        // same version an answer goes before what the watch has shown: a watch that began under an
        // older CRD leaves out what that does not know.
        let known = state.members.get(&key);
        let counts = known.is_some_and(|member| {
            version(&server) == version(&member.server) || is_newer(&server, &member.server)
        });
        if counts { state.put(&key, server, &self.policy) } else { HashSet::new() }
    }

    /// A resource is gone. Returns whom to wake.
    pub(crate) fn gone(&self, key: &Key) -> HashSet<Key> {
        self.state().remove(key)
    }

    /// This resource is gone, as far as its own end goes: one that has come since under the same
    /// name stays. Returns whom to wake.
    pub(crate) fn left(&self, server: &MCPServer) -> HashSet<Key> {
        let key = Key::of(server);
        let mut state = self.state();
        let member = state.members.get(&key);
        let same = member.is_some_and(|member| member.server.metadata.uid == server.metadata.uid);
        if same { state.remove(&key) } else { HashSet::new() }
    }

    /// The watch of this scope begins to list anew.
    pub(crate) fn listing_begins(&self, scope: &Scope) {
        self.state().listed.insert(scope.clone(), HashSet::new());
    }

    /// The list is complete: who was not on it is gone. Returns whom to wake, the gone included.
    pub(crate) fn listing_ends(&self, scope: &Scope) -> HashSet<Key> {
        let mut state = self.state();
        state.unread.remove(scope);
        if state.unread.is_empty() {
            self.synced.send_replace(true);
        }
        let listed = state.listed.remove(scope).unwrap_or_default();
        let members = state.members.keys();
        let gone: Vec<Key> =
            members.filter(|key| scope.covers(key) && !listed.contains(*key)).cloned().collect();
        let mut woken = HashSet::new();
        for key in gone {
            woken.extend(state.remove(&key));
            woken.insert(key);
        }
        woken
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that could panic is done while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What of a resource concerns the planner when it changes: not the status, which is our own,
/// unless somebody takes it away.
fn concern(server: &MCPServer) -> impl PartialEq {
    let meta = &server.metadata;
    let annotation = |name| meta.annotations.as_ref()?.get(name).cloned();
    (
        meta.uid.clone(),
        meta.generation,
        meta.deletion_timestamp.is_some(),
        meta.finalizers.clone(),
        server.status.as_ref().is_some_and(|status| !status.conditions.is_empty()),
        [
            api::TARGET_ANNOTATION,
            api::ADOPT_ANNOTATION,
            api::REQUEST_ANNOTATION,
            api::SYNC_REQUEST_ANNOTATION,
        ]
        .map(annotation),
    )
}

/// Whether the first is newer than the second. Resource versions of one kind can be compared as
/// numbers (Kubernetes API concepts, since 1.35; true of every API server on etcd before); one
/// that is no number is taken for new.
fn is_newer(this: &MCPServer, that: &MCPServer) -> bool {
    match (version(this), version(that)) {
        (Some(this), Some(that)) => this > that,
        (None, _) | (_, None) => true,
    }
}

fn version(server: &MCPServer) -> Option<u64> {
    server.metadata.resource_version.as_ref()?.parse().ok()
}

#[cfg(test)]
mod tests;
