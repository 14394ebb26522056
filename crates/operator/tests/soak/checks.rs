//! What has to hold when all is quiet.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use api::MCPServer;
use emulator::{CallKind, CallRecord, TargetView};
use testkit::scenario::{condition, is_settled};
use testkit::wait;
use tokio::time::Instant;

use crate::people::{People, Written};
use crate::stage::{GATEWAYS, Stage, WINDOW};

/// How long it may take until all is as written: pauses after failures have grown, and those after a
/// target that failed are the longest.
const PATIENCE: Duration = Duration::from_mins(5);
/// How often it may write after all is as written, each time with a rest, before it counts as never
/// coming to rest.
const RESTS: usize = 10;

/// Then: all is as written, nobody writes any more, and nothing of a stranger's was touched.
pub(crate) async fn comes_to_rest(stage: &Stage, people: &People) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    for written in people.all() {
        let left = deadline.saturating_duration_since(Instant::now());
        let wait = wait::on(&written.api, &written.name).within(left);
        let came = match written.spec {
            Some(_) => wait.until("Ready with nothing left open", is_settled).await.map(drop),
            None => wait.until_gone().await,
        };
        if let Err(error) = came {
            let all = differences(stage, people).await?;
            return Err(error.context(format!("not as written:\n{}", all.join("\n"))));
        }
    }
    rests(stage, people).await?;
    let differences = differences(stage, people).await?;
    ensure!(differences.is_empty(), "not as written:\n{}", differences.join("\n"));
    strangers_were_left_alone(stage)?;
    stage.aws.clear_calls();
    Ok(())
}

/// Waits until nothing is written to either side between two looks at every gateway.
async fn rests(stage: &Stage, people: &People) -> Result<()> {
    let mut last = Vec::new();
    for _ in 0..RESTS {
        let (versions, writes) = (versions(people).await?, writes(stage));
        looked_at_twice(stage).await?;
        last = self::writes(stage).split_off(writes.len());
        if last.is_empty() && self::versions(people).await? == versions {
            return Ok(());
        }
    }
    bail!("it does not come to rest; its last writes at AWS: {last:?}")
}

/// The versions of all resources.
async fn versions(people: &People) -> Result<Vec<Option<String>>> {
    let mut versions = Vec::new();
    for written in people.all() {
        let server = written.api.get_opt(&written.name).await?;
        versions.push(server.and_then(|server| server.metadata.resource_version));
    }
    Ok(versions)
}

fn writes(stage: &Stage) -> Vec<CallRecord> {
    stage.aws.calls().into_iter().filter(CallRecord::is_write).collect()
}

/// Waits until every gateway that is used has been looked at twice, later than AWS shows old states.
async fn looked_at_twice(stage: &Stage) -> Result<()> {
    let since = stage.aws.now().saturating_add(WINDOW)?;
    let begun = stage.aws.last_call();
    let looks = |calls: &[CallRecord], gateway: &str| {
        let mut looks = calls.iter().filter(|call| {
            call.kind == CallKind::ListGatewayTargets
                && call.gateway.as_deref() == Some(gateway)
                && call.time > since
        });
        looks.nth(1).is_some()
    };
    let used: Vec<&str> = GATEWAYS
        .into_iter()
        .zip(&stage.strangers)
        .filter(|(gateway, strangers)| stage.aws.targets(gateway).len() > strangers.len())
        .map(|(gateway, _)| gateway)
        .collect();
    let all = stage.aws.wait_for(|aws| {
        let calls = aws.calls_since(begun);
        used.iter().all(|gateway| looks(&calls, gateway)).then_some(())
    });
    tokio::time::timeout(PATIENCE, all).await.context("a gateway is not looked at any more")
}

/// What is not as written, a line each.
async fn differences(stage: &Stage, people: &People) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut wanted = HashSet::new();
    for written in people.all() {
        let server = written.api.get_opt(&written.name).await?;
        match (&written.spec, server) {
            (None, None) => {}
            (None, Some(server)) => {
                found.push(format!("{}: not gone: {}", written.name, says(&server)));
            }
            (Some(_), None) => found.push(format!("{}: gone", written.name)),
            (Some(_), Some(server)) => {
                found.extend(differs(stage, written, &server));
                wanted.extend(server.status.and_then(|status| status.target_id));
            }
        }
    }
    for (gateway, strangers) in GATEWAYS.into_iter().zip(&stage.strangers) {
        let all = stage.aws.targets(gateway);
        let (theirs, ours): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|target| strangers.iter().any(|s| s.target_id == target.target_id));
        if theirs != *strangers {
            found.push(format!("the strangers' targets on {gateway} are now {theirs:?}"));
        }
        let orphans = ours.iter().filter(|target| !wanted.contains(&target.target_id));
        found.extend(orphans.map(|target| format!("an orphan on {gateway}: {target:?}")));
    }
    Ok(found)
}

/// What of one resource is not as written.
fn differs(stage: &Stage, written: &Written, server: &MCPServer) -> Vec<String> {
    let Some(spec) = &written.spec else { return Vec::new() };
    let (gateway, name) = (Written::gateway(spec), written.target_name(spec));
    let mut found = Vec::new();
    if !is_settled(server) {
        found.push(format!("{}: not settled: {}", written.name, says(server)));
    }
    let targets = stage.aws.targets(gateway);
    let named: Vec<&TargetView> = targets.iter().filter(|it| it.spec.name == name).collect();
    let [target] = named[..] else {
        found.push(format!("{}: {} targets {name} on {gateway}", written.name, named.len()));
        return found;
    };
    let endpoint = &target.spec.target_configuration["mcp"]["mcpServer"]["endpoint"];
    let id = server.status.as_ref().and_then(|status| status.target_id.as_ref());
    let is_as_written = id == Some(&target.target_id)
        && target.status.as_str() == "READY"
        && *endpoint == spec.endpoint
        && target.spec.description == spec.description;
    if !is_as_written {
        found.push(format!("{}: bound to {id:?}, written {spec:?}, has {target:?}", written.name));
    }
    found
}

/// What a resource says of itself, in short.
fn says(server: &MCPServer) -> String {
    let ready = condition(server, "Ready");
    let status = serde_json::to_string(&server.status).unwrap_or_default();
    format!("Ready {ready:?}, generation {:?}, {status}", server.metadata.generation)
}

/// No call named a stranger's target.
fn strangers_were_left_alone(stage: &Stage) -> Result<()> {
    let theirs: HashSet<&String> =
        stage.strangers.iter().flatten().map(|target| &target.target_id).collect();
    let touched = writes(stage)
        .into_iter()
        .find(|call| call.target.as_ref().is_some_and(|target| theirs.contains(target)));
    ensure!(touched.is_none(), "a hand on a stranger's target: {touched:?}");
    Ok(())
}
