//! What is seen of the tools of those who name a workload.

use std::time::Duration;

use anyhow::{Context as _, Result};
use api::MCPServer;
use emulator::{CallKind, CallRecord};
use kube::api::{Patch, PatchParams};
use serde_json::json;
use testkit::Scenario;
use testkit::scenario::condition;

pub(crate) const SOON: Duration = Duration::from_secs(30);

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
