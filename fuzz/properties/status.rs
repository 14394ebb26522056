//! Whatever stands in a stored resource, by whoever's hand: it is planned for without a panic and comes to
//! rest, no target is touched that it does not record, and what is written can be read again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use api::text::is_unfit;
use api::{
    Failure, FailureClass, GatewayId, Listing, MCPServer, MCPServerStatus, Sight, Summary,
    TargetId, TargetStatus, Trouble,
};
use jiff::Timestamp;
use planner::{Claim, Decision, Memory, Policy, Report, Step, World, plan, project};

/// More than the operator allows itself in a pass.
const MOST_STEPS: usize = 16;

/// The input is an `MCPServer` as JSON.
pub(crate) fn holds(data: &[u8]) {
    let Ok(mut server) = serde_json::from_slice::<MCPServer>(data) else { return };
    let meta = &mut server.metadata;
    meta.name.get_or_insert_with(|| "weather".to_owned());
    meta.namespace.get_or_insert_with(|| "default".to_owned());
    meta.uid.get_or_insert_with(|| "00000000-0000-0000-0000-000000000007".to_owned());
    meta.generation.get_or_insert(1);
    let now = Timestamp::UNIX_EPOCH + Duration::from_hours(500_000);
    for shown in [Shown::Nothing, Shown::Nobody, Shown::All, Shown::NoGateway] {
        lives(server.clone(), shown, now);
    }
}

/// What is seen of every gateway.
#[derive(Clone, Copy)]
enum Shown {
    Nothing,
    /// It has no targets.
    Nobody,
    /// Every target that the resource names, READY.
    All,
    /// AWS knows no such gateway.
    NoGateway,
}

fn lives(mut server: MCPServer, shown: Shown, now: Timestamp) {
    let policy = Policy {
        default_gateway: Some("gateway-a1b2c3d4e5".into()),
        consistency_window: Duration::from_secs(10),
        stale_after: Duration::from_mins(5),
        account: Some("111122223333".to_owned()),
        region: "us-east-1".to_owned(),
        allow_adoption: true,
        tool_sync_settle: Duration::from_secs(10),
    };
    let memory = Memory::new(Timestamp::UNIX_EPOCH);
    for _ in 0..MOST_STEPS {
        let claims = Claim::of(&server, &policy);
        let sights: HashMap<GatewayId, Sight> = claims
            .iter()
            .map(|claim| (claim.gateway.clone(), sight(shown, &claim.gateway, &claims, now)))
            .collect();
        let world = World {
            now,
            aws_now: now,
            policy: &policy,
            server: &server,
            memory: &memory,
            sights: &sights,
            rivals: &[],
            workload: None,
            nonce: "nonce",
            seed: 7,
        };
        let Decision { step, report } = plan(&world);
        touches_its_own(&server, step.as_ref());
        let written = written(&server, step.as_ref(), &report, now);
        match step {
            Some(Step::AddFinalizer) => {
                let finalizers = server.metadata.finalizers.get_or_insert_default();
                finalizers.push(api::FINALIZER.to_owned());
            }
            Some(Step::Annotate(identity)) => {
                let annotations = server.metadata.annotations.get_or_insert_default();
                annotations.insert(api::TARGET_ANNOTATION.to_owned(), identity);
            }
            Some(
                Step::RecordIntent(_)
                | Step::Bind(_)
                | Step::RecordApplying(_)
                | Step::RecordApplied { .. }
                | Step::RecordSync(_)
                | Step::ForgetRetired(_),
            ) => server.status = Some(written),
            // AWS does not answer here, and who is let go is gone.
            Some(
                Step::Create { .. }
                | Step::Read { .. }
                | Step::Update { .. }
                | Step::Synchronize { .. }
                | Step::Delete { .. }
                | Step::ReleaseFinalizer,
            ) => return,
            None => {
                let again = MCPServer { status: Some(written.clone()), ..server.clone() };
                let decision = plan(&World { server: &again, ..world });
                assert!(decision.step.is_none(), "at rest, and then {:?}", decision.step);
                assert_eq!(
                    project(&again, None, &decision.report, now),
                    written,
                    "it is written again"
                );
                return;
            }
        }
    }
    panic!("it does not come to rest: {server:?}");
}

fn sight(shown: Shown, gateway: &GatewayId, claims: &[Claim], now: Timestamp) -> Sight {
    let seen = |listing: Listing| Sight {
        listing: Some(Arc::new(listing)),
        as_of: Some(now),
        before: Some(now),
        trouble: None,
    };
    match shown {
        Shown::Nothing => Sight::default(),
        Shown::Nobody => seen(Listing::default()),
        Shown::All => {
            let ours = claims.iter().filter(|claim| claim.gateway == *gateway);
            let targets =
                ours.filter_map(|claim| Some((claim.target.clone()?, claim.name.clone())));
            seen(targets.map(|(target, name)| summary(target, name)).collect())
        }
        Shown::NoGateway => Sight {
            trouble: Some(Trouble {
                failure: Failure { class: FailureClass::NotFound, message: "none".to_owned() },
                as_of: now,
                since: now,
            }),
            ..Sight::default()
        },
    }
}

fn summary(target: TargetId, name: Option<String>) -> Summary {
    Summary {
        name: name.unwrap_or_else(|| format!("named-{}", target.as_str())),
        id: target,
        status: TargetStatus::Ready,
        description: None,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        last_synchronized_at: None,
        authorization_url: None,
    }
}

/// What is changed at AWS is recorded as the resource's.
fn touches_its_own(server: &MCPServer, step: Option<&Step>) {
    let Some(
        Step::Update { target, .. }
        | Step::Synchronize { target, .. }
        | Step::Delete { target, .. },
    ) = step
    else {
        return;
    };
    let status = server.status.clone().unwrap_or_default();
    let retired = status.retired.iter().map(|retired| &retired.target_id);
    let recorded = status.target_id.iter().chain(retired).any(|known| known == target.as_str());
    assert!(recorded, "{step:?} is not recorded");
}

/// What would be written: it can be shown, and read again.
fn written(
    server: &MCPServer,
    step: Option<&Step>,
    report: &Report,
    now: Timestamp,
) -> MCPServerStatus {
    let status = project(server, step, report, now);
    let before = server.status.clone().unwrap_or_default();
    for condition in &status.conditions {
        let said = &condition.message;
        let is_old = before.conditions.iter().any(|old| old.message == *said);
        assert!(is_old || !said.contains(is_unfit) && said.chars().count() <= 4096, "{said:?}");
    }
    let text = serde_json::to_string(&status).expect("it is made of texts and numbers");
    let read: MCPServerStatus = serde_json::from_str(&text).expect("it was written here");
    assert_eq!(read, status, "it is read as something else");
    status
}
