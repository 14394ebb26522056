//! What is said of resources that cannot be read, or at which this program fails before a pass.
//!
//! Contract: each says so itself, in its conditions, of which those that can be read are kept; nothing
//! else of it is written. Where that is refused, an event and the log say it. What is wrong with one is
//! looked at again every now and then, because whoever leads next has to know it too.

use std::sync::Arc;
use std::time::Duration;

use agentcore::AgentCore;
use api::{MCPServer, MCPServerStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::ApiResource;
use kube::{Api, Client};
use planner::{Report, note, project};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::events::Events;
use crate::fleet::{Key, Obstacle};
use crate::kubernetes::{Error, limited};
use crate::pass::Operator;

/// How often they are looked at.
const PERIOD: Duration = Duration::from_mins(1);

/// Says so of each that there is and that comes, until nobody wants to know any more.
pub(crate) async fn tell<A: AgentCore>(client: Client, operator: Arc<Operator<A>>) {
    let pulse = operator.health.pulse("unreadable-mcpservers");
    let mut refused: Option<String> = None;
    loop {
        // Either will do.
        drop(pulse.keep(timeout(PERIOD, operator.unreadable.notified())).await);
        for (key, obstacle) in operator.fleet.unreadables() {
            if operator.dry_run || !operator.guard.works() {
                break;
            }
            let said =
                Box::pin(say(&client, &operator.events, &key, &obstacle, operator.clock.now()));
            let told = pulse.keep(said).await;
            let Err(error) = told else { continue };
            let error = error.to_string();
            if refused.as_ref() != Some(&error) {
                let (namespace, name) = (&key.namespace, &key.name);
                warn!(namespace, name, error, "that it cannot be read cannot be written there");
                refused = Some(error);
            }
        }
    }
}

async fn say(
    client: &Client,
    events: &Events,
    key: &Key,
    obstacle: &Obstacle,
    now: Timestamp,
) -> Result<(), Error> {
    let kind = ApiResource::erase::<MCPServer>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &key.namespace, &kind);
    let object = limited(api.get(&key.name)).await?;
    let (server, error) = readable_part(object);
    let report = match (error, obstacle) {
        (Some(error), _) => Report::unreadable(&error),
        (None, Obstacle::Panic(place)) => Report::broken(place.as_deref()),
        // The watch will show it.
        (None, Obstacle::Form) => return Ok(()),
    };
    let status = project(&server, None, &report, now);
    if server.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let patch = json!({
        "metadata": { "resourceVersion": server.metadata.resource_version },
        "status": {
            "conditions": status.conditions,
            "observedGeneration": status.observed_generation,
        },
    });
    let after = MCPServer { status: Some(status), ..server.clone() };
    let news = note(&server, &after, None, &report);
    let written =
        limited(api.patch_status(&key.name, &PatchParams::default(), &Patch::Merge(patch))).await;
    if written.is_ok() {
        info!(namespace = key.namespace, name = key.name, "status");
    }
    // An event says so also where the status cannot.
    if let Some(news) = news
        && !matches!(written, Err(Error::Conflict(_) | Error::Gone))
    {
        events.tell(&after, news);
    }
    written.map(drop)
}

/// What can be read of any, which are its metadata and conditions, and what of this one cannot, if anything.
fn readable_part(object: DynamicObject) -> (MCPServer, Option<String>) {
    let DynamicObject { metadata, data, .. } = object;
    let spec = data.get("spec").cloned().unwrap_or_default();
    let status = data.get("status").cloned().unwrap_or_default();
    let least = json!({ "endpoint": "", "capabilities": [] });
    let error = wrong::<api::MCPServerSpec>("spec", &spec, &least)
        .or_else(|| wrong::<Option<MCPServerStatus>>("status", &status, &json!({})));
    let conditions = status.get("conditions").and_then(Value::as_array).into_iter().flatten();
    let readable = |value: &Value| serde_json::from_value::<Condition>(value.clone()).ok();
    let status = MCPServerStatus {
        conditions: conditions.filter_map(readable).collect(),
        observed_generation: status.get("observedGeneration").and_then(Value::as_i64),
        ..MCPServerStatus::default()
    };
    (MCPServer { metadata, spec: api::MCPServerSpec::default(), status: Some(status) }, error)
}

/// What is wrong with this part of it, and in which fields. `least` is a part that can be read.
fn wrong<T: DeserializeOwned>(part: &str, value: &Value, least: &Value) -> Option<String> {
    let read = |value: Value| serde_json::from_value::<T>(value).err();
    let error = read(value.clone())?;
    // The error says what is wrong and not where, so each field is read alone.
    let fields = value.as_object().into_iter().flatten().filter_map(|(name, value)| {
        let mut alone = least.clone();
        alone[name] = value.clone();
        Some(format!("{part}.{name}: {}", read(alone)?))
    });
    let fields: Vec<String> = fields.collect();
    // Else a field is missing, which the error names.
    Some(if fields.is_empty() { format!("{part}: {error}") } else { fields.join("; ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(spec: &Value, status: &Value) -> DynamicObject {
        let object = json!({
            "apiVersion": "mcpgateway.bedrock.aws/v1alpha1", "kind": "MCPServer",
            "metadata": { "name": "x", "namespace": "a" }, "spec": spec, "status": status,
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn conditions_that_can_be_read_are_kept() {
        let good = json!({ "endpoint": "https://a.example.com", "capabilities": ["tools"] });
        assert_eq!(readable_part(object(&good, &Value::Null)).1, None);
        let theirs = json!({
            "type": "Theirs", "status": "True", "reason": "R", "message": "",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        });
        let status = json!({ "targetId": 7, "observedGeneration": 3, "conditions": [7, theirs] });
        let (server, error) = readable_part(object(&good, &status));
        assert!(error.unwrap().contains("status.targetId: invalid type"));
        let status = server.status.unwrap();
        assert_eq!(status.observed_generation, Some(3));
        assert_eq!(status.conditions.len(), 1);
    }

    #[test]
    fn each_field_of_another_form_is_named() {
        let good = json!({ "endpoint": "https://a.example.com", "capabilities": ["tools"] });
        let said = |spec: &Value, status: &Value| readable_part(object(spec, status)).1.unwrap();
        let status = said(&good, &json!({ "targetId": 7, "gatewayId": "gw", "neverReady": "no" }));
        assert!(status.contains("status.targetId: invalid type: integer `7`"), "{status}");
        assert!(
            status.contains("status.neverReady: ") && !status.contains("gatewayId"),
            "{status}"
        );
        let odd = json!({ "endpoint": 7, "capabilities": ["tools"] });
        assert!(said(&odd, &Value::Null).starts_with("spec.endpoint: invalid type"));
        let nothing = said(&json!({ "endpoint": "https://a.example.com" }), &Value::Null);
        assert_eq!(nothing, "spec: missing field `capabilities`");
    }
}
