//! Resources that bring trouble: what they do to themselves, and that they do nothing to others.

use std::time::Duration;

use anyhow::Context as _;
use api::MCPServer;
use emulator::{Durations, Emulator, Settings};
use k8s_openapi::api::events::v1::Event;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, CustomResourceExt as _};
use serde_json::{Value, json};
use testkit::scenario::{GATEWAY, condition, is_ready, valid_spec};
use testkit::wait::eventually;
use testkit::{ControlPlane, Manifests, Process, Scenario, TestResult, binary, install, wait};

use crate::schema::{object, untyped};

const SOON: Duration = Duration::from_mins(1);
/// Of the 1.5 MiB that etcd takes.
const HUGE: usize = 1_400 * 1024;

/// An operator beside a CRD of another version than its own.
struct World {
    _cluster: ControlPlane,
    client: Client,
    servers: Api<MCPServer>,
    untyped: Api<DynamicObject>,
    aws: Emulator,
    operator: Process,
}

impl World {
    /// The schema is that of the CRD that is shipped, but for what `edit` does to it.
    async fn begin(edit: impl FnOnce(&mut Value)) -> anyhow::Result<Self> {
        let cluster = ControlPlane::builder().start().await?;
        let client = cluster.client()?;
        let mut crd = serde_json::to_value(MCPServer::crd())?;
        edit(&mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]);
        crd.to_string().parse::<Manifests>()?.apply(&client).await?;
        let durations = Durations::all(Duration::from_millis(300));
        let settings = Settings { durations, ..Settings::with_gateways([GATEWAY]) };
        let aws = Emulator::start(settings).await?;
        let access = install::rights(&cluster).await?;
        let kubeconfig = cluster.kubeconfig_file(&access)?;
        let operator = install::operator(binary("mcp-gateway-operator")?, &kubeconfig, aws.url())
            .flag("gateway-id", GATEWAY)
            .flag("consistency-window", "500ms")
            .flag("log-format", "text")
            .spawn()?;
        install::operator_works(&operator, SOON).await?;
        Ok(Self {
            servers: Api::namespaced(client.clone(), "default"),
            untyped: untyped(client.clone(), "default"),
            _cluster: cluster,
            client,
            aws,
            operator,
        })
    }

    async fn create(&self, name: &str, edit: impl FnOnce(&mut Value)) -> anyhow::Result<()> {
        let mut spec = serde_json::to_value(valid_spec(name))?;
        edit(&mut spec);
        self.untyped.create(&PostParams::default(), &object(name, &spec)?).await?;
        Ok(())
    }

    async fn patch(&self, name: &str, patch: Value) -> anyhow::Result<()> {
        self.untyped.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    async fn then_ready(&self, name: &str) -> anyhow::Result<MCPServer> {
        wait::on(&self.servers, name).within(SOON).until("Ready", is_ready).await
    }

    /// What `Ready` says of it, once that has this reason.
    async fn then_not_ready(&self, name: &str, reason: &str) -> anyhow::Result<String> {
        eventually("the condition", SOON, || async {
            let status = self.untyped.get(name).await?.data["status"].clone();
            let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
            let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready");
            let ready = ready.context("no Ready")?;
            anyhow::ensure!(ready["reason"] == reason && ready["status"] == "False", "{ready}");
            Ok(ready["message"].as_str().unwrap_or_default().to_owned())
        })
        .await
    }

    fn writes(&self) -> usize {
        self.aws.calls().iter().filter(|call| call.is_write()).count()
    }
}

#[tokio::test]
async fn one_that_fills_all_its_room_says_what_is_wrong_and_holds_up_nobody() -> TestResult {
    let mut scenario = Scenario::begin("huge").await?;
    scenario.given_operator().await?;
    scenario.when_created("huge", |spec| spec.description = Some("x".repeat(HUGE))).await?;
    scenario.when_created("weather", |_| {}).await?;
    let message = scenario.then_not_ready("huge", "ValidationError").await?;
    assert!(message.contains("spec.description"), "{message}");
    scenario.then_ready("weather").await?;
    scenario.when_deleted("huge").await?;
    scenario.wait("huge")?.within(SOON).until_gone().await?;
    Ok(())
}

/// There is no room for a record, so nothing is done at AWS, and an event says why.
#[tokio::test]
async fn one_without_room_for_a_status_says_so_in_an_event_and_holds_up_nobody() -> TestResult {
    let mut scenario = Scenario::begin("full").await?;
    scenario.given_operator().await?;
    let mut length = 1536 * 1024;
    loop {
        let fill = |spec: &mut api::MCPServerSpec| spec.target_name = Some(" ".repeat(length));
        match scenario.when_created("full", fill).await {
            Ok(_) => break,
            Err(error) if error.to_string().contains("too large") => length -= 128,
            Err(error) => return Err(error.into()),
        }
    }
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_ready("weather").await?;
    let events: Api<Event> = Api::namespaced(scenario.cluster().client()?, scenario.namespace());
    eventually("the event", SOON, || async {
        let events = events.list(&ListParams::default()).await?;
        let told = events.items.iter().find(|event| {
            let full = event.regarding.as_ref().and_then(|it| it.name.as_deref()) == Some("full");
            full && event.reason.as_deref() == Some("WriteRefused")
        });
        let said = told.and_then(|event| event.note.clone()).context("nobody has told")?;
        anyhow::ensure!(said.contains("too large"), "{said}");
        Ok(())
    })
    .await?;
    let names = scenario.writes().into_iter().filter_map(|call| call.name);
    assert!(names.into_iter().all(|name| name == "weather"), "nothing is made without a record");
    Ok(())
}

#[tokio::test]
async fn a_hundred_conditions_of_others_stay_and_disturb_nothing() -> TestResult {
    let mut scenario = Scenario::begin("hundred").await?;
    scenario.when_created("weather", |_| {}).await?;
    let condition_of = |number: usize| {
        json!({
            "type": format!("Theirs{number}"), "status": "True", "reason": "Theirs",
            "message": "x".repeat(HUGE / 100), "lastTransitionTime": "2026-01-02T03:04:05Z",
        })
    };
    let conditions: Vec<Value> = (0..100).map(condition_of).collect();
    let patch = Patch::Merge(json!({ "status": { "conditions": conditions } }));
    scenario.servers()?.patch_status("weather", &PatchParams::default(), &patch).await?;
    scenario.given_operator().await?;
    scenario.when_created("other", |_| {}).await?;
    scenario.then_ready("weather").await?;
    scenario.then_ready("other").await?;
    scenario.when_edited("weather", json!({ "endpoint": "https://new.example.com" })).await?;
    let server = scenario.then_ready("weather").await?;
    let theirs = (0..100).filter(|number| condition(&server, &format!("Theirs{number}")).is_some());
    assert_eq!(theirs.count(), 100);
    scenario.when_deleted("weather").await?;
    scenario.wait("weather")?.within(SOON).until_gone().await?;
    Ok(())
}

/// Schema and status as a version to come may have them.
fn newer(properties: &mut Value) {
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    properties["spec"]["properties"]["colour"] = json!({ "type": "string" });
    properties["spec"]["properties"]["toolSync"]["properties"]["often"] =
        json!({ "type": "boolean" });
    properties["status"]["properties"]["migration"] = anything.clone();
    properties["status"]["properties"]["applied"]["properties"]["plan"] = anything;
}

#[tokio::test]
async fn a_field_that_this_version_does_not_know_is_not_left_out_in_silence() -> TestResult {
    let world = World::begin(newer).await?;
    world.create("ahead", |spec| spec["colour"] = "red".into()).await?;
    world.create("weather", |_| {}).await?;
    let message = world.then_not_ready("ahead", "ValidationError").await?;
    assert!(message.contains("colour") && message.contains("version of the CRD"), "{message}");
    let before = world.then_ready("weather").await?;

    // One that serves goes on as it is.
    let writes = world.writes();
    let edit = json!({ "toolSync": { "often": true, "interval": "1h" }, "description": "edited" });
    world.patch("weather", json!({ "spec": edit })).await?;
    let message = world.then_not_ready("weather", "ValidationError").await?;
    assert!(message.contains("toolSync.often"), "{message}");
    assert_eq!(world.writes(), writes, "nothing is changed at AWS");

    world.patch("weather", json!({ "spec": { "toolSync": null } })).await?;
    let after = world.then_ready("weather").await?;
    let target = |server: &MCPServer| server.status.as_ref().and_then(|it| it.target_id.clone());
    assert_eq!(target(&after), target(&before));
    world.patch("ahead", json!({ "spec": { "colour": null } })).await?;
    world.then_ready("ahead").await?;
    Ok(())
}

#[tokio::test]
async fn what_a_newer_version_has_recorded_is_neither_lost_nor_taken_for_ours() -> TestResult {
    let world = World::begin(newer).await?;
    world.create("weather", |_| {}).await?;
    let before = world.then_ready("weather").await?;
    let status = json!({ "status": {
        "migration": { "to": "elsewhere" },
        "applied": { "plan": { "of": "the one before" }, "fingerprint": "v99:unheard-of" },
    }});
    let patch = Patch::Merge(status);
    world.untyped.patch_status("weather", &PatchParams::default(), &patch).await?;
    world.patch("weather", json!({ "spec": { "endpoint": "https://new.example.com" } })).await?;
    let after = world.then_ready("weather").await?;
    let target = |server: &MCPServer| server.status.as_ref().and_then(|it| it.target_id.clone());
    assert_eq!(target(&after), target(&before));
    let status = world.untyped.get("weather").await?.data["status"].clone();
    assert_eq!(status["migration"], json!({ "to": "elsewhere" }), "{status}");
    let applied = &status["applied"];
    assert_ne!(applied["fingerprint"], "v99:unheard-of", "{status}");
    assert_eq!(applied["plan"], Value::Null, "it was about another configuration: {status}");
    Ok(())
}

/// The schema says nothing of a field, so that an object can have any form there.
#[tokio::test]
async fn one_that_cannot_be_read_says_so_and_holds_up_nobody() -> TestResult {
    let world = World::begin(|properties| {
        let anything = json!({ "x-kubernetes-preserve-unknown-fields": true });
        let rules = &mut properties["spec"];
        rules.as_object_mut().map(|spec| spec.remove("x-kubernetes-validations"));
        rules["properties"]["description"] = anything;
    })
    .await?;
    world.create("odd", |spec| spec["description"] = json!({ "of": ["another", "form"] })).await?;
    world.create("weather", |_| {}).await?;
    world.then_ready("weather").await?;
    let message = world.then_not_ready("odd", "Unreadable").await?;
    assert!(message.contains("spec.description: invalid type"), "{message}");
    let events: Api<Event> = Api::namespaced(world.client.clone(), "default");
    eventually("the event", SOON, || async {
        let events = events.list(&ListParams::default()).await?;
        let told = events.items.iter().any(|event| {
            let odd = event.regarding.as_ref().and_then(|it| it.name.as_deref()) == Some("odd");
            odd && event.reason.as_deref() == Some("Unreadable")
        });
        anyhow::ensure!(told, "nobody has told");
        Ok(())
    })
    .await?;

    // One that was readable serves on, and says that nobody knows what it asks for now.
    let writes = world.writes();
    world.patch("weather", json!({ "spec": { "description": 7 } })).await?;
    world.then_not_ready("weather", "Unreadable").await?;
    assert_eq!(world.writes(), writes, "nothing is changed at AWS");
    world.patch("weather", json!({ "spec": { "description": "mended" } })).await?;
    world.then_ready("weather").await?;
    world.patch("odd", json!({ "spec": { "description": "mended" } })).await?;
    world.then_ready("odd").await?;
    assert!(world.operator.status().is_none(), "it is the same process");
    Ok(())
}
