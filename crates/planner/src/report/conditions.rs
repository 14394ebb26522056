//! From a standing to conditions, as the Kubernetes API conventions and kstatus read them.
//!
//! Contract: `Ready` is the summary and is always there. `Accepted` judges what a person wrote,
//! `Programmed` the target. `Reconciling` (it will go on by itself) and `Stalled` (only a person
//! can help) appear only while true. A standing that says nothing about a condition leaves it.
//! `lastTransitionTime` moves only with the status.

use api::{ConditionType, MCPServerStatus, Reason};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::Standing;
use super::reading::{Outlook, Truth, read};
use super::text::message;

/// Brings the conditions up to the standing.
pub(super) fn project(
    status: &mut MCPServerStatus,
    standing: &Standing,
    generation: Option<i64>,
    now: Timestamp,
) {
    let Some(mut reading) = read(standing) else { return };
    reading.message = message(&reading.message);
    let conditions = &mut status.conditions;
    let set = |conditions: &mut _, kind, truth, message: &str| {
        set(conditions, kind, truth, message, generation, now);
    };
    let accepted = reading.accepted.map(|truth| match truth {
        Truth::Yes(_) => (truth, "The resource is valid.".to_owned()),
        Truth::No(_) | Truth::Unknown(_) => (truth, reading.message.clone()),
    });
    if let Some((truth, message)) = accepted {
        set(conditions, ConditionType::Accepted, truth, &message);
    }
    if let Some(truth) = reading.programmed {
        set(conditions, ConditionType::Programmed, truth, &reading.message);
    }
    set(conditions, ConditionType::Ready, reading.ready, &reading.message);

    let (Truth::Yes(reason) | Truth::No(reason) | Truth::Unknown(reason)) = reading.ready;
    // Those that are there only while they are true.
    for (kind, present) in [
        (ConditionType::Drifted, reason == Reason::Drifted),
        (ConditionType::Reconciling, matches!(reading.outlook, Outlook::Progress)),
        (ConditionType::Stalled, matches!(reading.outlook, Outlook::Stuck)),
    ] {
        if present {
            set(conditions, kind, Truth::Yes(reason), &reading.message);
        } else {
            conditions.retain(|condition| condition.type_ != kind.as_str());
        }
    }
    status.observed_generation = generation;
}

pub(super) fn set(
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
