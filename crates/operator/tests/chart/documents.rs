//! What documents show: a policy that works, and messages that the operator gives.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use api::MCPServer;
use kube::Api;
use kube::api::PostParams;
use testkit::scenario::{GATEWAY, valid_spec};
use testkit::{ControlPlane, Manifests, TestResult, install, wait};

const SOON: Duration = Duration::from_secs(30);

fn read(path: &str) -> Result<String> {
    fs::read_to_string(install::file(path)).with_context(|| path.to_owned())
}

#[tokio::test]
async fn the_policy_confines_a_namespace() -> TestResult {
    let text = read("docs/security.md")?;
    let policy = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    let cluster = ControlPlane::builder().start().await?;
    let client = cluster.client()?;
    if client.apiserver_version().await?.minor.trim_end_matches('+').parse::<u32>()? < 30 {
        eprintln!(
            "the policy: SKIPPED, this Kubernetes does not know ValidatingAdmissionPolicy v1"
        );
        return Ok(());
    }
    install::crd(&client).await?;
    policy.context("no policy")?.parse::<Manifests>()?.apply(&client).await?;
    let servers: Api<MCPServer> = Api::namespaced(client, "default");
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let say = async |server: &MCPServer| match servers.create(&dry_run, server).await {
        Ok(_) => "taken".to_owned(),
        Err(error) => error.to_string(),
    };
    let mut server = MCPServer::new("weather", valid_spec("weather"));
    server.spec.gateway_id = Some(GATEWAY.to_owned());
    let provider = |name: &str| {
        let vault = "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default";
        Some(format!("{vault}/oauth2credentialprovider/{name}"))
    };
    server.spec.oauth_provider_arn = provider("default-weather");
    // The API server takes a moment to know a policy.
    wait::eventually("the policy to be in force", SOON, || async {
        let said = say(&server).await;
        anyhow::ensure!(said.contains("spec.gatewayId is not for you to choose"), "{said}");
        Ok(())
    })
    .await?;
    server.spec.gateway_id = None;
    assert_eq!(say(&server).await, "taken");
    server.spec.oauth_provider_arn = provider("somebody-elses");
    let said = say(&server).await;
    assert!(said.contains("only providers that are called default-"), "{said}");
    Ok(())
}

/// The texts in a source file, as they are put together: lines joined, quotes plain.
fn texts(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '/' && chars.peek() == Some(&'/') {
            chars.by_ref().find(|c| *c == '\n');
        }
        if c != '"' {
            continue;
        }
        let mut text = String::new();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => match chars.next() {
                    Some('\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                    Some(c) => text.push(c),
                    None => break,
                },
                c => text.push(c),
            }
        }
        found.push(text);
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") && name != "tests.rs" {
            found.extend(texts(&fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// Whether the parts of a text, between what is filled in, stand in the message in their order, up to its end.
fn gives(text: &str, message: &str) -> bool {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                parts.push(String::new());
            }
            c if depth == 0 => parts.iter_mut().last().into_iter().for_each(|part| part.push(c)),
            _ => {}
        }
    }
    let literal: usize = parts.iter().map(|part| part.trim().len()).sum();
    if literal < 12 {
        return false;
    }
    let mut rest = message;
    for part in &parts {
        match rest.split_once(part.as_str()) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.is_empty() || parts.last().is_some_and(String::is_empty)
}

#[test]
fn the_messages_are_those_of_the_operator() -> TestResult {
    let mut known = Vec::new();
    for folder in ["crates/planner/src", "xtask/src"] {
        sources(&install::file(folder), &mut known)?;
    }
    let readme = read("README.md")?;
    let (_, section) = readme.split_once("\n## Troubleshoot\n").context("no such section")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let messages: Vec<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(message, _)| message)
        .collect();
    assert!(messages.len() > 15, "{messages:?}");
    let unknown: Vec<_> =
        messages.iter().filter(|message| !known.iter().any(|text| gives(text, message))).collect();
    assert!(unknown.is_empty(), "the operator does not say {unknown:#?}");
    Ok(())
}

#[test]
fn a_message_that_nobody_gives_is_noticed() {
    let text = "AWS knows no gateway {gateway} in this account: correct spec.gatewayId.";
    assert!(gives(text, "AWS knows no gateway … in this account: correct spec.gatewayId."));
    assert!(!gives(text, "AWS knows no gateway … in this account: correct the gateway."));
    assert!(!gives("{field}: {message}", "spec.endpoint: is wrong"), "it would say anything");
    assert_eq!(texts("let a = \"b \\\n   c\"; // \"d\"\n"), ["b c"]);
}
