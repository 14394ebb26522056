//! What can happen to resources, told in one namespace after the other.

use std::time::Duration;

use anyhow::{Context, Result};
use api::{MCPServer, MCPServerSpec};
use emulator::{TargetPatch, TargetSpec};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use testkit::scenario::{GATEWAY, OTHER_GATEWAY, condition, is_ready, valid_spec};
use testkit::{Workload, wait};

use crate::stage::Stage;

const SOON: Duration = Duration::from_secs(30);

struct Story<'a> {
    stage: &'a Stage,
    namespace: &'a str,
    servers: Api<MCPServer>,
}

impl<'a> Story<'a> {
    fn begin(stage: &'a Stage, namespace: &'a str) -> Self {
        let servers = Api::namespaced(stage.client.clone(), namespace);
        Self { stage, namespace, servers }
    }

    /// The name of the target, which is its resource's name: they share their gateways.
    fn named(&self, name: &str) -> String {
        format!("{name}-{}", self.namespace)
    }

    async fn created(&self, name: &str, edit: impl FnOnce(&mut MCPServerSpec)) -> Result<()> {
        let mut server = MCPServer::new(name, valid_spec(name));
        edit(&mut server.spec);
        self.servers.create(&PostParams::default(), &server).await?;
        Ok(())
    }

    async fn patched(&self, name: &str, patch: Value) -> Result<()> {
        self.servers.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    async fn ready(&self, name: &str) -> Result<MCPServer> {
        let ready = |server: &MCPServer| {
            let applied = server.status.as_ref().and_then(|status| status.applied_generation);
            is_ready(server) && applied == server.metadata.generation
        };
        wait::on(&self.servers, name).until("Ready with what is written", ready).await
    }

    async fn told(&self, name: &str, kind: &str, reason: &str) -> Result<()> {
        let told = |server: &MCPServer| condition(server, kind).is_some_and(|it| it.1 == reason);
        wait::on(&self.servers, name).until(&format!("{kind} for {reason}"), told).await.map(drop)
    }

    async fn gone(&self, names: &[&str]) -> Result<()> {
        for name in names {
            self.servers.delete(name, &DeleteParams::default()).await?;
        }
        for name in names {
            wait::on(&self.servers, name).until_gone().await?;
        }
        Ok(())
    }

    /// Somebody changes the target, and it is put right.
    async fn drifts(&self, gateway: &str, name: &str) -> Result<()> {
        let aws = &self.stage.aws;
        let target = aws.target(gateway, name).context("no target")?;
        let mut patch = TargetPatch::default();
        patch.spec.insert("description".to_owned(), json!("meddled with"));
        aws.change_target(gateway, &target.target_id, patch)?;
        let right = aws.wait_for(|aws| {
            aws.target(gateway, name).filter(|now| now.spec.description == target.spec.description)
        });
        tokio::time::timeout(SOON, right).await.map(drop).context("it is not put right")
    }
}

/// Made, edited, moved, meddled with, wrong and put right, refused, with tools of both kinds of workloads,
/// asked for, and deleted.
pub(crate) async fn everything(stage: &Stage, namespace: &str) -> Result<()> {
    let story = Story::begin(stage, namespace);
    let (weather, set) = (story.named("weather"), story.named("set"));
    let client = || stage.client.clone();
    let deployment = Workload::create(client(), namespace, "Deployment", &weather).await?;
    let stateful_set = Workload::create(client(), namespace, "StatefulSet", &set).await?;
    for (name, workload) in [(&weather, &deployment), (&set, &stateful_set)] {
        workload.completes().await?;
        story.created(name, |spec| workload.named(spec)).await?;
        story.ready(name).await?;
        let before = stage.aws.target(GATEWAY, name).context("no target")?.last_synchronized_at;
        workload.rolls_out("server:2").await?;
        let fetched = stage.aws.wait_for(|aws| {
            aws.target(GATEWAY, name).filter(|target| target.last_synchronized_at > before)
        });
        tokio::time::timeout(SOON, fetched).await.context("the tools are not fetched")?;
        story.told(name, "ToolsSynchronized", "Synchronized").await?;
    }

    story.patched(&weather, json!({ "spec": { "description": "new" } })).await?;
    story.ready(&weather).await?;
    story.drifts(GATEWAY, &weather).await?;
    story.ready(&weather).await?;
    story.patched(&weather, json!({ "spec": { "capabilities": ["prompts"] } })).await?;
    story.told(&weather, "Ready", "ValidationError").await?;
    story.patched(&weather, json!({ "spec": { "capabilities": ["tools"] } })).await?;
    story.ready(&weather).await?;
    story.patched(&weather, json!({ "spec": { "gatewayId": OTHER_GATEWAY } })).await?;
    let moved = story.ready(&weather).await?;
    let gateway = moved.status.and_then(|status| status.gateway_id);
    assert_eq!(gateway.as_deref(), Some(OTHER_GATEWAY));
    let annotations =
        json!({ api::REQUEST_ANNOTATION: "now", api::SYNC_REQUEST_ANNOTATION: "now" });
    story.patched(&weather, json!({ "metadata": { "annotations": annotations } })).await?;
    let is_asked = |server: &MCPServer| {
        let status = server.status.as_ref();
        status.is_some_and(|status| status.last_handled_reconcile_at.as_deref() == Some("now"))
    };
    wait::on(&story.servers, &weather).until("checked", is_asked).await?;

    let theirs = story.named("theirs");
    let spec = TargetSpec::mcp_server(&theirs, "https://theirs.example.com/mcp");
    let target = stage.aws.plant_target(GATEWAY, spec)?;
    let mut server = MCPServer::new(&theirs, valid_spec(&theirs));
    let asks = (api::ADOPT_ANNOTATION.to_owned(), target.clone());
    server.metadata.annotations = Some([asks].into());
    story.servers.create(&PostParams::default(), &server).await?;
    story.told(&theirs, "Ready", "NotPermitted").await?;

    story.gone(&[&weather, &set, &theirs]).await?;
    assert!(stage.aws.target(OTHER_GATEWAY, &weather).is_none(), "it goes with its resource");
    assert!(stage.aws.target(GATEWAY, &theirs).is_some(), "it was never ours");
    stage.aws.delete_target(GATEWAY, &target)?;
    Ok(())
}

/// Where the operator may not see workloads, all the rest goes on.
pub(crate) async fn without_workloads(stage: &Stage, namespace: &str) -> Result<()> {
    let story = Story::begin(stage, namespace);
    let weather = story.named("unseen");
    let client = stage.client.clone();
    let workload = Workload::create(client, namespace, "Deployment", &weather).await?;
    workload.completes().await?;
    story.created(&weather, |spec| workload.named(spec)).await?;
    story.ready(&weather).await?;
    story.told(&weather, "ToolsSynchronized", "WorkloadUnreadable").await?;
    story.patched(&weather, json!({ "spec": { "description": "new" } })).await?;
    story.ready(&weather).await?;
    story.gone(&[&weather]).await
}
