//! `MCPServerStatus`: what people read, and the operator's own records.
//!
//! Every mutation at AWS stands between two records here: what is about to be done, and what
//! came of it. That is what a restarted operator knows, and all that it knows.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::unknown::{Unknown, noting};

/// The state of the gateway target, as last observed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct MCPServerStatus {
    /// The generation of the resource that the conditions judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// `Ready` is the summary; `Accepted` judges what is written in this resource; `Programmed`
    /// tells about the target at the gateway. `Drifted`, `Reconciling` and `Stalled` appear only
    /// while true; `ToolsSynchronized` where `spec.toolSync` asks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,

    /// ID of the gateway that holds the target, or on which it is being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_id: Option<String>,

    /// ARN of that gateway, which tells its account and Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_arn: Option<String>,

    /// ID of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,

    /// Name of the target, as AWS has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_name: Option<String>,

    /// Status of the target in AgentCore's own words, such as `CREATING`, `READY` or `FAILED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_status: Option<String>,

    /// Why the target has this status, in AgentCore's own words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status_reasons: Vec<String>,

    /// Where a person has to give consent before the target can work, while AWS waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,

    /// The operator's record that AWS has asked a person for consent and has not gone on since. Where
    /// the target fails then, nobody consented in time, and nobody is asked again without an edit or a
    /// request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub consent_asked: bool,

    /// When the gateway last fetched the server's tools, on AWS's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_synchronized: Option<Timestamp>,

    /// The generation of the resource whose configuration AWS holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_generation: Option<i64>,

    /// The last value of the annotation `mcpgateway.bedrock.aws/reconcile-requested-at` that was
    /// acted upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,

    /// The last value of the annotation `mcpgateway.bedrock.aws/sync-requested-at` that was acted
    /// upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_sync_at: Option<String>,

    /// The operator's record of a target that is being created and is not yet bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,

    /// The operator's record of an update that has not been answered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applying: Option<Applying>,

    /// The operator's record of the configuration that AWS accepted last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Applied>,

    /// The operator's record that the target, which it made, has never been READY: nobody can miss
    /// it, so it may be replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never_ready: bool,

    /// The operator's record of what the gateway's list of tools stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_sync: Option<ToolSyncRecord>,

    /// Targets on gateways that this resource has left, still to be deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub retired: Vec<Retired>,

    /// What else was read.
    #[serde(skip)]
    pub unknown: Unknown,
}

// As for the spec.
impl<'de> Deserialize<'de> for MCPServerStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (status, unknown) =
            noting(deserializer, |deserializer| Self::deserialize(deserializer))?;
        Ok(Self { unknown, ..status })
    }
}

impl Serialize for MCPServerStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

/// A Create under way: written before the call, so that a crash at any point leaves a trace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// Random, new for each intent. With the UID of the resource it gives the client token.
    pub nonce: String,
    /// ID of the gateway.
    pub gateway: String,
    /// Name of the target.
    pub name: String,
    /// Fingerprint of the configuration that is sent.
    pub fingerprint: String,
    /// The generation of the resource that is sent.
    pub generation: i64,
    /// AWS's clock when the intent was made, or was last found to have made nothing: a target that it
    /// made is not older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_time: Option<Timestamp>,
    /// Until when, on AWS's clock, attempts may begin, if not just after the intent: a target that
    /// it made is hardly younger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_until: Option<Timestamp>,
    /// Hash of the workload's pod template, if it was rolled out completely: the target that is made
    /// fetches its tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The AWS account in which the target is made, as far as it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The AWS Region in which it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// A consent that AWS waits for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Authorization {
    /// What the person has to open. It is valid for some minutes.
    pub url: String,
    /// When it is not expected to lead anywhere any more: ten minutes after the operator saw it
    /// first. AWS does not tell.
    pub expires_at: Timestamp,
}

/// An Update under way.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Applying {
    /// Fingerprint of the configuration that is sent.
    pub fingerprint: String,
    /// The generation of the resource that is sent.
    pub generation: i64,
    /// Hash of the workload's pod template, if it was rolled out completely: an Update fetches the
    /// tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

/// What the gateway's list of tools stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolSyncRecord {
    /// Hash of the workload's pod template whose rollout was complete before the tools were last
    /// asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// When they were last asked for and that was over, on AWS's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// A Synchronize that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under_way: Option<Synchronizing>,
    /// Why AWS refused the last Synchronize for good, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A Synchronize under way: written before the call, so that a crash at any point leaves a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Synchronizing {
    /// Hash of the workload's pod template, if it was rolled out completely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The request that it answers, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// When the tools were last fetched before, on AWS's clock: a later time is that of this
    /// Synchronize, or of one that began after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_synchronized_at: Option<Timestamp>,
}

/// The last configuration that AWS accepted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Fingerprint of the configuration, with the version of the scheme that computed it.
    pub fingerprint: String,
    /// `updatedAt` of the target as AWS gave it with its last answer, or as it was when the
    /// target was first seen with this configuration. When it moves, somebody has changed it.
    pub updated_at: Timestamp,
    /// Whether the target has been seen in a settled state with this configuration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settled: bool,
}

/// A target that this resource has left behind on another gateway.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retired {
    /// ID of the gateway.
    pub gateway_id: String,
    /// ARN of the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_arn: Option<String>,
    /// ID of the target.
    pub target_id: String,
}

/// Conditions as a map by type, so that server-side apply and `kubectl` treat each as one entry.
fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = <Vec<Condition>>::json_schema(generator);
    schema.insert("x-kubernetes-list-type".to_owned(), "map".into());
    schema.insert("x-kubernetes-list-map-keys".to_owned(), vec!["type"].into());
    schema
}
