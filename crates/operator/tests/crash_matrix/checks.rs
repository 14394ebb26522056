//! What has to hold, all the time and in the end.

use std::collections::HashSet;

use anyhow::{Context as _, Error, Result, anyhow, bail, ensure};
use api::MCPServer;
use emulator::{CallKind, CallRecord, Emulator, TargetView};
use planner::Bound;
use testkit::scenario::{GATEWAY, OTHER_GATEWAY, is_settled};

use crate::stage::{NAME, PATIENCE, STRANGER, Stage, WINDOW};
use crate::tales::{End, Tale};

/// How often it may write after it has been Ready, each time with a rest, before it counts as
/// never coming to rest.
const RESTS: usize = 10;

const GATEWAYS: [&str; 2] = [GATEWAY, OTHER_GATEWAY];

/// The targets of ours on a gateway: in a story all are, but for the stranger.
pub(crate) fn ours(aws: &Emulator, gateway: &str) -> Vec<TargetView> {
    let mut targets = aws.targets(gateway);
    targets.retain(|target| target.spec.name != STRANGER);
    targets
}

/// Waits for what must not be: two targets at once, a hand on the stranger's, or, once the story
/// goes on, more targets than it takes.
pub(crate) async fn violation(stage: &Stage, tale: &Tale) -> Error {
    let aws = &stage.scenario.aws;
    let is_strangers = |id: &String| stage.strangers.iter().any(|target| target.target_id == *id);
    let mut told = 0;
    let mut made = HashSet::new();
    let wrong = aws.wait_for(|aws| {
        for gateway in GATEWAYS {
            let alive = ours(aws, gateway);
            if alive.len() > 1 {
                return Some(format!("two targets at once on {gateway}: {alive:?}"));
            }
        }
        let begins_at = stage.begins_at.get().copied().unwrap_or(u64::MAX);
        for call in aws.calls_since(told) {
            told = call.sequence;
            if call.is_write() && call.target.as_ref().is_some_and(is_strangers) {
                return Some(format!("a hand on the stranger's target: {call:?}"));
            }
            let is_new = call.sequence > begins_at
                && call.kind == CallKind::CreateGatewayTarget
                && call.was_accepted();
            if is_new && made.insert(call.target.clone()) && made.len() > tale.makes {
                return Some(format!("{} targets were made: {made:?}", made.len()));
            }
        }
        None
    });
    anyhow!(wrong.await)
}

/// The targets of somebody else.
pub(crate) fn strangers(aws: &Emulator) -> Vec<TargetView> {
    let all = GATEWAYS.into_iter().flat_map(|gateway| aws.targets(gateway));
    all.filter(|target| target.spec.name == STRANGER).collect()
}

/// Waits until the resource says that all is done.
pub(crate) async fn ends(stage: &Stage, end: End) -> Result<()> {
    let wait = stage.scenario.wait(NAME)?.within(PATIENCE);
    match end {
        End::Ready => wait.until("Ready with nothing left open", is_settled).await.map(drop),
        End::Gone => wait.until_gone().await,
    }
}

/// Every Synchronize that began.
pub(crate) fn fetches(aws: &Emulator) -> Vec<CallRecord> {
    let mut calls = aws.calls();
    calls.retain(|c| c.kind == CallKind::SynchronizeGatewayTargets && c.was_accepted());
    calls
}

/// Then: the tools were asked for as often as the tale says.
pub(crate) fn fetched(stage: &Stage, tale: &Tale, was_cut: bool) -> Result<()> {
    let most = match (tale.fetches, was_cut) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => 2,
    };
    let count = fetches(&stage.scenario.aws).len();
    let least = usize::from(tale.fetches);
    ensure!((least..=most).contains(&count), "{count} Synchronize, not {least} to {most}");
    Ok(())
}

/// Then: AWS has what is written, and nobody writes any more.
pub(crate) async fn rests(stage: &Stage, end: End) -> Result<()> {
    match end {
        End::Ready => rests_ready(stage).await,
        End::Gone => {
            let writes = stage.scenario.writes().len();
            stage.then_operator_ends().await?;
            ensure!(stage.scenario.writes().len() == writes, "it wrote although all is gone");
            is_as_written(stage, None)
        }
    }
}

async fn rests_ready(stage: &Stage) -> Result<()> {
    let servers = stage.scenario.servers()?;
    for _ in 0..RESTS {
        let before = servers.get(NAME).await?;
        let writes = stage.scenario.writes();
        let gateway = Bound::of(&before).context("it has no target")?.gateway;
        two_quiet_lists(&stage.scenario.aws, &gateway.0).await?;
        let after = servers.get(NAME).await?;
        if after.metadata.resource_version == before.metadata.resource_version
            && stage.scenario.writes() == writes
        {
            ensure!(is_settled(&after), "it rests although it is not done:\n{:#?}", after.status);
            return is_as_written(stage, Some(&after));
        }
    }
    let writes: Vec<CallRecord> = stage.scenario.writes();
    bail!(
        "it does not come to rest; its last writes: {:?}",
        &writes[writes.len().saturating_sub(5)..]
    )
}

/// Waits until the operator has looked at the gateway twice, later than AWS shows old states.
async fn two_quiet_lists(aws: &Emulator, gateway: &str) -> Result<()> {
    let since = aws.now().saturating_add(WINDOW)?;
    let twice = aws.wait_for(|aws| {
        let lists = aws.calls().into_iter().filter(|call| {
            call.kind == CallKind::ListGatewayTargets
                && call.gateway.as_deref() == Some(gateway)
                && call.time > since
        });
        (lists.count() >= 2).then_some(())
    });
    tokio::time::timeout(PATIENCE, twice).await.context("the gateway is not looked at any more")
}

/// Exactly this is at AWS, and what the stranger has is as it was.
fn is_as_written(stage: &Stage, server: Option<&MCPServer>) -> Result<()> {
    let aws = &stage.scenario.aws;
    ensure!(strangers(aws) == stage.strangers, "the stranger's targets were touched");
    let alive = GATEWAYS.map(|gateway| (gateway, ours(aws, gateway)));
    let Some(server) = server else {
        ensure!(alive.iter().all(|(_, ours)| ours.is_empty()), "left behind: {alive:?}");
        return Ok(());
    };
    let wanted = server.spec.gateway_id.as_deref().unwrap_or(GATEWAY);
    let all: Vec<_> =
        alive.iter().flat_map(|(at, ours)| ours.iter().map(move |target| (at, target))).collect();
    let [(_, target)] = all.iter().filter(|(at, _)| **at == wanted).collect::<Vec<_>>()[..] else {
        bail!("not one target on {wanted}: {alive:?}");
    };
    ensure!(all.len() == 1, "left behind: {alive:?}");
    let status = server.status.clone().unwrap_or_default();
    ensure!(status.target_id.as_ref() == Some(&target.target_id), "bound to another target");
    ensure!(target.status.as_str() == "READY", "the target is {}", target.status.as_str());
    let endpoint = &target.spec.target_configuration["mcp"]["mcpServer"]["endpoint"];
    ensure!(*endpoint == server.spec.endpoint, "AWS has the endpoint {endpoint}");
    ensure!(target.spec.description == server.spec.description, "another description: {target:?}");
    let name = server.spec.target_name.as_deref().unwrap_or(NAME);
    ensure!(target.spec.name == name, "AWS has the name {}", target.spec.name);
    Ok(())
}
