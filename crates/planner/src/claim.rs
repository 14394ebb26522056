//! Who desires, intends, holds or retires an identity: the claims of a resource.
//!
//! Contract: [`Claim::of`] derives a resource's claims from the resource alone, so that an index
//! over all resources can be kept current one by one. The order of claims decides who may create
//! or prove a target when several resources want the same name.

use api::{GatewayId, MCPServer, TargetId};
use jiff::Timestamp;

use crate::diff::is_current_scheme;
use crate::world::{Bound, World, gateway_of, wished_targets};
use crate::{Policy, Validated, validate};

/// The resource that makes a claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// UID of the resource.
    pub uid: String,
    /// Its `namespace/name`, for messages.
    pub name: String,
}

impl Owner {
    /// The owner that this resource is.
    #[must_use]
    pub fn of(server: &MCPServer) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let meta = &server.metadata;
        Self {
            uid: text(&meta.uid),
            name: format!("{}/{}", text(&meta.namespace), text(&meta.name)),
        }
    }
}

/// How firmly an identity is claimed; a later kind is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClaimKind {
    /// The resource asks for this name, or to take over this target.
    Desires,
    /// A Create under this name is under way.
    Intends,
    /// The resource has a target of this name, or one that it is about to delete.
    Holds,
}

/// One claim of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose claim it is.
    pub owner: Owner,
    /// How firm it is.
    pub kind: ClaimKind,
    /// The gateway.
    pub gateway: GatewayId,
    /// The target's name, where it is known.
    pub name: Option<String>,
    /// The target's ID, where there is one.
    pub target: Option<TargetId>,
    /// Fingerprint of the configuration with which a target is being made, where one is.
    pub made_with: Option<String>,
    /// When the resource was created; of two equal claims the older is the better one.
    pub created_at: Option<Timestamp>,
}

impl Claim {
    /// Every claim of this resource.
    #[must_use]
    pub fn of(server: &MCPServer, policy: &Policy) -> Vec<Self> {
        Self::wishing(server, validate(server).as_ref().ok(), policy)
    }

    /// The same, of a resource that has been judged already: `wish` is what it asks for, if it is
    /// valid.
    #[must_use]
    pub fn wishing(server: &MCPServer, wish: Option<&Validated>, policy: &Policy) -> Vec<Self> {
        let claim = |kind, gateway, name, target| Self {
            owner: Owner::of(server),
            kind,
            gateway,
            name,
            target,
            made_with: None,
            created_at: server.metadata.creation_timestamp.as_ref().map(|time| time.0),
        };
        let mut claims = Vec::new();
        let status = server.status.as_ref();
        if let Some(bound) = Bound::recorded(server, policy) {
            let name = status.and_then(|status| status.target_name.clone());
            claims.push(claim(ClaimKind::Holds, bound.gateway, name, Some(bound.target)));
        }
        for retired in status.iter().flat_map(|status| &status.retired) {
            let (gateway, target) = (retired.gateway_id.as_str(), retired.target_id.as_str());
            claims.push(claim(ClaimKind::Holds, gateway.into(), None, Some(target.into())));
        }
        if let Some(intent) = status.and_then(|status| status.intent.as_ref()) {
            let gateway = intent.gateway.as_str().into();
            let intends = claim(ClaimKind::Intends, gateway, Some(intent.name.clone()), None);
            claims.push(Self { made_with: Some(intent.fingerprint.clone()), ..intends });
        }
        let gateway = wish.and_then(|wish| gateway_of(server, wish, policy));
        for wished in wished_targets(server, gateway.as_ref()) {
            claims.push(claim(ClaimKind::Desires, wished.gateway, None, Some(wished.target)));
        }
        if server.metadata.deletion_timestamp.is_none()
            && let Some(wish) = wish
            && let Some(gateway) = gateway
        {
            let name = wish.definition.name.clone();
            claims.push(claim(ClaimKind::Desires, gateway, Some(name), None));
        }
        claims
    }

    /// Whether a target with the configuration of this fingerprint can be the one that is claimed. Those of
    /// another version do not tell.
    pub(crate) fn fits(&self, fingerprint: &str) -> bool {
        self.made_with.as_ref().is_none_or(|theirs| {
            theirs == fingerprint || !is_current_scheme(theirs) || !is_current_scheme(fingerprint)
        })
    }

    /// Whether this claim goes before a claim of that kind and age by that owner.
    pub(crate) fn precedes(
        &self,
        kind: ClaimKind,
        created_at: Option<Timestamp>,
        owner: &Owner,
    ) -> bool {
        let younger_is_worse = |time: Option<Timestamp>| std::cmp::Reverse(time);
        (self.kind, younger_is_worse(self.created_at), std::cmp::Reverse(&self.owner.uid))
            > (kind, younger_is_worse(created_at), std::cmp::Reverse(&owner.uid))
    }
}

/// What two resources can contend for on a gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stake<'a> {
    /// A name.
    Name(&'a str),
    /// A target.
    Target(&'a TargetId),
}

impl World<'_> {
    /// What other resources claim of that.
    pub(crate) fn rival_claims(
        &self,
        gateway: &GatewayId,
        stake: Stake<'_>,
    ) -> impl Iterator<Item = &Claim> {
        self.rivals.iter().filter(move |rival| {
            rival.gateway == *gateway
                && match stake {
                    Stake::Name(name) => rival.name.as_deref() == Some(name),
                    Stake::Target(target) => rival.target.as_ref() == Some(target),
                }
        })
    }

    /// The claim of another resource on it that goes before ours of this kind.
    pub(crate) fn better_claim(
        &self,
        gateway: &GatewayId,
        stake: Stake<'_>,
        kind: ClaimKind,
    ) -> Option<&Claim> {
        self.better_claims(gateway, stake, kind).next()
    }

    /// The claims of other resources on it that go before ours of this kind.
    pub(crate) fn better_claims(
        &self,
        gateway: &GatewayId,
        stake: Stake<'_>,
        kind: ClaimKind,
    ) -> impl Iterator<Item = &Claim> {
        let me = Owner::of(self.server);
        let created_at = self.server.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let precedes = move |rival: &&Claim| rival.precedes(kind, created_at, &me);
        self.rival_claims(gateway, stake).filter(precedes)
    }
}
