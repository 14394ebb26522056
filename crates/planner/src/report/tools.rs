//! Whether the gateway's list of tools is fresh, and how that reads in `ToolsSynchronized`.
//!
//! Contract: as for every condition: one text for one meaning, without what changes from one time
//! to the next. The condition is there only where somebody wants to know.

use api::{ConditionType, Failure, FailureClass, MCPServerStatus, Reason, WorkloadRef};
use jiff::Timestamp;

use super::conditions::set;
use super::reading::Truth;
use super::text::{clean, message};

/// Whether the gateway's list of tools is fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tools {
    /// Nothing is known that would change what the status says.
    Hold,
    /// Nobody wants to know.
    Unasked,
    /// They are those of the last rollout, and not older than asked for.
    Fresh,
    /// The list is fixed.
    Fixed,
    /// The gateway asks the server each time.
    Dynamic,
    /// The gateway fetches them, or is about to be asked to.
    Fetching,
    /// Nothing is to be changed at AWS.
    Suspended,
    /// They are fetched on request only.
    OnRequestOnly,
    /// The workload is being rolled out.
    RollingOut(WorkloadRef),
    /// The workload has no replicas that could be asked.
    Idle(WorkloadRef),
    /// There is no such workload.
    NoWorkload(WorkloadRef),
    /// The workload cannot be seen, and why.
    Hidden(WorkloadRef, String),
    /// AWS did not take the call, which is tried again.
    Held(Failure),
    /// AWS refused the call for good.
    Refused(String),
    /// The gateway could not fetch them.
    Failed,
    /// They are from before the last rollout, and the target is not as written.
    Behind,
    /// What is written is not valid, so nothing is done about them.
    Invalid,
}

/// Brings the condition up to it.
pub(super) fn project(
    status: &mut MCPServerStatus,
    tools: &Tools,
    generation: Option<i64>,
    now: Timestamp,
) {
    let kind = ConditionType::ToolsSynchronized;
    match read(tools) {
        Saying::Nothing => {}
        Saying::Unasked => {
            status.conditions.retain(|condition| condition.type_ != kind.as_str());
        }
        Saying::This(truth, text) => {
            set(&mut status.conditions, kind, truth, &message(&text), generation, now);
        }
    }
}

enum Saying {
    Nothing,
    Unasked,
    This(Truth, String),
}

fn read(tools: &Tools) -> Saying {
    let yes = |reason, text: &str| Saying::This(Truth::Yes(reason), text.to_owned());
    let no = |reason, text: String| Saying::This(Truth::No(reason), text);
    let named = |workload: &WorkloadRef| format!("{} {}", workload.kind, workload.name);
    match tools {
        Tools::Hold => Saying::Nothing,
        Tools::Unasked => Saying::Unasked,
        Tools::Fresh => yes(Reason::Synchronized, "The gateway has the tools of the server."),
        Tools::Fixed => yes(
            Reason::NothingToSynchronize,
            "The list of tools is fixed (spec.toolSchema): the gateway asks nobody.",
        ),
        Tools::Dynamic => yes(
            Reason::NothingToSynchronize,
            "The gateway asks the server each time (spec.listingMode).",
        ),
        Tools::Fetching => no(
            Reason::Synchronizing,
            "The gateway is asked to fetch the tools of the server again.".to_owned(),
        ),
        Tools::Suspended => no(
            Reason::Suspended,
            "The tools would be fetched again, but spec.suspend is set.".to_owned(),
        ),
        Tools::OnRequestOnly => no(
            Reason::OnRequestOnly,
            format!(
                "A person might have to consent, so the tools are fetched on request only: set the \
                 annotation {} to the time.",
                api::SYNC_REQUEST_ANNOTATION
            ),
        ),
        Tools::RollingOut(workload) => no(
            Reason::RollingOut,
            format!(
                "{} is being rolled out: the tools are fetched when it is done.",
                named(workload)
            ),
        ),
        Tools::Idle(workload) => no(
            Reason::WorkloadIdle,
            format!(
                "{} has no replicas that serve: the tools are fetched when it has.",
                named(workload)
            ),
        ),
        Tools::NoWorkload(workload) => no(
            Reason::WorkloadNotFound,
            format!(
                "There is no {} in this namespace: correct spec.toolSync.workloadRef, or create it.",
                named(workload)
            ),
        ),
        Tools::Hidden(workload, why) => no(
            Reason::WorkloadUnreadable,
            format!(
                "The operator cannot see {}: give it the rights to list and watch such \
                 workloads. {}",
                named(workload),
                clean(why)
            ),
        ),
        Tools::Held(failure) => no(Reason::Queued, held(failure)),
        Tools::Refused(why) => no(
            Reason::SynchronizationFailed,
            format!(
                "AWS refuses to fetch the tools; it is tried again after the next rollout or \
                 request: {}",
                clean(why)
            ),
        ),
        Tools::Behind => no(
            Reason::Synchronizing,
            "The tools are from before the last rollout: they are fetched when the target is as \
             written, see the condition Ready."
                .to_owned(),
        ),
        Tools::Invalid => Saying::This(
            Truth::Unknown(Reason::ValidationError),
            "The tools are not kept fresh while the resource is not valid: see the condition \
             Accepted."
                .to_owned(),
        ),
        Tools::Failed => no(
            Reason::SynchronizationFailed,
            "The gateway could not fetch the tools: see the condition Ready.".to_owned(),
        ),
    }
}

fn held(failure: &Failure) -> String {
    let why = match failure.class {
        FailureClass::Denied | FailureClass::Credentials => {
            "AWS does not let the operator synchronize the target: check its IAM policy"
        }
        FailureClass::Throttled
        | FailureClass::Quota
        | FailureClass::Conflict
        | FailureClass::WrongState
        | FailureClass::Invalid
        | FailureClass::NotFound
        | FailureClass::Server
        | FailureClass::Unanswered => "AWS could not synchronize the target yet",
    };
    format!("{why}; it is tried again: {}", clean(&failure.message))
}
