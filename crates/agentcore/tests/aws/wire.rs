//! The adapter on the wire: what goes out, and what is made of the answers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::stage::{GATEWAY, TOKEN, full, gateway, plain, start};
use agentcore::AgentCore;
use agentcore::aws::Aws;
use api::{
    Certificate, Credentials, Definition, FailureClass, Grant, KeyLocation, ListingMode, Metadata,
    PrivateEndpoint, S3Object, TargetId, TargetStatus, ToolSchema,
};
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
    if let Some(PrivateEndpoint::ManagedVpc { subnets, security_groups, .. }) =
        &mut definition.private_endpoint
    {
        subnets.sort_unstable();
        security_groups.sort_unstable();
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
    assert_eq!(got.summary.last_synchronized_at, None, "a fixed list of tools is never fetched");

    let listing = aws.list_targets(&gateway).await.unwrap();
    assert_eq!(listing.by_name("weather"), Some(&got.summary), "a List shows what a Get shows");

    // An Update replaces everything: what is not sent is gone.
    let updated = aws.update_target(&gateway, &created.target, &plain("climate")).await.unwrap();
    assert_eq!((&updated.target, updated.status), (&created.target, TargetStatus::Updating));
    settle(&emulator);
    let got = aws.get_target(&gateway, &created.target).await.unwrap();
    assert_eq!(got.definition, Some(plain("climate")));
    assert_eq!(got.summary.updated_at, updated.updated_at);
    assert!(got.summary.last_synchronized_at.is_some());

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

/// Each way of saying something, as it stands at AWS.
fn ways() -> Vec<(Definition, &'static str, Value)> {
    let credentials = "/credentialProviderConfigurations/0";
    let server = "/targetConfiguration/mcp/mcpServer";
    let with = |edit: fn(&mut Definition)| {
        let mut definition = plain("weather");
        edit(&mut definition);
        definition
    };
    vec![
        (
            plain("weather"),
            "",
            json!({"name": "weather",
            "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://tools.example/mcp"}}}}),
        ),
        (
            with(|d| d.credentials = Some(oauth(Grant::ClientCredentials))),
            credentials,
            json!({
                "credentialProviderType": "OAUTH",
                "credentialProvider": {"oauthCredentialProvider": {
                    "providerArn": "arn:aws:x:::p", "scopes": [], "grantType": "CLIENT_CREDENTIALS"}},
            }),
        ),
        (
            with(|d| {
                d.credentials = Some(Credentials::Iam {
                    service: "lambda".to_owned(),
                    region: Some("eu-west-1".to_owned()),
                });
            }),
            credentials,
            json!({
                "credentialProviderType": "GATEWAY_IAM_ROLE",
                "credentialProvider": {
                    "iamCredentialProvider": {"service": "lambda", "region": "eu-west-1"}},
            }),
        ),
        (
            with(|d| {
                d.credentials = Some(Credentials::ApiKey {
                    provider_arn: "arn:aws:x:::p".to_owned(),
                    parameter_name: Some("key".to_owned()),
                    prefix: Some("Bearer".to_owned()),
                    location: KeyLocation::QueryParameter,
                });
            }),
            credentials,
            json!({
                "credentialProviderType": "API_KEY",
                "credentialProvider": {"apiKeyCredentialProvider": {
                    "providerArn": "arn:aws:x:::p", "credentialParameterName": "key",
                    "credentialPrefix": "Bearer", "credentialLocation": "QUERY_PARAMETER"}},
            }),
        ),
        (
            with(|d| {
                d.tools = Some(ToolSchema::S3(S3Object {
                    uri: "s3://b/k".to_owned(),
                    owner: Some("123456789012".to_owned()),
                }));
                d.listing = ListingMode::Dynamic;
                d.priority = 0;
            }),
            server,
            json!({"endpoint": "https://tools.example/mcp", "listingMode": "DYNAMIC",
                "resourcePriority": 0,
                "mcpToolSchema": {"s3": {"uri": "s3://b/k", "bucketOwnerAccountId": "123456789012"}}}),
        ),
        (
            with(|d| {
                let id = "rcfg-0123456789abcdefg".to_owned();
                d.private_endpoint = Some(PrivateEndpoint::ResourceConfiguration(id));
            }),
            "/privateEndpoint",
            json!({"selfManagedLatticeResource":
                {"resourceConfigurationIdentifier": "rcfg-0123456789abcdefg"}}),
        ),
        (
            with(|d| {
                let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ca".to_owned();
                d.certificate = Some(Certificate::SecretsManager(arn));
            }),
            "/certificateConfigurations/0",
            json!({"secretsManager": {
                "secretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ca"}}),
        ),
    ]
}

fn oauth(grant: Grant) -> Credentials {
    Credentials::OAuth {
        provider_arn: "arn:aws:x:::p".to_owned(),
        scopes: Vec::new(),
        grant,
        custom_parameters: BTreeMap::new(),
        return_url: None,
    }
}

/// Made, made out of another by an Update, and taken away by an Update.
#[tokio::test]
async fn every_way_of_saying_something_goes_out_and_comes_back() {
    let (emulator, aws) = start().await;
    for (definition, member, expected) in ways() {
        let token = format!("{TOKEN}{}", emulator.calls().len());
        let created = aws.create_target(&gateway(), &token, &definition).await.unwrap();
        for edited in [&definition, &full("weather"), &definition, &plain("weather")] {
            settle(&emulator);
            aws.update_target(&gateway(), &created.target, edited).await.unwrap();
            settle(&emulator);
            let got = aws.get_target(&gateway(), &created.target).await.unwrap();
            assert_eq!(got.definition.map(sorted), Some(sorted(edited.clone())), "{expected}");
            if *edited == definition {
                let stands = serde_json::to_value(&emulator.targets(GATEWAY)[0].spec).unwrap();
                assert_eq!(stands.pointer(member), Some(&expected));
            }
        }
        aws.delete_target(&gateway(), &created.target).await.unwrap();
        settle(&emulator);
    }
}

#[tokio::test]
async fn a_target_that_needs_consent_says_where() {
    let (emulator, aws) = start().await;
    let definition =
        Definition { credentials: Some(oauth(Grant::AuthorizationCode)), ..plain("weather") };
    let created = aws.create_target(&gateway(), TOKEN, &definition).await.unwrap();
    settle(&emulator);
    let got = aws.get_target(&gateway(), &created.target).await.unwrap();
    assert_eq!(got.definition, Some(definition));
    assert_eq!(got.summary.status, TargetStatus::CreatePendingAuth);
    assert!(got.summary.authorization_url.is_some_and(|url| url.starts_with("http")));
}

#[tokio::test]
async fn an_absent_region_is_the_gateways() {
    let provider = json!([{
        "credentialProviderType": "GATEWAY_IAM_ROLE",
        "credentialProvider": {"iamCredentialProvider": {"service": "lambda"}},
    }]);
    let found = definition_of(with("credentialProviderConfigurations", provider)).await.unwrap();
    let region = Some("eu-central-1".to_owned());
    assert_eq!(found.credentials, Some(Credentials::Iam { service: "lambda".to_owned(), region }));
}

#[tokio::test]
async fn what_an_mcpserver_cannot_say_has_no_definition() {
    let credentials = "credentialProviderConfigurations";
    let grant = json!([{
        "credentialProviderType": "OAUTH",
        "credentialProvider": {"oauthCredentialProvider":
            {"providerArn": "arn:p", "scopes": [], "grantType": "PASSWORD"}},
    }]);
    let location = json!([{
        "credentialProviderType": "API_KEY",
        "credentialProvider": {"apiKeyCredentialProvider":
            {"providerArn": "arn:p", "credentialLocation": "BODY"}},
    }]);
    let addresses = json!({"managedVpcResource":
        {"vpcIdentifier": "vpc-1", "subnetIds": [], "endpointIpAddressType": "IPV8"}});
    let secret = json!({"secretsManager": {"secretArn": "arn:s"}});
    for spec in [
        server(&json!({"listingMode": "HOURLY"})),
        server(&json!({"resourcePriority": -1})),
        server(&json!({"mcpToolSchema": {"git": {"url": "x"}}})),
        with(
            "targetConfiguration",
            json!({"mcp": {"lambda": {
            "lambdaArn": "arn:l", "toolSchema": {"inlinePayload": []}}}}),
        ),
        with("privateEndpoint", addresses),
        with("certificateConfigurations", json!([secret, secret])),
        with(credentials, location),
        with(credentials, json!([{"credentialProviderType": "GATEWAY_IAM_ROLE"}])),
        with(credentials, grant),
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

/// A mirror holds one for as long as its gateway is of use to anybody, and there are many.
#[tokio::test]
async fn a_call_takes_little_while_it_is_not_made() {
    let (_emulator, aws) = start().await;
    let (gateway, target) = (gateway(), TargetId::from("T"));
    let definition = plain("weather");
    assert!(size_of_val(&aws.list_targets(&gateway)) < 2_000);
    assert!(size_of_val(&aws.get_target(&gateway, &target)) < 2_000);
    assert!(size_of_val(&aws.update_target(&gateway, &target, &definition)) < 6_000);
}
