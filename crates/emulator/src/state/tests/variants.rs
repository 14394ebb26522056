//! One table for each question that nobody can answer: the emulator plays every answer.

use std::time::Duration;

use super::*;
use crate::settings::{
    EmptyCredentials, LimitError, PolicyHeader, Quotas, UpdateOfFailed, UpdatedAt, Verdict,
};

#[test]
fn a_token_stands_for_one_target() {
    let mut world = World::new();
    let first = world.create_with(Some(TOKEN), spec("a")).unwrap();
    world.pass(2000);
    assert_eq!(world.create_with(Some(TOKEN), spec("a")).unwrap(), first);
    assert_eq!(world.create_with(Some(TOKEN), spec("other")).unwrap(), first);
    assert_eq!(world.list(Page::default()).items.len(), 1);
    // A repeat does not start anything: the target is where it was.
    assert_eq!(world.status(&first), "READY");
}

#[test]
fn the_variants_of_tokens() {
    let policy = TokenPolicy::default();
    let with = |tokens| World::with(Settings { tokens, ..Settings::default() });

    let mut ignored = with(TokenPolicy { ttl: std::time::Duration::ZERO, ..policy });
    ignored.create_with(Some(TOKEN), spec("a")).unwrap();
    let error = ignored.create_with(Some(TOKEN), spec("a")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);

    let mut strict = with(TokenPolicy { mismatch: TokenMismatch::Refuse, ..policy });
    strict.create_with(Some(TOKEN), spec("a")).unwrap();
    let error = strict.create_with(Some(TOKEN), spec("b")).unwrap_err();
    assert_eq!(error.reason, Some(Reason::IdempotentParameterMismatchException));
    strict.create_with(Some(TOKEN), spec("a")).unwrap();

    for (after_delete, same) in
        [(TokenAfterDelete::Create, false), (TokenAfterDelete::AnswerDead, true)]
    {
        let mut world = with(TokenPolicy { after_delete, ..policy });
        let first = world.create_with(Some(TOKEN), spec("a")).unwrap();
        world.pass(2000);
        world.delete(&first).unwrap();
        world.pass(1500);
        let second = world.create_with(Some(TOKEN), spec("a")).unwrap();
        assert_eq!(second == first, same);
        assert_eq!(world.list(Page::default()).items.is_empty(), same);
    }

    let mut off = with(policy);
    off.create_with(Some(TOKEN), spec("a")).unwrap();
    let tokens = TokenPolicy { ttl: Duration::ZERO, ..policy };
    off.state.set_settings(Settings { tokens, ..Settings::default() });
    let error = off.create_with(Some(TOKEN), spec("a")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "off is off for those seen before");

    let mut short = with(TokenPolicy { ttl: std::time::Duration::from_secs(5), ..policy });
    short.create_with(Some(TOKEN), spec("a")).unwrap();
    short.pass(5000);
    assert!(short.create_with(Some(TOKEN), spec("b")).is_ok());
}

#[test]
fn an_update_of_a_failed_target_rescues_or_is_refused() {
    for (update_of_failed, rescued) in
        [(UpdateOfFailed::Rescues, true), (UpdateOfFailed::Refused, false)]
    {
        let mut world =
            World::set(|settings| settings.variants.update_of_failed = update_of_failed);
        let id = world.ready("a");
        world.set_status(&id, "FAILED");
        let result = world.update(&id, spec("a"));
        assert_eq!(result.is_ok(), rescued);
        if let Err(error) = result {
            assert!(error.message.ends_with("when it is in Failed state"), "{error}");
        }
        world.pass(1000);
        assert_eq!(world.status(&id) == "READY", rescued);
        assert!(world.delete(&id).is_ok());
    }
}

#[test]
fn updated_at_moves_at_acceptance_or_completion_or_both() {
    for (updated_at, expected) in [
        (UpdatedAt::Acceptance, [0, 10_000, 10_000]),
        (UpdatedAt::Completion, [2000, 2000, 11_000]),
        (UpdatedAt::Both, [2000, 10_000, 11_000]),
    ] {
        let mut world = World::set(|settings| settings.variants.updated_at = updated_at);
        let id = world.create("a").unwrap();
        world.pass(10_000);
        let mut seen = vec![world.get(&id).unwrap().updated_at];
        world.update(&id, spec("a")).unwrap();
        seen.push(world.get(&id).unwrap().updated_at);
        world.pass(5000);
        seen.push(world.get(&id).unwrap().updated_at);
        let seen: Vec<i64> = seen.into_iter().map(Timestamp::as_millisecond).collect();
        assert_eq!(seen, expected, "{updated_at:?}");
    }
}

#[test]
fn the_limits_raise_the_error_that_is_set() {
    for (error, kind) in [
        (LimitError::ServiceQuotaExceeded, ErrorKind::ServiceQuotaExceeded),
        (LimitError::Conflict, ErrorKind::Conflict),
        (LimitError::Throttling, ErrorKind::Throttling),
    ] {
        let quotas = Quotas { under_way_error: error, targets: 7, ..Quotas::documented() };
        let mut world = World::set(|settings| settings.quotas = quotas);
        for n in 0..5 {
            world.create(&format!("t{n}")).unwrap();
        }
        assert_eq!(world.create("sixth").unwrap_err().kind, kind);
        // A synchronization counts for nothing, and neither does what is over.
        world.pass(2000);
        let (a, b) = (world.create("sixth").unwrap(), world.create("seventh").unwrap());
        world.pass(2000);
        assert_eq!(world.create("eighth").unwrap_err().kind, ErrorKind::ServiceQuotaExceeded);
        world.synchronize(&a).unwrap();
        assert!(world.delete(&b).is_ok());
    }
}

#[test]
fn calls_have_a_rate_for_each_caller_and_kind() {
    let mut world = World::set(|settings| settings.quotas = Quotas::documented());
    let kind = CallKind::CreateGatewayTarget;
    let granted = |world: &mut World| {
        (0..10).filter(|_| world.state.charge(world.now, &world.caller, kind).is_ok()).count()
    };
    assert_eq!(granted(&mut world), 5);
    world.caller.region = "elsewhere".into();
    assert_eq!(granted(&mut world), 5);
    let refused = world.state.charge(world.now, &world.caller, kind).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Throttling);
    assert!(world.state.charge(world.now, &world.caller, CallKind::GetGateway).is_ok());
}

fn with_credentials(kind: &str, provider: &serde_json::Value) -> TargetSpec {
    let entry = serde_json::json!({"credentialProviderType": kind, "credentialProvider": provider});
    TargetSpec { credential_provider_configurations: Some(serde_json::json!([entry])), ..spec("a") }
}

#[test]
fn an_api_key_is_taken_or_not() {
    let arn = "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default/apikey/k";
    for (api_key, taken) in [(Verdict::Accepted, true), (Verdict::Refused, false)] {
        let mut world = World::set(|settings| settings.variants.api_key = api_key);
        let provider = serde_json::json!({"apiKeyCredentialProvider": {"providerArn": arn}});
        let result = world.create_with(None, with_credentials("API_KEY", &provider));
        assert_eq!(result.is_ok(), taken, "{result:?}");
    }
}

#[test]
fn a_foreign_credential_provider_is_taken_or_not() {
    let arn = "arn:aws:bedrock-agentcore:us-east-1:210987654321:token-vault/default/oauth2/p";
    let provider =
        || serde_json::json!({"oauthCredentialProvider": {"providerArn": arn, "scopes": []}});
    for (verdict, taken) in [(Verdict::Accepted, true), (Verdict::Refused, false)] {
        let mut world =
            World::set(|settings| settings.variants.foreign_credential_provider = verdict);
        let result = world.create_with(None, with_credentials("OAUTH", &provider()));
        assert_eq!(result.is_ok(), taken, "{result:?}");
    }
}

#[test]
fn credentials_have_to_fit_their_type() {
    let oauth = serde_json::json!({"oauthCredentialProvider": {"providerArn": "x", "scopes": []}});
    let iam = serde_json::json!({"iamCredentialProvider": {"service": "lambda"}});
    for (kind, provider, taken) in [
        ("OAUTH", &oauth, true),
        ("OAUTH", &iam, false),
        ("GATEWAY_IAM_ROLE", &iam, true),
        ("GATEWAY_IAM_ROLE", &oauth, false),
        ("API_KEY", &oauth, false),
        ("JWT_PASSTHROUGH", &oauth, false),
    ] {
        let result = World::new().create_with(None, with_credentials(kind, provider));
        assert_eq!(result.is_ok(), taken, "{kind} {provider}: {result:?}");
    }
}

#[test]
fn what_comes_back_is_not_quite_what_was_sent() {
    let mut sent = with_credentials(
        "OAUTH",
        &serde_json::json!({"oauthCredentialProvider": {"providerArn": "x", "scopes": ["b", "a"]}}),
    );
    sent.metadata_configuration = Some(serde_json::json!({"allowedRequestHeaders": ["x", "y"]}));
    let mut world = World::new();
    let id = world.create_with(None, sent.clone()).unwrap();
    let got = world.get(&id).unwrap().spec;
    let oauth = got.oauth().unwrap();
    assert_eq!(oauth["scopes"], serde_json::json!(["a", "b"]));
    assert_eq!(oauth["grantType"], "CLIENT_CREDENTIALS");
    assert_eq!(got.metadata_configuration.unwrap()["allowedRequestHeaders"][0], "y");
    // Behind the scenes it is what was sent.
    assert_eq!(world.state.look("gw").unwrap()[0].spec, sent);

    let mut world = World::set(|settings| {
        settings.echo.no_credentials = EmptyCredentials::EmptyList;
        settings.echo.policy_header = PolicyHeader::Always;
    });
    let id = world.ready("a");
    let got = serde_json::to_value(world.get(&id).unwrap()).unwrap();
    assert_eq!(got["credentialProviderConfigurations"], serde_json::json!([]));
    assert_eq!(
        got["metadataConfiguration"]["allowedRequestHeaders"],
        serde_json::json!(["x-amzn-bedrock-agentcore-policy-session-id"])
    );
}

#[test]
fn a_repeat_within_the_lifetime_of_a_token_costs_no_slot() {
    let mut world = World::set(|settings| {
        settings.quotas = Quotas { under_way: 1, ..Quotas::documented() };
        settings.tokens.ttl = Duration::from_mins(1);
    });
    let id = world.create_with(Some(TOKEN), spec("a")).unwrap();
    assert_eq!(world.create_with(Some(TOKEN), spec("a")).unwrap(), id);
}

#[test]
fn a_policy_engine_puts_its_header_in() {
    let mut world = World::new();
    let engine = serde_json::json!({"arn": "arn:aws:x", "mode": "ENFORCE"});
    let members = Map::from_iter([("policyEngineConfiguration".to_owned(), engine)]);
    let gateway = NewGateway { id: "guarded".into(), members, ..NewGateway::default() };
    world.state.add_gateway(world.now, gateway).unwrap();
    let call = Call::CreateTarget { gateway: "guarded".into(), token: None, spec: spec("a") };
    let Answer::Target(target) = world.call(call).unwrap() else { panic!() };
    let metadata = target.spec.metadata_configuration.unwrap();
    let headers = serde_json::json!(["x-amzn-bedrock-agentcore-policy-session-id"]);
    assert_eq!(metadata["allowedRequestHeaders"], headers);
}

#[test]
fn gateway_ids_may_have_to_have_the_form_of_aws() {
    let mut world = World::set(|settings| settings.variants.gateway_ids = GatewayIds::ModelForm);
    assert_eq!(world.create("a").unwrap_err().fields[0].name, "gatewayIdentifier");
}

#[test]
fn only_lists_and_maps_are_dropped_for_being_empty() {
    let mut empty = spec("a");
    let mcp_server = &mut empty.target_configuration["mcp"]["mcpServer"];
    mcp_server["mcpToolSchema"] = serde_json::json!({"s3": {}});
    empty.private_endpoint = Some(serde_json::json!({"managedVpcResource": {
        "vpcIdentifier": "vpc-01234567", "subnetIds": ["subnet-01234567"],
        "endpointIpAddressType": "IPV4", "securityGroupIds": [], "tags": {},
    }}));
    let mut world = World::new();
    let id = world.create_with(None, empty).unwrap();
    let got = world.get(&id).unwrap().spec;
    // A structure without members is still the member of the union that was chosen.
    let schema = &got.target_configuration["mcp"]["mcpServer"]["mcpToolSchema"];
    assert_eq!(*schema, serde_json::json!({"s3": {}}));
    let network = &got.private_endpoint.unwrap()["managedVpcResource"];
    assert!(network.get("securityGroupIds").is_none() && network.get("tags").is_none());
}

#[test]
fn an_empty_list_that_a_union_has_chosen_stays() {
    let mut tools = spec("a");
    let lambda = serde_json::json!({"lambdaArn": "arn:l", "toolSchema": {"inlinePayload": []}});
    tools.target_configuration = serde_json::json!({"mcp": {"lambda": lambda.clone()}});
    let mut world = World::new();
    let id = world.state.plant(world.now, "gw", tools, TargetStatus::Ready).unwrap();
    let got = world.get(&id).unwrap().spec.target_configuration;
    assert_eq!(got["mcp"]["lambda"], lambda);
}
