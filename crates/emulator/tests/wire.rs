//! The emulator as a client sees it: through the AWS SDK, on a real connection.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

mod client;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_bedrockagentcorecontrol::Client;
use aws_sdk_bedrockagentcorecontrol::config::Credentials;
use aws_sdk_bedrockagentcorecontrol::error::ProvideErrorMetadata;
use aws_sdk_bedrockagentcorecontrol::operation::RequestId;
use aws_sdk_bedrockagentcorecontrol::operation::create_gateway_target::CreateGatewayTargetError;
use aws_sdk_bedrockagentcorecontrol::types::{
    AuthorizerType, GatewayStatus, McpServerTargetConfiguration, McpTargetConfiguration,
    TargetConfiguration, TargetStatus as SdkStatus, TargetType, ValidationExceptionField,
};
use emulator::{
    CallKind, Durations, Emulator, Fault, FaultRule, Outcome, Settings, TargetPatch, TargetSpec,
    TargetStatus,
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef0";

async fn config(emulator: &Emulator, region: &'static str) -> SdkConfig {
    client::config(emulator, region, Credentials::for_tests()).await
}

async fn start(settings: Settings) -> (Emulator, Client) {
    let emulator = Emulator::start(settings).await.unwrap();
    let client = Client::new(&config(&emulator, "eu-central-1").await);
    (emulator, client)
}

/// One gateway, `gw`, and a clock that only the test moves.
async fn frozen() -> (Emulator, Client) {
    let (emulator, client) = start(Settings::with_gateways(["gw"])).await;
    emulator.freeze();
    (emulator, client)
}

fn mcp_server(endpoint: &str) -> TargetConfiguration {
    let server = McpServerTargetConfiguration::builder().endpoint(endpoint).build().unwrap();
    TargetConfiguration::Mcp(McpTargetConfiguration::McpServer(server))
}

async fn create(client: &Client, name: &str) -> String {
    let created = client
        .create_gateway_target()
        .gateway_identifier("gw")
        .name(name)
        .target_configuration(mcp_server("https://tools.example/mcp"))
        .send();
    created.await.unwrap().target_id
}

#[tokio::test]
async fn a_target_lives_and_dies() {
    let (emulator, client) = frozen().await;
    let created = client
        .create_gateway_target()
        .gateway_identifier("gw")
        .name("weather")
        .description("The weather")
        .client_token(TOKEN)
        .target_configuration(mcp_server("https://tools.example/mcp"))
        .send()
        .await
        .unwrap();
    assert_eq!(created.status, SdkStatus::Creating);
    assert_eq!(
        created.gateway_arn,
        "arn:aws:bedrock-agentcore:eu-central-1:123456789012:gateway/gw"
    );
    assert!(created.request_id().is_some());
    let id = created.target_id;

    emulator.step(Duration::from_secs(2));
    let get = || client.get_gateway_target().gateway_identifier("gw").target_id(&id).send();
    let got = get().await.unwrap();
    assert_eq!(got.status, SdkStatus::Ready);
    assert_eq!(got.description.as_deref(), Some("The weather"));
    assert_eq!(got.target_configuration, Some(mcp_server("https://tools.example/mcp")));
    assert_eq!(got.created_at.as_nanos(), emulator.now().as_nanosecond() - 2_000_000_000);
    assert!(got.last_synchronized_at.is_some());

    let update = client
        .update_gateway_target()
        .gateway_identifier("gw")
        .target_id(&id)
        .name("climate")
        .target_configuration(mcp_server("https://other.example/mcp"));
    assert_eq!(update.send().await.unwrap().status, SdkStatus::Updating);
    emulator.step(Duration::from_secs(1));

    let list = client.list_gateway_targets().gateway_identifier("gw").send().await.unwrap();
    let item = &list.items[0];
    assert_eq!((item.name.as_str(), item.description.as_deref()), ("climate", None));
    assert_eq!(item.target_type, Some(TargetType::McpServer));
    assert!(list.next_token.is_none());

    let synchronize = client
        .synchronize_gateway_targets()
        .gateway_identifier("gw")
        .target_id_list(&id)
        .send()
        .await
        .unwrap();
    assert_eq!(synchronize.targets()[0].status, SdkStatus::Synchronizing);
    emulator.step(Duration::from_secs(1));

    let delete = client.delete_gateway_target().gateway_identifier("gw").target_id(&id).send();
    assert_eq!(delete.await.unwrap().status, SdkStatus::Deleting);
    emulator.step(Duration::from_millis(1500));
    assert_eq!(get().await.unwrap_err().code(), Some("ResourceNotFoundException"));

    let calls = emulator.calls();
    assert_eq!(calls[0].client_token.as_deref(), Some(TOKEN));
    assert_eq!(calls[0].target.as_deref(), Some(id.as_str()));
    let kinds: Vec<CallKind> = calls.iter().map(|call| call.kind).collect();
    assert_eq!(
        kinds,
        [
            CallKind::CreateGatewayTarget,
            CallKind::GetGatewayTarget,
            CallKind::UpdateGatewayTarget,
            CallKind::ListGatewayTargets,
            CallKind::SynchronizeGatewayTargets,
            CallKind::DeleteGatewayTarget,
            CallKind::GetGatewayTarget,
        ]
    );
}

#[tokio::test]
async fn errors_arrive_as_the_sdk_expects_them() {
    let (_emulator, client) = frozen().await;
    create(&client, "taken").await;
    let create = |gateway: &str, name: &str, endpoint: &str| {
        client
            .create_gateway_target()
            .gateway_identifier(gateway)
            .name(name)
            .target_configuration(mcp_server(endpoint))
            .send()
    };
    let conflict =
        create("gw", "taken", "https://a.example").await.unwrap_err().into_service_error();
    assert!(conflict.is_conflict_exception(), "{conflict:?}");
    let unknown = create("no-such", "a", "https://a.example").await.unwrap_err();
    assert!(unknown.into_service_error().is_resource_not_found_exception());

    let invalid = create("gw", "a.b", "http://a").await.unwrap_err().into_service_error();
    let CreateGatewayTargetError::ValidationException(invalid) = invalid else {
        panic!("{invalid:?}")
    };
    assert_eq!(invalid.reason.as_str(), "FieldValidationFailed");
    let fields: Vec<&str> =
        invalid.field_list().iter().map(ValidationExceptionField::name).collect();
    assert_eq!(fields, ["name", "targetConfiguration.mcp.mcpServer.endpoint"]);
}

#[tokio::test]
async fn pages_follow_one_another() {
    let (_emulator, client) = frozen().await;
    for n in 0..5 {
        create(&client, &format!("t{n}")).await;
    }
    let pages = client.list_gateway_targets().gateway_identifier("gw").max_results(2);
    let mut names = Vec::new();
    let mut items = pages.into_paginator().items().send();
    while let Some(item) = items.next().await {
        names.push(item.unwrap().name);
    }
    assert_eq!(names, ["t0", "t1", "t2", "t3", "t4"]);
}

#[tokio::test]
async fn gateways_are_made_in_the_region_that_signed() {
    let (emulator, client) = start(Settings::default()).await;
    let made = client
        .create_gateway()
        .name("Mine")
        .role_arn("arn:aws:iam::123456789012:role/gateway")
        .authorizer_type(AuthorizerType::None)
        .send()
        .await
        .unwrap();
    assert_eq!(made.status, GatewayStatus::Ready);
    let got = client.get_gateway().gateway_identifier(&made.gateway_id).send().await.unwrap();
    assert_eq!(got.name, "Mine");
    assert_eq!(client.list_gateways().send().await.unwrap().items.len(), 1);

    let elsewhere = Client::new(&config(&emulator, "us-west-2").await);
    let missing = elsewhere.get_gateway().gateway_identifier(&made.gateway_id).send().await;
    assert!(missing.unwrap_err().into_service_error().is_resource_not_found_exception());
    client.delete_gateway().gateway_identifier(&made.gateway_id).send().await.unwrap();
    assert!(emulator.gateways().is_empty());
}

#[tokio::test]
async fn sts_says_who_is_calling() {
    let (emulator, _) = frozen().await;
    let sts = aws_sdk_sts::Client::new(&config(&emulator, "eu-central-1").await);
    let identity = sts.get_caller_identity().send().await.unwrap();
    assert_eq!(identity.account(), Some("123456789012"));
    assert!(identity.arn().unwrap().starts_with("arn:aws:sts::123456789012:assumed-role/"));
}

#[tokio::test]
async fn faults_strike_where_they_are_told_to() {
    let (emulator, client) = frozen().await;
    let create = |name: &str| {
        client
            .create_gateway_target()
            .gateway_identifier("gw")
            .name(name)
            .target_configuration(mcp_server("https://a.example"))
            .send()
    };
    let kind = CallKind::CreateGatewayTarget;
    emulator.fault(FaultRule::next(kind, Fault::error("ThrottlingException")));
    emulator.fault(FaultRule::nth(kind, 2, Fault::CutBeforeCommit));
    emulator.fault(FaultRule::nth(kind, 3, Fault::CutAfterCommit));

    assert_eq!(create("a").await.unwrap_err().code(), Some("ThrottlingException"));
    let cut = create("a").await.unwrap_err();
    assert!(cut.as_service_error().is_none(), "{cut:?}");
    assert_eq!(emulator.targets("gw").len(), 0);
    let cut = create("a").await.unwrap_err();
    assert!(cut.as_service_error().is_none(), "{cut:?}");
    assert_eq!(emulator.targets("gw").len(), 1);
    assert!(create("b").await.is_ok());

    let outcomes: Vec<Outcome> = emulator.calls().into_iter().map(|call| call.outcome).collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Answered { status: 429, error: Some("ThrottlingException".into()) },
            Outcome::CutBeforeCommit,
            Outcome::CutAfterCommit { status: 202, error: None },
            Outcome::Answered { status: 202, error: None },
        ]
    );
}

#[tokio::test]
async fn a_status_that_no_client_knows_reaches_the_client() {
    let (emulator, client) = frozen().await;
    let id = emulator.plant_target("gw", TargetSpec::mcp_server("a", "https://a.example")).unwrap();
    let status = Some(TargetStatus::Other("HIBERNATING".into()));
    emulator.change_target("gw", &id, TargetPatch { status, ..TargetPatch::default() }).unwrap();
    let got = client.get_gateway_target().gateway_identifier("gw").target_id(&id).send().await;
    assert_eq!(got.unwrap().status.as_str(), "HIBERNATING");
}

#[tokio::test]
async fn a_test_waits_for_events_not_for_time() {
    let durations = Durations::all(Duration::from_millis(20));
    let settings = Settings { durations, ..Settings::with_gateways(["gw"]) };
    let (emulator, client) = start(settings).await;
    let wait = emulator.wait_for_status("gw", "a", &TargetStatus::Ready);
    let (ready, id) = tokio::join!(wait, create(&client, "a"));
    assert_eq!(ready.target_id, id);
    client.delete_gateway_target().gateway_identifier("gw").target_id(&id).send().await.unwrap();
    emulator.wait_for(|emulator| emulator.targets("gw").is_empty().then_some(())).await;
}
