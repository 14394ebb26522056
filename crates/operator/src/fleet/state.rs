//! The members of the fleet, and where each is found.
//!
//! Contract: the indexes say what the members say; nothing is left in them of who is gone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use api::{GatewayId, MCPServer, TargetId};
use planner::{Claim, Policy, validate};

use super::{Key, Scope};
use crate::workloads::{Named, Place};

/// What is claimed: a name on a gateway, or a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    Name(GatewayId, String),
    Target(GatewayId, TargetId),
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) members: HashMap<Key, Member>,
    /// Who claims each identity.
    pub(super) claimants: HashMap<Identity, HashSet<Key>>,
    /// Who claims something on each gateway.
    pub(super) gateways: HashMap<GatewayId, HashSet<Key>>,
    /// Who names each workload, place by place.
    pub(super) workloads: HashMap<Place, HashMap<String, HashSet<Key>>>,
    /// While the watch of a scope lists anew: who has been listed.
    pub(super) listed: HashMap<Scope, HashSet<Key>>,
    /// The scopes that have not been read yet.
    pub(super) unread: HashSet<Scope>,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) server: Arc<MCPServer>,
    pub(super) claims: Vec<Claim>,
    pub(super) workload: Option<Named>,
}

impl State {
    /// Where resources are being listed, this is one of them.
    pub(super) fn list(&mut self, key: &Key) {
        for (scope, listed) in &mut self.listed {
            if scope.covers(key) {
                listed.insert(key.clone());
            }
        }
    }

    pub(super) fn put(&mut self, key: &Key, server: MCPServer, policy: &Policy) -> HashSet<Key> {
        let wish = validate(&server).ok();
        let claims = Claim::wishing(&server, wish.as_ref(), policy);
        let workload = Named::by(&server, wish.as_ref());
        let member = Member { server: Arc::new(server), claims, workload };
        if let Some(before) = self.members.get_mut(key)
            && (&before.claims, &before.workload) == (&member.claims, &member.workload)
        {
            *before = member;
            return HashSet::new();
        }
        let mut woken = self.remove(key);
        if let Some(Named { place, name }) = member.workload.clone() {
            let named = self.workloads.entry(place).or_default();
            named.entry(name).or_default().insert(key.clone());
        }
        for claim in &member.claims {
            self.gateways.entry(claim.gateway.clone()).or_default().insert(key.clone());
            for identity in identities(claim) {
                let claimants = self.claimants.entry(identity).or_default();
                woken.extend(claimants.iter().filter(|other| *other != key).cloned());
                claimants.insert(key.clone());
            }
        }
        self.members.insert(key.clone(), member);
        woken
    }

    pub(super) fn remove(&mut self, key: &Key) -> HashSet<Key> {
        let mut woken = HashSet::new();
        let Some(member) = self.members.remove(key) else { return woken };
        if let Some(workload) = &member.workload {
            self.name_no_more(key, workload);
        }
        for claim in &member.claims {
            if let Some(claimants) = self.gateways.get_mut(&claim.gateway) {
                claimants.remove(key);
                if claimants.is_empty() {
                    self.gateways.remove(&claim.gateway);
                }
            }
            for identity in identities(claim) {
                if let Some(claimants) = self.claimants.get_mut(&identity) {
                    claimants.remove(key);
                    woken.extend(claimants.iter().cloned());
                    if claimants.is_empty() {
                        self.claimants.remove(&identity);
                    }
                }
            }
        }
        woken
    }

    fn name_no_more(&mut self, key: &Key, workload: &Named) {
        let Some(named) = self.workloads.get_mut(&workload.place) else { return };
        if let Some(naming) = named.get_mut(&workload.name) {
            naming.remove(key);
            if naming.is_empty() {
                named.remove(&workload.name);
            }
        }
        if named.is_empty() {
            self.workloads.remove(&workload.place);
        }
    }
}

/// What is claimed.
pub(super) fn identities(claim: &Claim) -> impl Iterator<Item = Identity> {
    let name = claim.name.iter().map(|name| Identity::Name(claim.gateway.clone(), name.clone()));
    let target =
        claim.target.iter().map(|target| Identity::Target(claim.gateway.clone(), target.clone()));
    name.chain(target)
}
