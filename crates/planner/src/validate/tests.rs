//! Every rule of the resource. The table of specs is put to a real API server too, and the two
//! have to agree wherever the schema speaks.

use std::collections::BTreeMap;

use api::{Credentials, Grant, MCPServer, MCPServerSpec, PrivateEndpoint};
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

/// Good and bad specs, and what is said about each.
const SPECS: &str = include_str!("../../tests/specs.json");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    name: String,
    spec: MCPServerSpec,
    /// Whether the API server takes it.
    schema_accepts: bool,
    /// What the operator has against it, line by line.
    violations: Vec<String>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(SPECS).unwrap()
}

fn server(name: &str, spec: &Value) -> MCPServer {
    MCPServer::new(name, serde_json::from_value(spec.clone()).unwrap())
}

fn messages(result: Result<Validated, Vec<Violation>>) -> Vec<String> {
    result.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn every_spec_of_the_table_is_judged_as_it_says() {
    for Case { name, spec, violations, .. } in cases() {
        assert_eq!(messages(validate(&MCPServer::new("case", spec))), violations, "{name}");
    }
}

#[test]
fn what_the_schema_refuses_is_refused_here_too() {
    for Case { name, spec, schema_accepts, .. } in cases() {
        assert!(schema_accepts || validate(&MCPServer::new("case", spec)).is_err(), "{name}");
    }
}

#[test]
fn white_space_is_cut_and_repetitions_are_dropped() {
    let spec = json!({
        "endpoint": " https://mcp.example.com/mcp\n",
        "capabilities": ["tools"],
        "gatewayId": " gateway ",
        "targetName": " weather ",
        "description": " The weather. ",
        "authType": " OAuth2 ",
        "oauthProviderArn": " arn:aws:bedrock-agentcore:::x ",
        "oauthScopes": [" read ", "read", "", "Read"],
        "allowedRequestHeaders": [" X-A", "x-a ", " "],
        "allowedQueryParameters": ["q ", "Q", "q"],
        "allowedResponseHeaders": ["X-B", "X-B"],
    });
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expected = Validated {
        suspended: false,
        drift: DriftPolicy::Enforce,
        gateway: Some("gateway".into()),
        definition: Definition {
            description: Some("The weather.".to_owned()),
            credentials: Some(Credentials::OAuth {
                provider_arn: "arn:aws:bedrock-agentcore:::x".to_owned(),
                scopes: texts(&["read", "Read"]),
                grant: Grant::ClientCredentials,
                custom_parameters: BTreeMap::new(),
                return_url: None,
            }),
            metadata: Metadata {
                request_headers: texts(&["X-A"]),
                query_parameters: texts(&["q", "Q"]),
                response_headers: texts(&["X-B"]),
            },
            ..Definition::new("weather", "https://mcp.example.com/mcp")
        },
        replacement: ReplacementPolicy::Deny,
        tool_sync: None,
    };
    assert_eq!(validate(&server("case", &spec)), Ok(expected));
}

#[test]
fn empty_means_unset_everywhere() {
    let blank = json!({
        "endpoint": "https://mcp.example.com/mcp",
        "capabilities": ["tools"],
        "gatewayId": "",
        "targetName": "\t",
        "description": " ",
        "authType": "",
        "oauthProviderArn": "arn:aws:bedrock-agentcore:::x",
        "oauthScopes": ["", " "],
        "allowedRequestHeaders": [""],
        "allowedQueryParameters": [" "],
        "allowedResponseHeaders": [""],
    });
    let unset = json!({
        "endpoint": "https://mcp.example.com/mcp",
        "capabilities": ["tools"],
        "oauthProviderArn": "arn:aws:bedrock-agentcore:::x",
    });
    let wish = validate(&server("case", &blank)).unwrap();
    assert_eq!(wish, validate(&server("case", &unset)).unwrap());
    assert_eq!(wish.gateway, None);
    assert_eq!(wish.definition.name, "case");
    assert_eq!(wish.definition.description, None);
    assert!(wish.definition.metadata.is_empty());
}

/// A Kubernetes name may have dots and 253 characters; AWS takes neither.
#[test]
fn a_resource_name_that_aws_cannot_take_is_answered_with_what_to_do() {
    let spec = json!({
        "endpoint": "https://mcp.example.com/mcp",
        "capabilities": ["tools"],
        "oauthProviderArn": "arn:aws:bedrock-agentcore:::x",
    });
    let long = "a".repeat(101);
    for (name, problem) in [
        ("my.server", "has characters that AWS does not take: letters, digits and hyphens only"),
        ("a--b", "must start with a letter or digit and have no two hyphens in a row"),
        (&long, "has 101 characters; AWS takes 100 at most"),
    ] {
        let shown = shortened(name);
        let message = format!(
            "spec.targetName: the default, metadata.name \"{shown}\", {problem}; set \
             spec.targetName"
        );
        assert_eq!(messages(validate(&server(name, &spec))), [message]);

        let mut named = spec.clone();
        named["targetName"] = "weather".into();
        assert_eq!(validate(&server(name, &named)).unwrap().definition.name, "weather");
    }
}

#[test]
fn a_value_in_a_message_is_cut_to_a_length_that_can_be_read() {
    assert_eq!(shortened(&"ä".repeat(60)), "ä".repeat(60));
    assert_eq!(shortened(&"ä".repeat(61)), format!("{}…", "ä".repeat(60)));
}

/// What the service model's patterns do not take (`crates/emulator/src/shape/network.rs`).
#[test]
fn what_aws_refuses_does_not_pass() {
    let vpc = |vpc: &str, group: &str| {
        json!({"privateEndpoint": {"managedVpc": {
            "vpcId": vpc, "subnetIds": ["subnet-0a1b2c3d"], "securityGroupIds": [group],
        }}})
    };
    let lattice = |arn: &str| json!({"privateEndpoint": {"resourceConfiguration": arn}});
    let secret = |arn: &str| json!({"caCertificate": {"secretsManager": {"secretArn": arn}}});
    let cases = [
        vpc("vpc-0A1B2C3D", "sg-0a1b2c3d"),
        vpc("vpc-0a1b2c3d", "sg-0A1B2C3D"),
        lattice("arn::vpc-lattice::123456789012:resourceconfiguration/rcfg-0a1b2c3d4e5f6a7b8"),
        lattice(
            "arn:aws:vpc-lattice:us east:123456789012:resourceconfiguration/rcfg-0a1b2c3d4e5f6a7b8",
        ),
        secret("arn:awsx:secretsmanager:us-east-1:123456789012:secret:a"),
        secret("arn:aws:secretsmanager:US EAST:123456789012:secret:a"),
        secret("arn:aws:secretsmanager:US-EAST-1:123456789012:secret:a"),
        secret("arn:aws-:secretsmanager:us-east-1:123456789012:secret:a"),
        json!({"caCertificate": {"s3": {"uri": "s3://bucket/a\nb"}}}),
    ];
    let mut passed = Vec::new();
    for extra in cases {
        let mut spec = json!({"endpoint": "https://a.example.com", "capabilities": ["tools"], "authType": "NoAuth"});
        spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        if validate(&server("case", &spec)).is_ok() {
            passed.push(extra.to_string());
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
}

#[test]
fn of_several_subnets_and_groups_each_is_taken_once() {
    let spec = json!({
        "endpoint": "https://mcp.example.com", "capabilities": ["tools"], "authType": "NoAuth",
        "privateEndpoint": {"managedVpc": {
            "vpcId": "vpc-0a1b2c3d",
            "subnetIds": ["subnet-0a1b2c3d", "subnet-0a1b2c3e", " subnet-0a1b2c3d "],
            "securityGroupIds": ["sg-0a1b2c3d", "sg-0a1b2c3e", "sg-0a1b2c3d"],
        }},
    });
    let wish = validate(&server("case", &spec)).unwrap();
    let Some(PrivateEndpoint::ManagedVpc { subnets, security_groups, .. }) =
        wish.definition.private_endpoint
    else {
        panic!("it is a VPC")
    };
    assert_eq!(subnets, ["subnet-0a1b2c3d", "subnet-0a1b2c3e"]);
    assert_eq!(security_groups, ["sg-0a1b2c3d", "sg-0a1b2c3e"]);
}

#[test]
fn what_a_newer_version_knows_is_not_left_out_in_silence() {
    let mut spec = json!({
        "endpoint": "https://mcp.example.com", "capabilities": ["tools"], "authType": "NoAuth",
    });
    assert!(validate(&server("x", &spec)).is_ok());
    spec["colour"] = json!("red");
    spec["toolSync"] = json!({ "interval": "1h", "often": true });
    assert_eq!(
        messages(validate(&server("x", &spec))),
        [
            "spec: has fields that the CRD knows and this operator does not: colour, toolSync.often; bring \
          the operator to the version of the CRD, or remove them"
        ]
    );
}
