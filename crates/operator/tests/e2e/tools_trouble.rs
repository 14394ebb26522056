//! What stands in the way of fresh tools, and that it heals.

use std::time::Duration;

use api::{MCPServer, ToolSync, WorkloadRef};
use emulator::{CallKind, Emulator, Fault, FaultRule, OutcomeRule, Settings, Transition};
use kube::Api;
use kube::api::PostParams;
use testkit::scenario::{GATEWAY, condition, is_ready, valid_spec};
use testkit::{ControlPlane, Manifests, Scenario, TestResult, Workload, binary, install, wait};

use super::workload::{SOON, is_fresh, syncs, then_synchronized, then_tools, when_asked};

async fn given_operator(scenario: &mut Scenario) -> TestResult {
    let flags = |program: testkit::Program| program.flag("tool-sync-settle", "500ms");
    scenario.given_operator_with(flags).await?;
    Ok(())
}

#[tokio::test]
async fn a_workload_that_is_missing_is_told_and_awaited() -> TestResult {
    let mut scenario = Scenario::begin("tools-missing").await?;
    given_operator(&mut scenario).await?;
    let missing = WorkloadRef { kind: "Deployment".to_owned(), name: "web".to_owned() };
    let sync = ToolSync { workload_ref: Some(missing), interval: None };
    scenario.when_created("weather", |spec| spec.tool_sync = Some(Box::new(sync))).await?;
    scenario.then_ready("weather").await?;
    let (server, message) = then_tools(&scenario, "weather", "WorkloadNotFound").await?;
    assert!(message.contains("Deployment web"), "{message}");
    assert!(is_ready(&server), "the target serves all the same");

    let workload = Workload::deployment(&scenario, "web").await?;
    then_tools(&scenario, "weather", "RollingOut").await?;
    workload.completes().await?;
    then_tools(&scenario, "weather", "Synchronized").await?;
    assert_eq!(syncs(&scenario).len(), 1);
    Ok(())
}

/// Half of the rights, under the names of the whole.
const LIST_ONLY: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: mcp-gateway-operator-workload-viewer }
rules:
  - { apiGroups: [apps], resources: [deployments, statefulsets], verbs: [get, list] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: mcp-gateway-operator-workload-viewer }
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: mcp-gateway-operator-workload-viewer
subjects:
  - { kind: ServiceAccount, name: mcp-gateway-operator, namespace: mcp-gateway-operator-system }
";

/// On a cluster of its own: the other scenarios share the operator's account, and its rights.
#[tokio::test]
async fn without_the_rights_it_says_which_and_goes_on_once_it_has_them() -> TestResult {
    let cluster = ControlPlane::builder().start().await?;
    let client = cluster.client()?;
    install::crd(&client).await?;
    let access = install::rights(&cluster).await?;
    let aws = Emulator::start(Settings::with_gateways([GATEWAY])).await?;
    let kubeconfig = cluster.kubeconfig_file(&access)?;
    let running = install::operator(binary("mcp-gateway-operator")?, &kubeconfig, aws.url())
        .flag("gateway-id", GATEWAY)
        .flag("consistency-window", "500ms")
        .flag("tool-sync-settle", "500ms")
        .flag("log-format", "text")
        .spawn()?;
    install::operator_works(&running, SOON).await?;
    let workload = Workload::create(client.clone(), "default", "Deployment", "web").await?;
    workload.completes().await?;
    let servers: Api<MCPServer> = Api::namespaced(client.clone(), "default");
    let mut server = MCPServer::new("weather", valid_spec("weather"));
    workload.named(&mut server.spec);
    servers.create(&PostParams::default(), &server).await?;
    let hidden = wait::on(&servers, "weather")
        .until("Ready, and told that the workload is hidden", |server| {
            is_ready(server)
                && condition(server, "ToolsSynchronized")
                    .is_some_and(|c| c.1 == "WorkloadUnreadable")
        })
        .await?;
    let (_, _, message) = condition(&hidden, "ToolsSynchronized").unwrap_or_default();
    assert!(message.contains("cannot watch resource \"deployments\""), "{message}");
    let logs = running.logs();
    assert!(logs.contains("workload_viewer_role.yaml"), "{logs}");

    // Who may list and not watch sees what will be old soon.
    LIST_ONLY.parse::<Manifests>()?.apply(&client).await?;
    wait::on(&servers, "weather")
        .within(Duration::from_secs(90))
        .until("told that the workload cannot be watched", |server| {
            condition(server, "ToolsSynchronized").is_some_and(|(_, reason, message)| {
                reason == "WorkloadUnreadable" && message.contains("cannot watch resource")
            })
        })
        .await?;

    install::workload_rights(&client).await?;
    wait::on(&servers, "weather").within(Duration::from_secs(90)).until("fresh", is_fresh).await?;
    assert!(running.status().is_none(), "it is the same process");
    Ok(())
}

#[tokio::test]
async fn a_synchronize_that_fails_is_tried_again() -> TestResult {
    let mut scenario = Scenario::begin("tools-fails").await?;
    given_operator(&mut scenario).await?;
    let workload = Workload::deployment(&scenario, "weather").await?;
    workload.completes().await?;
    scenario.when_created("weather", |spec| workload.named(spec)).await?;
    scenario.then_ready("weather").await?;
    scenario.aws.outcome(OutcomeRule::failing(Transition::Synchronizing).times(1));
    workload.rolls_out("server:2").await?;
    let (failed, _) = then_tools(&scenario, "weather", "SynchronizationFailed").await?;
    assert!(condition(&failed, "Ready").is_some_and(|ready| ready.0 == "False"));
    then_tools(&scenario, "weather", "Synchronized").await?;
    scenario.then_ready("weather").await?;
    assert_eq!(syncs(&scenario).len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_refused_synchronize_is_told_while_the_target_serves() -> TestResult {
    let mut scenario = Scenario::begin("tools-refused").await?;
    given_operator(&mut scenario).await?;
    let workload = Workload::deployment(&scenario, "weather").await?;
    workload.completes().await?;
    scenario.when_created("weather", |spec| workload.named(spec)).await?;
    scenario.then_ready("weather").await?;

    let refusing = |code| FaultRule::on(CallKind::SynchronizeGatewayTargets, Fault::error(code));
    scenario.aws.fault(refusing("ThrottlingException").times(2));
    workload.rolls_out("server:2").await?;
    let (held, message) = then_tools(&scenario, "weather", "Queued").await?;
    assert!(message.contains("yet"), "{message}");
    assert!(is_ready(&held));
    then_tools(&scenario, "weather", "Synchronized").await?;
    assert_eq!(syncs(&scenario).len(), 3);

    scenario.aws.fault(refusing("AccessDeniedException"));
    workload.rolls_out("server:3").await?;
    let (held, message) = then_tools(&scenario, "weather", "Queued").await?;
    assert!(message.contains("IAM"), "{message}");
    assert!(is_ready(&held));
    scenario.aws.clear_faults();
    // Whoever mends it need not wait for the end of the pause.
    when_asked(&scenario, "weather", "mended").await?;
    then_tools(&scenario, "weather", "Synchronized").await?;
    Ok(())
}

/// To fetch the tools could be to ask a person for consent: only a person may ask for that.
#[tokio::test]
async fn where_a_person_consents_tools_are_fetched_on_request_only() -> TestResult {
    let mut scenario = Scenario::begin("tools-consent").await?;
    given_operator(&mut scenario).await?;
    let workload = Workload::deployment(&scenario, "web").await?;
    workload.completes().await?;
    scenario
        .when_created("weather", |spec| {
            workload.named(spec);
            spec.oauth_grant_type = Some("AuthorizationCode".to_owned());
            spec.oauth_default_return_url = Some("https://weather.example.com/done".to_owned());
        })
        .await?;
    let consents = async || {
        let asked =
            scenario.aws.wait_for(|aws| aws.consent(GATEWAY, "weather", true).then_some(()));
        tokio::time::timeout(SOON, asked).await
    };
    consents().await?;
    scenario.then_ready("weather").await?;
    then_tools(&scenario, "weather", "OnRequestOnly").await?;

    scenario.when_created("plain", |spec| workload.named(spec)).await?;
    scenario.then_ready("plain").await?;
    workload.rolls_out("server:2").await?;
    then_synchronized(&scenario, 1).await?;
    scenario.wait("plain")?.until("fresh", is_fresh).await?;
    let target = scenario.target(GATEWAY, "plain")?.target_id;
    assert_eq!(syncs(&scenario)[0].target.as_deref(), Some(target.as_str()));

    when_asked(&scenario, "weather", "now").await?;
    then_synchronized(&scenario, 2).await?;
    consents().await?;
    scenario
        .wait("weather")?
        .until("answered", |server| {
            server.status.as_ref().is_some_and(|status| status.last_handled_sync_at.is_some())
        })
        .await?;
    scenario.then_ready("weather").await?;
    assert_eq!(syncs(&scenario).len(), 2);
    Ok(())
}

/// Many who name one workload: five at once, and then one a second.
#[tokio::test]
async fn a_rollout_that_many_name_is_spread() -> TestResult {
    let mut scenario = Scenario::begin("tools-many").await?;
    given_operator(&mut scenario).await?;
    let workload = Workload::deployment(&scenario, "web").await?;
    workload.completes().await?;
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for name in names {
        scenario.when_created(name, |spec| workload.named(spec)).await?;
    }
    for name in names {
        scenario.then_ready(name).await?;
    }
    workload.rolls_out("server:2").await?;
    then_synchronized(&scenario, names.len()).await?;
    for name in names {
        let fresh = scenario.wait(name)?.until("fresh", is_fresh).await?;
        assert!(is_ready(&fresh));
    }
    let calls = syncs(&scenario);
    assert_eq!(calls.len(), names.len());
    for (first, last) in calls.iter().zip(calls.iter().skip(5)) {
        let apart = last.time.duration_since(first.time).as_millis();
        // They are sent a second apart; the first of six can have been late to arrive.
        assert!(apart >= 750, "six within {apart} ms");
    }
    Ok(())
}
