//! From what stands in the way to words: a name that is taken, a call that waits or has failed, a gateway
//! that is not seen, a target that AWS could not make.
//!
//! Contract: as for every reading.

use api::{Failure, FailureClass, GatewayId, Reason, TargetStatus};

use super::super::text::clean;
use super::super::{Holder, Remedy, Wait};
use super::Reading;
use crate::Attempt;

/// What a look at a gateway does.
const LIST: &str = "list the gateway's targets";

pub(super) fn no_gateway(gateway: &GatewayId) -> Reading {
    Reading::rejected(
        Reason::GatewayNotFound,
        format!(
            "AWS knows no gateway {gateway} in this account and Region: correct spec.gatewayId, or \
             create the gateway."
        ),
    )
}

pub(super) fn conflict(gateway: &GatewayId, name: &str, holder: &Holder) -> String {
    let held = format!("The name {name} on gateway {gateway} is held by");
    match holder {
        Holder::Target(id) => format!(
            "{held} target {id}, which is not known to be ours: set another spec.targetName, remove \
             the target, or ask for it with the annotation {}.",
            api::ADOPT_ANNOTATION
        ),
        Holder::Meanwhile(id, name) => format!(
            "{held} target {id}, which is not known to be ours; the target serves on as {name}: \
             set another spec.targetName, or remove target {id}."
        ),
        Holder::Remembered(id) => format!(
            "{held} target {id}, which the annotation {} names, but the status does not: an \
             administrator can let it be taken over (--allow-adoption). To leave it to others, \
             remove the annotation.",
            api::TARGET_ANNOTATION
        ),
        Holder::First(resource) => format!(
            "Target {name} on gateway {gateway} belongs to MCPServer {resource}, of which this one is \
             a copy together with the status: delete this one, which leaves the target as it is."
        ),
        Holder::Resource(resource) => format!(
            "{held} MCPServer {resource}: set another spec.targetName, or remove the other."
        ),
    }
}

pub(super) fn queued(attempt: Attempt, wait: &Wait) -> Reading {
    let done = match attempt {
        Attempt::Create => "created",
        Attempt::Update => "updated",
        Attempt::Delete => "deleted",
        Attempt::Read => "read",
        Attempt::Synchronize => "synchronized",
    };
    let why = match wait {
        Wait::Operations { gateway, most } => {
            format!("{most} operations are under way on gateway {gateway}, as many as AWS permits")
        }
        Wait::Calls { most } => {
            format!("AWS permits {most} such calls a second in an account and Region")
        }
    };
    Reading::progress(Reason::Queued, format!("The target waits for its turn to be {done}: {why}."))
}

pub(super) fn held(attempt: Attempt, failure: &Failure, busy: bool) -> Reading {
    let action = match attempt {
        Attempt::Create => "create",
        Attempt::Update => "update",
        Attempt::Delete => "delete",
        Attempt::Read => "read",
        Attempt::Synchronize => "synchronize",
    };
    let said = clean(&failure.message);
    let later = |why: &str| {
        Reading::progress(
            Reason::Queued,
            format!("AWS could not {action} the target yet, {why}; it is tried again: {said}"),
        )
    };
    match failure.class {
        FailureClass::Throttled => later("it limits the rate of calls"),
        FailureClass::Conflict | FailureClass::WrongState => {
            later("another operation is under way")
        }
        FailureClass::Quota if busy => later("other operations are under way on the gateway"),
        FailureClass::Server => later("it had an internal error"),
        FailureClass::Unanswered => later("no answer came"),
        FailureClass::NotFound => later("it does not find it"),
        FailureClass::Quota => Reading::stuck(
            Reason::QuotaExceeded,
            format!(
                "A quota of the AWS account is used up: have it raised, or remove targets. {said}"
            ),
        ),
        FailureClass::Denied | FailureClass::Credentials => Reading::stuck(
            Reason::AccessDenied,
            denied(failure.class, &format!("{action} the target"), &said),
        ),
        FailureClass::Invalid => Reading::stuck(
            Reason::TargetFailed,
            format!("AWS refuses to {action} the target as it is written; correct it: {said}"),
        ),
    }
}

pub(super) fn stale(gateway: &GatewayId, failure: Option<&Failure>) -> String {
    let Some(failure) = failure else {
        return format!(
            "Gateway {gateway} has not been observed for some time: see the operator's log."
        );
    };
    let why = denied(failure.class, LIST, &clean(&failure.message));
    format!("Gateway {gateway} has not been observed for some time. {why}")
}

pub(super) fn blind(gateway: &GatewayId, failure: &Failure) -> Reading {
    let said = clean(&failure.message);
    match failure.class {
        FailureClass::Denied | FailureClass::Credentials => {
            Reading::stuck(Reason::AccessDenied, denied(failure.class, LIST, &said))
        }
        FailureClass::Invalid => Reading::rejected(
            Reason::GatewayNotFound,
            format!("AWS does not take \"{gateway}\" as a gateway: correct spec.gatewayId. {said}"),
        ),
        FailureClass::Throttled
        | FailureClass::Quota
        | FailureClass::Conflict
        | FailureClass::WrongState
        | FailureClass::NotFound
        | FailureClass::Server
        | FailureClass::Unanswered => Reading::progress(
            Reason::Queued,
            format!("The targets of gateway {gateway} cannot be listed yet: {said}"),
        ),
    }
}

fn denied(class: FailureClass, action: &str, said: &str) -> String {
    if class == FailureClass::Credentials {
        format!(
            "The operator has no usable AWS credentials to {action}: check its IAM role, its profile or \
             its environment. {said}"
        )
    } else {
        format!("AWS does not let the operator {action}: check its IAM policy. {said}")
    }
}

pub(super) fn failed(status: &TargetStatus, reasons: &[String], remedy: Remedy) -> Reading {
    let reasons: Vec<String> = reasons.iter().map(|reason| clean(reason)).collect();
    let because = if reasons.is_empty() {
        "AWS gives no reason".to_owned()
    } else {
        clean(&reasons.join("; "))
    };
    let said = format!("The target is {status}: {}.", because.trim_end_matches('.'));
    let reason = Reason::TargetFailed;
    match remedy {
        Remedy::Edit => Reading::stuck(reason, format!("{said} Correct what is written.")),
        Remedy::Time => {
            Reading::progress(reason, format!("{said} It is tried again with growing pauses."))
        }
        Remedy::SyncRequest => Reading::stuck(
            reason,
            format!(
                "{said} A person might have to consent, so it is tried again on request only: set \
                 the annotation {} to the time.",
                api::SYNC_REQUEST_ANNOTATION
            ),
        ),
    }
}
