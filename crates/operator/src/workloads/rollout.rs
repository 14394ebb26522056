//! Whether a workload is rolled out, and with which pods.
//!
//! Contract: pure. Complete is what `kubectl rollout status` calls so (kubectl,
//! `pkg/polymorphichelpers/rollout_status.go`), which it does of a workload without replicas, too:
//! then there is nobody to ask, which is told apart. Only the pod template tells one rollout from
//! another: annotations of the workload itself, its scale and its status do not count.

use kube::core::Object;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A kind of workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` `StatefulSet`.
    StatefulSet,
}

/// A workload of either kind, as far as anybody here wants to know.
pub(super) type Seen = Object<Spec, Status>;

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    replicas: Option<i64>,
    /// As it stands, so that fields of a later Kubernetes count as well.
    template: Value,
    update_strategy: UpdateStrategy,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct UpdateStrategy {
    #[serde(rename = "type")]
    kind: Option<String>,
    rolling_update: Option<RollingUpdate>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RollingUpdate {
    partition: Option<i64>,
}

/// How far it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    observed_generation: i64,
    replicas: i64,
    updated_replicas: i64,
    ready_replicas: i64,
    available_replicas: i64,
    current_revision: Option<String>,
    update_revision: Option<String>,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    reason: Option<String>,
}

/// Where a rollout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is under way, or was given up.
    UnderWay,
    /// It is complete, and no replicas are wanted.
    Idle,
    /// It is complete.
    Complete,
}

/// Where the last rollout stands.
pub(super) fn progress(kind: Kind, seen: &Seen) -> Progress {
    let nothing = Status::default();
    let (spec, status) = (&seen.spec, seen.status.as_ref().unwrap_or(&nothing));
    let observed = status.observed_generation >= seen.metadata.generation.unwrap_or_default();
    // What is left out is 1, as the API server writes it.
    let replicas = spec.replicas.unwrap_or(1);
    let partition = partition(kind, spec);
    let done = match kind {
        Kind::Deployment => {
            !is_given_up(status)
                && status.updated_replicas >= replicas
                && status.replicas <= status.updated_replicas
                && status.available_replicas >= status.updated_replicas
        }
        Kind::StatefulSet => {
            status.observed_generation > 0
                && status.ready_replicas >= replicas
                && match partition {
                    Some(partition) => status.updated_replicas >= replicas - partition,
                    None => status.update_revision == status.current_revision,
                }
        }
    };
    match (observed && done, replicas) {
        (false, _) => Progress::UnderWay,
        (true, 0) => Progress::Idle,
        (true, _) => Progress::Complete,
    }
}

/// The hash of the pod template that is asked for, rolled out or not.
pub(super) fn template(kind: Kind, seen: &Seen) -> String {
    hash(&seen.spec.template, partition(kind, &seen.spec).unwrap_or_default())
}

/// The rollout has taken too long: that it is as it should be for a moment is no end of it.
fn is_given_up(status: &Status) -> bool {
    let progress = status.conditions.iter().find(|condition| condition.kind == "Progressing");
    let reason = progress.and_then(|condition| condition.reason.as_deref());
    reason == Some("ProgressDeadlineExceeded")
}

/// The pods below this number keep the template that they have; `None` where revisions tell.
///
/// Of `OnDelete` kubectl refuses to speak, because nobody knows when the pods will be deleted. They
/// are replaced all the same in the end, and the revisions show when: the tools are to be fetched
/// then, so it is judged as if it had been asked for without a partition.
fn partition(kind: Kind, spec: &Spec) -> Option<i64> {
    let strategy = &spec.update_strategy;
    match (kind, strategy.kind.as_deref()) {
        (Kind::Deployment, _) | (Kind::StatefulSet, Some("OnDelete")) => None,
        (Kind::StatefulSet, _) => strategy.rolling_update.as_ref()?.partition,
    }
}

/// What is null is not there: API servers differ in whether they write it.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let there = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(there.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        Value::Array(entries) => Value::Array(entries.iter().map(without_nulls).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// The pods that a partition leaves out go on with another template, and with other tools: a
/// rollout that goes on by a smaller partition is another one, whatever the template says.
fn hash(template: &Value, partition: i64) -> String {
    // A map of `Value` is sorted, so this text is the same for the same template.
    let mut hash = Sha256::new_with_prefix(without_nulls(template).to_string());
    if partition > 0 {
        // No JSON text goes on after its end, so no two of them hash alike.
        hash.update(format!("\npartition {partition}"));
    }
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        use std::fmt::Write as _;
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
