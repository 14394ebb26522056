//! The demo as a test: create → Ready → edit → applied → delete → gone, on both sides.
//!
//! Contract: what a resource says counts for both sides at that moment: when it says Ready,
//! AgentCore holds what is written in it, and when it is gone, so is its target.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use api::MCPServer;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;
use testkit::scenario::is_ready;
use testkit::{HeldTarget, wait};

use super::screen::Screen;
use super::stage::{PATIENCE, Stage};

/// Plays it to its end.
pub(crate) async fn run(screen: &mut Screen) -> Result<()> {
    let stage = Stage::set(screen).await?;
    Box::pin(stage.play(life(screen, &stage))).await?;
    screen.step("everything was as it should be")
}

async fn life(screen: &mut Screen, stage: &Stage) -> Result<()> {
    let servers = stage.servers()?;

    screen.step("creating: config/samples")?;
    let begun = Instant::now();
    let names = stage.apply_samples().await?;
    for name in &names {
        then_both_sides_agree(stage, &servers, name).await?;
    }
    screen.step(&format!("Ready, as AgentCore holds them: {}{}", names.join(", "), took(begun)))?;

    let name = names.first().context("config/samples is empty")?;
    let before = servers.get(name).await?;
    let endpoint = format!("{}/v2", before.spec.endpoint);
    screen.step(&format!("editing {name}: endpoint {endpoint}"))?;
    let begun = Instant::now();
    let edit = Patch::Merge(json!({"spec": {"endpoint": endpoint}}));
    servers.patch(name, &PatchParams::default(), &edit).await.context("editing")?;
    let (after, target) = then_both_sides_agree(stage, &servers, name).await?;
    ensure!(
        target.endpoint() == Some(&*endpoint),
        "AgentCore holds the endpoint {:?}",
        target.endpoint()
    );
    ensure!(target_id(&after) == target_id(&before), "the edit has made another target");
    screen.step(&format!("applied, to the same target {}{}", target.target_id, took(begun)))?;

    screen.step(&format!("deleting {}", names.join(", ")))?;
    let begun = Instant::now();
    for name in &names {
        servers.delete(name, &DeleteParams::default()).await.context("deleting")?;
    }
    for name in &names {
        wait::on(&servers, name).within(PATIENCE).until_gone().await?;
    }
    let left = stage.targets().await?;
    ensure!(left.is_empty(), "the resources are gone, but not their targets: {left:?}");
    screen.step(&format!("gone on both sides{}", took(begun)))
}

/// Waits until the resource is Ready with its newest generation: then AgentCore holds just that.
async fn then_both_sides_agree(
    stage: &Stage,
    servers: &Api<MCPServer>,
    name: &str,
) -> Result<(MCPServer, HeldTarget)> {
    let server = wait::on(servers, name)
        .within(PATIENCE)
        .until("Ready with its newest generation", is_ready)
        .await?;
    let targets = stage.targets().await?;
    let target = targets
        .into_iter()
        .find(|target| Some(&*target.target_id) == target_id(&server))
        .with_context(|| format!("{name} is Ready, but AgentCore has no such target"))?;
    ensure!(target.status == "READY", "{name} is Ready, but its target is {}", target.status);
    ensure!(
        target.endpoint() == Some(&*server.spec.endpoint),
        "{name} is Ready, but its target has the endpoint {:?}",
        target.endpoint()
    );
    Ok((server, target))
}

fn target_id(server: &MCPServer) -> Option<&str> {
    server.status.as_ref()?.target_id.as_deref()
}

fn took(begun: Instant) -> String {
    format!(", after {:.1} s", begun.elapsed().as_secs_f64())
}
