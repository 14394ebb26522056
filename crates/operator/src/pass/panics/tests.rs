use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agentcore::{Clock, Limits, Mirrors, Pace};
use api::{
    Accepted, Definition, Failure, GatewayId, Listing, Summary, Target, TargetId, TargetStatus,
};
use futures::future::join_all;
use health::Health;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use planner::Policy;
use serde_json::json;
use testkit::scenario::{condition, is_ready, valid_spec};
use testkit::{ControlPlane, TestResult, install, wait};
use tokio::sync::{mpsc, watch};

use super::*;
use crate::events::Events;
use crate::fleet::{Fleet, Scope};
use crate::kubernetes::Resources;
use crate::leadership::Guard;
use crate::metrics::{Edits, Metrics};
use crate::run::{hand_on, watch_resources};
use crate::turns::Turns;
use crate::work::Work;
use crate::workloads::Workloads;

const SOON: Duration = Duration::from_mins(1);
const GATEWAY: &str = "panics-a1b2c3d4e5";

/// An AgentCore whose answer to the Create of a target named so panics, after the target is made: as a
/// mistake in what reads the answer would.
#[derive(Default)]
struct Shaky {
    targets: Mutex<Vec<(String, Target)>>,
    is_mended: AtomicBool,
}

const SHAKY: &str = "shaky";

impl Shaky {
    fn targets(&self) -> MutexGuard<'_, Vec<(String, Target)>> {
        self.targets.lock().unwrap()
    }

    fn named(&self, name: &str) -> usize {
        self.targets().iter().filter(|(_, target)| target.summary.name == name).count()
    }
}

fn refusal<T>() -> Result<T, Failure> {
    Err(Failure { class: api::FailureClass::Invalid, message: "not asked for here".to_owned() })
}

impl AgentCore for Shaky {
    async fn list_targets(&self, _: &GatewayId) -> Result<Listing, Failure> {
        Ok(self.targets().iter().map(|(_, target)| target.summary.clone()).collect())
    }

    async fn get_target(&self, _: &GatewayId, id: &TargetId) -> Result<Target, Failure> {
        let targets = self.targets();
        let found = targets.iter().find(|(_, target)| target.summary.id == *id);
        found.map_or_else(refusal, |(_, target)| Ok(target.clone()))
    }

    async fn create_target(
        &self,
        gateway: &GatewayId,
        token: &str,
        definition: &Definition,
    ) -> Result<Accepted, Failure> {
        let now = Timestamp::now();
        let mut targets = self.targets();
        let id = TargetId(format!("T{}", targets.len()));
        if !targets.iter().any(|(known, _)| known == token) {
            let summary = Summary {
                id,
                name: definition.name.clone(),
                status: TargetStatus::Ready,
                description: None,
                created_at: now,
                updated_at: now,
                last_synchronized_at: None,
                authorization_url: None,
            };
            let target = Target {
                summary,
                gateway_arn: format!(
                    "arn:aws:bedrock-agentcore:us-east-1:123456789012:gateway/{gateway}"
                ),
                status_reasons: Vec::new(),
                definition: Some(definition.clone()),
            };
            targets.push((token.to_owned(), target));
        }
        let made = targets.iter().find(|(known, _)| known == token);
        let target = made.map(|(_, target)| target.clone());
        drop(targets);
        assert!(
            definition.name != SHAKY || self.is_mended.load(Ordering::Relaxed),
            "an answer that nobody thought of"
        );
        target.map_or_else(refusal, |Target { summary, gateway_arn, .. }| {
            Ok(Accepted {
                target: summary.id,
                gateway_arn,
                status: summary.status,
                updated_at: summary.updated_at,
            })
        })
    }

    async fn update_target(
        &self,
        _: &GatewayId,
        _: &TargetId,
        _: &Definition,
    ) -> Result<Accepted, Failure> {
        refusal()
    }

    async fn delete_target(&self, _: &GatewayId, _: &TargetId) -> Result<(), Failure> {
        refusal()
    }

    async fn synchronize_target(&self, _: &GatewayId, _: &TargetId) -> Result<(), Failure> {
        refusal()
    }

    async fn account(&self) -> Result<String, Failure> {
        Ok("123456789012".to_owned())
    }

    fn aws_time(&self, local: Timestamp) -> Timestamp {
        local
    }
}

/// All of the operator but its settings: one worker, and one operation at a time on a gateway, so that
/// nothing can go on beside what a panic has kept.
fn operator(client: kube::Client, namespace: &str, aws: Arc<Shaky>) -> Arc<Operator<Shaky>> {
    let (clock, health) = (Clock::start(), Health::default());
    let work = Arc::new(Work::new(clock));
    let stale_after = Duration::from_mins(5);
    let policy = Policy {
        default_gateway: Some(GATEWAY.into()),
        consistency_window: Duration::from_millis(200),
        stale_after,
        account: Some("123456789012".to_owned()),
        region: "us-east-1".to_owned(),
        allow_adoption: false,
        tool_sync_settle: Duration::from_secs(1),
    };
    let scope = Scope(Some(namespace.to_owned()));
    let limits = Limits { operations: 1, ..Limits::default() };
    let (observations, observed) = mpsc::unbounded_channel();
    let (news, _) = mpsc::unbounded_channel();
    let (events, publishing) = Events::new(client.clone(), health.pulse("events"));
    tokio::spawn(publishing);
    let operator = Arc::new(Operator {
        agentcore: Arc::clone(&aws),
        resources: Resources::new(client.clone()),
        clock,
        fleet: Arc::new(Fleet::new(policy, [scope.clone()])),
        mirrors: Mirrors::new(
            aws,
            clock,
            Pace::default(),
            stale_after,
            health.clone(),
            observations,
        ),
        workloads: Workloads::new(client.clone(), clock, health.clone(), news),
        turns: Arc::new(Turns::new(clock, limits, Arc::clone(&work))),
        work,
        guard: Guard::new(false, Duration::from_secs(10)),
        lease: "panics".to_owned(),
        metrics: Arc::new(Metrics::new()),
        health: health.clone(),
        edits: Edits::default(),
        care: Mutex::default(),
        panics: Panics::default(),
        events,
        dry_run: false,
    });
    tokio::spawn(hand_on(observed, Arc::clone(&operator)));
    tokio::spawn(watch_resources(client, scope, None, Arc::clone(&operator)));
    tokio::spawn({
        let turns = Arc::clone(&operator.turns);
        async move { turns.give(health.pulse("turns")).await }
    });
    operator
}

#[tokio::test]
async fn a_pass_that_panics_concerns_its_resource_alone() -> TestResult {
    let cluster = ControlPlane::shared().await?;
    // Over the hook of the tests, which takes every panic for a failure.
    crate::panics::listen();
    let client = cluster.client()?;
    install::crd(&client).await?;
    let namespace = cluster.namespace("panics").await?;
    let servers: Api<MCPServer> = Api::namespaced(client.clone(), &namespace);
    let aws = Arc::new(Shaky::default());
    let operator = operator(client, &namespace, Arc::clone(&aws));
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn({
        let operator = Arc::clone(&operator);
        async move { operator.serve(stopped).await }
    });

    let create = async |name: &str| {
        let server = MCPServer::new(name, valid_spec(name));
        servers.create(&PostParams::default(), &server).await
    };
    create(SHAKY).await?;
    let broken = wait::on(&servers, SHAKY)
        .within(SOON)
        .until("word of the mistake", |server| {
            condition(server, "Ready").is_some_and(|ready| ready.1 == "InternalError")
        })
        .await?;
    let (status, _, message) = condition(&broken, "Ready").unwrap_or_default();
    assert_eq!(status, "Unknown");
    assert!(message.contains("panics/tests.rs:"), "where it was: {message}");
    assert!(!message.contains("nobody thought of"), "what a panic says is for the log: {message}");
    assert_eq!(condition(&broken, "Stalled").map(|stalled| stalled.0).as_deref(), Some("True"));
    assert!(broken.status.is_some_and(|status| status.intent.is_some()), "the record stands");

    // All others, by the same worker, and in the same one place on the gateway.
    let names = ["alpha", "beta", "gamma"];
    for made in join_all(names.map(&create)).await {
        made?;
    }
    for name in names {
        wait::on(&servers, name).within(SOON).until("Ready", is_ready).await?;
    }
    let shaky = Key::new(&namespace, SHAKY);
    assert!(operator.work.overview().in_work.iter().all(|(key, _)| *key != shaky), "it is let go");
    assert!(operator.turns.in_line().iter().all(|place| place.key != shaky), "it holds no place");
    let times = operator.panics.bouts().get(&shaky).map_or(0, |bout| bout.times);
    assert!((1..=10).contains(&times), "it is left alone meanwhile: {times}");
    let shown = operator.metrics.page(Arc::clone(&operator)).text();
    let counted = shown.lines().find_map(|line| {
        line.strip_prefix(r#"controller_runtime_reconcile_panics_total{controller="mcpserver"} "#)
    });
    assert_eq!(counted, Some(times.to_string().as_str()), "{shown}");

    // An edit ends the pause. What the panic left at AWS is found, and not made again.
    aws.is_mended.store(true, Ordering::Relaxed);
    let edit =
        Patch::Merge(json!({ "metadata": { "annotations": { REQUEST_ANNOTATION: "now" } } }));
    servers.patch(SHAKY, &PatchParams::default(), &edit).await?;
    wait::on(&servers, SHAKY).within(SOON).until("Ready", is_ready).await?;
    assert_eq!(aws.named(SHAKY), 1);

    stop.send_replace(true);
    worker.await?;
    Ok(())
}

#[test]
fn pauses_grow_until_there_is_calm_and_end_with_an_edit() {
    let panics = Panics::default();
    let key = Key::new("a", "x");
    let mut server = MCPServer::new("x", valid_spec("x"));
    server.metadata.generation = Some(1);
    let mut now = Timestamp::UNIX_EPOCH;
    let mut pauses = Vec::new();
    for times in 1..=10 {
        let (counted, pause) = panics.another(&key, Some(&server), now);
        assert_eq!(counted, times);
        pauses.push(pause);
        let until = panics.pause(&key, Some(&server), now).unwrap();
        assert_eq!(until, now.checked_add(pause).unwrap());
        now = until;
        assert_eq!(panics.pause(&key, Some(&server), now), None, "it is over");
        panics.calm(&key, now);
    }
    assert!(pauses[..8].is_sorted() && pauses[0] < Duration::from_secs(6), "{pauses:?}");
    assert!(pauses[9] > Duration::from_mins(7) && pauses[9] <= Duration::from_mins(10));

    let (_, pause) = panics.another(&key, Some(&server), now);
    let edited = |edit: fn(&mut MCPServer)| {
        let mut server = server.clone();
        edit(&mut server);
        panics.pause(&key, Some(&server), now)
    };
    assert!(edited(|server| server.metadata.resource_version = Some("7".to_owned())).is_some());
    for edit in [
        |server: &mut MCPServer| server.metadata.generation = Some(2),
        |server: &mut MCPServer| server.metadata.uid = Some("another".to_owned()),
        |server: &mut MCPServer| {
            server.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        },
        |server: &mut MCPServer| {
            let request = (REQUEST_ANNOTATION.to_owned(), "now".to_owned());
            server.metadata.annotations = Some([request].into());
        },
    ] {
        assert_eq!(edited(edit), None, "a person wants to know");
    }
    panics.calm(&key, now.checked_add(pause * 2).unwrap());
    let (counted, _) = panics.another(&key, Some(&server), now);
    assert_eq!(counted, 1, "after a time of calm it begins anew");
    panics.forget(&key);
    assert!(panics.bouts().is_empty());
}
