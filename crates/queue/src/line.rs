//! Who may call AWS next, of those for whom its limits leave no room at present.
//!
//! Contract: a key stands in one place at a time, and keeps it until it is picked or leaves. A place
//! whose gateway or kind of call has no room holds up nobody else. A pick looks at every combination
//! of gateway and namespace that waits: AWS permits few dozen calls a second, so that costs nothing. Where
//! there is no room for anybody it looks at the gateways alone, because everyone who joins asks that.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use api::{Attempt, GatewayId};

use crate::Urgency;
use crate::shares::Shares;
use crate::urgency::Turns;

/// Where one stands: for which call, and on whose behalf.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// How urgent it is.
    pub urgency: Urgency,
    /// The kind of call.
    pub attempt: Attempt,
    /// The gateway that is to be called about.
    pub gateway: GatewayId,
    /// The namespace of the resource.
    pub namespace: String,
}

/// Those who wait.
#[derive(Debug)]
pub struct Line<K> {
    standing: HashMap<K, (Place, u64)>,
    /// In order of arrival in each place.
    places: BTreeMap<Place, BTreeMap<u64, K>>,
    /// How many wait for each kind of call on each gateway.
    calls: BTreeMap<(Attempt, GatewayId), usize>,
    turns: Turns,
    gateways: Shares<GatewayId>,
    namespaces: Shares<String>,
    arrivals: u64,
}

impl<K> Default for Line<K> {
    fn default() -> Self {
        Self {
            standing: HashMap::new(),
            places: BTreeMap::new(),
            calls: BTreeMap::new(),
            turns: Turns::default(),
            gateways: Shares::default(),
            namespaces: Shares::default(),
            arrivals: 0,
        }
    }
}

impl<K: Clone + Eq + Hash> Line<K> {
    /// Stands in this place, at its end unless it stands there already.
    pub fn join(&mut self, key: &K, place: Place) {
        if self.standing.get(key).is_some_and(|(before, _)| *before == place) {
            return;
        }
        self.leave(key);
        self.arrivals += 1;
        *self.calls.entry((place.attempt, place.gateway.clone())).or_default() += 1;
        self.places.entry(place.clone()).or_default().insert(self.arrivals, key.clone());
        self.standing.insert(key.clone(), (place, self.arrivals));
    }

    /// Waits no more.
    pub fn leave(&mut self, key: &K) {
        let Some((place, arrival)) = self.standing.remove(key) else { return };
        if let Some(here) = self.places.get_mut(&place) {
            here.remove(&arrival);
            if here.is_empty() {
                self.places.remove(&place);
            }
        }
        self.one_less(place);
    }

    /// The one whose turn it is among those for whom there is room. It stands here no more.
    pub fn pick(&mut self, has_room: impl Fn(Attempt, &GatewayId) -> bool) -> Option<(K, Place)> {
        if !self.calls.keys().any(|(attempt, gateway)| has_room(*attempt, gateway)) {
            return None;
        }
        let may_go = |place: &Place| has_room(place.attempt, &place.gateway);
        let urgency = self.turns.order().into_iter().find(|urgency| {
            self.places.keys().any(|place| place.urgency == *urgency && may_go(place))
        })?;
        self.level(urgency, may_go);
        let place = self.best(urgency, may_go)?;
        let here = self.places.get_mut(&place)?;
        let (_, key) = here.pop_first()?;
        if here.is_empty() {
            self.places.remove(&place);
        }
        self.standing.remove(&key);
        self.turns.had(place.urgency);
        self.gateways.charge(&place.gateway, 1);
        self.namespaces.charge(&place.namespace, 1);
        self.one_less(place.clone());
        // Who comes next is level with those who wait now.
        self.level(urgency, may_go);
        Some((key, place))
    }

    /// Who stands where.
    pub fn standing(&self) -> impl Iterator<Item = (&K, &Place)> {
        self.standing.iter().map(|(key, (place, _))| (key, place))
    }

    /// The kinds of call that anybody waits for.
    pub fn attempts(&self) -> impl Iterator<Item = Attempt> {
        let mut waiting: Vec<Attempt> = self.calls.keys().map(|(attempt, _)| *attempt).collect();
        waiting.dedup();
        waiting.into_iter()
    }

    /// Nobody who competes has had less than this. Who cannot go competes with nobody: to count it would
    /// keep the level down for as long as it waits, and save up for all who come meanwhile.
    fn level(&mut self, urgency: Urgency, may_go: impl Fn(&Place) -> bool) {
        let places = self.places.keys();
        let places = places.filter(|place| place.urgency == urgency && may_go(place));
        let had = |place: &Place| {
            (self.gateways.rank(&place.gateway), self.namespaces.rank(&place.namespace))
        };
        let (gateways, namespaces): (Vec<u64>, Vec<u64>) = places.map(had).unzip();
        self.gateways.reach(gateways.into_iter().min().unwrap_or_default());
        self.namespaces.reach(namespaces.into_iter().min().unwrap_or_default());
    }

    fn one_less(&mut self, Place { attempt, gateway, .. }: Place) {
        if let Entry::Occupied(mut waiting) = self.calls.entry((attempt, gateway)) {
            *waiting.get_mut() -= 1;
            if *waiting.get() == 0 {
                waiting.remove();
            }
        }
    }

    /// Of those of this urgency the place whose gateway and namespace together have had least, and
    /// of equals the one where somebody has waited for longest.
    fn best(&self, urgency: Urgency, may_go: impl Fn(&Place) -> bool) -> Option<Place> {
        let mut best: Option<((u64, u64), &Place)> = None;
        for (place, here) in self.places.iter().filter(|(place, _)| place.urgency == urgency) {
            let had = self.gateways.rank(&place.gateway) + self.namespaces.rank(&place.namespace);
            let Some((arrival, _)) = here.first_key_value() else { continue };
            let rank = (had, *arrival);
            if best.is_none_or(|(best, _)| rank < best) && may_go(place) {
                best = Some((rank, place));
            }
        }
        best.map(|(_, place)| place.clone())
    }
}

#[cfg(test)]
mod tests;
