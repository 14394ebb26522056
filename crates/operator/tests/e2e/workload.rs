//! A workload whose controller is the test, and what is seen of the tools of those who name it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use api::{MCPServer, MCPServerSpec, ToolSync, WorkloadRef};
use emulator::{CallKind, CallRecord};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use testkit::Scenario;
use testkit::scenario::condition;

pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A real object, of which nobody but the test writes the status.
pub(crate) struct Workload {
    api: Api<DynamicObject>,
    pub(crate) reference: WorkloadRef,
}

impl Workload {
    /// A Deployment of two pods, of which nobody has seen anything yet.
    pub(crate) async fn deployment(scenario: &Scenario, name: &str) -> Result<Self> {
        let client = scenario.cluster().client()?;
        Self::create(client, scenario.namespace(), "Deployment", name).await
    }

    /// The same as a `StatefulSet`.
    pub(crate) async fn stateful_set(scenario: &Scenario, name: &str) -> Result<Self> {
        let client = scenario.cluster().client()?;
        Self::create(client, scenario.namespace(), "StatefulSet", name).await
    }

    /// A workload of this kind.
    pub(crate) async fn create(
        client: Client,
        namespace: &str,
        kind: &str,
        name: &str,
    ) -> Result<Self> {
        let resource = match kind {
            "Deployment" => ApiResource::erase::<Deployment>(&()),
            _ => ApiResource::erase::<StatefulSet>(&()),
        };
        let labels = json!({ "app": name });
        let object = DynamicObject::new(name, &resource).data(json!({ "spec": {
            "replicas": 2,
            "serviceName": (kind == "StatefulSet").then_some(name),
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "server", "image": "server:1" }] },
            },
        }}));
        let api = Api::namespaced_with(client, namespace, &resource);
        api.create(&PostParams::default(), &object).await?;
        let reference = WorkloadRef { kind: kind.to_owned(), name: name.to_owned() };
        Ok(Self { api, reference })
    }

    /// Its pods are to have this image.
    pub(crate) async fn begins(&self, image: &str) -> Result<()> {
        let containers = json!([{ "name": "server", "image": image }]);
        let template = json!({ "spec": { "containers": containers } });
        self.edit(json!({ "template": template })).await
    }

    /// Its pods are as they are to be.
    pub(crate) async fn completes(&self) -> Result<()> {
        let workload = self.api.get(&self.reference.name).await?;
        let generation = workload.metadata.generation;
        let replicas = &workload.data["spec"]["replicas"];
        let mut status = json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
        });
        if self.reference.kind == "StatefulSet" {
            status["currentRevision"] = json!(format!("{generation:?}"));
            status["updateRevision"] = status["currentRevision"].clone();
        }
        self.shows(status).await
    }

    /// Its pods get this image, and have it.
    pub(crate) async fn rolls_out(&self, image: &str) -> Result<()> {
        self.begins(image).await?;
        self.completes().await
    }

    /// Its spec is edited.
    pub(crate) async fn edit(&self, spec: Value) -> Result<()> {
        let patch = Patch::Strategic(json!({ "spec": spec }));
        self.api.patch(&self.reference.name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Its status is this.
    pub(crate) async fn shows(&self, status: Value) -> Result<()> {
        let patch = Patch::Merge(json!({ "status": status }));
        self.api.patch_status(&self.reference.name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// What a resource that names it asks for.
    pub(crate) fn named(&self, spec: &mut MCPServerSpec) {
        let workload_ref = Some(self.reference.clone());
        spec.tool_sync = Some(ToolSync { workload_ref, interval: None });
    }
}

/// Every call so far that asked for tools.
pub(crate) fn syncs(scenario: &Scenario) -> Vec<CallRecord> {
    let mut calls = scenario.aws.calls();
    calls.retain(|call| call.kind == CallKind::SynchronizeGatewayTargets);
    calls
}

/// Waits until there have been as many.
pub(crate) async fn then_synchronized(scenario: &Scenario, times: usize) -> Result<()> {
    let as_many = scenario.aws.wait_for(|_| (syncs(scenario).len() >= times).then_some(()));
    let waited = tokio::time::timeout(SOON, as_many).await;
    waited.with_context(|| format!("not {times}, but {} Synchronize", syncs(scenario).len()))
}

/// Waits until `ToolsSynchronized` has this reason and nothing is under way.
pub(crate) async fn then_tools(
    scenario: &Scenario,
    name: &str,
    reason: &str,
) -> Result<(MCPServer, String)> {
    let server = scenario
        .wait(name)?
        .within(Duration::from_secs(90))
        .until(&format!("told of its tools: {reason}"), |server| {
            condition(server, "ToolsSynchronized").is_some_and(|(_, found, _)| found == reason)
        })
        .await?;
    let (_, _, message) = condition(&server, "ToolsSynchronized").context("no condition")?;
    Ok((server, message))
}

/// Whether the tools are those of the last rollout, and nothing is under way.
pub(crate) fn is_fresh(server: &MCPServer) -> bool {
    let under_way = server.status.as_ref().and_then(|status| status.tool_sync.as_ref());
    under_way.is_none_or(|record| record.under_way.is_none())
        && condition(server, "ToolsSynchronized").is_some_and(|(status, _, _)| status == "True")
}

/// A person asks for the tools.
pub(crate) async fn when_asked(scenario: &Scenario, name: &str, at: &str) -> Result<()> {
    annotated(scenario, name, api::SYNC_REQUEST_ANNOTATION, at).await
}

/// A person annotates the resource.
pub(crate) async fn annotated(
    scenario: &Scenario,
    name: &str,
    key: &str,
    value: &str,
) -> Result<()> {
    let patch = Patch::Merge(json!({ "metadata": { "annotations": { key: value } } }));
    scenario.servers()?.patch(name, &PatchParams::default(), &patch).await?;
    Ok(())
}
