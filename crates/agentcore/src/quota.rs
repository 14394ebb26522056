//! What AWS allows at present: tokens for every kind of call, and slots on every gateway.
//!
//! Contract: pure; the present is an argument. A [`Permit`] is taken before a call and ends with
//! [`Quotas::ended`] or [`Quotas::unused`]. One keeper serves one account and Region, because the
//! quotas are theirs.

use std::time::Duration;

use api::{Attempt, Failure, FailureClass, GatewayId, Sight, TargetId};
use jiff::Timestamp;

use crate::Limit;
use crate::slots::{Slot, Slots};

/// What AWS allows an account in a Region. The defaults are AWS's own (AWS documentation, service
/// quotas of Bedrock AgentCore); AWS raises them on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `CreateGatewayTarget` a second.
    pub creates: u32,
    /// `UpdateGatewayTarget` a second.
    pub updates: u32,
    /// `DeleteGatewayTarget` a second.
    pub deletes: u32,
    /// `GetGatewayTarget` a second.
    pub gets: u32,
    /// `ListGatewayTargets` a second.
    pub lists: u32,
    /// `SynchronizeGatewayTargets` a second, of which AWS publishes no quota. Each has the gateway
    /// call a server, of which many can be rolled out at once: by one node pool, or one release of
    /// many charts.
    pub synchronizes: u32,
    /// Creations, updates and deletions under way at once on one gateway.
    pub operations: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            creates: 5,
            updates: 5,
            deletes: 5,
            gets: 10,
            lists: 10,
            synchronizes: 1,
            operations: 5,
        }
    }
}

impl Limits {
    /// How many calls of this kind AWS allows a second.
    #[must_use]
    pub fn rate(&self, attempt: Attempt) -> u32 {
        match attempt {
            Attempt::Create => self.creates,
            Attempt::Update => self.updates,
            Attempt::Delete => self.deletes,
            Attempt::Read => self.gets,
            Attempt::Synchronize => self.synchronizes,
        }
    }
}

/// What is left of the limits.
#[derive(Debug)]
pub struct Quotas {
    create: Limit,
    update: Limit,
    delete: Limit,
    read: Limit,
    synchronize: Limit,
    slots: Slots,
}

/// That one call may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it ends with `ended` or `unused`"]
pub struct Permit {
    attempt: Attempt,
    slot: Option<Slot>,
}

/// What stands in the way of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// As many operations as AWS takes at once are under way on the gateway.
    Slot,
    /// As many calls as AWS allows have been made; from then on there is a token.
    Token(Timestamp),
}

impl Quotas {
    /// Everything that the limits allow.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            create: Limit::per_second(limits.creates),
            update: Limit::per_second(limits.updates),
            delete: Limit::per_second(limits.deletes),
            read: Limit::per_second(limits.gets),
            // The rollout of a few servers is not held up.
            synchronize: Limit::new(Duration::from_secs(1) / limits.synchronizes.max(1), 5),
            slots: Slots::new(limits.operations),
        }
    }

    /// Whether a call may be made now.
    ///
    /// # Errors
    ///
    /// It may not, and what is lacking.
    pub fn permits(
        &self,
        attempt: Attempt,
        gateway: &GatewayId,
        now: Timestamp,
    ) -> Result<(), Lack> {
        if attempt.is_operation() && !self.slots.has_room(gateway, now) {
            return Err(Lack::Slot);
        }
        let free_at = self.tokens(attempt).free_at(now);
        if free_at > now { Err(Lack::Token(free_at)) } else { Ok(()) }
    }

    /// Takes what the call needs.
    ///
    /// # Errors
    ///
    /// It may not be made now.
    pub fn take(
        &mut self,
        attempt: Attempt,
        gateway: &GatewayId,
        now: Timestamp,
    ) -> Result<Permit, Lack> {
        self.permits(attempt, gateway, now)?;
        self.tokens_mut(attempt).take(now).map_err(Lack::Token)?;
        let slot = attempt.is_operation().then(|| self.slots.take(gateway, now));
        Ok(Permit { attempt, slot })
    }

    /// The call was not made after all.
    pub fn unused(&mut self, permit: Permit, now: Timestamp) {
        self.tokens_mut(permit.attempt).give_back(now);
        if let Some(slot) = permit.slot {
            self.slots.give_back(&slot);
        }
    }

    /// The call has ended: it was accepted for this target, or failed.
    pub fn ended(
        &mut self,
        permit: Permit,
        result: Result<Option<&TargetId>, &Failure>,
        now: Timestamp,
    ) {
        let Permit { attempt, slot } = permit;
        let class = result.err().map(|failure| failure.class);
        if class == Some(FailureClass::Throttled) {
            self.tokens_mut(attempt).slow_down(now);
        }
        let Some(slot) = slot else { return };
        match class {
            Some(class) if class.is_definite() => {
                self.slots.give_back(&slot);
                if matches!(class, FailureClass::Quota | FailureClass::Conflict) {
                    self.slots.refused(slot.gateway(), now);
                }
            }
            Some(_) | None => self.slots.answered(&slot, result.ok().flatten().cloned(), now),
        }
    }

    /// The gateway has been looked at.
    pub fn listed(&mut self, gateway: &GatewayId, sight: &Sight, now: Timestamp) {
        if let (Some(listing), Some(as_of)) = (&sight.listing, sight.as_of) {
            let targets = listing.iter().map(|target| (&target.id, &target.status));
            self.slots.listed(gateway, as_of, targets, now);
        }
    }

    /// Forgets the gateways that nobody has anything to do with any more.
    pub fn keep(&mut self, is_needed: impl Fn(&GatewayId) -> bool) {
        self.slots.keep(is_needed);
    }

    /// When there is a token for this kind of call.
    #[must_use]
    pub fn token_at(&self, attempt: Attempt, now: Timestamp) -> Timestamp {
        self.tokens(attempt).free_at(now)
    }

    /// How many calls of this kind may be made at once.
    #[must_use]
    pub fn left(&self, attempt: Attempt, now: Timestamp) -> f64 {
        self.tokens(attempt).tokens(now)
    }

    /// How many operations count as under way on the gateway.
    #[must_use]
    pub fn slots_used(&self, gateway: &GatewayId, now: Timestamp) -> usize {
        self.slots.used(gateway, now)
    }

    fn tokens(&self, attempt: Attempt) -> &Limit {
        match attempt {
            Attempt::Create => &self.create,
            Attempt::Update => &self.update,
            Attempt::Delete => &self.delete,
            Attempt::Read => &self.read,
            Attempt::Synchronize => &self.synchronize,
        }
    }

    fn tokens_mut(&mut self, attempt: Attempt) -> &mut Limit {
        match attempt {
            Attempt::Create => &mut self.create,
            Attempt::Update => &mut self.update,
            Attempt::Delete => &mut self.delete,
            Attempt::Read => &mut self.read,
            Attempt::Synchronize => &mut self.synchronize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    fn failure(class: FailureClass) -> Failure {
        Failure { class, message: String::new() }
    }

    fn gateway() -> GatewayId {
        "gw".into()
    }

    #[test]
    fn each_kind_has_tokens_of_its_own() {
        let mut quotas = Quotas::new(Limits::default());
        for _ in 0..4 {
            let _ = quotas.take(Attempt::Update, &gateway(), at(0)).unwrap();
        }
        let lack = quotas.take(Attempt::Update, &"other".into(), at(0));
        assert_eq!(lack, Err(Lack::Token(at(200))));
        assert_eq!(quotas.permits(Attempt::Delete, &gateway(), at(0)), Ok(()));
        let _ = quotas.take(Attempt::Delete, &gateway(), at(0)).unwrap();
        assert_eq!(quotas.permits(Attempt::Create, &gateway(), at(0)), Err(Lack::Slot));
        assert_eq!(quotas.slots_used(&gateway(), at(0)), 5);
        assert_eq!(quotas.slots_used(&"other".into(), at(0)), 0);
        assert_eq!(quotas.permits(Attempt::Read, &gateway(), at(0)), Ok(()));
        assert_eq!(quotas.permits(Attempt::Synchronize, &gateway(), at(0)), Ok(()));
    }

    #[test]
    fn a_permit_that_is_not_used_costs_nothing() {
        let mut quotas = Quotas::new(Limits { creates: 1, operations: 1, ..Limits::default() });
        for _ in 0..3 {
            let permit = quotas.take(Attempt::Create, &gateway(), at(0)).unwrap();
            quotas.unused(permit, at(0));
        }
    }

    #[test]
    fn what_aws_refuses_because_the_gateway_is_full_waits_for_a_look() {
        for (class, expected) in [
            (FailureClass::Quota, Err(Lack::Slot)),
            (FailureClass::Conflict, Err(Lack::Slot)),
            (FailureClass::Denied, Ok(())),
            (FailureClass::WrongState, Ok(())),
        ] {
            let mut quotas = Quotas::new(Limits::default());
            let permit = quotas.take(Attempt::Update, &gateway(), at(0)).unwrap();
            quotas.ended(permit, Err(&failure(class)), at(1));
            assert_eq!(quotas.permits(Attempt::Delete, &gateway(), at(2)), expected, "{class:?}");
        }
    }

    #[test]
    fn what_aws_throttles_slows_that_kind_down() {
        let mut quotas = Quotas::new(Limits::default());
        let permit = quotas.take(Attempt::Read, &gateway(), at(0)).unwrap();
        quotas.ended(permit, Err(&failure(FailureClass::Throttled)), at(1));
        assert!(quotas.token_at(Attempt::Read, at(1)) > at(100));
        assert_eq!(quotas.token_at(Attempt::Update, at(1)), at(1));
    }
}
