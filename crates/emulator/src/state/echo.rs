//! What AWS changes by itself in the configuration that it gives back.
//!
//! The state keeps what the client sent; only answers of the API go through here.

use serde_json::{Map, Value, json};

use super::gateway::Gateway;
use crate::settings::{Echo, EmptyCredentials, PolicyHeader};
use crate::target::{TargetSpec, TargetView};

const POLICY_HEADER: &str = "x-amzn-bedrock-agentcore-policy-session-id";

/// Lists whose order AWS does not keep, by the name of their member.
const UNORDERED: [&str; 6] = [
    "scopes",
    "allowedRequestHeaders",
    "allowedResponseHeaders",
    "allowedQueryParameters",
    "subnetIds",
    "securityGroupIds",
];

/// Members that are maps. Other objects are structures, which stay without members what they are:
/// the choice of a union, say.
const MAPS: [&str; 5] =
    ["customParameters", "parameters", "properties", "staticQueryParameters", "tags"];

/// Lists that are the choice of a union.
const CHOICES: [&str; 1] = ["inlinePayload"];

/// What the model calls a document: the client's own, and nothing in it is AWS's to change.
const DOCUMENT: &str = "parameterValues";

/// The target as the API shows it.
pub(super) fn echoed(mut view: TargetView, gateway: &Gateway, echo: Echo) -> TargetView {
    let spec = &mut view.spec;
    if adds_policy_header(gateway, echo) {
        add_policy_header(&mut spec.metadata_configuration);
    }
    if echo.grant_type {
        add_grant_type(spec);
    }
    let members = [
        Some(&mut spec.target_configuration),
        spec.credential_provider_configurations.as_mut(),
        spec.metadata_configuration.as_mut(),
        spec.private_endpoint.as_mut(),
        spec.certificate_configurations.as_mut(),
    ];
    for member in members.into_iter().flatten() {
        walk(member, echo);
    }
    let nothing = Value::Object(Map::new());
    if echo.drop_empty && spec.metadata_configuration.as_ref() == Some(&nothing) {
        spec.metadata_configuration = None;
    }
    if echo.no_credentials == EmptyCredentials::EmptyList {
        spec.credential_provider_configurations.get_or_insert_with(|| json!([]));
    }
    view
}

fn adds_policy_header(gateway: &Gateway, echo: Echo) -> bool {
    match echo.policy_header {
        PolicyHeader::Always => true,
        PolicyHeader::Never => false,
        PolicyHeader::WithPolicyEngine => gateway.member("policyEngineConfiguration").is_some(),
    }
}

fn add_policy_header(metadata: &mut Option<Value>) {
    let metadata = metadata.get_or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(members) = metadata else { return };
    let headers = members.entry("allowedRequestHeaders").or_insert_with(|| json!([]));
    let Value::Array(headers) = headers else { return };
    let is_there = |header: &Value| {
        header.as_str().is_some_and(|header| header.eq_ignore_ascii_case(POLICY_HEADER))
    };
    if !headers.iter().any(is_there) {
        headers.push(POLICY_HEADER.into());
    }
}

fn add_grant_type(spec: &mut TargetSpec) {
    let credentials = spec.credential_provider_configurations.as_mut();
    let oauth = credentials
        .and_then(|list| list.get_mut(0))
        .and_then(|entry| entry.get_mut("credentialProvider"))
        .and_then(|provider| provider.get_mut("oauthCredentialProvider"));
    if let Some(Value::Object(oauth)) = oauth {
        oauth.entry("grantType").or_insert_with(|| "CLIENT_CREDENTIALS".into());
    }
}

fn walk(value: &mut Value, echo: Echo) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut().filter(|(name, _)| *name != DOCUMENT) {
                match member {
                    Value::Array(items) if UNORDERED.contains(&name.as_str()) => {
                        if echo.reorder {
                            // Any order but the client's own will do; this one can be foretold.
                            items.reverse();
                        }
                    }
                    Value::Array(_) | Value::Object(_) => walk(member, echo),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
                }
            }
            if echo.drop_empty {
                members.retain(|name, member| !is_empty(name, member));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, echo)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether a member is a list or a map without entries that can be left out: one that a union has
/// chosen cannot, or nothing would be chosen.
fn is_empty(name: &str, value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty() && !CHOICES.contains(&name),
        Value::Object(members) => members.is_empty() && MAPS.contains(&name),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
