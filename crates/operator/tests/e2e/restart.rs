//! The operator is killed at each stage of a target's life, and another one takes over.

use api::MCPServer;
use emulator::{CallKind, Fault, FaultRule, TargetPatch};
use serde_json::json;
use testkit::scenario::GATEWAY;
use testkit::{Scenario, TestResult};

/// Where the process is killed.
enum Stage {
    /// As soon as the resource looks like this.
    Seen(&'static str, fn(&MCPServer) -> bool),
    /// As soon as AWS has got this call.
    Called(CallKind),
}

use Stage::{Called, Seen};

async fn killed_at(scenario: &mut Scenario, stage: &Stage) -> TestResult {
    match stage {
        Seen(what, holds) => {
            scenario.wait("weather")?.until(what, holds).await?;
        }
        Called(kind) => {
            let call =
                scenario.aws.wait_for(|aws| aws.calls().into_iter().find(|c| c.kind == *kind));
            tokio::time::timeout(std::time::Duration::from_secs(30), call).await?;
        }
    }
    scenario.when_operator_is_killed().await?;
    Ok(())
}

/// At most one target was ever made.
fn one_target_was_made(scenario: &Scenario) {
    let creates = scenario.aws.calls();
    let mut made: Vec<_> = creates
        .iter()
        .filter(|call| call.kind == CallKind::CreateGatewayTarget && call.was_accepted())
        .map(|call| call.target.clone())
        .collect();
    made.dedup();
    assert!(made.len() <= 1, "{made:?}");
}

async fn killed_while_creating(name: &str, stage: Stage) -> TestResult {
    let mut scenario = Scenario::begin(name).await?;
    scenario.given_operator().await?;
    scenario.when_created("weather", |_| {}).await?;
    killed_at(&mut scenario, &stage).await?;
    scenario.given_operator().await?;
    scenario.then_ready("weather").await?;
    one_target_was_made(&scenario);
    Ok(())
}

#[tokio::test]
async fn killed_when_the_finalizer_is_there() -> TestResult {
    let finalized = |server: &MCPServer| server.metadata.finalizers.is_some();
    killed_while_creating("kill-finalizer", Seen("in care", finalized)).await
}

#[tokio::test]
async fn killed_when_the_intent_is_recorded() -> TestResult {
    let intended = |server: &MCPServer| server.status.as_ref().is_some_and(|s| s.intent.is_some());
    killed_while_creating("kill-intent", Seen("intended", intended)).await
}

#[tokio::test]
async fn killed_when_the_target_is_made() -> TestResult {
    killed_while_creating("kill-create", Called(CallKind::CreateGatewayTarget)).await
}

#[tokio::test]
async fn killed_when_the_target_is_bound() -> TestResult {
    let bound = |server: &MCPServer| server.status.as_ref().is_some_and(|s| s.target_id.is_some());
    killed_while_creating("kill-bound", Seen("bound", bound)).await
}

async fn killed_while_editing(name: &str, stage: Stage) -> TestResult {
    let mut scenario = Scenario::begin(name).await?;
    scenario.given_operator().await?;
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_ready("weather").await?;
    scenario.when_edited("weather", json!({ "endpoint": "https://new.example.com" })).await?;
    killed_at(&mut scenario, &stage).await?;
    scenario.given_operator().await?;
    scenario.then_ready("weather").await?;
    one_target_was_made(&scenario);
    Ok(())
}

/// The Update does not get through, so that its record stands for long enough to be seen.
#[tokio::test]
async fn killed_when_the_update_is_recorded() -> TestResult {
    let mut scenario = Scenario::begin("kill-applying").await?;
    scenario.given_operator().await?;
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_ready("weather").await?;
    scenario.aws.fault(FaultRule::next(CallKind::UpdateGatewayTarget, Fault::CutBeforeCommit));
    scenario.when_edited("weather", json!({ "endpoint": "https://new.example.com" })).await?;
    let applying =
        |server: &MCPServer| server.status.as_ref().is_some_and(|s| s.applying.is_some());
    killed_at(&mut scenario, &Seen("applying", applying)).await?;
    scenario.given_operator().await?;
    scenario.then_ready("weather").await?;
    Ok(())
}

#[tokio::test]
async fn killed_when_the_update_is_sent() -> TestResult {
    killed_while_editing("kill-update", Called(CallKind::UpdateGatewayTarget)).await
}

async fn killed_while_deleting(name: &str, stage: Stage) -> TestResult {
    let mut scenario = Scenario::begin(name).await?;
    scenario.given_operator().await?;
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_ready("weather").await?;
    scenario.when_deleted("weather").await?;
    killed_at(&mut scenario, &stage).await?;
    scenario.given_operator().await?;
    scenario.then_gone("weather").await?;
    one_target_was_made(&scenario);
    Ok(())
}

#[tokio::test]
async fn killed_when_the_deletion_is_asked_for() -> TestResult {
    let asked = |server: &MCPServer| server.metadata.deletion_timestamp.is_some();
    killed_while_deleting("kill-mark", Seen("marked for deletion", asked)).await
}

#[tokio::test]
async fn killed_when_the_delete_is_sent() -> TestResult {
    killed_while_deleting("kill-delete", Called(CallKind::DeleteGatewayTarget)).await
}

/// Deleted while nobody runs, before the target was bound: the intent is settled first.
#[tokio::test]
async fn killed_when_the_target_is_made_and_deleted_before_it_is_bound() -> TestResult {
    let mut scenario = Scenario::begin("kill-unbound").await?;
    scenario.given_operator().await?;
    scenario.aws.fault(FaultRule::next(CallKind::CreateGatewayTarget, Fault::CutAfterCommit));
    scenario.when_created("weather", |_| {}).await?;
    killed_at(&mut scenario, &Called(CallKind::CreateGatewayTarget)).await?;
    scenario.target(GATEWAY, "weather")?;
    scenario.when_deleted("weather").await?;
    scenario.given_operator().await?;
    scenario.then_gone("weather").await?;
    one_target_was_made(&scenario);
    Ok(())
}

/// Nobody has heard of it when somebody changes it; its token tells whose it is.
#[tokio::test]
async fn a_target_that_is_changed_before_it_is_bound_is_put_right() -> TestResult {
    let mut scenario = Scenario::begin("kill-changed").await?;
    scenario.aws.fault(FaultRule::next(CallKind::CreateGatewayTarget, Fault::HangAfterCommit));
    scenario.given_operator().await?;
    scenario.when_created("weather", |_| {}).await?;
    let made = scenario.aws.wait_for(|aws| aws.target(GATEWAY, "weather"));
    let made = tokio::time::timeout(std::time::Duration::from_secs(30), made).await?;
    scenario.when_operator_is_killed().await?;
    let mut patch = TargetPatch::default();
    patch.spec.insert("description".to_owned(), json!("meddled with"));
    scenario.aws.change_target(GATEWAY, &made.target_id, patch)?;
    scenario.given_operator().await?;
    scenario.then_ready("weather").await?;
    let target = scenario.target(GATEWAY, "weather")?;
    assert_eq!((target.target_id, target.spec.description), (made.target_id, None));
    Ok(())
}
