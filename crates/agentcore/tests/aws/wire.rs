//! The adapter on the wire: what goes out, and what is made of the answers.

use std::time::Duration;

use crate::stage::{GATEWAY, TOKEN, full, gateway, plain, start};
use agentcore::AgentCore;
use agentcore::aws::Aws;
use api::{Credentials, Definition, FailureClass, Metadata, TargetId, TargetStatus};
use emulator::{CallKind, Emulator, Fault, FaultRule, TargetPatch, TargetSpec};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Lets every transition end.
fn settle(emulator: &Emulator) {
    emulator.step(Duration::from_mins(1));
}

/// AWS gives lists back in an order of its own (field reports), which has no meaning.
fn sorted(mut definition: Definition) -> Definition {
    let Metadata { request_headers, query_parameters, response_headers } = &mut definition.metadata;
    for list in [request_headers, query_parameters, response_headers] {
        list.sort_unstable();
    }
    if let Some(Credentials::OAuth { scopes, .. }) = &mut definition.credentials {
        scopes.sort_unstable();
    }
    definition
}

#[tokio::test]
async fn a_target_lives_and_dies() {
    let (emulator, aws) = start().await;
    let gateway = gateway();
    let created = aws.create_target(&gateway, TOKEN, &full("weather")).await.unwrap();
    assert_eq!(created.status, TargetStatus::Creating);
    assert_eq!(created.gateway_arn.rsplit('/').next(), Some(GATEWAY));
    assert_eq!(created.updated_at, emulator.now());
    assert_eq!(emulator.calls()[0].client_token.as_deref(), Some(TOKEN), "as it was given");

    settle(&emulator);
    let got = aws.get_target(&gateway, &created.target).await.unwrap();
    assert_eq!(got.summary.status, TargetStatus::Ready);
    assert_eq!(got.gateway_arn, created.gateway_arn);
    assert_eq!(got.definition.map(sorted), Some(sorted(full("weather"))));
    assert_eq!(got.summary.created_at, created.updated_at);
    assert!(got.summary.last_synchronized_at.is_some());

    let listing = aws.list_targets(&gateway).await.unwrap();
    assert_eq!(listing.by_name("weather"), Some(&got.summary), "a List shows what a Get shows");

    // An Update replaces everything: what is not sent is gone.
    let updated = aws.update_target(&gateway, &created.target, &plain("climate")).await.unwrap();
    assert_eq!((&updated.target, updated.status), (&created.target, TargetStatus::Updating));
    settle(&emulator);
    let got = aws.get_target(&gateway, &created.target).await.unwrap();
    assert_eq!(got.definition, Some(plain("climate")));
    assert_eq!(got.summary.updated_at, updated.updated_at);

    aws.delete_target(&gateway, &created.target).await.unwrap();
    settle(&emulator);
    let gone = aws.get_target(&gateway, &created.target).await.unwrap_err();
    assert_eq!(gone.class, FailureClass::NotFound);
    assert_eq!(aws.list_targets(&gateway).await.unwrap().iter().count(), 0);
}

#[tokio::test]
async fn the_same_token_makes_no_second_target() {
    let (emulator, aws) = start().await;
    let first = aws.create_target(&gateway(), TOKEN, &plain("weather")).await.unwrap();
    let again = aws.create_target(&gateway(), TOKEN, &plain("weather")).await.unwrap();
    assert_eq!(first.target, again.target);
    assert_eq!(emulator.targets(GATEWAY).len(), 1);
}

#[tokio::test]
async fn the_account_is_whose_credentials_they_are() {
    let (_emulator, aws) = start().await;
    assert_eq!(aws.account().await.unwrap(), "123456789012");
    assert_eq!(aws.region(), "eu-central-1");
}

#[tokio::test]
async fn a_configuration_without_a_region_makes_no_client() {
    let nowhere = aws_config::SdkConfig::builder().build();
    let refused = Aws::from_config(&nowhere).unwrap_err().to_string();
    assert!(refused.contains("AWS_REGION"), "it says what to do: {refused}");
}

#[tokio::test]
async fn a_list_has_all_pages_or_is_none() {
    let (emulator, aws) = start().await;
    for n in 0..2001 {
        let spec = TargetSpec::mcp_server(&format!("t-{n}"), "https://tools.example/mcp");
        emulator.plant_target(GATEWAY, spec).unwrap();
    }
    let listing = aws.list_targets(&gateway()).await.unwrap();
    assert_eq!(listing.iter().count(), 2001);
    assert!(listing.by_name("t-2000").is_some());
    assert_eq!(emulator.calls().len(), 3, "pages of a thousand");

    emulator.clear_calls();
    let fault = Fault::error("ThrottlingException");
    emulator.fault(FaultRule::nth(CallKind::ListGatewayTargets, 3, fault));
    let failure = aws.list_targets(&gateway()).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Throttled);
    assert_eq!(emulator.calls().len(), 3);
}

#[tokio::test]
async fn statuses_and_reasons_are_passed_on_known_or_not() {
    let (emulator, aws) = start().await;
    let spec = TargetSpec::mcp_server("weather", "https://tools.example/mcp");
    let id = emulator.plant_target(GATEWAY, spec).unwrap();
    let target = TargetId::from(id.as_str());
    for status in ["FAILED", "UPDATE_UNSUCCESSFUL", "SYNCHRONIZE_PENDING_AUTH", "HIBERNATING"] {
        let patch = TargetPatch {
            status: Some(status.to_owned().into()),
            status_reasons: Some(vec!["It rained".to_owned()]),
            ..TargetPatch::default()
        };
        emulator.change_target(GATEWAY, &id, patch).unwrap();
        let got = aws.get_target(&gateway(), &target).await.unwrap();
        assert_eq!(got.summary.status, TargetStatus::from(status));
        assert_eq!(got.status_reasons, ["It rained"]);
        let listing = aws.list_targets(&gateway()).await.unwrap();
        assert_eq!(listing.by_id(&target), Some(&got.summary));
    }
}

/// What the adapter makes of a target that somebody else has configured.
async fn definition_of(spec: Value) -> Option<Definition> {
    let (emulator, aws) = start().await;
    let spec: TargetSpec = serde_json::from_value(spec).unwrap();
    let id = emulator.plant_target(GATEWAY, spec).unwrap();
    aws.get_target(&gateway(), &TargetId(id)).await.unwrap().definition
}

fn server(with: &Value) -> Value {
    let mut server = json!({"endpoint": "https://tools.example/mcp"});
    json_patch::merge(&mut server, with);
    json!({"name": "weather", "targetConfiguration": {"mcp": {"mcpServer": server}}})
}

fn with(member: &str, value: Value) -> Value {
    let mut spec = server(&json!({}));
    spec[member] = value;
    spec
}

fn oauth(with: &Value) -> Value {
    let mut provider = json!({"providerArn": "arn:p", "scopes": []});
    json_patch::merge(&mut provider, with);
    json!([{
        "credentialProviderType": "OAUTH",
        "credentialProvider": {"oauthCredentialProvider": provider},
    }])
}

#[tokio::test]
async fn what_merely_says_the_default_is_the_default() {
    for spec in [
        server(&json!({"listingMode": "DEFAULT", "resourcePriority": 1000})),
        with("credentialProviderConfigurations", json!([])),
        with("metadataConfiguration", json!({"allowedRequestHeaders": []})),
        with("certificateConfigurations", json!([])),
    ] {
        assert_eq!(definition_of(spec.clone()).await, Some(plain("weather")), "{spec}");
    }
}

#[tokio::test]
async fn what_an_mcpserver_cannot_say_has_no_definition() {
    let credentials = "credentialProviderConfigurations";
    let api_key = json!([{
        "credentialProviderType": "API_KEY",
        "credentialProvider": {"apiKeyCredentialProvider": {"providerArn": "arn:p"}},
    }]);
    let schema = json!({"mcpToolSchema": {"inlinePayload": "[]"}});
    let lattice = json!({"selfManagedLatticeResource": {"resourceConfigurationIdentifier": "r"}});
    for spec in [
        server(&json!({"listingMode": "DYNAMIC"})),
        server(&json!({"resourcePriority": 5})),
        server(&schema),
        with(
            "targetConfiguration",
            json!({"mcp": {"lambda": {
            "lambdaArn": "arn:l", "toolSchema": {"inlinePayload": []}}}}),
        ),
        with("privateEndpoint", lattice),
        with("certificateConfigurations", json!([{"secretsManager": {"secretArn": "arn:s"}}])),
        with(credentials, api_key),
        with(credentials, json!([{"credentialProviderType": "GATEWAY_IAM_ROLE"}])),
        with(credentials, oauth(&json!({"grantType": "TOKEN_EXCHANGE"}))),
        with(
            credentials,
            oauth(&json!({
            "grantType": "CLIENT_CREDENTIALS", "customParameters": {"audience": "a"}})),
        ),
        with(
            credentials,
            oauth(&json!({
            "grantType": "CLIENT_CREDENTIALS", "defaultReturnUrl": "https://r.example"})),
        ),
    ] {
        assert_eq!(definition_of(spec.clone()).await, None, "{spec}");
    }
}

#[tokio::test]
async fn the_time_at_aws_is_read_from_its_answers() {
    let (emulator, aws) = start().await;
    let local = Timestamp::now();
    assert_eq!(aws.aws_time(local), local, "nothing is known yet");
    emulator.step(Duration::from_hours(1));
    // Errors tell the time as well.
    aws.get_target(&gateway(), &TargetId::from("0123456789")).await.unwrap_err();
    let ahead = aws.aws_time(local).duration_since(local) - SignedDuration::from_hours(1);
    // The header has whole seconds, and the test takes a moment.
    assert!(ahead.abs() < SignedDuration::from_secs(30), "{ahead}");
}
