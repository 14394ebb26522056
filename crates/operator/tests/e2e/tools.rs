//! The tools stay fresh: when the gateway is asked to fetch them again, and how often.
//!
//! That nothing comes of something is not waited for: another workload of the same watch is rolled
//! out after it, and what comes of that comes later.

use api::{MCPServer, MCPServerSpec, ToolSchemaSource, ToolSync};
use emulator::{CallKind, Fault, FaultRule};
use serde_json::json;
use testkit::scenario::{GATEWAY, condition};
use testkit::{Scenario, TestResult, Workload};

use super::workload::{
    SOON, annotated, is_fresh, syncs, then_synchronized, then_tools, when_asked,
};

/// Given: an operator for which a rollout is over after this.
async fn given_operator(scenario: &mut Scenario, settle: &str) -> TestResult {
    let flags = |program: testkit::Program| program.flag("tool-sync-settle", settle);
    scenario.given_operator_with(flags).await?;
    Ok(())
}

/// Given: a workload that is rolled out, and a resource that names it, with fresh tools.
async fn given_named(scenario: &Scenario, name: &str) -> anyhow::Result<Workload> {
    let workload = Workload::deployment(scenario, name).await?;
    workload.completes().await?;
    scenario.when_created(name, |spec| workload.named(spec)).await?;
    scenario.then_ready(name).await?;
    then_tools(scenario, name, "Synchronized").await?;
    Ok(workload)
}

fn template(server: &MCPServer) -> Option<String> {
    server.status.as_ref()?.tool_sync.as_ref()?.template.clone()
}

#[tokio::test]
async fn a_rollout_has_the_tools_fetched_once() -> TestResult {
    let mut scenario = Scenario::begin("tools-rollout").await?;
    given_operator(&mut scenario, "500ms").await?;
    let workload = given_named(&scenario, "weather").await?;
    let canary = given_named(&scenario, "canary").await?;
    assert!(syncs(&scenario).is_empty(), "the Create has fetched them");
    let before = scenario.servers()?.get("weather").await?;

    workload.begins("server:2").await?;
    let (rolling, message) = then_tools(&scenario, "weather", "RollingOut").await?;
    assert!(message.contains("Deployment weather"), "{message}");
    assert!(condition(&rolling, "Ready").is_some_and(|ready| ready.0 == "True"));
    workload.completes().await?;
    let (after, _) = then_tools(&scenario, "weather", "Synchronized").await?;
    assert_eq!(syncs(&scenario).len(), 1);
    let fetched = |server: &MCPServer| server.status.as_ref().unwrap().last_synchronized;
    assert!(fetched(&after) > fetched(&before), "{:?}", fetched(&after));
    assert_ne!(template(&after), template(&before));

    // Another scale, and what the controllers write.
    workload.edit(json!({ "replicas": 5 })).await?;
    workload.completes().await?;
    workload.shows(json!({ "availableReplicas": 3 })).await?;
    workload.completes().await?;
    canary.rolls_out("server:2").await?;
    then_synchronized(&scenario, 2).await?;
    scenario.wait("weather")?.until("fresh", is_fresh).await?;
    scenario.wait("canary")?.until("fresh", is_fresh).await?;
    let target = scenario.target(GATEWAY, "canary")?.target_id;
    assert_eq!(syncs(&scenario)[1].target.as_deref(), Some(target.as_str()));
    assert_eq!(syncs(&scenario).len(), 2, "nothing for the same template");
    Ok(())
}

#[tokio::test]
async fn of_rollouts_in_a_row_the_last_counts() -> TestResult {
    let mut scenario = Scenario::begin("tools-burst").await?;
    given_operator(&mut scenario, "3s").await?;
    let workload = given_named(&scenario, "weather").await?;
    let canary = given_named(&scenario, "canary").await?;
    let before = scenario.servers()?.get("weather").await?;
    for image in ["server:2", "server:3", "server:4"] {
        workload.rolls_out(image).await?;
    }
    then_synchronized(&scenario, 1).await?;
    canary.rolls_out("server:2").await?;
    then_synchronized(&scenario, 2).await?;
    let after = scenario.wait("weather")?.until("fresh", is_fresh).await?;
    assert_ne!(template(&after), template(&before));
    assert_eq!(syncs(&scenario).len(), 2, "one of them for the canary");
    Ok(())
}

#[tokio::test]
async fn a_stateful_set_counts_as_well() -> TestResult {
    let mut scenario = Scenario::begin("tools-set").await?;
    given_operator(&mut scenario, "500ms").await?;
    let workload = Workload::stateful_set(&scenario, "weather").await?;
    workload.completes().await?;
    scenario.when_created("weather", |spec| workload.named(spec)).await?;
    scenario.then_ready("weather").await?;
    workload.begins("server:2").await?;
    then_tools(&scenario, "weather", "RollingOut").await?;
    workload.completes().await?;
    then_tools(&scenario, "weather", "Synchronized").await?;
    assert_eq!(syncs(&scenario).len(), 1);
    Ok(())
}

/// kubectl calls it rolled out, and there is no server that could be asked.
#[tokio::test]
async fn without_replicas_a_rollout_is_followed_when_there_are_some() -> TestResult {
    let mut scenario = Scenario::begin("tools-zero").await?;
    given_operator(&mut scenario, "500ms").await?;
    let workload = given_named(&scenario, "weather").await?;
    let canary = given_named(&scenario, "canary").await?;
    workload.edit(json!({ "replicas": 0 })).await?;
    workload.rolls_out("server:2").await?;
    let (idle, message) = then_tools(&scenario, "weather", "WorkloadIdle").await?;
    assert!(message.contains("Deployment weather"), "{message}");
    assert!(condition(&idle, "Ready").is_some_and(|ready| ready.0 == "True"));
    canary.rolls_out("server:2").await?;
    then_synchronized(&scenario, 1).await?;
    scenario.wait("canary")?.until("fresh", is_fresh).await?;
    let target = scenario.target(GATEWAY, "canary")?.target_id;
    assert_eq!(syncs(&scenario)[0].target.as_deref(), Some(target.as_str()), "the canary alone");
    workload.edit(json!({ "replicas": 2 })).await?;
    workload.completes().await?;
    then_tools(&scenario, "weather", "Synchronized").await?;
    assert_eq!(syncs(&scenario).len(), 2);
    Ok(())
}

#[tokio::test]
async fn while_a_resource_is_not_valid_its_tools_are_not_said_to_be_fresh() -> TestResult {
    let mut scenario = Scenario::begin("tools-invalid").await?;
    given_operator(&mut scenario, "500ms").await?;
    let workload = given_named(&scenario, "weather").await?;
    scenario.when_edited("weather", json!({ "capabilities": ["prompts"] })).await?;
    let (invalid, message) = then_tools(&scenario, "weather", "ValidationError").await?;
    assert!(condition(&invalid, "ToolsSynchronized").is_some_and(|tools| tools.0 == "Unknown"));
    assert!(message.contains("Accepted"), "{message}");
    workload.rolls_out("server:2").await?;
    scenario.when_edited("weather", json!({ "capabilities": ["tools"] })).await?;
    scenario.wait("weather")?.until("fresh", is_fresh).await?;
    then_synchronized(&scenario, 1).await?;
    Ok(())
}

#[tokio::test]
async fn what_was_rolled_out_meanwhile_is_caught_up() -> TestResult {
    let mut scenario = Scenario::begin("tools-away").await?;
    given_operator(&mut scenario, "500ms").await?;
    let workload = given_named(&scenario, "weather").await?;
    scenario.when_operator_is_stopped().await?;
    workload.rolls_out("server:2").await?;
    given_operator(&mut scenario, "500ms").await?;
    then_synchronized(&scenario, 1).await?;
    scenario.wait("weather")?.until("fresh", is_fresh).await?;
    assert_eq!(syncs(&scenario).len(), 1);
    Ok(())
}

/// Killed when this is seen, the call asks for the tools once more at most.
async fn killed(name: &str, fault: Option<Fault>, seen: fn(&MCPServer) -> bool) -> TestResult {
    let mut scenario = Scenario::begin(name).await?;
    given_operator(&mut scenario, "500ms").await?;
    let workload = given_named(&scenario, "weather").await?;
    let before = scenario.servers()?.get("weather").await?;
    if let Some(fault) = fault {
        scenario.aws.fault(FaultRule::next(CallKind::SynchronizeGatewayTargets, fault));
    }
    workload.rolls_out("server:2").await?;
    scenario.wait("weather")?.until("where the operator is killed", seen).await?;
    scenario.when_operator_is_killed().await?;
    given_operator(&mut scenario, "500ms").await?;
    let fetched = |server: &MCPServer| template(server) != template(&before) && is_fresh(server);
    scenario.wait("weather")?.until("fresh", fetched).await?;
    let taken = syncs(&scenario).into_iter().filter(emulator::CallRecord::was_accepted).count();
    assert!((1..=2).contains(&taken), "{taken}");
    Ok(())
}

fn is_under_way(server: &MCPServer) -> bool {
    let record = server.status.as_ref().and_then(|status| status.tool_sync.as_ref());
    record.is_some_and(|record| record.under_way.is_some())
}

#[tokio::test]
async fn killed_when_a_rollout_has_been_seen() -> TestResult {
    let waits = |server: &MCPServer| {
        condition(server, "ToolsSynchronized")
            .is_some_and(|(_, reason, _)| reason != "Synchronized")
    };
    killed("tools-kill-seen", None, waits).await
}

#[tokio::test]
async fn killed_when_the_synchronize_is_recorded() -> TestResult {
    killed("tools-kill-record", Some(Fault::CutBeforeCommit), is_under_way).await
}

#[tokio::test]
async fn killed_when_the_synchronize_is_sent() -> TestResult {
    killed("tools-kill-sent", Some(Fault::CutAfterCommit), |server| {
        let seen = server.status.as_ref().and_then(|status| status.target_status.as_deref());
        is_under_way(server) && seen == Some("SYNCHRONIZING")
    })
    .await
}

#[tokio::test]
async fn killed_when_the_tools_are_fetched() -> TestResult {
    let mut scenario = Scenario::begin("tools-kill-done").await?;
    given_operator(&mut scenario, "500ms").await?;
    let workload = given_named(&scenario, "weather").await?;
    let before = scenario.target(GATEWAY, "weather")?.last_synchronized_at;
    workload.rolls_out("server:2").await?;
    let fetched = scenario.aws.wait_for(|aws| {
        aws.target(GATEWAY, "weather").filter(|target| target.last_synchronized_at > before)
    });
    tokio::time::timeout(SOON, fetched).await?;
    scenario.when_operator_is_killed().await?;
    given_operator(&mut scenario, "500ms").await?;
    scenario.wait("weather")?.until("fresh", is_fresh).await?;
    assert_eq!(syncs(&scenario).len(), 1, "the tools' date has told what became of it");
    Ok(())
}

/// An Update fetches the tools: after one that begins later, the rollout asks for no more.
#[tokio::test]
async fn an_edit_that_comes_with_a_rollout_fetches_the_tools_itself() -> TestResult {
    let mut scenario = Scenario::begin("tools-edit").await?;
    // By itself it would ask long after this test.
    given_operator(&mut scenario, "10m").await?;
    let workload = given_named(&scenario, "weather").await?;
    workload.rolls_out("server:2").await?;
    let (rolled, _) = then_tools(&scenario, "weather", "Synchronizing").await?;
    scenario.when_edited("weather", json!({ "description": "the second" })).await?;
    let edited = scenario
        .wait("weather")?
        .until("applied and fresh", |server| {
            let applied = server.status.as_ref().and_then(|status| status.applied_generation);
            applied == server.metadata.generation && applied == Some(2) && is_fresh(server)
        })
        .await?;
    assert_ne!(template(&edited), template(&rolled));
    assert!(syncs(&scenario).is_empty());
    Ok(())
}

#[tokio::test]
async fn a_person_can_ask_for_the_tools() -> TestResult {
    let mut scenario = Scenario::begin("tools-asked").await?;
    scenario.given_operator().await?;
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_ready("weather").await?;
    for (times, at) in [(1, "now"), (2, "and now")] {
        when_asked(&scenario, "weather", at).await?;
        scenario
            .wait("weather")?
            .until("answered", |server| {
                let status = server.status.as_ref();
                status.and_then(|status| status.last_handled_sync_at.as_deref()) == Some(at)
            })
            .await?;
        assert_eq!(syncs(&scenario).len(), times);
    }
    scenario.then_ready("weather").await?;
    Ok(())
}

/// AWS's clock says how old the tools are. Nothing tells the operator that it was moved, so it is
/// asked to look.
#[tokio::test]
async fn tools_are_fetched_again_after_an_interval() -> TestResult {
    let mut scenario = Scenario::begin("tools-interval").await?;
    scenario.given_operator().await?;
    let hourly = ToolSync { workload_ref: None, interval: Some("1h".to_owned()) };
    scenario.when_created("weather", |spec| spec.tool_sync = Some(Box::new(hourly))).await?;
    scenario.then_ready("weather").await?;
    let checked = async |at: &'static str| {
        annotated(&scenario, "weather", api::REQUEST_ANNOTATION, at).await?;
        let is_checked = |server: &MCPServer| {
            let status = server.status.as_ref();
            status.and_then(|status| status.last_handled_reconcile_at.as_deref()) == Some(at)
        };
        scenario.wait("weather")?.until("checked", is_checked).await
    };
    // Up to a twentieth sooner or later.
    scenario.aws.step(std::time::Duration::from_mins(56));
    checked("early").await?;
    assert!(syncs(&scenario).is_empty());
    scenario.aws.step(std::time::Duration::from_mins(8));
    checked("late").await?;
    then_synchronized(&scenario, 1).await?;
    scenario.wait("weather")?.until("fresh", is_fresh).await?;
    assert_eq!(syncs(&scenario).len(), 1);
    Ok(())
}

#[tokio::test]
async fn where_there_is_nothing_to_fetch_nobody_is_asked() -> TestResult {
    let mut scenario = Scenario::begin("tools-none").await?;
    given_operator(&mut scenario, "500ms").await?;
    let workload = Workload::deployment(&scenario, "web").await?;
    workload.completes().await?;
    let tools = json!([{ "name": "t", "description": "t", "inputSchema": { "type": "object" } }]);
    for name in ["fixed", "dynamic", "plain"] {
        let edit = |spec: &mut MCPServerSpec| {
            workload.named(spec);
            match name {
                "fixed" => {
                    let inline = Some(tools.to_string());
                    spec.tool_schema = Some(Box::new(ToolSchemaSource { inline, s3: None }));
                }
                "dynamic" => spec.listing_mode = Some("Dynamic".to_owned()),
                _ => {}
            }
        };
        scenario.when_created(name, edit).await?;
        scenario.then_ready(name).await?;
    }
    for (name, word) in [("fixed", "toolSchema"), ("dynamic", "listingMode")] {
        let (_, message) = then_tools(&scenario, name, "NothingToSynchronize").await?;
        assert!(message.contains(word), "{message}");
        when_asked(&scenario, name, "now").await?;
        scenario
            .wait(name)?
            .until("answered", |server| {
                server.status.as_ref().is_some_and(|status| status.last_handled_sync_at.is_some())
            })
            .await?;
    }
    workload.rolls_out("server:2").await?;
    then_synchronized(&scenario, 1).await?;
    scenario.wait("plain")?.until("fresh", is_fresh).await?;
    let target = scenario.target(GATEWAY, "plain")?.target_id;
    assert_eq!(syncs(&scenario)[0].target.as_deref(), Some(target.as_str()));
    assert_eq!(syncs(&scenario).len(), 1);
    Ok(())
}
