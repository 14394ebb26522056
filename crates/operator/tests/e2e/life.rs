//! The life of a target: made, kept as written, removed.

use std::time::Duration;

use emulator::{CallKind, Fault, FaultRule};
use serde_json::json;
use testkit::scenario::{GATEWAY, OTHER_GATEWAY};
use testkit::{Scenario, TestResult};

#[tokio::test]
async fn a_target_is_made_follows_edits_and_goes() -> TestResult {
    let mut scenario = Scenario::begin("life").await?;
    scenario.given_operator().await?;

    scenario.when_created("weather", |spec| spec.description = Some("the weather".into())).await?;
    let server = scenario.then_ready("weather").await?;
    let target = scenario.target(GATEWAY, "weather")?;
    assert_eq!(target.spec.description.as_deref(), Some("the weather"));
    let identity = format!("{GATEWAY}/{}", target.target_id);
    assert_eq!(server.metadata.annotations.unwrap()[api::TARGET_ANNOTATION], identity);

    scenario
        .when_edited(
            "weather",
            json!({ "endpoint": "https://new.example.com", "description": null }),
        )
        .await?;
    scenario.then_ready("weather").await?;
    let edited = scenario.target(GATEWAY, "weather")?;
    assert_eq!(edited.target_id, target.target_id, "edited in place");
    assert_eq!(edited.spec.description, None, "what is taken out of the spec is cleared");

    scenario.when_deleted("weather").await?;
    scenario.then_gone("weather").await?;
    Ok(())
}

#[tokio::test]
async fn a_new_gateway_gets_the_target_before_the_old_one_loses_it() -> TestResult {
    let mut scenario = Scenario::begin("move").await?;
    scenario.given_operator().await?;
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_ready("weather").await?;

    scenario.when_edited("weather", json!({ "gatewayId": OTHER_GATEWAY })).await?;
    scenario.then_ready("weather").await?;
    scenario
        .wait("weather")?
        .until("rid of its old target", |server| {
            server.status.as_ref().is_some_and(|status| status.retired.is_empty())
        })
        .await?;
    assert_eq!(scenario.aws.targets(GATEWAY).len(), 0);
    assert_eq!(scenario.aws.targets(OTHER_GATEWAY).len(), 1);

    scenario.when_deleted("weather").await?;
    scenario.then_gone("weather").await?;
    Ok(())
}

#[tokio::test]
async fn it_ends_when_asked_within_its_grace_period() -> TestResult {
    let mut scenario = Scenario::begin("stop").await?;
    scenario.given_operator().await?;
    tokio::time::timeout(Duration::from_secs(20), scenario.when_operator_is_stopped()).await??;
    Ok(())
}

/// A field that is named twice is lost to whoever reads the log by machine.
#[tokio::test]
async fn every_log_line_is_an_object_whose_fields_have_names_of_their_own() -> TestResult {
    let mut scenario = Scenario::begin("log").await?;
    scenario.given_operator_with(|program| program.flag("log-format", "json")).await?;
    // Something to complain about.
    scenario
        .aws
        .fault(FaultRule::next(CallKind::CreateGatewayTarget, Fault::error("ThrottlingException")));
    scenario.aws.fault(FaultRule::nth(
        CallKind::ListGatewayTargets,
        2,
        Fault::error("InternalServerException"),
    ));
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_ready("weather").await?;
    let logs = scenario.running()?.logs();
    assert!(logs.contains("\"step\":\"Bind\""), "{logs}");
    assert!(logs.contains("\"class\":\"throttled\""), "{logs}");
    for line in logs.lines() {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line)?;
        for field in object.keys() {
            let named = line.matches(&format!("\"{field}\":")).count();
            assert_eq!(named, 1, "{field}: {line}");
        }
    }
    Ok(())
}
