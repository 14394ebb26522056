//! From a standing to words.
//!
//! Contract: every standing has one text, which says what to do next and holds nothing that changes
//! from one attempt to the next.

mod trouble;

use api::Reason;

use super::Standing;
use super::text::clean;
use trouble::{blind, conflict, failed, held, no_gateway, queued, stale};

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
