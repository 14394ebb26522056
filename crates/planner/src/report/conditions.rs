//! From a standing to conditions, as the Kubernetes API conventions and kstatus read them.
//!
//! Contract: `Ready` is the summary and is always there. `Accepted` judges what a person wrote,
//! `Programmed` the target. `Reconciling` (it will go on by itself) and `Stalled` (only a person
//! can help) appear only while true. A standing that says nothing about a condition leaves it.
//! `lastTransitionTime` moves only with the status.

use api::{ConditionType, FailureClass, MCPServerStatus, Reason, TargetStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::text::clean;
use super::{Holder, Standing};
use crate::Attempt;

/// How a standing reads.
struct Reading {
    /// What `Accepted` says, where the standing says anything about it.
    accepted: Option<Truth>,
    /// What `Programmed` says, where the standing says anything about it.
    programmed: Option<Truth>,
    ready: Truth,
    outlook: Outlook,
    message: String,
}

#[derive(Clone, Copy)]
enum Truth {
    Yes(Reason),
    No(Reason),
    Unknown(Reason),
}

/// What happens if nobody does anything.
enum Outlook {
    /// Nothing: all is well, or nothing is left.
    Settled,
    /// It goes on by itself.
    Progress,
    /// It stays as it is until a person helps.
    Stuck,
}

/// Brings the conditions up to the standing.
pub(super) fn project(
    status: &mut MCPServerStatus,
    standing: &Standing,
    generation: Option<i64>,
    now: Timestamp,
) {
    let Some(reading) = read(standing) else { return };
    let mut set = |kind, truth, message: &str| {
        set(&mut status.conditions, kind, truth, message, generation, now);
    };
    let accepted = reading.accepted.map(|truth| match truth {
        Truth::Yes(_) => (truth, "The resource is valid.".to_owned()),
        Truth::No(_) | Truth::Unknown(_) => (truth, reading.message.clone()),
    });
    if let Some((truth, message)) = accepted {
        set(ConditionType::Accepted, truth, &message);
    }
    if let Some(truth) = reading.programmed {
        set(ConditionType::Programmed, truth, &reading.message);
    }
    set(ConditionType::Ready, reading.ready, &reading.message);

    let (Truth::Yes(reason) | Truth::No(reason) | Truth::Unknown(reason)) = reading.ready;
    let (progress, stuck) = match reading.outlook {
        Outlook::Settled => (false, false),
        Outlook::Progress => (true, false),
        Outlook::Stuck => (false, true),
    };
    for (kind, present) in [(ConditionType::Reconciling, progress), (ConditionType::Stalled, stuck)]
    {
        if present {
            set(kind, Truth::Yes(reason), &reading.message);
        }
    }
    status.conditions.retain(|condition| {
        (progress || condition.type_ != ConditionType::Reconciling.as_str())
            && (stuck || condition.type_ != ConditionType::Stalled.as_str())
    });
    status.observed_generation = generation;
}

fn set(
    conditions: &mut Vec<Condition>,
    kind: ConditionType,
    truth: Truth,
    message: &str,
    generation: Option<i64>,
    now: Timestamp,
) {
    let (status, reason) = match truth {
        Truth::Yes(reason) => ("True", reason),
        Truth::No(reason) => ("False", reason),
        Truth::Unknown(reason) => ("Unknown", reason),
    };
    let before = conditions.iter().position(|condition| condition.type_ == kind.as_str());
    let last_transition_time = before
        .map(|index| &conditions[index])
        .filter(|condition| condition.status == status)
        .map_or(Time(now), |condition| condition.last_transition_time.clone());
    let condition = Condition {
        type_: kind.as_str().to_owned(),
        status: status.to_owned(),
        reason: reason.as_str().to_owned(),
        message: message.to_owned(),
        observed_generation: generation,
        last_transition_time,
    };
    match before {
        Some(index) => conditions[index] = condition,
        None => conditions.push(condition),
    }
}

impl Reading {
    /// The resource is fine, the target is on its way.
    fn progress(reason: Reason, message: String) -> Self {
        Self {
            accepted: Some(Truth::Yes(Reason::Accepted)),
            programmed: Some(Truth::No(reason)),
            ready: Truth::No(reason),
            outlook: Outlook::Progress,
            message,
        }
    }

    /// The resource is fine, the target is not, and waits for a person.
    fn stuck(reason: Reason, message: String) -> Self {
        Self { outlook: Outlook::Stuck, ..Self::progress(reason, message) }
    }

    /// The resource asks for something that cannot be done. What that means for a target that it
    /// already has is left as it was.
    fn rejected(reason: Reason, message: String) -> Self {
        Self {
            accepted: Some(Truth::No(reason)),
            programmed: None,
            ready: Truth::No(reason),
            outlook: Outlook::Stuck,
            message,
        }
    }
}

fn read(standing: &Standing) -> Option<Reading> {
    Some(match standing {
        Standing::Hold | Standing::Gone => return None,
        Standing::Invalid(violations) => {
            let list: Vec<String> = violations.iter().map(ToString::to_string).collect();
            Reading::rejected(Reason::ValidationError, clean(&list.join("; ")))
        }
        Standing::NoGateway => Reading::rejected(
            Reason::GatewayNotConfigured,
            "The resource names no gateway and the operator has no default: set spec.gatewayId, \
             or start the operator with --gateway-id or GATEWAY_ID."
                .to_owned(),
        ),
        Standing::GatewayNotFound(gateway) => Reading::rejected(
            Reason::GatewayNotFound,
            format!(
                "AWS knows no gateway {gateway} in this account and Region: correct \
                 spec.gatewayId, or create the gateway."
            ),
        ),
        Standing::WrongAccountOrRegion { arn, account, region } => Reading::rejected(
            Reason::WrongAccountOrRegion,
            format!(
                "The target belongs to {arn}, but the operator works in account {account}, \
                 Region {region}: nothing is changed until an operator of that account and \
                 Region takes over."
            ),
        ),
        Standing::NameConflict { gateway, name, holder } => {
            let holder = match holder {
                Holder::Target(id) => format!("target {id}, which is not known to be ours"),
                Holder::Resource(resource) => format!("MCPServer {resource}"),
            };
            Reading::rejected(
                Reason::NameConflict,
                format!(
                    "The name {name} on gateway {gateway} is held by {holder}: set another \
                     spec.targetName, or remove the holder."
                ),
            )
        }
        Standing::Creating(gateway) => Reading::progress(
            Reason::Creating,
            format!("The target is being created on gateway {gateway}."),
        ),
        Standing::Recreating(target) => Reading::progress(
            Reason::Creating,
            format!("Target {target} was deleted by somebody else and is being created again."),
        ),
        Standing::Updating(target) => {
            Reading::progress(Reason::Updating, format!("Target {target} is being updated."))
        }
        Standing::Deleting(target) => Reading {
            accepted: None,
            ..Reading::progress(Reason::Deleting, format!("Target {target} is being deleted."))
        },
        Standing::Held { attempt, failure, busy } => held(*attempt, failure, *busy),
        Standing::Blind { gateway, failure } => blind(gateway.as_str(), failure),
        Standing::Stale(gateway) => Reading {
            accepted: None,
            programmed: Some(Truth::Unknown(Reason::ObservationStale)),
            ready: Truth::Unknown(Reason::ObservationStale),
            outlook: Outlook::Progress,
            message: format!(
                "Gateway {gateway} has not been observed for some time: see the operator's log."
            ),
        },
        Standing::Failed { status, reasons } => failed(status, reasons),
        Standing::ConsentPending(target) => Reading::stuck(
            Reason::AuthorizationPending,
            format!("Target {target} waits until a person gives consent."),
        ),
        Standing::Ready { gateway, target, .. } => Reading {
            accepted: Some(Truth::Yes(Reason::Accepted)),
            programmed: Some(Truth::Yes(Reason::Programmed)),
            ready: Truth::Yes(Reason::GatewayTargetReady),
            outlook: Outlook::Settled,
            message: format!("Target {target} on gateway {gateway} is READY as written."),
        },
    })
}

fn held(attempt: Attempt, failure: &api::Failure, busy: bool) -> Reading {
    let action = match attempt {
        Attempt::Create => "create",
        Attempt::Update => "update",
        Attempt::Delete => "delete",
        Attempt::Read => "read",
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
        FailureClass::Denied | FailureClass::Credentials => {
            Reading::stuck(Reason::AccessDenied, denied(failure.class, action, &said))
        }
        FailureClass::Invalid => Reading::stuck(
            Reason::TargetFailed,
            format!("AWS refuses to {action} the target as it is written; correct it: {said}"),
        ),
    }
}

fn blind(gateway: &str, failure: &api::Failure) -> Reading {
    let said = clean(&failure.message);
    match failure.class {
        FailureClass::Denied | FailureClass::Credentials => {
            Reading::stuck(Reason::AccessDenied, denied(failure.class, "list", &said))
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
            "The operator has no usable AWS credentials to {action} the target: check its IAM \
             role, its profile or its environment. {said}"
        )
    } else {
        format!("AWS does not let the operator {action} the target: check its IAM policy. {said}")
    }
}

fn failed(status: &TargetStatus, reasons: &[String]) -> Reading {
    let reasons: Vec<String> = reasons.iter().map(|reason| clean(reason)).collect();
    let because = if reasons.is_empty() {
        "AWS gives no reason".to_owned()
    } else {
        clean(&reasons.join("; "))
    };
    Reading::progress(
        Reason::TargetFailed,
        format!("The target is {status}: {because}. It is tried again with growing pauses."),
    )
}
