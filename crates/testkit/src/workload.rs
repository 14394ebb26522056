//! A workload whose controller is the test: there is no controller manager beside the API server.

use anyhow::Result;
use api::{MCPServerSpec, ToolSync, WorkloadRef};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::Scenario;

/// A real object, of which nobody but the test writes the status.
pub struct Workload {
    api: Api<DynamicObject>,
    /// How a resource names it.
    pub reference: WorkloadRef,
}

impl Workload {
    /// A Deployment of two pods, of which nobody has seen anything yet.
    pub async fn deployment(scenario: &Scenario, name: &str) -> Result<Self> {
        let client = scenario.cluster().client()?;
        Self::create(client, scenario.namespace(), "Deployment", name).await
    }

    /// The same as a `StatefulSet`.
    pub async fn stateful_set(scenario: &Scenario, name: &str) -> Result<Self> {
        let client = scenario.cluster().client()?;
        Self::create(client, scenario.namespace(), "StatefulSet", name).await
    }

    /// A workload of this kind.
    pub async fn create(client: Client, namespace: &str, kind: &str, name: &str) -> Result<Self> {
        let workload = Self::of(client, namespace, kind, name);
        let labels = json!({ "app": name });
        let object = DynamicObject::new(name, &resource(kind)).data(json!({ "spec": {
            "replicas": 2,
            "serviceName": (kind == "StatefulSet").then_some(name),
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "server", "image": "server:1" }] },
            },
        }}));
        workload.api.create(&PostParams::default(), &object).await?;
        Ok(workload)
    }

    /// One that is there already.
    pub fn existing(scenario: &Scenario, kind: &str, name: &str) -> Result<Self> {
        let client = scenario.cluster().client()?;
        Ok(Self::of(client, scenario.namespace(), kind, name))
    }

    fn of(client: Client, namespace: &str, kind: &str, name: &str) -> Self {
        let api = Api::namespaced_with(client, namespace, &resource(kind));
        let reference = WorkloadRef { kind: kind.to_owned(), name: name.to_owned() };
        Self { api, reference }
    }

    /// Its pods are to have this image.
    pub async fn begins(&self, image: &str) -> Result<()> {
        let containers = json!([{ "name": "server", "image": image }]);
        let template = json!({ "spec": { "containers": containers } });
        self.edit(json!({ "template": template })).await
    }

    /// Its pods are as they are to be.
    pub async fn completes(&self) -> Result<()> {
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
    pub async fn rolls_out(&self, image: &str) -> Result<()> {
        self.begins(image).await?;
        self.completes().await
    }

    /// Its spec is edited.
    pub async fn edit(&self, spec: Value) -> Result<()> {
        let patch = Patch::Strategic(json!({ "spec": spec }));
        self.api.patch(&self.reference.name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Its status is this.
    pub async fn shows(&self, status: Value) -> Result<()> {
        let patch = Patch::Merge(json!({ "status": status }));
        self.api.patch_status(&self.reference.name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// What a resource that names it asks for.
    pub fn named(&self, spec: &mut MCPServerSpec) {
        let workload_ref = Some(self.reference.clone());
        spec.tool_sync = Some(Box::new(ToolSync { workload_ref, interval: None }));
    }
}

fn resource(kind: &str) -> ApiResource {
    match kind {
        "Deployment" => ApiResource::erase::<Deployment>(&()),
        _ => ApiResource::erase::<StatefulSet>(&()),
    }
}
