//! All that a target can be, from the resource to AWS: made, put right, cleared.

use std::time::Duration;

use anyhow::{Context as _, Result};
use api::MCPServer;
use emulator::{CallKind, Emulator, TargetPatch};
use futures::future::try_join_all;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Map, Value, json};
use testkit::scenario::{GATEWAY, is_ready};
use testkit::{Scenario, TestResult};

const SOON: Duration = Duration::from_secs(30);

/// Every spec of the table that nothing is wrong with, each on a gateway and under a name of the
/// test's own.
fn good_specs() -> Result<Vec<(String, Value)>> {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../planner/tests/specs.json"))?;
    let good = |case: &&Value| case["violations"].as_array().is_some_and(Vec::is_empty);
    let specs = cases.iter().filter(good).enumerate().map(|(number, case)| {
        let mut spec = case["spec"].clone();
        let members = spec.as_object_mut().context("a spec is an object")?;
        for others in ["gatewayId", "targetName", "suspend"] {
            members.remove(others);
        }
        Ok((format!("case-{number}"), spec))
    });
    specs.collect()
}

/// Whoever is asked for consent gives it.
pub(crate) async fn consents(aws: &Emulator, name: &str) -> Result<()> {
    let given = aws.wait_for(|aws| aws.consent(GATEWAY, name, true).then_some(()));
    tokio::time::timeout(SOON, given).await.context("nobody is asked for consent")?;
    Ok(())
}

/// What stands at AWS for this resource, without its name.
fn stands(scenario: &Scenario, name: &str) -> Result<Value> {
    let mut spec = serde_json::to_value(scenario.target(GATEWAY, name)?.spec)?;
    spec.as_object_mut().context("it is an object")?.remove("name");
    Ok(spec)
}

#[tokio::test]
async fn every_good_spec_is_made_put_right_and_cleared() -> TestResult {
    let mut scenario = Scenario::begin("fields").await?;
    scenario.given_operator_with(|program| program.flag("sync-interval", "1s")).await?;
    let specs = good_specs()?;
    assert!(specs.len() >= 20, "{} specs", specs.len());
    let servers = scenario.servers()?;
    for (name, spec) in &specs {
        let server = MCPServer::new(name, serde_json::from_value(spec.clone())?);
        servers.create(&PostParams::default(), &server).await?;
    }
    let lives = specs.iter().map(|(name, spec)| {
        let life = lives(&scenario, &servers, name, spec);
        async move { life.await.with_context(|| spec.clone()) }
    });
    try_join_all(lives).await?;
    Ok(())
}

async fn lives(
    scenario: &Scenario,
    servers: &Api<MCPServer>,
    name: &str,
    spec: &Value,
) -> Result<()> {
    let asks = spec["oauthGrantType"] == "AuthorizationCode";
    if asks {
        consents(&scenario.aws, name).await?;
    }
    scenario.then_ready(name).await?;
    let made = stands(scenario, name)?;
    if !asks {
        put_right(scenario, name, &made).await?;
    }
    cleared(scenario, servers, name).await
}

/// Somebody takes everything away, and it comes back as it was.
async fn put_right(scenario: &Scenario, name: &str, made: &Value) -> Result<()> {
    let id = scenario.target(GATEWAY, name)?.target_id;
    let nothing = json!({
        "description": "somebody was here",
        "targetConfiguration": {"mcp": {"mcpServer": {
            "endpoint": "https://elsewhere.example.com",
            "listingMode": null, "mcpToolSchema": null, "resourcePriority": null,
        }}},
        "credentialProviderConfigurations": null, "metadataConfiguration": null,
        "privateEndpoint": null, "certificateConfigurations": null,
    });
    let spec: Map<String, Value> = serde_json::from_value(nothing)?;
    let patch = TargetPatch { spec, ..TargetPatch::default() };
    scenario.aws.change_target(GATEWAY, &id, patch)?;
    let right = scenario.aws.wait_for(|aws| {
        let target = aws.target(GATEWAY, name)?;
        let mut spec = serde_json::to_value(&target.spec).ok()?;
        spec.as_object_mut()?.remove("name");
        (spec == *made && target.status.as_str() == "READY").then_some(())
    });
    tokio::time::timeout(SOON, right).await.context("it is not put right")?;
    scenario.then_ready(name).await?;
    Ok(())
}

/// The least that can be said clears all that was said before.
async fn cleared(scenario: &Scenario, servers: &Api<MCPServer>, name: &str) -> Result<()> {
    let spec = json!({
        "endpoint": "https://plain.example.com/mcp", "capabilities": ["tools"], "authType": "NoAuth",
    });
    let whole = json!([{ "op": "replace", "path": "/spec", "value": spec }]);
    let patch = Patch::Json::<()>(serde_json::from_value(whole)?);
    servers.patch(name, &PatchParams::default(), &patch).await?;
    scenario.then_ready(name).await?;
    let plain = json!({"targetConfiguration": {"mcp": {"mcpServer": {
        "endpoint": "https://plain.example.com/mcp"}}}});
    assert_eq!(stands(scenario, name)?, plain);
    Ok(())
}

/// An operator whose fingerprints another one computes looks, and changes nothing.
#[tokio::test]
async fn an_upgrade_with_another_scheme_of_fingerprints_updates_nothing() -> TestResult {
    const FLEET: usize = 20;
    let mut scenario = Scenario::begin("upgrade").await?;
    scenario.given_operator().await?;
    let names: Vec<String> = (0..FLEET).map(|number| format!("server-{number}")).collect();
    for name in &names {
        scenario.when_created(name, |_| {}).await?;
    }
    for name in &names {
        scenario.then_ready(name).await?;
    }
    scenario.when_operator_is_stopped().await?;
    let servers = scenario.servers()?;
    for name in &names {
        let record = json!({"status": {"applied": {"fingerprint": "v0:of-another-version"}}});
        servers.patch_status(name, &PatchParams::default(), &Patch::Merge(record)).await?;
    }
    scenario.aws.clear_calls();

    scenario.given_operator().await?;
    for name in &names {
        let current = |server: &MCPServer| {
            let applied = server.status.as_ref().and_then(|status| status.applied.as_ref());
            is_ready(server)
                && applied.is_some_and(|applied| !applied.fingerprint.starts_with("v0:"))
        };
        scenario.wait(name)?.until("recorded in the new scheme", current).await?;
    }
    assert_eq!(scenario.writes().len(), 0, "changes at AWS");
    let gets = scenario.aws.calls().into_iter();
    assert_eq!(gets.filter(|call| call.kind == CallKind::GetGatewayTarget).count(), FLEET);
    Ok(())
}
