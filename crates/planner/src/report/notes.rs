//! What a person wants to see in `kubectl describe`: one note at most for each write.
//!
//! Contract: pure. A note comes from a record that was just written, or from a `Ready` whose
//! meaning has changed, so what repeats without a write is never noted twice. What goes on by itself
//! (a target on its way, limits, a busy target) makes no note; its end does.

use api::{ConditionType, MCPServer, Reason};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{Report, Standing};
use crate::Step;

/// Something worth an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether a person should look at it.
    pub warning: bool,
    /// The reason, in one word.
    pub reason: &'static str,
    /// What the operator was doing, in one word.
    pub action: &'static str,
    /// What happened, in a sentence.
    pub text: String,
}

const DRIFT: &str = "DriftDetected";

impl Note {
    /// Whether it tells that somebody else has changed the target.
    #[must_use]
    pub fn is_of_drift(&self) -> bool {
        self.reason == DRIFT
    }
}

/// What is worth telling of a write that led from `before` to `after`.
#[must_use]
pub fn note(
    before: &MCPServer,
    after: &MCPServer,
    step: Option<&Step>,
    report: &Report,
) -> Option<Note> {
    let ready = ready(after);
    let message = || ready.map(|ready| ready.message.clone()).unwrap_or_default();
    let normal = |reason, action| Some(Note { warning: false, reason, action, text: message() });
    let warning = |reason, action| Some(Note { warning: true, reason, action, text: message() });
    match (step, &report.standing) {
        (Some(Step::RecordIntent(_)), Standing::Recreating(_)) => warning("TargetLost", "Create"),
        (Some(Step::RecordApplying(_)), Standing::Repairing { .. }) => warning(DRIFT, "Update"),
        (Some(Step::Bind(binding)), _) if binding.made_with.is_none() => Some(Note {
            warning: false,
            reason: "TargetAdopted",
            action: "Adopt",
            text: format!(
                "Target {} on gateway {} is taken over.",
                binding.target, binding.gateway
            ),
        }),
        (Some(Step::ReleaseFinalizer), Standing::Retained(left)) if !left.is_empty() => {
            Some(Note {
                warning: false,
                reason: "TargetRetained",
                action: "Release",
                text: left
                    .iter()
                    .map(|bound| {
                        format!("Target {} stays on gateway {}.", bound.target, bound.gateway)
                    })
                    .collect::<Vec<_>>()
                    .join(" "),
            })
        }
        (None, Standing::Drifted { .. }) if news(before, after) => warning(DRIFT, "Observe"),
        (None, _) if news(before, after) => {
            let reason = Reason::ALL
                .iter()
                .find(|reason| ready.is_some_and(|ready| ready.reason == reason.as_str()))?;
            match tone(*reason)? {
                Tone::Normal => normal(reason.as_str(), "Observe"),
                Tone::Warning => warning(reason.as_str(), "Observe"),
            }
        }
        (_, _) => None,
    }
}

fn ready(server: &MCPServer) -> Option<&Condition> {
    let conditions = &server.status.as_ref()?.conditions;
    conditions.iter().find(|condition| condition.type_ == ConditionType::Ready.as_str())
}

/// Whether `Ready` says something else than before.
fn news(before: &MCPServer, after: &MCPServer) -> bool {
    let said = |server| ready(server).map(|ready| (&ready.reason, &ready.message));
    said(before) != said(after)
}

enum Tone {
    Normal,
    Warning,
}

fn tone(reason: Reason) -> Option<Tone> {
    match reason {
        Reason::GatewayTargetReady | Reason::Deleting | Reason::Suspended => Some(Tone::Normal),
        Reason::ValidationError
        | Reason::NameConflict
        | Reason::NotPermitted
        | Reason::GatewayNotConfigured
        | Reason::GatewayNotFound
        | Reason::WrongAccountOrRegion
        | Reason::TargetFailed
        | Reason::AccessDenied
        | Reason::QuotaExceeded
        | Reason::AuthorizationPending
        | Reason::Drifted
        | Reason::ObservationStale
        | Reason::Unreadable
        | Reason::InternalError => Some(Tone::Warning),
        Reason::Pending
        | Reason::Accepted
        | Reason::Programmed
        | Reason::Creating
        | Reason::Updating
        | Reason::Queued
        // Of the tools another condition tells.
        | Reason::Synchronized
        | Reason::NothingToSynchronize
        | Reason::Synchronizing
        | Reason::RollingOut
        | Reason::WorkloadIdle
        | Reason::WorkloadNotFound
        | Reason::WorkloadUnreadable
        | Reason::OnRequestOnly
        | Reason::SynchronizationFailed => None,
    }
}
