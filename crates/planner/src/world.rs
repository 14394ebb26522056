//! What the planner may know, and nothing else.
//!
//! Contract: plain data, gathered before the decision. Whatever is missing here is unknown, and
//! the planner waits for it rather than guess.

use std::collections::HashMap;
use std::time::Duration;

use api::text::one_line;
use api::{GatewayId, MCPServer, MCPServerStatus, Retired, Sight, TargetId};
use jiff::Timestamp;

use crate::{Claim, Memory, Validated};

/// What holds for every resource of this operator.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The gateway of resources that name none.
    pub default_gateway: Option<GatewayId>,
    /// How long AWS may show an old state after a change.
    pub consistency_window: Duration,
    /// How long a gateway may go unobserved before nothing is claimed about it any more.
    pub stale_after: Duration,
    /// The AWS account of the credentials, once it is known.
    pub account: Option<String>,
    /// The AWS Region of the calls.
    pub region: String,
    /// Whether targets that somebody else has made may be taken over on request.
    pub allow_adoption: bool,
    /// How long a rollout has to be over before the tools are fetched: of several in a row the
    /// last counts.
    pub tool_sync_settle: Duration,
}

/// What is seen of the workload that a resource names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Workload {
    /// It cannot be seen, and why.
    Hidden(String),
    /// There is none of this name.
    Missing,
    /// A rollout is under way.
    RollingOut,
    /// No replicas are wanted, or none serves yet since then: there is nobody to ask.
    Idle {
        /// Hash of its pod template.
        template: String,
    },
    /// A rollout is complete.
    Complete {
        /// Hash of its pod template.
        template: String,
        /// Since when this process has seen it so.
        since: Timestamp,
    },
}

/// Both pictures, for one resource.
#[derive(Clone, Debug)]
pub struct World<'a> {
    /// The present, on the process's monotonic clock.
    pub now: Timestamp,
    /// The present, on AWS's clock.
    pub aws_now: Timestamp,
    /// What holds for every resource.
    pub policy: &'a Policy,
    /// The resource: what is desired and what was recorded.
    pub server: &'a MCPServer,
    /// What this process remembers of its own calls.
    pub memory: &'a Memory,
    /// The gateways at stake.
    pub sights: &'a HashMap<GatewayId, Sight>,
    /// What other resources claim on these gateways; never a claim of this one.
    pub rivals: &'a [Claim],
    /// The workload that the resource names; `None`: it names none, or nothing is known yet.
    pub workload: Option<&'a Workload>,
    /// A fresh random text, should an intent be needed.
    pub nonce: &'a str,
    /// A random number, constant for the resource, that spreads its waits.
    pub seed: u64,
}

/// The target that belongs to the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Its gateway.
    pub gateway: GatewayId,
    /// The ARN of its gateway, if it was recorded.
    pub gateway_arn: Option<String>,
    /// Its ID.
    pub target: TargetId,
}

impl Bound {
    /// Whether it is this target of this gateway.
    pub(crate) fn is(&self, gateway: &GatewayId, target: &TargetId) -> bool {
        self.gateway == *gateway && self.target == *target
    }

    /// The target that the status records.
    #[must_use]
    pub fn of(server: &MCPServer) -> Option<Self> {
        let status = server.status.as_ref()?;
        let filled = |value: &Option<String>| value.clone().filter(|text| !text.is_empty());
        let target = filled(&status.target_id)?;
        let gateway_arn = filled(&status.gateway_arn);
        // The Go operator recorded the ARN alone: `arn:…:gateway/ID`.
        let of_arn = || {
            let (_, id) = gateway_arn.as_ref()?.rsplit_once("gateway/")?;
            (!id.is_empty()).then(|| id.to_owned())
        };
        // Without either, the annotation says where it was found.
        let of_annotation = || {
            let (gateway, named) = annotation(server, api::TARGET_ANNOTATION)?.rsplit_once('/')?;
            (named == target && !gateway.is_empty()).then(|| gateway.to_owned())
        };
        let gateway = filled(&status.gateway_id).or_else(of_arn).or_else(of_annotation)?;
        Some(Self { gateway: GatewayId(gateway), gateway_arn, target: TargetId(target) })
    }

    /// The same; where the status tells the target alone, it is sought where the resource would have
    /// had it made.
    pub(crate) fn recorded(server: &MCPServer, policy: &Policy) -> Option<Self> {
        let assumed = || {
            let target = server.status.as_ref()?.target_id.as_ref()?;
            let named = server.spec.gateway_id.as_deref().map(str::trim);
            let named = named.filter(|id| !id.is_empty()).map(GatewayId::from);
            let gateway = named.or_else(|| policy.default_gateway.clone())?;
            (!target.is_empty()).then(|| Self {
                gateway,
                gateway_arn: None,
                target: TargetId(target.clone()),
            })
        };
        Self::of(server).or_else(assumed)
    }
}

/// The value of the annotation without white space around it; `None` when nothing is left.
pub(crate) fn annotation<'a>(server: &'a MCPServer, name: &str) -> Option<&'a str> {
    let value = server.metadata.annotations.as_ref()?.get(name)?.trim();
    (!value.is_empty()).then_some(value)
}

/// Whether a person has asked for a check or for the tools, and that has not been done yet.
#[must_use]
pub fn is_asked(server: &MCPServer) -> bool {
    check_request(server).is_some() || sync_request(server).is_some()
}

fn check_request(server: &MCPServer) -> Option<String> {
    let status = server.status.as_ref();
    let handled = status.and_then(|status| status.last_handled_reconcile_at.as_ref());
    request(server, api::REQUEST_ANNOTATION).filter(|asked| handled != Some(asked))
}

fn sync_request(server: &MCPServer) -> Option<String> {
    let status = server.status.as_ref();
    let handled = status.and_then(|status| status.last_handled_sync_at.as_ref());
    request(server, api::SYNC_REQUEST_ANNOTATION).filter(|asked| handled != Some(asked))
}

/// The request in this annotation, as the status repeats it: of any form, but on one line and not longer
/// than a time with some words.
pub(crate) fn request(server: &MCPServer, name: &str) -> Option<String> {
    const LONGEST: usize = 256;
    annotation(server, name).map(|asked| one_line(asked, LONGEST)).filter(|asked| !asked.is_empty())
}

impl From<&Retired> for Bound {
    fn from(retired: &Retired) -> Self {
        Self {
            gateway: GatewayId(retired.gateway_id.clone()),
            gateway_arn: retired.gateway_arn.clone(),
            target: TargetId(retired.target_id.clone()),
        }
    }
}

/// A target that an unbound resource asks to take over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wished {
    pub(crate) gateway: GatewayId,
    pub(crate) target: TargetId,
    /// Whether a person has asked for it, rather than a backup that brought the annotation along.
    pub(crate) explicit: bool,
}

/// The targets that the annotations of an unbound resource ask for, first the one that it had as far as
/// is remembered: a request that stands beside it may be older, and to follow it would lose that one.
/// `gateway` is the one that the resource belongs to.
pub(crate) fn wished_targets(server: &MCPServer, gateway: Option<&GatewayId>) -> Vec<Wished> {
    let has_target = server.status.as_ref().and_then(|status| status.target_id.as_ref());
    if has_target.is_some_and(|target| !target.is_empty()) {
        return Vec::new();
    }
    let asked = annotation(server, api::ADOPT_ANNOTATION)
        .filter(|_| server.metadata.deletion_timestamp.is_none())
        .zip(gateway)
        .map(|(target, gateway)| Wished {
            gateway: gateway.clone(),
            target: target.into(),
            explicit: true,
        });
    let remembered = annotation(server, api::TARGET_ANNOTATION)
        .and_then(|remembered| remembered.rsplit_once('/'))
        .filter(|(gateway, target)| !gateway.is_empty() && !target.is_empty())
        .map(|(gateway, target)| Wished {
            gateway: gateway.into(),
            target: target.into(),
            explicit: false,
        })
        // A person has asked for the very same.
        .filter(|remembered| {
            asked.as_ref().is_none_or(|asked| {
                (&asked.gateway, &asked.target) != (&remembered.gateway, &remembered.target)
            })
        });
    remembered.into_iter().chain(asked).collect()
}

/// The gateway that the resource belongs to: the one that it names, else the one that it has
/// been resolved to before, else the default. So a changed default moves nothing.
pub(crate) fn gateway_of(
    server: &MCPServer,
    wish: &Validated,
    policy: &Policy,
) -> Option<GatewayId> {
    let status = server.status.as_ref();
    let intended = || {
        let intent = status?.intent.as_ref()?;
        Some(GatewayId(intent.gateway.clone()))
    };
    wish.gateway
        .clone()
        .or_else(|| Bound::of(server).map(|bound| bound.gateway))
        .or_else(intended)
        .or_else(|| policy.default_gateway.clone())
}

impl World<'_> {
    pub(crate) fn generation(&self) -> i64 {
        self.server.metadata.generation.unwrap_or_default()
    }

    pub(crate) fn is_deleting(&self) -> bool {
        self.server.metadata.deletion_timestamp.is_some()
    }

    pub(crate) fn has_finalizer(&self) -> bool {
        let finalizers = self.server.metadata.finalizers.as_deref().unwrap_or_default();
        finalizers.iter().any(|finalizer| finalizer == api::FINALIZER)
    }

    /// The check that a person has asked for and that has not been made yet.
    pub(crate) fn request(&self) -> Option<String> {
        check_request(self.server)
    }

    /// When the check was asked for, as far as this process knows.
    pub(crate) fn requested_at(&self) -> Option<Timestamp> {
        self.request().map(|asked| self.memory.requested_at(&asked))
    }

    /// The Synchronize that a person has asked for and that has not been made yet.
    pub(crate) fn sync_request(&self) -> Option<String> {
        sync_request(self.server)
    }

    /// The hash of the pod template that is rolled out completely: what asks the server for its
    /// tools from now on sees what that serves.
    pub(crate) fn complete_template(&self) -> Option<&str> {
        match self.workload? {
            Workload::Complete { template, .. } => Some(template),
            Workload::Hidden(_)
            | Workload::Missing
            | Workload::RollingOut
            | Workload::Idle { .. } => None,
        }
    }

    /// Whether a record names a pod template that is not what is rolled out any more: what is fetched
    /// now is not that one's.
    pub(crate) fn is_outdated(&self, recorded: Option<&String>) -> bool {
        recorded.is_some_and(|recorded| match self.workload {
            Some(Workload::Complete { template, .. }) => template != recorded,
            Some(Workload::RollingOut | Workload::Idle { .. }) => true,
            Some(Workload::Hidden(_) | Workload::Missing) | None => false,
        })
    }

    pub(crate) fn status(&self) -> Option<&MCPServerStatus> {
        self.server.status.as_ref()
    }

    pub(crate) fn retired(&self) -> &[Retired] {
        self.status().map(|status| status.retired.as_slice()).unwrap_or_default()
    }

    /// What is seen of the gateway; nothing when no mirror has answered yet.
    pub(crate) fn sight(&self, gateway: &GatewayId) -> Option<&Sight> {
        self.sights.get(gateway)
    }
}
