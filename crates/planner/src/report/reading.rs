//! From a standing to words.
//!
//! Contract: every standing has one text, which says what to do next and holds nothing that changes
//! from one attempt to the next.

use api::{FailureClass, GatewayId, Reason, TargetStatus};

use super::text::clean;
use super::{Holder, Remedy, Standing, Wait};
use crate::Attempt;

/// How a standing reads.
pub(super) struct Reading {
    /// What `Accepted` says, where the standing says anything about it.
    pub(super) accepted: Option<Truth>,
    /// What `Programmed` says, where the standing says anything about it.
    pub(super) programmed: Option<Truth>,
    pub(super) ready: Truth,
    pub(super) outlook: Outlook,
    pub(super) message: String,
}

#[derive(Clone, Copy)]
pub(super) enum Truth {
    Yes(Reason),
    No(Reason),
    Unknown(Reason),
}

/// What happens if nobody does anything.
pub(super) enum Outlook {
    /// Nothing: all is well, or nothing is left.
    Settled,
    /// It goes on by itself.
    Progress,
    /// It stays as it is until a person helps.
    Stuck,
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

/// How the standing reads; `None`: it says nothing new.
// A table, with one row for each standing.
#[allow(clippy::too_many_lines)]
pub(super) fn read(standing: &Standing) -> Option<Reading> {
    Some(match standing {
        Standing::Hold | Standing::Gone | Standing::Retained(_) => return None,
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
        Standing::GatewayNotFound(gateway) => no_gateway(gateway),
        Standing::GatewayLost(gateway) => Reading {
            // Nobody can say any more that the target is as written.
            programmed: Some(Truth::Unknown(Reason::ObservationStale)),
            ..no_gateway(gateway)
        },
        Standing::WrongAccountOrRegion { arn, account, region } => Reading::rejected(
            Reason::WrongAccountOrRegion,
            format!(
                "The target belongs to {arn}, but the operator works in account {account}, \
                 Region {region}: nothing is changed until an operator of that account and \
                 Region takes over."
            ),
        ),
        Standing::NameConflict { gateway, name, holder } => {
            Reading::rejected(Reason::NameConflict, conflict(gateway, &clean(name), holder))
        }
        Standing::NotPermitted { gateway, target } => Reading::rejected(
            Reason::NotPermitted,
            format!(
                "Target {target} on gateway {gateway} may not be taken over: an administrator can \
                 allow it (--allow-adoption). Else remove the annotation {}.",
                api::ADOPT_ANNOTATION
            ),
        ),
        Standing::Creating(gateway) => Reading::progress(
            Reason::Creating,
            format!("The target is being created on gateway {gateway}."),
        ),
        Standing::Recreating(target) => Reading::progress(
            Reason::Creating,
            format!("Target {target} is gone; another is being created."),
        ),
        Standing::Replacing { target, refusal } => Reading::progress(
            Reason::Creating,
            format!(
                "AWS refuses to change target {target} in place, so another is made instead: {}",
                clean(&refusal.message)
            ),
        ),
        Standing::CannotChange { target, failure } => Reading::stuck(
            Reason::TargetFailed,
            format!(
                "AWS refuses to change target {target}, which serves on as it was: correct what is \
                 written. If it is right, spec.replacementPolicy Allow has the target deleted and \
                 another made, during which agents do not find its tools. AWS says: {}",
                clean(&failure.message)
            ),
        ),
        Standing::Repairing { target, fields } => Reading::progress(
            Reason::Updating,
            format!(
                "Target {target} is not as written any more, and is being put right: it differs in {}.",
                fields.join(", ")
            ),
        ),
        Standing::Drifted { target, fields } => Reading::stuck(
            Reason::Drifted,
            format!(
                "Target {target} differs in {}, and is left so (spec.driftPolicy).",
                fields.join(", ")
            ),
        ),
        Standing::Suspended(undone) => Reading::stuck(
            Reason::Suspended,
            format!("The target would be {undone}, but spec.suspend is set."),
        ),
        Standing::Updating(target) => {
            Reading::progress(Reason::Updating, format!("Target {target} is being updated."))
        }
        Standing::Synchronizing(target) => Reading::progress(
            Reason::Updating,
            format!("The gateway fetches the tools of target {target} again."),
        ),
        Standing::Deleting(target) => Reading {
            accepted: None,
            ..Reading::progress(Reason::Deleting, format!("Target {target} is being deleted."))
        },
        Standing::DeletingAgain(target) => Reading {
            accepted: None,
            ..Reading::progress(
                Reason::Deleting,
                format!(
                    "AWS has accepted to delete target {target}, but it is still there; it is \
                     tried again with growing pauses. To let the resource go without it, set \
                     spec.deletionPolicy to Retain."
                ),
            )
        },
        Standing::DeletingAfterConsent(target) => Reading {
            accepted: None,
            ..Reading::progress(
                Reason::Deleting,
                format!(
                    "Target {target} waits for a person's consent, and AWS deletes it only when \
                     that is given or has lapsed."
                ),
            )
        },
        Standing::Held { attempt, failure, busy } => held(*attempt, failure, *busy),
        Standing::Queued { attempt, wait } => queued(*attempt, wait),
        Standing::Blind { gateway, failure } => blind(gateway, failure),
        Standing::Stale { gateway, failure } => Reading {
            accepted: None,
            programmed: Some(Truth::Unknown(Reason::ObservationStale)),
            ready: Truth::Unknown(Reason::ObservationStale),
            outlook: Outlook::Progress,
            message: stale(gateway, failure.as_ref()),
        },
        Standing::Failed { status, reasons, remedy } => failed(status, reasons, *remedy),
        Standing::ConsentPending { target, edited } => Reading::stuck(
            Reason::AuthorizationPending,
            format!(
                "Target {target} waits until a person gives consent: open status.authorization.url.{}",
                if *edited {
                    " The resource has been edited since: AWS takes that only afterwards."
                } else {
                    ""
                }
            ),
        ),
        Standing::ConsentLapsed(target) => Reading::stuck(
            Reason::AuthorizationPending,
            format!(
                "Nobody gave consent to target {target} in time: to be asked again, edit the \
                 resource or set the annotation {} to the time.",
                api::REQUEST_ANNOTATION
            ),
        ),
        Standing::Unreadable(error) => Reading::rejected(
            Reason::Unreadable,
            format!(
                "The operator cannot read this resource and does nothing for it, not even its \
                 deletion: correct what it says, or, if an operator of a newer version has written it, \
                 bring this one to that version: {}.",
                clean(error)
            ),
        ),
        Standing::Broken(place) => Reading {
            // What was found out of the resource and its target is not known to be wrong.
            accepted: None,
            programmed: None,
            ready: Truth::Unknown(Reason::InternalError),
            outlook: Outlook::Stuck,
            message: format!(
                "The operator has made a mistake of its own{}. What is at AWS stays as it is; it is \
                 tried again with growing pauses, and at once after an edit. Report it, with the \
                 line of the operator's log that says \"panicked\".",
                place.as_ref().map(|place| format!(" ({})", clean(place))).unwrap_or_default()
            ),
        },
        Standing::Ready { gateway, target, checked, .. } => Reading {
            accepted: Some(Truth::Yes(Reason::Accepted)),
            programmed: Some(Truth::Yes(Reason::Programmed)),
            ready: Truth::Yes(Reason::GatewayTargetReady),
            outlook: Outlook::Settled,
            message: if *checked {
                format!("Target {target} on gateway {gateway} is READY as written.")
            } else {
                format!(
                    "Target {target} on gateway {gateway} is READY; somebody else has changed it, \
                     which is ignored (spec.driftPolicy)."
                )
            },
        },
    })
}

fn no_gateway(gateway: &GatewayId) -> Reading {
    Reading::rejected(
        Reason::GatewayNotFound,
        format!(
            "AWS knows no gateway {gateway} in this account and Region: correct spec.gatewayId, or \
             create the gateway."
        ),
    )
}

fn conflict(gateway: &GatewayId, name: &str, holder: &Holder) -> String {
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

fn queued(attempt: Attempt, wait: &Wait) -> Reading {
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

fn held(attempt: Attempt, failure: &api::Failure, busy: bool) -> Reading {
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
        FailureClass::Denied | FailureClass::Credentials => {
            Reading::stuck(Reason::AccessDenied, denied(failure.class, action, &said))
        }
        FailureClass::Invalid => Reading::stuck(
            Reason::TargetFailed,
            format!("AWS refuses to {action} the target as it is written; correct it: {said}"),
        ),
    }
}

fn stale(gateway: &GatewayId, failure: Option<&api::Failure>) -> String {
    let Some(failure) = failure else {
        return format!(
            "Gateway {gateway} has not been observed for some time: see the operator's log."
        );
    };
    let why = denied(failure.class, "list", &clean(&failure.message));
    format!("Gateway {gateway} has not been observed for some time. {why}")
}

fn blind(gateway: &GatewayId, failure: &api::Failure) -> Reading {
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

fn failed(status: &TargetStatus, reasons: &[String], remedy: Remedy) -> Reading {
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
