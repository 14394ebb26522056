//! Kubernetes as the operator uses it: one client, and the few writes to a resource.
//!
//! Contract: every call has a time limit. Status goes out as a merge patch of what differs, with
//! the resource version as precondition, which also fences off a process that has lost sight;
//! finalizers as a JSON patch that tests what it replaces.

use std::time::Duration;

use anyhow::Context as _;
use api::{FINALIZER, MCPServer, MCPServerStatus, TARGET_ANNOTATION};
use kube::api::{Patch, PatchParams};
use kube::core::Status;
use kube::{Api, Client};
use serde_json::{Map, Value, json};

use crate::fleet::Key;
use crate::watching::WATCH_SECONDS;

/// The reason of the API server's own 404.
const NOT_FOUND: &str = "NotFound";
/// How long a call may take, the client's own retries of busy answers included.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection on which nothing comes for longer is dead: no watch is as long. It ends a request that
/// is never answered, which no time limit of a watch does.
const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 7);

/// Why a call to Kubernetes gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Somebody else wrote first.
    #[error("the resource was changed meanwhile: {0}")]
    Conflict(String),
    /// The resource is gone.
    #[error("the resource is gone")]
    Gone,
    /// The API server does not keep what is written: its CRD is older than this operator.
    #[error(
        "the CRD mcpservers.mcpgateway.bedrock.aws is older than this operator and does not keep \
         {0}: apply the CRD of this version"
    )]
    Pruned(String),
    /// It answers, and does not do it.
    #[error("{0}")]
    Refused(String),
    /// Anything else: no answer, or none that can be read.
    #[error("{0}")]
    Other(String),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if status.code == 409 => {
                Self::Conflict(status.message.clone())
            }
            kube::Error::Api(status) if status.code == 404 && status.reason == NOT_FOUND => {
                Self::Gone
            }
            // A page of somebody else's, or of an API server that does not serve the CRD's version at present:
            // who is forgotten for that is not shown again by the watch.
            kube::Error::Api(status) if status.code == 404 => {
                Self::Other(format!("nothing is served there ({})", status.message))
            }
            // The test of a JSON patch did not hold.
            kube::Error::Api(status) if is_failed_test(status) => {
                Self::Conflict(status.message.clone())
            }
            kube::Error::Api(status) => Self::Refused(status.message.clone()),
            _ => Self::Other(describe(&error)),
        }
    }
}

fn is_failed_test(status: &Status) -> bool {
    status.code == 422 && status.message.contains("the server rejected our request")
        || status.message.contains("testing value")
}

/// The error with its causes, each said once.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    text
}

/// The configuration of the client: from `KUBECONFIG`, the home directory or the pod.
pub(crate) async fn config() -> anyhow::Result<kube::Config> {
    kube::Config::infer().await.context(
        "no Kubernetes configuration: set KUBECONFIG, have ~/.kube/config, or run in a pod with \
         a service account",
    )
}

/// The client for everything but the Lease.
pub(crate) async fn client() -> anyhow::Result<Client> {
    let mut config = config().await?;
    config.read_timeout = Some(SILENCE);
    Client::try_from(config).context("the Kubernetes configuration cannot be used")
}

/// The writes to resources.
#[derive(Clone)]
pub(crate) struct Resources {
    client: Client,
}

impl Resources {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The resource as it is now.
    pub(crate) async fn read(&self, key: &Key) -> Result<MCPServer, Error> {
        limited(self.api(key).get(&key.name)).await
    }

    /// Takes the resource into care.
    pub(crate) async fn add_finalizer(&self, server: &MCPServer) -> Result<MCPServer, Error> {
        let mut finalizers = server.metadata.finalizers.clone().unwrap_or_default();
        finalizers.push(FINALIZER.to_owned());
        self.replace_finalizers(server, finalizers).await
    }

    /// Lets the resource go.
    pub(crate) async fn release_finalizer(&self, server: &MCPServer) -> Result<MCPServer, Error> {
        let mut finalizers = server.metadata.finalizers.clone().unwrap_or_default();
        finalizers.retain(|finalizer| finalizer != FINALIZER);
        self.replace_finalizers(server, finalizers).await
    }

    async fn replace_finalizers(
        &self,
        server: &MCPServer,
        finalizers: Vec<String>,
    ) -> Result<MCPServer, Error> {
        let patch = json!([
            { "op": "test", "path": "/metadata/uid", "value": server.metadata.uid },
            { "op": "test", "path": "/metadata/resourceVersion", "value": server.metadata.resource_version },
            { "op": "add", "path": "/metadata/finalizers", "value": finalizers },
        ]);
        let patch: json_patch::Patch =
            serde_json::from_value(patch).map_err(|error| Error::Other(error.to_string()))?;
        let key = Key::of(server);
        limited(self.api(&key).patch(&key.name, &PatchParams::default(), &Patch::Json::<()>(patch)))
            .await
    }

    /// Repeats the target's identity in the annotation.
    pub(crate) async fn annotate(
        &self,
        server: &MCPServer,
        identity: &str,
    ) -> Result<MCPServer, Error> {
        let patch = json!({ "metadata": {
            "resourceVersion": server.metadata.resource_version,
            "annotations": { TARGET_ANNOTATION: identity },
        }});
        let key = Key::of(server);
        limited(self.api(&key).patch(&key.name, &PatchParams::default(), &Patch::Merge(patch)))
            .await
    }

    /// Writes what differs in the status; `None` when nothing does. The second part is what the API
    /// server did not keep.
    pub(crate) async fn write_status(
        &self,
        server: &MCPServer,
        status: &MCPServerStatus,
    ) -> Result<Option<(MCPServer, String)>, Error> {
        let Some(difference) = difference(server.status.as_ref(), status) else { return Ok(None) };
        let patch = json!({
            "metadata": { "resourceVersion": server.metadata.resource_version },
            "status": difference,
        });
        let key = Key::of(server);
        let written = limited(self.api(&key).patch_status(
            &key.name,
            &PatchParams::default(),
            &Patch::Merge(patch),
        ))
        .await?;
        let lost = self::difference(written.status.as_ref(), status);
        let lost: Vec<String> =
            lost.iter().filter_map(Value::as_object).flat_map(Map::keys).cloned().collect();
        Ok(Some((written, lost.join(", "))))
    }

    fn api(&self, key: &Key) -> Api<MCPServer> {
        Api::namespaced(self.client.clone(), &key.namespace)
    }
}

pub(crate) async fn limited<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Error::Other("no answer within the time limit".to_owned())),
    }
}

/// The merge patch that leads from one status to the other; `None` when they are equal.
fn difference(before: Option<&MCPServerStatus>, after: &MCPServerStatus) -> Option<Value> {
    // Of what an operator of a newer version has recorded beyond us, what stands on its own stays; what is
    // part of a record goes with it, because it says nothing of the one that takes its place.
    let unknown: Vec<(&str, &str)> = before
        .iter()
        .flat_map(|status| status.unknown.places())
        .filter_map(|place| place.split_once('.'))
        .collect();
    // A status is made of strings, numbers and lists: serialising it cannot fail.
    let before = serde_json::to_value(before).ok()?;
    let after = serde_json::to_value(after).ok()?;
    let (empty, nothing) = (Map::new(), Map::new());
    let before = before.as_object().unwrap_or(&empty);
    let after = after.as_object().unwrap_or(&nothing);
    let mut patch = Map::new();
    for (field, value) in after {
        if before.get(field) != Some(value) {
            patch.insert(field.clone(), replacing(before.get(field), value));
        }
    }
    for field in before.keys().filter(|field| !after.contains_key(*field)) {
        patch.insert(field.clone(), Value::Null);
    }
    for (record, place) in unknown {
        let member = place.split(['.', '[']).next().unwrap_or(place);
        if let Some(Value::Object(replacing)) = patch.get_mut(record) {
            replacing.entry(member).or_insert(Value::Null);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// The value as a merge patch that leaves nothing of the one before: members of an object that
/// are not in the new one have to be named.
fn replacing(before: Option<&Value>, value: &Value) -> Value {
    let (Some(Value::Object(before)), Value::Object(after)) = (before, value) else {
        return value.clone();
    };
    let gone = before.keys().filter(|member| !after.contains_key(*member));
    let mut patch = after.clone();
    patch.extend(gone.map(|member| (member.clone(), Value::Null)));
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::{Applied, Intent};

    #[test]
    fn only_the_api_server_says_that_a_resource_is_gone() {
        let refusal = |reason: &str, message: &str| {
            Error::from(kube::Error::Api(Status::failure(message, reason).with_code(404).boxed()))
        };
        let said = r#"mcpservers.mcpgateway.bedrock.aws "x" not found"#;
        assert!(matches!(refusal("NotFound", said), Error::Gone));
        // As the client reads what is no Status.
        let page = refusal("Failed to parse error data", "404 page not found");
        assert!(
            matches!(&page, Error::Other(said) if said.contains("404 page not found")),
            "{page}"
        );
    }

    #[test]
    fn equal_statuses_need_no_write() {
        let status = MCPServerStatus { target_id: Some("T".to_owned()), ..Default::default() };
        assert_eq!(difference(Some(&status), &status), None);
        assert_eq!(difference(None, &MCPServerStatus::default()), None);
    }

    #[test]
    fn what_is_gone_is_named() {
        let intent = Intent {
            nonce: "n".to_owned(),
            gateway: "g".to_owned(),
            name: "t".to_owned(),
            fingerprint: "f".to_owned(),
            generation: 1,
            aws_time: Some(jiff::Timestamp::UNIX_EPOCH),
            attempts_until: None,
            template: None,
            account: None,
            region: None,
        };
        let before = MCPServerStatus {
            target_id: Some("T".to_owned()),
            intent: Some(intent.clone()),
            consent_asked: true,
            ..Default::default()
        };
        let after = MCPServerStatus {
            intent: Some(Intent { aws_time: None, ..intent }),
            applied: Some(Applied {
                fingerprint: "f".to_owned(),
                updated_at: jiff::Timestamp::UNIX_EPOCH,
                settled: true,
            }),
            ..Default::default()
        };
        let patch = difference(Some(&before), &after).unwrap();
        let gone = patch.as_object().unwrap().iter().filter(|(_, value)| value.is_null());
        assert_eq!(gone.map(|(field, _)| field).collect::<Vec<_>>(), ["consentAsked", "targetId"]);
        assert_eq!(patch["intent"]["awsTime"], Value::Null);
        assert_eq!(patch["intent"]["nonce"], "n");
        assert_eq!(patch["applied"]["settled"], true);
        assert!(patch.get("retired").is_none());
    }

    #[test]
    fn what_a_newer_version_has_recorded_stays_or_goes_with_its_record() {
        let before = json!({
            "targetId": "T", "migration": { "to": "x" },
            "applied": { "fingerprint": "f", "updatedAt": "2026-01-02T03:04:05Z", "plan": { "a": 1 } },
        });
        let before: MCPServerStatus = serde_json::from_value(before).unwrap();
        let mut after = before.clone();
        after.target_status = Some("READY".to_owned());
        assert_eq!(difference(Some(&before), &after), Some(json!({ "targetStatus": "READY" })));
        after.applied.as_mut().unwrap().fingerprint = "g".to_owned();
        let patch = difference(Some(&before), &after).unwrap();
        assert_eq!(patch["applied"]["fingerprint"], "g");
        assert_eq!(patch["applied"].get("plan"), Some(&Value::Null), "it was about another");
        assert!(patch.get("migration").is_none());
    }
}
