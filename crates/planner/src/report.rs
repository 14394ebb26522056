//! Where a resource stands, and how that reads in its status.
//!
//! Contract: [`project`] is the only place that makes conditions, and it makes them from the
//! report and the step alone; no decision ever reads a condition. The same standing always gives
//! the same text, so that a report which says nothing new writes nothing.

mod conditions;
mod notes;
mod reading;
mod records;
mod text;
mod tools;

use api::{
    Applied, Failure, GatewayId, MCPServer, MCPServerStatus, Summary, Target, TargetId,
    TargetStatus,
};
use jiff::Timestamp;

pub use notes::{Note, note};
pub use tools::Tools;

use crate::world::Bound;
use crate::{Attempt, Step, Violation};

/// Where a resource stands, and what would change that.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Report {
    /// Where it stands.
    pub standing: Standing,
    /// The target as it was last seen, where it was.
    pub observed: Option<Observed>,
    /// When to plan again even if nothing is seen to change.
    pub wake_at: Option<Timestamp>,
    /// The gateways on which a change is awaited, so that their mirrors look often.
    pub awaits: Vec<GatewayId>,
    /// Whether nothing came of the recorded intent, and nothing will: its record goes with the
    /// next write, so that its claim stands in nobody's way.
    pub intent_is_void: bool,
    /// The request for a check that is answered with this report.
    pub handled: Option<String>,
    /// Whether the gateway's list of tools is fresh.
    pub tools: Tools,
    /// What is recorded of the tools with this report, where anything is.
    pub(crate) synced: Option<Synced>,
    /// Whether the records and the List alone say that the target serves what is written.
    pub(crate) needs_no_reading: bool,
}

/// What has come of asking for the tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Synced {
    /// Hash of the pod template that they stand for, if a workload is named.
    pub(crate) template: Option<String>,
    /// The request that is answered.
    pub(crate) request: Option<String>,
    /// Why AWS refused for good.
    pub(crate) refused: Option<String>,
    /// When that was known, on AWS's clock.
    pub(crate) at: Timestamp,
}

/// What was seen of the target, as far as the status tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    status: TargetStatus,
    name: String,
    last_synchronized: Option<Timestamp>,
    /// Where a person gives the consent that AWS waits for.
    authorization_url: Option<String>,
    /// `None`: not known, because a List does not tell.
    reasons: Option<Vec<String>>,
}

/// Where a resource stands. Every variant is something that a person can act on or wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is known that would change what the status says.
    Hold,
    /// The resource breaks rules.
    Invalid(Vec<Violation>),
    /// The resource names no gateway, and there is no default.
    NoGateway,
    /// AWS knows no such gateway.
    GatewayNotFound(GatewayId),
    /// AWS does not know the gateway of the target any more.
    GatewayLost(GatewayId),
    /// The target belongs to another account or Region than ours.
    WrongAccountOrRegion {
        /// ARN of the gateway that holds the target.
        arn: String,
        /// The account that the operator works in.
        account: String,
        /// The Region that the operator works in.
        region: String,
    },
    /// The name is held by somebody else.
    NameConflict {
        /// The gateway.
        gateway: GatewayId,
        /// The name.
        name: String,
        /// Who holds it.
        holder: Holder,
    },
    /// The target is being created.
    Creating(GatewayId),
    /// The target is being updated, or is busy otherwise.
    Updating(TargetId),
    /// The gateway fetches the tools of the target's server again.
    Synchronizing(TargetId),
    /// Somebody else has changed the target, and it is put right.
    Repairing {
        /// The target.
        target: TargetId,
        /// What differs.
        fields: Vec<&'static str>,
    },
    /// Somebody else has changed the target, and it is left so.
    Drifted {
        /// The target.
        target: TargetId,
        /// What differs.
        fields: Vec<&'static str>,
    },
    /// The target is gone, and is made again.
    Recreating(TargetId),
    /// AWS refuses to change the target, so another is made in its place.
    Replacing {
        /// The target.
        target: TargetId,
        /// What AWS said.
        refusal: Failure,
    },
    /// The target is being deleted.
    Deleting(TargetId),
    /// AWS has accepted to delete the target, and shows it as it was.
    DeletingAgain(TargetId),
    /// The target is deleted as soon as AWS does not wait for consent any more.
    DeletingAfterConsent(TargetId),
    /// The resource goes, and what it has at AWS stays.
    Retained(Option<Bound>),
    /// This would be done to the target, and must not be: it would be "created", "updated",
    /// "synchronized" or "deleted".
    Suspended(&'static str),
    /// A target that nobody has allowed to take over.
    NotPermitted {
        /// The gateway.
        gateway: GatewayId,
        /// The target.
        target: TargetId,
    },
    /// A call failed and will be tried again.
    Held {
        /// Which call.
        attempt: Attempt,
        /// Why.
        failure: Failure,
        /// Whether other operations are under way on the gateway, which explains a full quota.
        busy: bool,
    },
    /// AWS's limits leave no room for a call at present.
    Queued {
        /// Which call.
        attempt: Attempt,
        /// What it waits for.
        wait: Wait,
    },
    /// The gateway cannot be observed, and has not been so far.
    Blind {
        /// The gateway.
        gateway: GatewayId,
        /// Why.
        failure: Failure,
    },
    /// The gateway has not been observed for long.
    Stale {
        /// The gateway.
        gateway: GatewayId,
        /// Why, where a person can do something about it.
        failure: Option<Failure>,
    },
    /// AWS could not create or update the target.
    Failed {
        /// Its status.
        status: TargetStatus,
        /// AWS's reasons.
        reasons: Vec<String>,
        /// What is expected to help.
        remedy: Remedy,
    },
    /// AWS refuses to change the target in place, and the resource does not allow to replace it.
    CannotChange {
        /// The target.
        target: TargetId,
        /// What AWS said.
        failure: Failure,
    },
    /// A person has to give consent.
    ConsentPending {
        /// The target.
        target: TargetId,
        /// Whether what is written has been edited since and waits for it.
        edited: bool,
    },
    /// A person has not given consent in time.
    ConsentLapsed(TargetId),
    /// The target serves what is written.
    Ready {
        /// The gateway.
        gateway: GatewayId,
        /// The target.
        target: TargetId,
        /// What is recorded of it from now on.
        applied: Applied,
        /// Whether its configuration is known to be as written; else nobody wants to know.
        checked: bool,
    },
    /// Nothing is left of the target.
    Gone,
    /// The operator itself has failed at this resource; where in its code, as far as it is known.
    Broken(Option<String>),
    /// The resource cannot be read, and why.
    Unreadable(String),
}

/// What a call waits for that AWS's limits leave no room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// For one of the operations under way on the gateway to end, of which AWS permits so many at
    /// once.
    Operations {
        /// The gateway.
        gateway: GatewayId,
        /// How many.
        most: u32,
    },
    /// For its turn among the calls of this kind, of which AWS permits so many a second.
    Calls {
        /// How many.
        most: u32,
    },
}

/// What is expected to help a target that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// It is tried again.
    Time,
    /// An edit of what is written.
    Edit,
    /// A person who asks for the tools, and may have to consent.
    SyncRequest,
}

/// Who holds a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A target that is not known to be ours.
    Target(TargetId),
    /// A target that is not known to be ours, while ours serves on under this name.
    Meanwhile(TargetId, String),
    /// A target that the annotation names, which a backup may have brought along.
    Remembered(TargetId),
    /// Another `MCPServer`, as `namespace/name`.
    Resource(String),
    /// Another `MCPServer` that has the target itself, of which this one is a copy.
    First(String),
}

impl Report {
    /// A report of this standing.
    pub(crate) fn of(standing: Standing) -> Self {
        Self {
            standing,
            observed: None,
            wake_at: None,
            awaits: Vec::new(),
            intent_is_void: false,
            handled: None,
            tools: Tools::Hold,
            synced: None,
            needs_no_reading: false,
        }
    }

    /// That of an operator which has failed at this resource, at this place of its code.
    pub fn broken(place: Option<&str>) -> Self {
        Self::of(Standing::Broken(place.map(str::to_owned)))
    }

    /// That of a resource which cannot be read, and why.
    pub fn unreadable(error: &str) -> Self {
        Self::of(Standing::Unreadable(error.to_owned()))
    }

    /// The same while the call that was planned waits in line.
    pub fn queued(mut self, attempt: Attempt, wait: Wait) -> Self {
        let changes_target = match attempt {
            Attempt::Create | Attempt::Update | Attempt::Delete => true,
            // To look changes nothing, and the condition of the tools says that they are not fresh.
            Attempt::Read | Attempt::Synchronize => false,
        };
        // What it has left behind elsewhere makes it no less ready.
        if changes_target && !matches!(self.standing, Standing::Ready { .. }) {
            self.standing = Standing::Queued { attempt, wait };
            // What a person asked for has not begun.
            self.handled = None;
        }
        self
    }

    pub(crate) fn waking(mut self, at: Timestamp) -> Self {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
        self
    }

    pub(crate) fn awaiting(mut self, gateway: &GatewayId) -> Self {
        if !self.awaits.contains(gateway) {
            self.awaits.push(gateway.clone());
        }
        self
    }

    pub(crate) fn seeing(mut self, entry: &Summary) -> Self {
        self.observed = Some(Observed {
            status: entry.status.clone(),
            name: entry.name.clone(),
            last_synchronized: entry.last_synchronized_at,
            authorization_url: entry.authorization_url.clone(),
            // Only a failure has reasons that matter, and that is read.
            reasons: None,
        });
        self
    }

    /// The same, of which the tools were fetched then.
    pub(crate) fn fetched(mut self, at: Option<Timestamp>) -> Self {
        if let Some(observed) = &mut self.observed {
            observed.last_synchronized = at;
        }
        self
    }

    pub(crate) fn reading(mut self, target: &Target) -> Self {
        self = self.seeing(&target.summary);
        if let Some(observed) = &mut self.observed {
            observed.reasons = Some(target.status_reasons.clone());
        }
        self
    }
}

/// The status that the resource shall have after this step and with this report. `now` dates
/// conditions whose status changes.
#[must_use]
pub fn project(
    server: &MCPServer,
    step: Option<&Step>,
    report: &Report,
    now: Timestamp,
) -> MCPServerStatus {
    let mut status = server.status.clone().unwrap_or_default();
    records::observe(&mut status, report, now);
    if report.observed.is_some() {
        // The Go operator recorded the ARN alone.
        let bound = Bound::of(server).map(|bound| bound.gateway.0);
        status.gateway_id = status.gateway_id.take().or(bound);
    }
    if let Some(asked) = &report.handled {
        status.last_handled_reconcile_at = Some(asked.clone());
    }
    if report.intent_is_void {
        status.intent = None;
    }
    if let Some(Synced { template, request, refused, at }) = &report.synced {
        let record = status.tool_sync.get_or_insert_default();
        record.under_way = None;
        record.template.clone_from(template);
        record.asked_at = Some(*at);
        record.refused = refused.as_deref().map(text::clean);
        if request.is_some() {
            status.last_handled_sync_at.clone_from(request);
        }
    }
    if let Some(step) = step {
        records::record(&mut status, server, step, &report.standing);
    }
    if let Standing::Ready { gateway, applied, .. } = &report.standing {
        status.gateway_id.get_or_insert_with(|| gateway.0.clone());
        status.applied = Some(applied.clone());
        status.applied_generation = server.metadata.generation;
        status.applying = None;
        status.status_reasons.clear();
    }
    conditions::project(&mut status, &report.standing, server.metadata.generation, now);
    tools::project(&mut status, &report.tools, server.metadata.generation, now);
    status
}

#[cfg(test)]
mod tests;
