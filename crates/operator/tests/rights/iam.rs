//! The documented IAM policy against what was asked of AWS.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};
use emulator::{CallKind, CallRecord};
use serde_json::Value;
use testkit::install;

/// Actions that the operator does not ask for itself, so that no log of its calls can show them: AgentCore
/// asks for them under the caller's role (FAS) when it makes or changes a target with OAuth2.
/// Source: AgentCore's developer guide, "Gateway", the permissions of who makes targets with OAuth2.
const ASKED_BY_AGENTCORE: [&str; 4] = [
    // It takes the identity of the gateway's workload…
    "bedrock-agentcore:GetWorkloadAccessToken",
    // …and gets a token for it from the credential provider…
    "bedrock-agentcore:GetResourceOauth2Token",
    // …whose client secret lies in Secrets Manager.
    "secretsmanager:GetSecretValue",
    "secretsmanager:DescribeSecret",
];

/// The action that a call needs; `None`: no policy has a say in it.
fn action(kind: CallKind) -> Option<String> {
    match kind {
        // "No permissions are required to perform this operation", says the reference of STS.
        CallKind::GetCallerIdentity
        // The role's own trust policy allows it, and the node's agent the other.
        | CallKind::AssumeRoleWithWebIdentity
        | CallKind::GetContainerCredentials => None,
        kind => Some(format!("bedrock-agentcore:{}", kind.name())),
    }
}

/// What the policy in the documents allows.
fn allowed() -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(install::file("docs/iam/policy.json"))?;
    let policy: Value = serde_json::from_str(&text)?;
    let mut actions = BTreeSet::new();
    for statement in policy["Statement"].as_array().context("no statements")? {
        assert_eq!(statement["Effect"], "Allow", "{statement}");
        for action in statement["Action"].as_array().context("no list of actions")? {
            let action = action.as_str().context("an action that is no text")?;
            assert!(!action.contains('*'), "{action} has no bounds");
            assert!(actions.insert(action.to_owned()), "{action} is there twice");
        }
    }
    Ok(actions)
}

pub(crate) fn then_the_policy_is_what_was_asked(calls: &[CallRecord]) -> Result<()> {
    let asked: BTreeSet<String> = calls.iter().filter_map(|call| action(call.kind)).collect();
    let allowed = allowed()?;
    let missing: Vec<_> = asked.difference(&allowed).collect();
    assert!(missing.is_empty(), "the policy lacks {missing:?}");
    let unused: Vec<_> = allowed.difference(&asked).map(String::as_str).collect();
    let mut known = ASKED_BY_AGENTCORE;
    known.sort_unstable();
    assert_eq!(unused, known, "what is allowed and was not asked for");
    Ok(())
}
