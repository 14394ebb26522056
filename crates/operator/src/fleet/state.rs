//! The members of the fleet, and where each is found.
//!
//! Contract: the indexes say what the members say; nothing is left in them of who is gone.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use api::{GatewayId, MCPServer, Summary, TargetId};
use planner::{Claim, ClaimKind, Policy, foreign_arn, validate};

use super::tally::Tally;
use super::text::Text;
use super::{Key, Scope};
use crate::workloads::{Named, Place};

/// In tests to judge a resource of this name panics, as a mistake in what judges would.
#[cfg(test)]
pub(crate) const POISON: &str = "poison";

#[derive(Debug)]
pub(super) struct State {
    pub(super) policy: Arc<Policy>,
    pub(super) members: HashMap<Key, Member>,
    /// Who claims something on each gateway.
    pub(super) gateways: HashMap<GatewayId, Claimants>,
    /// Who names each workload, place by place.
    pub(super) workloads: HashMap<Place, HashMap<String, HashSet<Key>>>,
    /// While the watch of a scope lists anew: who has been listed.
    pub(super) listed: HashMap<Scope, HashSet<Key>>,
    /// The scopes that have not been read yet.
    pub(super) unread: HashSet<Scope>,
    /// Those that cannot be read as they are now, members or not.
    pub(super) unreadable: HashMap<Key, Obstacle>,
    pub(super) tally: Tally,
    /// How many times it has changed what is claimed or named.
    pub(super) changes: u64,
    /// What was told last of what has to be observed: after how many changes, and whether to one who
    /// works.
    pub(super) told: Option<(u64, bool)>,
}

/// Why a resource is not known as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// It has no `MCPServer`'s form.
    Form,
    /// To judge it panics, at this place.
    Panic(Option<String>),
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) text: Text,
    pub(super) workload: Option<Box<Named>>,
}

/// Who claims what on a gateway. Most names and targets are claimed by one resource.
#[derive(Debug, Default)]
pub(super) struct Claimants {
    /// Those for whom the gateway is looked at.
    pub(super) all: HashSet<Key>,
    names: HashMap<Box<str>, Vec<(Key, ClaimKind)>>,
    targets: HashMap<TargetId, Vec<(Key, ClaimKind)>>,
}

impl Claimants {
    pub(super) fn of_name(&self, name: &str) -> impl Iterator<Item = &Key> {
        self.names.get(name).into_iter().flatten().map(|(key, _)| key)
    }

    pub(super) fn of_target(&self, target: &TargetId) -> impl Iterator<Item = &Key> {
        self.targets.get(target).into_iter().flatten().map(|(key, _)| key)
    }

    /// Whether anybody has this target, or is making one of its name.
    pub(super) fn include(&self, target: &Summary) -> bool {
        let mut holders = self.targets.get(&target.id).into_iter().flatten();
        let mut makers = self.names.get(target.name.as_str()).into_iter().flatten();
        holders.any(|(_, kind)| *kind == ClaimKind::Holds)
            || makers.any(|(_, kind)| *kind == ClaimKind::Intends)
    }

    /// Who claims what is claimed here.
    pub(super) fn of(&self, claim: &Claim) -> impl Iterator<Item = &Key> {
        let name = claim.name.iter().flat_map(|name| self.of_name(name));
        name.chain(claim.target.iter().flat_map(|target| self.of_target(target)))
    }
}

/// What a resource claims and names.
#[derive(PartialEq, Eq)]
struct Stakes {
    /// Whether it belongs to another account or Region. Others respect its claims all the same.
    is_foreign: bool,
    claims: Vec<Claim>,
    workload: Option<Named>,
}

impl Stakes {
    fn of(server: &MCPServer, policy: &Policy) -> Self {
        #[cfg(test)]
        assert!(server.metadata.name.as_deref() != Some(POISON), "a spec that nobody thought of");
        let wish = validate(server).ok();
        Self {
            is_foreign: foreign_arn(server, policy).is_some(),
            claims: Claim::wishing(server, wish.as_ref(), policy),
            workload: Named::by(server, wish.as_ref()),
        }
    }
}

impl State {
    /// Nobody yet. These scopes are to be read.
    pub(super) fn new(policy: Arc<Policy>, unread: HashSet<Scope>) -> Self {
        Self {
            policy,
            members: HashMap::new(),
            gateways: HashMap::new(),
            workloads: HashMap::new(),
            listed: HashMap::new(),
            unread,
            unreadable: HashMap::new(),
            tally: Tally::default(),
            changes: 0,
            told: None,
        }
    }

    /// From now on it is judged by this what resources claim.
    pub(super) fn judge_by(&mut self, policy: Policy) {
        let policy = Arc::new(policy);
        let before = std::mem::replace(&mut self.policy, Arc::clone(&policy));
        let keys: Vec<Key> = self.members.keys().cloned().collect();
        for key in keys {
            let Some(server) = self.read(&key) else { continue };
            let (old, new) = (Stakes::of(&server, &before), Stakes::of(&server, &policy));
            if old != new {
                self.withdraw(&key, &old);
                self.enter(&key, &new);
            }
        }
    }

    /// The key under which it is held, so that it is held once.
    pub(super) fn known(&self, key: Key) -> Key {
        self.members.get_key_value(&key).map_or(key, |(known, _)| known.clone())
    }

    pub(super) fn read(&self, key: &Key) -> Option<MCPServer> {
        self.members.get(key)?.text.read()
    }

    /// What this resource claims.
    pub(super) fn claims(&self, key: &Key) -> Vec<Claim> {
        self.read(key).map(|server| Claim::of(&server, &self.policy)).unwrap_or_default()
    }

    /// Where resources are being listed, this is one of them.
    pub(super) fn list(&mut self, key: &Key) {
        for (scope, listed) in &mut self.listed {
            if scope.covers(key) {
                listed.insert(key.clone());
            }
        }
    }

    /// It cannot be read as it is now, and counts as one that says so.
    pub(super) fn cannot_read(&mut self, key: &Key, obstacle: Obstacle) {
        if self.unreadable.insert(key.clone(), obstacle).is_none() {
            if let Some(before) = self.read(key) {
                self.tally.remove(&before);
            }
            self.tally.add_unreadable();
        }
    }

    /// It does not count any more as it did.
    fn discount(&mut self, key: &Key, before: Option<&MCPServer>) {
        if self.unreadable.remove(key).is_some() {
            self.tally.remove_unreadable();
        } else if let Some(before) = before {
            self.tally.remove(before);
        }
    }

    /// `before` is what is held of it, if anything. Returns whose rival it has become, or was.
    pub(super) fn put(
        &mut self,
        key: &Key,
        before: Option<&MCPServer>,
        server: MCPServer,
    ) -> HashSet<Key> {
        // What is judged can panic, and nothing is changed before that.
        let stakes = Stakes::of(&server, &self.policy);
        let judged = before.map(|before| Stakes::of(before, &self.policy));
        self.discount(key, before);
        self.tally.add(&server);
        let text = Text::of(server);
        let before = judged;
        if before.as_ref() == Some(&stakes)
            && let Some(member) = self.members.get_mut(key)
        {
            member.text = text;
            return HashSet::new();
        }
        let mut woken = before.map(|before| self.withdraw(key, &before)).unwrap_or_default();
        woken.extend(self.enter(key, &stakes));
        let workload = stakes.workload.map(Box::new);
        self.members.insert(key.clone(), Member { text, workload });
        woken
    }

    pub(super) fn remove(&mut self, key: &Key) -> HashSet<Key> {
        let before = self.read(key);
        let stakes = before.as_ref().map(|before| Stakes::of(before, &self.policy));
        self.discount(key, before.as_ref());
        self.members.remove(key);
        stakes.map(|stakes| self.withdraw(key, &stakes)).unwrap_or_default()
    }

    /// Puts it into the indexes. Returns whose rival it is.
    fn enter(&mut self, key: &Key, stakes: &Stakes) -> HashSet<Key> {
        self.changes += 1;
        if let Some(Named { place, name }) = stakes.workload.clone() {
            let named = self.workloads.entry(place).or_default();
            named.entry(name).or_default().insert(key.clone());
        }
        let mut rivals = HashSet::new();
        for claim in &stakes.claims {
            let here = self.gateways.entry(claim.gateway.clone()).or_default();
            rivals.extend(here.of(claim).filter(|other| *other != key).cloned());
            if !stakes.is_foreign {
                here.all.insert(key.clone());
            }
            if let Some(name) = &claim.name {
                add(&mut here.names, name.as_str().into(), key, claim.kind);
            }
            if let Some(target) = &claim.target {
                add(&mut here.targets, target.clone(), key, claim.kind);
            }
        }
        rivals
    }

    /// Takes it out of the indexes. Returns who may have gained by that.
    fn withdraw(&mut self, key: &Key, stakes: &Stakes) -> HashSet<Key> {
        self.changes += 1;
        if let Some(workload) = &stakes.workload {
            self.name_no_more(key, workload);
        }
        let mut woken = HashSet::new();
        for claim in &stakes.claims {
            let Some(here) = self.gateways.get_mut(&claim.gateway) else { continue };
            here.all.remove(key);
            woken.extend(here.of(claim).filter(|other| *other != key).cloned());
            if let Some(name) = &claim.name {
                take(&mut here.names, name.as_str(), key);
            }
            if let Some(target) = &claim.target {
                take(&mut here.targets, target, key);
            }
            if here.all.is_empty() && here.names.is_empty() && here.targets.is_empty() {
                self.gateways.remove(&claim.gateway);
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

/// A better claim of the same resource takes the place of the one before.
fn add<I: Eq + Hash>(
    claimants: &mut HashMap<I, Vec<(Key, ClaimKind)>>,
    identity: I,
    key: &Key,
    kind: ClaimKind,
) {
    let all = claimants.entry(identity).or_insert_with(|| Vec::with_capacity(1));
    match all.iter_mut().find(|(other, _)| other == key) {
        Some((_, known)) => *known = kind.max(*known),
        None => all.push((key.clone(), kind)),
    }
}

fn take<I, Q>(claimants: &mut HashMap<I, Vec<(Key, ClaimKind)>>, identity: &Q, key: &Key)
where
    I: Borrow<Q> + Eq + Hash,
    Q: Eq + Hash + ?Sized,
{
    if let Some(keys) = claimants.get_mut(identity) {
        keys.retain(|(other, _)| other != key);
        if keys.is_empty() {
            claimants.remove(identity);
        }
    }
}
