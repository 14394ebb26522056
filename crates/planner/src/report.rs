//! Where a resource stands, and how that reads in its status.
//!
//! Contract: [`project`] is the only place that makes conditions, and it makes them from the
//! report and the step alone; no decision ever reads a condition. The same standing always gives
//! the same text, so that a report which says nothing new writes nothing.

mod conditions;
mod notes;
mod reading;
mod records;
mod standing;
mod text;
mod tools;

use api::{GatewayId, MCPServer, MCPServerStatus, Summary, Target, TargetStatus};
use jiff::Timestamp;

pub use notes::{Note, note};
pub(crate) use standing::Holder;
pub use standing::{Remedy, Standing, Wait};
pub use tools::Tools;

use crate::world::Bound;
use crate::{Attempt, Step};

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
