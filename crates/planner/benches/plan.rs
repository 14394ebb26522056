//! How long it takes to plan one resource beside a mirror of 1,000 targets.
//!
//! `make bench-plan`. It fails where a decision takes longer than [`BAR`] in the median: planning
//! shall never be what a pass waits for.

use std::collections::HashMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{
    Applied, FINALIZER, GatewayId, Listing, MCPServer, MCPServerSpec, MCPServerStatus, Sight,
    Summary, TARGET_ANNOTATION, TargetId, TargetStatus,
};
use jiff::Timestamp;
use planner::{Claim, Decision, Memory, Policy, World, fingerprint, plan, project, validate};

/// The longest that a decision may take.
const BAR: Duration = Duration::from_micros(20);
/// Targets in the mirror, ten times what AWS allows without being asked.
const TARGETS: usize = 1_000;
/// Decisions in a sample, and samples.
const DECISIONS: u32 = 1_000;
const SAMPLES: usize = 51;

const GATEWAY: &str = "gateway-a1b2c3d4e5";

fn main() -> ExitCode {
    let policy = Policy {
        default_gateway: Some(GATEWAY.into()),
        consistency_window: Duration::from_secs(10),
        stale_after: Duration::from_mins(5),
        account: Some("111122223333".to_owned()),
        region: "us-east-1".to_owned(),
        allow_adoption: false,
        tool_sync_settle: Duration::from_secs(10),
    };
    let since = Timestamp::UNIX_EPOCH;
    let memory = Memory::new(since);
    let now = since + Duration::from_hours(1);
    let sights = HashMap::from([(GatewayId::from(GATEWAY), sight(now))]);
    let ready = ready(since);
    let mut edited = ready.clone();
    edited.spec.description = Some("edited".to_owned());
    edited.metadata.generation = Some(2);
    let mut fresh = ready.clone();
    fresh.status = None;
    fresh.metadata.annotations = None;
    fresh.spec.target_name = Some("fresh".to_owned());
    let mut fast = true;
    println!("planning one resource beside {TARGETS} targets, median of {SAMPLES} samples:");
    for (name, server) in [("Ready", &ready), ("edited", &edited), ("new", &fresh)] {
        let world = World {
            now,
            aws_now: now,
            policy: &policy,
            server,
            memory: &memory,
            sights: &sights,
            rivals: &[],
            workload: None,
            nonce: "nonce",
            seed: 7,
        };
        let deciding = median(|| drop(black_box(plan(black_box(&world)))));
        let Decision { step, report } = plan(&world);
        let projecting =
            median(|| drop(black_box(project(server, step.as_ref(), black_box(&report), now))));
        let claiming = median(|| drop(black_box(Claim::of(black_box(server), &policy))));
        let step = step.map_or("none", |step| step.name());
        println!(
            "  {name:8} plan {deciding:>9.2?}   (step: {step}; status {projecting:.2?}; claims {claiming:.2?})"
        );
        fast &= deciding < BAR;
    }
    if fast {
        println!("each below {BAR:?}");
        ExitCode::SUCCESS
    } else {
        println!("NOT each below {BAR:?}");
        ExitCode::FAILURE
    }
}

/// The median time of one.
fn median(work: impl Fn()) -> Duration {
    let mut samples: Vec<Duration> = (0..SAMPLES)
        .map(|_| {
            let begun = Instant::now();
            (0..DECISIONS).for_each(|_| work());
            begun.elapsed() / DECISIONS
        })
        .collect();
    samples.sort_unstable();
    samples[SAMPLES / 2]
}

/// A gateway full of targets that are READY, one of them the resource's.
fn sight(now: Timestamp) -> Sight {
    let target = |number: usize| Summary {
        id: TargetId(format!("TARGET{number:04}")),
        name: format!("weather-{number}"),
        status: TargetStatus::Ready,
        description: Some("What the weather is like.".to_owned()),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        last_synchronized_at: None,
        authorization_url: None,
    };
    let listing: Listing = (0..TARGETS).map(target).collect();
    Sight {
        listing: Some(Arc::new(listing)),
        as_of: Some(now),
        before: Some(now),
        ..Sight::default()
    }
}

/// A resource as it is after it has got Ready.
fn ready(since: Timestamp) -> MCPServer {
    let name = "weather-7";
    let mut server = MCPServer::new(
        name,
        MCPServerSpec {
            endpoint: "https://weather.example.com/mcp".to_owned(),
            capabilities: vec!["tools".to_owned()],
            description: Some("What the weather is like.".to_owned()),
            oauth_provider_arn: Some("arn:aws:bedrock-agentcore:x:1:provider/p".to_owned()),
            oauth_scopes: Some(vec!["read".to_owned(), "write".to_owned()]),
            allowed_request_headers: Some(vec!["X-Tenant".to_owned(), "X-Trace".to_owned()]),
            ..MCPServerSpec::default()
        },
    );
    let meta = &mut server.metadata;
    meta.namespace = Some("default".to_owned());
    meta.uid = Some("00000000-0000-0000-0000-000000000007".to_owned());
    meta.generation = Some(1);
    meta.finalizers = Some(vec![FINALIZER.to_owned()]);
    let identity = format!("{GATEWAY}/TARGET0007");
    meta.annotations.get_or_insert_default().insert(TARGET_ANNOTATION.to_owned(), identity);
    let applied = validate(&server).ok().map(|wish| Applied {
        fingerprint: fingerprint(&wish.definition),
        updated_at: since,
        settled: true,
    });
    server.status = Some(MCPServerStatus {
        gateway_id: Some(GATEWAY.to_owned()),
        target_id: Some("TARGET0007".to_owned()),
        target_name: Some(name.to_owned()),
        applied,
        ..MCPServerStatus::default()
    });
    server
}
