//! How many operations are under way on each gateway.
//!
//! Contract: pure. AWS takes only a few creations, updates and deletions of targets at once on one
//! gateway (AWS documentation: 5, adjustable). What counts is what the last List showed to be moving,
//! and what we have begun since. AWS's refusal is the truth: after it a gateway counts as full until
//! somebody has looked. Nothing holds a slot for ever: a target that moves for a quarter of an hour
//! is taken for stuck, and one in a status that nobody knows never counts.

use std::collections::HashMap;
use std::time::Duration;

use api::{GatewayId, TargetId, TargetStatus};
use jiff::Timestamp;

/// For this long an operation counts: the longest seen take minutes.
const LONGEST: Duration = Duration::from_mins(15);

/// What is under way on every gateway.
#[derive(Debug)]
pub(crate) struct Slots {
    most: u32,
    gateways: HashMap<GatewayId, Gateway>,
}

#[derive(Debug, Default)]
struct Gateway {
    /// The targets that move, as the last List shows them, and since when they have done so.
    moving: HashMap<TargetId, Timestamp>,
    /// What we have begun that no List could show yet.
    ours: Vec<Begun>,
    next: u64,
    /// When AWS said that no more is possible.
    refused: Option<Timestamp>,
}

#[derive(Debug)]
struct Begun {
    number: u64,
    at: Timestamp,
    /// When AWS had answered, and for which target.
    answered: Option<(Timestamp, Option<TargetId>)>,
}

/// A slot that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    gateway: GatewayId,
    number: u64,
}

impl Slot {
    pub(crate) fn gateway(&self) -> &GatewayId {
        &self.gateway
    }
}

impl Slots {
    pub(crate) fn new(most: u32) -> Self {
        Self { most, gateways: HashMap::new() }
    }

    /// Whether one more operation may begin.
    pub(crate) fn has_room(&self, gateway: &GatewayId, now: Timestamp) -> bool {
        let Some(gateway) = self.gateways.get(gateway) else { return self.most > 0 };
        gateway.refused.is_none() && gateway.used(now) < self.most as usize
    }

    /// How many count as under way.
    pub(crate) fn used(&self, gateway: &GatewayId, now: Timestamp) -> usize {
        self.gateways.get(gateway).map_or(0, |gateway| gateway.used(now))
    }

    /// Begins one.
    pub(crate) fn take(&mut self, gateway: &GatewayId, now: Timestamp) -> Slot {
        let here = self.gateways.entry(gateway.clone()).or_default();
        here.next += 1;
        here.ours.push(Begun { number: here.next, at: now, answered: None });
        Slot { gateway: gateway.clone(), number: here.next }
    }

    /// It was not begun, or AWS refused it.
    pub(crate) fn give_back(&mut self, slot: &Slot) {
        if let Some(here) = self.gateways.get_mut(&slot.gateway) {
            here.ours.retain(|begun| begun.number != slot.number);
        }
    }

    /// AWS has answered, or never will.
    pub(crate) fn answered(&mut self, slot: &Slot, target: Option<TargetId>, now: Timestamp) {
        let here = self.gateways.get_mut(&slot.gateway);
        let begun =
            here.and_then(|here| here.ours.iter_mut().find(|begun| begun.number == slot.number));
        if let Some(begun) = begun {
            begun.answered = Some((now, target));
        }
    }

    /// AWS says that no more is possible on the gateway at present.
    pub(crate) fn refused(&mut self, gateway: &GatewayId, now: Timestamp) {
        self.gateways.entry(gateway.clone()).or_default().refused = Some(now);
    }

    /// A List that began at `as_of` shows the gateway like this.
    pub(crate) fn listed<'a>(
        &mut self,
        gateway: &GatewayId,
        as_of: Timestamp,
        targets: impl Iterator<Item = (&'a TargetId, &'a TargetStatus)>,
        now: Timestamp,
    ) {
        let moving = targets.filter(|(_, status)| is_operation(status)).map(|(id, _)| id);
        let mut here = self.gateways.remove(gateway).unwrap_or_default();
        let before = std::mem::take(&mut here.moving);
        here.moving =
            moving.map(|id| (id.clone(), before.get(id).copied().unwrap_or(now))).collect();
        // What was answered before the List began is shown by it.
        here.ours.retain(|begun| begun.answered.as_ref().is_none_or(|(at, _)| *at > as_of));
        here.refused = here.refused.filter(|refused| *refused > as_of);
        if !here.is_idle() {
            self.gateways.insert(gateway.clone(), here);
        }
    }

    /// Nobody has anything to do with the other gateways any more.
    pub(crate) fn keep(&mut self, is_needed: impl Fn(&GatewayId) -> bool) {
        self.gateways.retain(|gateway, here| {
            // No List will show what was answered there.
            is_needed(gateway) || here.ours.iter().any(|begun| begun.answered.is_none())
        });
    }
}

impl Gateway {
    fn used(&self, now: Timestamp) -> usize {
        let counts = |since: Timestamp| now.duration_since(since).unsigned_abs() < LONGEST;
        let shown = self.moving.values().filter(|since| counts(**since)).count();
        let begun = self.ours.iter().filter(|begun| {
            let target = begun.answered.as_ref().and_then(|(_, target)| target.as_ref());
            counts(begun.at) && target.is_none_or(|target| !self.moving.contains_key(target))
        });
        shown + begun.count()
    }

    fn is_idle(&self) -> bool {
        self.moving.is_empty() && self.ours.is_empty() && self.refused.is_none()
    }
}

/// Whether the status is that of an operation of which AWS takes only a few at once.
fn is_operation(status: &TargetStatus) -> bool {
    matches!(status, TargetStatus::Creating | TargetStatus::Updating | TargetStatus::Deleting)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn gateway() -> GatewayId {
        "gw".into()
    }

    /// A List that began at this second and shows these targets.
    fn list(slots: &mut Slots, second: i64, targets: &[(&str, TargetStatus)]) {
        let targets: Vec<(TargetId, TargetStatus)> =
            targets.iter().map(|(id, status)| ((*id).into(), status.clone())).collect();
        let targets = targets.iter().map(|(id, status)| (id, status));
        slots.listed(&gateway(), at(second), targets, at(second));
    }

    fn used(slots: &Slots, second: i64) -> usize {
        slots.gateways.values().map(|gateway| gateway.used(at(second))).sum()
    }

    #[test]
    fn what_we_begin_counts_until_a_list_could_show_it() {
        let mut slots = Slots::new(2);
        let (one, _two) = (slots.take(&gateway(), at(0)), slots.take(&gateway(), at(0)));
        assert!(!slots.has_room(&gateway(), at(0)));
        assert!(slots.has_room(&"other".into(), at(0)));
        slots.answered(&one, Some("A".into()), at(2));
        list(&mut slots, 1, &[("A", TargetStatus::Creating)]);
        assert_eq!(used(&slots, 2), 2, "shown and begun is one");
        list(&mut slots, 3, &[("A", TargetStatus::Ready)]);
        assert_eq!(used(&slots, 3), 1, "of the other nothing is known yet");
        assert!(slots.has_room(&gateway(), at(3)));
    }

    #[test]
    fn what_others_begin_counts_as_well() {
        let mut slots = Slots::new(2);
        list(&mut slots, 1, &[("A", TargetStatus::Deleting), ("B", TargetStatus::Updating)]);
        assert!(!slots.has_room(&gateway(), at(1)));
        list(&mut slots, 2, &[("B", TargetStatus::Updating)]);
        assert!(slots.has_room(&gateway(), at(2)));
    }

    #[test]
    fn what_was_refused_holds_nothing() {
        let mut slots = Slots::new(1);
        let slot = slots.take(&gateway(), at(0));
        slots.give_back(&slot);
        assert!(slots.has_room(&gateway(), at(0)));
    }

    #[test]
    fn after_a_refusal_somebody_has_to_look_first() {
        let mut slots = Slots::new(5);
        slots.refused(&gateway(), at(5));
        list(&mut slots, 4, &[]);
        assert!(!slots.has_room(&gateway(), at(6)), "that List says nothing about it");
        list(&mut slots, 6, &[]);
        assert!(slots.has_room(&gateway(), at(6)));
    }

    #[test]
    fn strange_and_stuck_targets_freeze_nothing() {
        let mut slots = Slots::new(1);
        let strange = TargetStatus::from("REINCARNATING");
        list(&mut slots, 0, &[("A", strange), ("B", TargetStatus::Synchronizing)]);
        assert!(slots.has_room(&gateway(), at(0)));
        list(&mut slots, 1, &[("A", TargetStatus::Creating)]);
        list(&mut slots, 800, &[("A", TargetStatus::Creating)]);
        assert!(!slots.has_room(&gateway(), at(900)));
        assert!(
            slots.has_room(&gateway(), at(901)),
            "a quarter of an hour after it was first seen"
        );
    }

    #[test]
    fn an_answer_that_never_came_holds_a_slot_until_the_next_list() {
        let mut slots = Slots::new(1);
        let slot = slots.take(&gateway(), at(0));
        slots.answered(&slot, None, at(10));
        assert!(!slots.has_room(&gateway(), at(10)));
        list(&mut slots, 11, &[]);
        assert!(slots.has_room(&gateway(), at(11)));
    }

    #[test]
    fn nothing_is_kept_of_idle_gateways() {
        let mut slots = Slots::new(1);
        list(&mut slots, 1, &[("A", TargetStatus::Creating)]);
        list(&mut slots, 2, &[("A", TargetStatus::Ready)]);
        assert!(slots.gateways.is_empty());
        list(&mut slots, 3, &[("A", TargetStatus::Creating)]);
        slots.keep(|_| false);
        assert!(slots.gateways.is_empty());
    }

    /// It is not listed any more, so no List ends what was answered there.
    #[test]
    fn of_a_gateway_that_nobody_needs_only_what_may_be_answered_is_kept() {
        let mut slots = Slots::new(2);
        let (one, two) = (slots.take(&gateway(), at(0)), slots.take(&gateway(), at(0)));
        slots.answered(&one, Some("A".into()), at(1));
        slots.keep(|_| false);
        assert_eq!(slots.gateways.len(), 1);
        slots.answered(&two, None, at(2));
        slots.keep(|_| false);
        assert!(slots.gateways.is_empty());
    }
}
