//! The Kubernetes mirror: every `MCPServer` as it was last seen or written, who claims what, and who
//! names which workload.
//!
//! Contract: never goes back: an object that is older than the one held is ignored, so that a
//! watch which lags behind our own writes cannot make us plan on the past. Tells who has to be
//! woken by a change: the resource itself when a person changed it (not after our own status
//! writes), and those whose rival's claims have changed.

mod state;
mod tally;
mod text;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agentcore::Observation;
use api::{GatewayId, MCPServer, Summary, TargetId};
use kube::api::ObjectMeta;
use planner::{Claim, ClaimKind, Policy};
use tokio::sync::watch;

use crate::workloads::{Named, News, Place};
pub(crate) use state::Obstacle;
#[cfg(test)]
pub(crate) use state::POISON;
use state::State;
pub(crate) use tally::OTHER;

/// Namespace and name of a resource. Many hold it, so that a copy is cheap.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key(Arc<Names>);

/// What a key says.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Names {
    pub(crate) namespace: Box<str>,
    pub(crate) name: Box<str>,
}

impl Key {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self(Arc::new(Names { namespace: namespace.into(), name: name.into() }))
    }

    pub(crate) fn of(server: &MCPServer) -> Self {
        Self::of_metadata(&server.metadata)
    }

    pub(crate) fn of_metadata(metadata: &ObjectMeta) -> Self {
        Self::new(
            metadata.namespace.as_deref().unwrap_or_default(),
            metadata.name.as_deref().unwrap_or_default(),
        )
    }
}

impl Deref for Key {
    type Target = Names;

    fn deref(&self) -> &Names {
        &self.0
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
        self.0.as_ref().is_none_or(|namespace| **namespace == *key.namespace)
    }
}

/// What has to be observed for the resources that there are.
#[derive(Debug)]
pub(crate) struct Needed {
    /// The gateways that anybody of this account and Region claims something on.
    pub(crate) gateways: HashSet<GatewayId>,
    /// Where the workloads are that anybody names.
    pub(crate) places: HashSet<Place>,
}

/// What the resources have at AWS, or are making there.
pub(crate) struct Holdings<'a>(&'a State);

impl Holdings<'_> {
    /// Whether this target is one of them.
    pub(crate) fn include(&self, gateway: &GatewayId, target: &Summary) -> bool {
        self.0.gateways.get(gateway).is_some_and(|here| here.include(target))
    }
}

/// All resources.
#[derive(Debug)]
pub(crate) struct Fleet {
    state: Mutex<State>,
    /// Whether all resources have been read once.
    synced: watch::Sender<bool>,
}

impl Fleet {
    /// An empty fleet, to be fed by a watch of each scope.
    pub(crate) fn new(policy: Policy, scopes: impl IntoIterator<Item = Scope>) -> Self {
        let state = State::new(Arc::new(policy), scopes.into_iter().collect());
        let synced = watch::Sender::new(state.unread.is_empty());
        Self { state: Mutex::new(state), synced }
    }

    /// What is known of the account and the settings.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.state().policy)
    }

    /// This is the account that the operator works in: what belongs to another is looked at no more.
    pub(crate) fn works_in(&self, account: String) {
        let mut state = self.state();
        let policy = Policy { account: Some(account), ..(*state.policy).clone() };
        state.judge_by(policy);
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

    pub(crate) fn get(&self, key: &Key) -> Option<MCPServer> {
        self.state().read(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.state().members.len()
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        self.state().members.keys().cloned().collect()
    }

    /// Shows every resource. Few at a time, so that nobody waits for long who wants to look at one.
    pub(crate) fn glance(&self, mut hear: impl FnMut(&Key, &MCPServer)) {
        const AT_ONCE: usize = 100;
        for keys in self.keys().chunks(AT_ONCE) {
            let glances: Vec<_> = {
                let state = self.state();
                let text = |key| state.members.get(key).and_then(|member| member.text.read());
                keys.iter().map(text).collect()
            };
            for (key, server) in keys.iter().zip(&glances) {
                if let Some(server) = server {
                    hear(key, server);
                }
            }
        }
    }

    /// How many resources have each condition: its type, its status, its reason.
    pub(crate) fn tally(&self) -> HashMap<[&'static str; 3], u32> {
        self.state().tally.counts().clone()
    }

    /// Tells what anybody has or makes at AWS.
    pub(crate) fn tell_holdings<T>(&self, hear: impl FnOnce(&Holdings<'_>) -> T) -> T {
        hear(&Holdings(&self.state()))
    }

    /// Tells what has to be observed, unless it is what was told last; who does not work (but stands
    /// by) looks at no gateway. Nothing changes until that has been heard: of two who tell at once, the
    /// later says how it is, and whether anybody works is asked only then.
    pub(crate) fn tell_needed(&self, works: impl FnOnce() -> bool, hear: impl FnOnce(&Needed)) {
        let mut state = self.state();
        let works = works();
        let now = (state.changes, works);
        if state.told.replace(now) == Some(now) {
            return;
        }
        let looked_at = state.gateways.iter().filter(|(_, here)| works && !here.all.is_empty());
        let gateways = looked_at.map(|(gateway, _)| gateway.clone()).collect();
        hear(&Needed { gateways, places: state.workloads.keys().cloned().collect() });
    }

    /// The workload that this resource names.
    pub(crate) fn workload_of(&self, key: &Key) -> Option<Named> {
        self.state().members.get(key)?.workload.as_deref().cloned()
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
        let claims = self.state().claims(key);
        claims.into_iter().map(|claim| claim.gateway).collect()
    }

    /// What others claim of what this resource claims.
    pub(crate) fn rivals(&self, key: &Key, claims: &[Claim]) -> Vec<Claim> {
        let state = self.state();
        let gateways: HashSet<&GatewayId> = claims.iter().map(|claim| &claim.gateway).collect();
        let others: HashSet<&Key> = claims
            .iter()
            .filter_map(|claim| Some(state.gateways.get(&claim.gateway)?.of(claim)))
            .flatten()
            .filter(|other| *other != key)
            .collect();
        let theirs = others.into_iter().flat_map(|other| state.claims(other));
        theirs.filter(|claim| gateways.contains(&claim.gateway)).collect()
    }

    /// Who has this target: for one that is found under a name.
    pub(crate) fn holders(&self, gateway: &GatewayId, target: &TargetId) -> Vec<Claim> {
        let state = self.state();
        let Some(here) = state.gateways.get(gateway) else { return Vec::new() };
        let claims = here.of_target(target).flat_map(|key| state.claims(key));
        claims
            .filter(|claim| claim.kind == ClaimKind::Holds && claim.gateway == *gateway)
            .filter(|claim| claim.target.as_ref() == Some(target))
            .collect()
    }

    /// Whom an observation concerns.
    pub(crate) fn concerned(&self, observation: &Observation) -> HashSet<Key> {
        let state = self.state();
        let Some(here) = state.gateways.get(&observation.gateway) else { return HashSet::new() };
        if observation.outlook_changed {
            return here.all.clone();
        }
        let changed = observation.changed.iter();
        changed
            .flat_map(|(target, name)| here.of_target(target).chain(here.of_name(name)))
            .cloned()
            .collect()
    }

    /// A resource as the watch shows it. Returns whom to wake.
    pub(crate) fn seen(&self, server: MCPServer) -> HashSet<Key> {
        let mut state = self.state();
        let key = state.known(Key::of(&server));
        state.list(&key);
        let before = state.read(&key);
        if before.as_ref().is_some_and(|before| !is_newer(&server, before)) {
            return HashSet::new();
        }
        let concerns = before.as_ref().is_none_or(|before| concern(before) != concern(&server));
        let mut woken = state.put(&key, before.as_ref(), server);
        if concerns {
            woken.insert(key);
        }
        woken
    }

    /// There is a resource that cannot be read. What was known of it before is all that is.
    pub(crate) fn unreadable(&self, key: &Key) {
        self.cannot_take_in(key, Obstacle::Form);
    }

    /// There is a resource at which this program fails, at this place of its code. What was known of it
    /// before is all that is.
    pub(crate) fn broken(&self, key: &Key, place: Option<String>) {
        self.cannot_take_in(key, Obstacle::Panic(place));
    }

    fn cannot_take_in(&self, key: &Key, obstacle: Obstacle) {
        let mut state = self.state();
        state.list(key);
        state.cannot_read(key, obstacle);
    }

    /// Those that cannot be read, and why.
    pub(crate) fn unreadables(&self) -> Vec<(Key, Obstacle)> {
        let state = self.state();
        state.unreadable.iter().map(|(key, why)| (key.clone(), why.clone())).collect()
    }

    /// A resource as our own write returned it, or as it was read live. Returns whom to wake,
    /// which is never the resource itself.
    pub(crate) fn refreshed(&self, server: MCPServer) -> HashSet<Key> {
        let mut state = self.state();
        let key = state.known(Key::of(&server));
        // Of a resource that the watch has shown to be gone, a late answer is nothing new. But of the
        // same version an answer goes before what the watch has shown: a watch that began under an
        // older CRD leaves out what that does not know.
        match state.read(&key) {
            Some(known) if version(&server) == version(&known) || is_newer(&server, &known) => {
                state.put(&key, Some(&known), server)
            }
            Some(_) | None => HashSet::new(),
        }
    }

    /// This resource is gone, as far as its own end goes: one that has come since under the same
    /// name stays. Returns whom to wake.
    pub(crate) fn left(&self, server: &MCPServer) -> HashSet<Key> {
        let key = Key::of(server);
        let mut state = self.state();
        let held = state.read(&key);
        let same = held.is_none_or(|held| held.metadata.uid == server.metadata.uid);
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
        let known: HashSet<&Key> = state.members.keys().chain(state.unreadable.keys()).collect();
        let gone = known.into_iter().filter(|key| scope.covers(key) && !listed.contains(*key));
        let gone: Vec<Key> = gone.cloned().collect();
        let mut woken = HashSet::new();
        for key in gone {
            woken.extend(state.remove(&key));
            woken.insert(key);
        }
        woken
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What can panic while it is held is to judge a resource, before anything of it is changed.
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
