//! What a person asks of the operator itself, seen in the cluster: suspend, retain, drift, checks,
//! adoption, events.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use emulator::{CallKind, Fault, FaultRule, TargetPatch, TargetSpec};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use testkit::scenario::{GATEWAY, condition};
use testkit::{Scenario, TestResult, wait};

const SOON: Duration = Duration::from_secs(30);

async fn annotate(scenario: &Scenario, name: &str, annotations: Value) -> anyhow::Result<()> {
    let patch = Patch::Merge(json!({ "metadata": { "annotations": annotations } }));
    scenario.servers()?.patch(name, &PatchParams::default(), &patch).await?;
    Ok(())
}

/// Somebody changes the target's description; in this scenario the operator looks every second.
fn meddle(scenario: &Scenario, name: &str) -> anyhow::Result<()> {
    let target = scenario.target(GATEWAY, name)?;
    let mut patch = TargetPatch::default();
    patch.spec.insert("description".to_owned(), json!("meddled with"));
    scenario.aws.change_target(GATEWAY, &target.target_id, patch)?;
    Ok(())
}

/// Waits until what was meddled with is as written.
async fn put_right(scenario: &Scenario, name: &str) -> anyhow::Result<()> {
    let right = scenario.aws.wait_for(|aws| {
        aws.target(GATEWAY, name).filter(|target| target.spec.description.is_none())
    });
    tokio::time::timeout(SOON, right).await.map(drop).context("it is not put right")
}

#[tokio::test]
async fn nothing_is_changed_while_a_resource_is_suspended() -> TestResult {
    let mut scenario = Scenario::begin("suspend").await?;
    scenario.given_operator().await?;
    scenario.when_created("weather", |spec| spec.suspend = Some(true)).await?;
    let message = scenario.then_not_ready("weather", "Suspended").await?;
    assert!(message.contains("created"), "{message}");
    assert!(scenario.writes().is_empty());
    scenario.when_edited("weather", json!({ "suspend": false })).await?;
    scenario.then_ready("weather").await?;

    scenario.when_edited("weather", json!({ "suspend": true })).await?;
    scenario.then_ready("weather").await?;
    scenario.when_edited("weather", json!({ "description": "new" })).await?;
    scenario.then_not_ready("weather", "Suspended").await?;
    scenario.when_deleted("weather").await?;
    scenario.then_gone("weather").await?;
    Ok(())
}

#[tokio::test]
async fn a_target_can_be_retained_even_while_its_resource_goes() -> TestResult {
    let mut scenario = Scenario::begin("retain").await?;
    scenario.given_operator().await?;
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_ready("weather").await?;
    // AWS refuses, for ever.
    scenario.aws.fault(FaultRule {
        kind: Some(CallKind::DeleteGatewayTarget),
        ..FaultRule::always(Fault::error("AccessDeniedException"))
    });
    scenario.when_deleted("weather").await?;
    scenario.then_not_ready("weather", "AccessDenied").await?;
    scenario.when_edited("weather", json!({ "deletionPolicy": "Retain" })).await?;
    scenario.wait("weather")?.until_gone().await?;
    scenario.target(GATEWAY, "weather")?;
    Ok(())
}

#[tokio::test]
async fn drift_is_told_ignored_or_put_right() -> TestResult {
    let mut scenario = Scenario::begin("drift").await?;
    scenario.given_operator_with(|program| program.flag("sync-interval", "1s")).await?;
    for (name, policy) in [("enforced", "Enforce"), ("warned", "Warn"), ("ignored", "Ignore")] {
        scenario.when_created(name, |spec| spec.drift_policy = Some(policy.to_owned())).await?;
        scenario.then_ready(name).await?;
    }
    let writes = scenario.writes().len();
    for name in ["enforced", "warned", "ignored"] {
        meddle(&scenario, name)?;
    }
    let message = scenario.then_not_ready("warned", "Drifted").await?;
    assert!(message.contains("description"), "{message}");
    let warned = scenario.servers()?.get("warned").await?;
    assert_eq!(condition(&warned, "Drifted").map(|drifted| drifted.0).as_deref(), Some("True"));
    scenario
        .wait("ignored")?
        .until("said to be ignored", |server| {
            condition(server, "Ready").is_some_and(|c| c.0 == "True" && c.2.contains("ignored"))
        })
        .await?;
    put_right(&scenario, "enforced").await?;
    scenario.then_ready("enforced").await?;
    assert_eq!(scenario.writes().len(), writes + 1, "one Update, of the one that is enforced");
    scenario.when_edited("warned", json!({ "driftPolicy": null })).await?;
    scenario.then_ready("warned").await?;
    Ok(())
}

#[tokio::test]
async fn a_check_is_made_when_it_is_asked_for() -> TestResult {
    let mut scenario = Scenario::begin("request").await?;
    // Of itself the operator would not look again within this test.
    scenario.given_operator_with(|program| program.flag("sync-interval", "10m")).await?;
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_ready("weather").await?;
    meddle(&scenario, "weather")?;
    annotate(&scenario, "weather", json!({ api::REQUEST_ANNOTATION: "now" })).await?;
    scenario
        .wait("weather")?
        .until("checked", |server| {
            let status = server.status.as_ref();
            status.and_then(|s| s.last_handled_reconcile_at.as_deref()) == Some("now")
        })
        .await?;
    scenario.then_ready("weather").await?;
    assert_eq!(scenario.target(GATEWAY, "weather")?.spec.description, None, "put right");
    Ok(())
}

/// A backup brings the resource and its annotations back, and no status.
#[tokio::test]
async fn a_restored_resource_gets_its_target_back_with_permission_only() -> TestResult {
    let mut scenario = Scenario::begin("restore").await?;
    scenario.given_operator().await?;
    scenario.when_created("weather", |_| {}).await?;
    let saved = scenario.then_ready("weather").await?;
    let target = scenario.target(GATEWAY, "weather")?.target_id;
    scenario.when_edited("weather", json!({ "deletionPolicy": "Retain" })).await?;
    scenario.when_deleted("weather").await?;
    scenario.wait("weather")?.until_gone().await?;

    let mut restored = api::MCPServer::new("weather", saved.spec);
    restored.metadata.annotations = saved.metadata.annotations;
    scenario.servers()?.create(&kube::api::PostParams::default(), &restored).await?;
    let message = scenario.then_not_ready("weather", "NameConflict").await?;
    assert!(message.contains(&target) && message.contains("--allow-adoption"), "{message}");
    let writes = scenario.writes().len();

    scenario.when_operator_is_stopped().await?;
    scenario.given_operator_with(|program| program.arg("--allow-adoption")).await?;
    scenario.then_ready("weather").await?;
    assert_eq!(scenario.target(GATEWAY, "weather")?.target_id, target);
    assert_eq!(scenario.writes().len(), writes, "nothing differed");
    scenario.when_deleted("weather").await?;
    scenario.then_gone("weather").await?;
    Ok(())
}

#[tokio::test]
async fn a_foreign_target_is_taken_over_on_request() -> TestResult {
    let mut scenario = Scenario::begin("adopt").await?;
    let foreign = TargetSpec::mcp_server("legacy", "https://legacy.example.com/mcp");
    let foreign = scenario.aws.plant_target(GATEWAY, foreign).context("planting")?;
    scenario.given_operator().await?;
    scenario.when_created("weather", |spec| spec.suspend = Some(true)).await?;
    annotate(&scenario, "weather", json!({ api::ADOPT_ANNOTATION: foreign })).await?;
    scenario.then_not_ready("weather", "NotPermitted").await?;

    scenario.when_operator_is_stopped().await?;
    scenario.given_operator_with(|program| program.flag("allow-adoption", "true")).await?;
    scenario.when_edited("weather", json!({ "suspend": null })).await?;
    scenario.then_ready("weather").await?;
    assert_eq!(scenario.target(GATEWAY, "weather")?.target_id, foreign, "renamed in place");
    Ok(())
}

#[tokio::test]
async fn events_tell_a_person_what_happened_once() -> TestResult {
    let mut scenario = Scenario::begin("events").await?;
    scenario.given_operator_with(|program| program.flag("sync-interval", "1s")).await?;
    scenario.when_created("weather", |_| {}).await?;
    scenario.when_created("broken", |spec| spec.capabilities = vec!["none".to_owned()]).await?;
    scenario.then_ready("weather").await?;
    scenario.then_not_ready("broken", "ValidationError").await?;
    meddle(&scenario, "weather")?;
    put_right(&scenario, "weather").await?;
    scenario.then_ready("weather").await?;

    let events: Api<Event> = Api::namespaced(scenario.cluster().client()?, scenario.namespace());
    let expected = [
        ("broken", "Warning", "ValidationError"),
        ("weather", "Normal", "GatewayTargetReady"),
        ("weather", "Warning", "DriftDetected"),
    ];
    let told = |events: &[Event]| -> Vec<(String, String, String)> {
        let mut told: Vec<_> = events
            .iter()
            .map(|event| {
                let regarding = event.regarding.clone().unwrap_or_default();
                assert_eq!(regarding.kind.as_deref(), Some("MCPServer"));
                (
                    regarding.name.unwrap_or_default(),
                    event.type_.clone().unwrap_or_default(),
                    event.reason.clone().unwrap_or_default(),
                )
            })
            .collect();
        told.sort();
        told
    };
    let expected: Vec<_> =
        expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())).into();
    // They are published beside the work.
    let all = wait::eventually("as many events", SOON, || async {
        let events = events.list(&ListParams::default()).await?.items;
        ensure!(events.len() >= expected.len(), "{} events", events.len());
        Ok(events)
    })
    .await?;
    assert_eq!(told(&all), expected);
    Ok(())
}

/// Neither a finalizer nor a status nor a call that changes anything; and the log says what would
/// be done.
#[tokio::test]
async fn a_dry_run_tells_and_writes_nothing() -> TestResult {
    let mut scenario = Scenario::begin("dry").await?;
    scenario.given_operator().await?;
    scenario.when_created("kept", |_| {}).await?;
    scenario.when_created("edited", |_| {}).await?;
    scenario.then_ready("kept").await?;
    scenario.then_ready("edited").await?;
    scenario.when_operator_is_stopped().await?;
    scenario.when_edited("edited", json!({ "description": "new" })).await?;
    scenario.when_created("new", |_| {}).await?;
    scenario.when_created("wrong", |spec| spec.capabilities = vec!["none".to_owned()]).await?;
    let versions = || async {
        let servers = scenario.servers()?.list(&ListParams::default()).await?.items;
        anyhow::Ok(servers.into_iter().map(|s| s.metadata.resource_version).collect::<Vec<_>>())
    };
    let (before, writes) = (versions().await?, scenario.writes().len());

    let process = scenario.operator()?.arg("--dry-run").spawn()?;
    for (name, what) in [
        ("new", "step=\"Create\""),
        ("edited", "step=\"Update\""),
        ("wrong", "must include"),
        ("kept", "READY as written"),
    ] {
        let name = format!("name=\"{name}\"");
        let told =
            |line: &str| line.contains("dry run") && line.contains(&name) && line.contains(what);
        process.wait_for_line(&format!("a dry run of {name}: {what}"), SOON, told).await?;
    }
    assert_eq!(versions().await?, before);
    assert_eq!(scenario.writes().len(), writes);
    Ok(())
}
