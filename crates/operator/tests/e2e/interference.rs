//! What others do meanwhile: AWS refuses or loses answers, people and rivals interfere.

use std::time::Duration;

use emulator::{CallKind, Fault, FaultRule};
use kube::api::{Patch, PatchParams};
use serde_json::json;
use testkit::scenario::GATEWAY;
use testkit::{Scenario, TestResult};

/// Pauses after failures grow, so that a storm takes its time to pass.
const STORM: Duration = Duration::from_secs(90);

/// Every kind of call is refused or loses its answer, several times in a row.
#[tokio::test]
async fn refusals_and_lost_answers_leak_and_double_nothing() -> TestResult {
    let mut scenario = Scenario::begin("storm").await?;
    for (kind, fault) in [
        (CallKind::CreateGatewayTarget, Fault::CutAfterCommit),
        (CallKind::CreateGatewayTarget, Fault::CutBeforeCommit),
        (CallKind::CreateGatewayTarget, Fault::error("ThrottlingException")),
        (CallKind::UpdateGatewayTarget, Fault::CutAfterCommit),
        (CallKind::UpdateGatewayTarget, Fault::error("ConflictException")),
        (CallKind::DeleteGatewayTarget, Fault::CutAfterCommit),
        (CallKind::DeleteGatewayTarget, Fault::error("InternalServerException")),
        (CallKind::GetGatewayTarget, Fault::CutBeforeCommit),
        (CallKind::ListGatewayTargets, Fault::CutBeforeCommit),
    ] {
        scenario.aws.fault(FaultRule::nth(kind, 2, fault).times(2));
    }
    scenario.given_operator().await?;
    let names = ["alpha", "beta", "gamma", "delta"];
    for name in names {
        scenario.when_created(name, |_| {}).await?;
    }
    for name in names {
        scenario.then_ready(name).await?;
    }
    assert_eq!(scenario.aws.targets(GATEWAY).len(), names.len());
    for name in names {
        scenario.when_edited(name, json!({ "description": "edited" })).await?;
    }
    for name in names {
        scenario.then_ready(name).await?;
    }
    for name in names {
        scenario.when_deleted(name).await?;
    }
    for name in names {
        scenario.wait(name)?.within(STORM).until_gone().await?;
    }
    assert!(scenario.aws.targets(GATEWAY).is_empty());
    Ok(())
}

#[tokio::test]
async fn of_two_resources_with_one_name_the_second_waits_and_takes_over() -> TestResult {
    let mut scenario = Scenario::begin("rivals").await?;
    scenario.given_operator().await?;
    scenario.when_created("first", |spec| spec.target_name = Some("shared".into())).await?;
    scenario.then_ready("first").await?;
    scenario.when_created("second", |spec| spec.target_name = Some("shared".into())).await?;
    let message = scenario.then_not_ready("second", "NameConflict").await?;
    assert!(message.contains("/first"), "{message}");
    scenario.target(GATEWAY, "shared")?;

    scenario.when_deleted("first").await?;
    scenario.then_ready("second").await?;
    scenario.when_deleted("second").await?;
    scenario.then_gone("second").await?;
    Ok(())
}

#[tokio::test]
async fn a_finalizer_that_a_person_takes_away_comes_back() -> TestResult {
    let mut scenario = Scenario::begin("finalizer").await?;
    scenario.given_operator().await?;
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_ready("weather").await?;
    let patch = Patch::Merge(json!({ "metadata": { "finalizers": [] } }));
    scenario.servers()?.patch("weather", &PatchParams::default(), &patch).await?;
    scenario
        .wait("weather")?
        .until("in care again", |server| server.metadata.finalizers.is_some())
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_target_that_somebody_deletes_is_made_again() -> TestResult {
    let mut scenario = Scenario::begin("deleted").await?;
    // Often enough that the loss is seen within the test's patience.
    scenario.given_operator_with(|program| program.flag("sync-interval", "1s")).await?;
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_ready("weather").await?;
    let lost = scenario.target(GATEWAY, "weather")?.target_id;
    scenario.aws.delete_target(GATEWAY, &lost)?;
    scenario
        .wait("weather")?
        .until("bound to another target", |server| {
            let id = server.status.as_ref().and_then(|status| status.target_id.as_deref());
            id.is_some_and(|id| id != lost)
        })
        .await?;
    scenario.then_ready("weather").await?;
    Ok(())
}

/// Not supported, and still nothing is made twice, lost or left behind.
#[tokio::test]
async fn two_operators_at_once_do_no_harm() -> TestResult {
    let mut scenario = Scenario::begin("two").await?;
    scenario.given_operator().await?;
    let other = scenario.operator()?.spawn()?;
    let names = ["alpha", "beta", "gamma"];
    for name in names {
        scenario.when_created(name, |_| {}).await?;
    }
    for name in names {
        scenario.then_ready(name).await?;
    }
    assert_eq!(scenario.aws.targets(GATEWAY).len(), names.len());
    for name in names {
        scenario.when_deleted(name).await?;
    }
    for name in names {
        scenario.wait(name)?.within(STORM).until_gone().await?;
    }
    assert!(scenario.aws.targets(GATEWAY).is_empty());
    assert!(other.status().is_none(), "both live");
    Ok(())
}
