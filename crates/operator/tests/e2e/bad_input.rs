//! Bad input gets an answer that says what is wrong, where, and what to do.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use testkit::scenario::GATEWAY;
use testkit::{Program, Scenario, TestResult, binary};

const SOON: Duration = Duration::from_secs(30);

/// Runs the program to its end; returns whether it succeeded, and what it said.
async fn said_by(program: Program) -> anyhow::Result<(bool, String)> {
    let process = program.spawn()?;
    let status = process.wait_within(SOON).await?;
    Ok((status.success(), process.logs()))
}

fn alone() -> anyhow::Result<Program> {
    Ok(Program::new("operator", binary("mcp-gateway-operator")?))
}

#[tokio::test]
async fn help_documents_every_flag_and_the_precedence() -> TestResult {
    let (success, said) = said_by(alone()?.arg("--help")).await?;
    assert!(success);
    for expected in [
        "A flag goes before its environment variable, and a variable before the AWS profile",
        "--gateway-id <ID>",
        "[env: GATEWAY_ID",
        "--aws-region <REGION>",
        "[env: AWS_REGION",
        "--watch-namespaces",
        "--health-probe-bind-address <ADDRESS>",
        "--log-level",
        "--log-format",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_flag_is_named() -> TestResult {
    let (success, said) = said_by(alone()?.arg("--gateway=x")).await?;
    assert!(!success);
    assert!(said.contains("unexpected argument '--gateway'"), "{said}");
    assert!(said.contains("--gateway-id"), "the one that was meant: {said}");
    Ok(())
}

#[tokio::test]
async fn a_wrong_variable_is_named() -> TestResult {
    let (success, said) = said_by(alone()?.env("LOG_LEVEL", "loud")).await?;
    assert!(!success);
    assert!(said.contains("LOG_LEVEL") && said.contains("\"loud\""), "{said}");
    Ok(())
}

#[tokio::test]
async fn without_a_kubeconfig_it_says_how_to_get_one() -> TestResult {
    let program = alone()?.env("HOME", "/nonexistent").env("AWS_REGION", "us-east-1");
    let (success, said) = said_by(program).await?;
    assert!(!success);
    assert!(said.contains("no Kubernetes configuration: set KUBECONFIG"), "{said}");
    Ok(())
}

#[tokio::test]
async fn without_a_region_it_says_where_to_set_one() -> TestResult {
    let scenario = Scenario::begin("no-region").await?;
    let program = scenario.operator()?.env("AWS_REGION", "").env("HOME", "/nonexistent");
    let (success, said) = said_by(program).await?;
    assert!(!success);
    assert!(said.contains("no AWS Region: set --aws-region, AWS_REGION"), "{said}");
    Ok(())
}

#[tokio::test]
async fn without_credentials_the_condition_says_so() -> TestResult {
    let mut scenario = Scenario::begin("no-credentials").await?;
    scenario
        .given_operator_with(|program| {
            program.env("AWS_ACCESS_KEY_ID", "").env("AWS_SECRET_ACCESS_KEY", "")
        })
        .await?;
    scenario.when_created("weather", |_| {}).await?;
    let message = scenario.then_not_ready("weather", "AccessDenied").await?;
    assert!(message.contains("no usable AWS credentials"), "{message}");
    assert!(scenario.writes().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_gateway_that_does_not_exist_is_named() -> TestResult {
    let mut scenario = Scenario::begin("no-gateway").await?;
    scenario.given_operator().await?;
    let missing = "missing-a1b2c3d4e5";
    scenario.when_created("weather", |spec| spec.gateway_id = Some(missing.into())).await?;
    let message = scenario.then_not_ready("weather", "GatewayNotFound").await?;
    assert!(message.contains(missing) && message.contains("spec.gatewayId"), "{message}");

    scenario.when_edited("weather", json!({ "gatewayId": GATEWAY })).await?;
    scenario.then_ready("weather").await?;
    Ok(())
}

/// A gateway that answers 404 is asked more and more seldom, but at once after an edit.
#[tokio::test]
async fn an_edit_asks_for_the_gateway_at_once() -> TestResult {
    let mut scenario = Scenario::begin("late-gateway").await?;
    scenario.given_operator().await?;
    let late = "late-a1b2c3d4e5";
    scenario.when_created("weather", |spec| spec.gateway_id = Some(late.into())).await?;
    scenario.then_not_ready("weather", "GatewayNotFound").await?;
    // Until the pauses are longer than the test's patience.
    let asked = |times: usize| {
        move |aws: &emulator::Emulator| {
            let calls = aws.calls();
            let lists = calls.iter().filter(|call| call.gateway.as_deref() == Some(late));
            (lists.count() >= times).then_some(())
        }
    };
    tokio::time::timeout(SOON, scenario.aws.wait_for(asked(4))).await?;
    scenario.aws.add_gateway(late).context("adding the gateway")?;
    scenario.when_edited("weather", json!({ "description": "look again" })).await?;
    let edited = std::time::Instant::now();
    scenario.then_ready("weather").await?;
    // The fourth refusal is followed by a pause of eight seconds.
    assert!(edited.elapsed() < Duration::from_secs(6), "{:?}", edited.elapsed());
    Ok(())
}

#[tokio::test]
async fn without_a_default_gateway_the_condition_says_so() -> TestResult {
    let mut scenario = Scenario::begin("no-default").await?;
    scenario.given_operator_with(|program| program.flag("gateway-id", "")).await?;
    scenario.when_created("weather", |_| {}).await?;
    let message = scenario.then_not_ready("weather", "GatewayNotConfigured").await?;
    assert!(message.contains("spec.gatewayId") && message.contains("GATEWAY_ID"), "{message}");

    scenario.when_edited("weather", json!({ "gatewayId": GATEWAY })).await?;
    scenario.then_ready("weather").await?;
    Ok(())
}

#[tokio::test]
async fn a_name_that_a_stranger_holds_is_left_alone() -> TestResult {
    let mut scenario = Scenario::begin("stranger").await?;
    let stranger = emulator::TargetSpec::mcp_server("weather", "https://stranger.example.com");
    let id = scenario.aws.plant_target(GATEWAY, stranger).context("planting")?;
    scenario.given_operator().await?;
    scenario.when_created("weather", |_| {}).await?;
    let message = scenario.then_not_ready("weather", "NameConflict").await?;
    assert!(message.contains(&id) && message.contains("spec.targetName"), "{message}");
    assert!(scenario.writes().is_empty());

    scenario.when_edited("weather", json!({ "targetName": "weather-2" })).await?;
    scenario.then_ready("weather").await?;
    Ok(())
}

#[tokio::test]
async fn a_spec_that_breaks_rules_is_explained_and_can_be_deleted() -> TestResult {
    let mut scenario = Scenario::begin("invalid").await?;
    scenario.given_operator().await?;
    scenario
        .when_created("dotted.name", |spec| {
            spec.oauth_provider_arn = None;
            spec.allowed_request_headers = Some(vec!["Authorization".into()]);
        })
        .await?;
    let message = scenario.then_not_ready("dotted.name", "ValidationError").await?;
    for expected in
        ["set spec.targetName", "spec.oauthProviderArn", "\"Authorization\" is reserved"]
    {
        assert!(message.contains(expected), "{expected}: {message}");
    }
    scenario.when_deleted("dotted.name").await?;
    scenario.then_gone("dotted.name").await?;
    assert!(scenario.writes().is_empty());
    Ok(())
}
