//! Where passes are tested: all of the operator but its settings, beside a real API server and an AgentCore
//! that has a mistake.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use agentcore::{AgentCore, Clock, Limits, Mirrors, Pace};
use api::{
    Accepted, Definition, Failure, FailureClass, GatewayId, Listing, Summary, Target, TargetId,
    TargetStatus,
};
use health::Health;
use jiff::Timestamp;
use planner::Policy;
use tokio::sync::{Notify, mpsc};

use super::{Operator, Panics, Refusals};
use crate::events::Events;
use crate::fleet::{Fleet, Scope};
use crate::kubernetes::Resources;
use crate::leadership::Guard;
use crate::metrics::{Edits, Metrics};
use crate::run::{hand_on, watch_resources};
use crate::turns::Turns;
use crate::work::Work;
use crate::workloads::Workloads;

const GATEWAY: &str = "passes-a1b2c3d4e5";

/// An AgentCore whose answer to the Create of a target named so panics, after the target is made: as a
/// mistake in what reads the answer would.
#[derive(Default)]
pub(super) struct Shaky {
    targets: Mutex<Vec<(String, Target)>>,
    pub(super) is_mended: AtomicBool,
}

pub(super) const SHAKY: &str = "shaky";

impl Shaky {
    fn targets(&self) -> MutexGuard<'_, Vec<(String, Target)>> {
        self.targets.lock().unwrap()
    }

    pub(super) fn named(&self, name: &str) -> usize {
        self.targets().iter().filter(|(_, target)| target.summary.name == name).count()
    }
}

fn refusal<T>() -> Result<T, Failure> {
    Err(Failure { class: FailureClass::Invalid, message: "not asked for here".to_owned() })
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
pub(super) fn operator(
    client: kube::Client,
    namespace: &str,
    aws: Arc<Shaky>,
) -> Arc<Operator<Shaky>> {
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
        refusals: Refusals::default(),
        unreadable: Notify::new(),
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
