//! Every rule of the resource. The table of specs is put to a real API server too, and the two
//! have to agree wherever the schema speaks.

use std::collections::BTreeMap;

use api::{Credentials, Grant, MCPServer, MCPServerSpec};
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
