//! The state of things, for a person at night: `/debug/state`.
//!
//! Contract: names, IDs, times and words of ours, and nothing of what is written in a resource: neither
//! addresses nor descriptions nor messages, in which AWS may repeat them. A replica that stands by shows
//! an empty queue and no gateways.

use std::collections::BTreeMap;

use agentcore::{AgentCore, Outlook};
use api::text::one_line;
use api::{Attempt, ConditionType, GatewayId, MCPServer};
use jiff::Timestamp;
use serde::Serialize;

use crate::fleet::{Holdings, Key};
use crate::pass::Operator;

/// Everything.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct State {
    version: &'static str,
    time: Timestamp,
    /// Whether this replica works, or stands by.
    works: bool,
    lease: String,
    /// Whether all resources have been read.
    synced: bool,
    workers: Vec<Worker>,
    /// Resources that are due and wait for a worker.
    due: Vec<Resource>,
    /// Those whose next call waits for what AWS allows, and those whose turn has come.
    line: Vec<InLine>,
    mirrors: Vec<Mirror>,
    /// Calls of each kind that may be made at once.
    tokens: BTreeMap<&'static str, f64>,
    /// Targets that no resource has.
    orphans: Vec<Orphan>,
    resources: Vec<Standing>,
}

#[derive(Serialize)]
struct Resource {
    namespace: Box<str>,
    name: Box<str>,
}

/// A pass under way.
#[derive(Serialize)]
struct Worker {
    #[serde(flatten)]
    resource: Resource,
    seconds: f64,
}

#[derive(Serialize)]
struct InLine {
    #[serde(flatten)]
    resource: Resource,
    call: &'static str,
    gateway: String,
    since: Option<Timestamp>,
    /// Whether its turn has come.
    granted: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mirror {
    gateway: String,
    /// When what is seen was so.
    as_of: Timestamp,
    age_seconds: f64,
    targets: Option<usize>,
    failures: u32,
    last_failure: Option<&'static str>,
    failing_since: Option<Timestamp>,
    awaiting_since: Option<Timestamp>,
    next_look: Timestamp,
    slots_used: usize,
}

#[derive(Serialize)]
struct Orphan {
    gateway: String,
    target: String,
    name: String,
    status: String,
}

/// Where a resource stands, and what it waits for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Standing {
    #[serde(flatten)]
    resource: Resource,
    generation: Option<i64>,
    applied_generation: Option<i64>,
    gateway: Option<String>,
    target: Option<String>,
    ready: Option<String>,
    reason: Option<String>,
    /// The gateways on which it waits for something.
    awaits: Vec<String>,
    /// When it is looked at again even if nothing happens.
    not_before: Option<Timestamp>,
}

/// The state of the operator, as JSON.
pub(crate) fn state<A: AgentCore>(operator: &Operator<A>) -> serde_json::Result<String> {
    let time = operator.clock.now();
    let works = operator.guard.works();
    let work = operator.work.overview();
    let waits = operator.work.waits();
    let mut resources = BTreeMap::new();
    operator.fleet.glance(|key, server| {
        resources.insert(key.clone(), Standing::of(key, server, waits.get(key)));
    });
    let outlooks = operator.mirrors.outlooks();
    let mut tokens = BTreeMap::new();
    if works {
        for attempt in Attempt::ALL {
            tokens.insert(attempt.as_str(), operator.turns.tokens(attempt));
        }
        tokens.insert("list", operator.mirrors.lists_left());
    }
    let state = State {
        version: env!("CARGO_PKG_VERSION"),
        time,
        works,
        lease: operator.lease.clone(),
        synced: operator.fleet.is_synced(),
        workers: work
            .in_work
            .into_iter()
            .map(|(key, time)| Worker { resource: key.into(), seconds: time.as_secs_f64() })
            .collect(),
        due: if works { work.due.into_iter().map(Resource::from).collect() } else { Vec::new() },
        line: line(operator),
        orphans: operator.fleet.tell_holdings(|holdings| orphans(&outlooks, holdings)),
        mirrors: mirrors(operator, outlooks, time),
        tokens,
        resources: resources.into_values().collect(),
    };
    serde_json::to_string_pretty(&state)
}

fn line<A: AgentCore>(operator: &Operator<A>) -> Vec<InLine> {
    let in_line = operator.turns.in_line().into_iter().map(|it| InLine {
        resource: it.key.into(),
        call: it.place.attempt.as_str(),
        gateway: it.place.gateway.to_string(),
        since: it.since,
        granted: it.granted,
    });
    in_line.collect()
}

fn mirrors<A: AgentCore>(
    operator: &Operator<A>,
    outlooks: Vec<Outlook>,
    now: Timestamp,
) -> Vec<Mirror> {
    let gateways: Vec<_> = outlooks.iter().map(|outlook| outlook.gateway.clone()).collect();
    let slots = operator.turns.slots_used(&gateways);
    let mirror = |(outlook, slots_used): (Outlook, usize)| Mirror {
        gateway: outlook.gateway.to_string(),
        as_of: outlook.as_of,
        age_seconds: now.duration_since(outlook.as_of).as_secs_f64(),
        targets: outlook.sight.listing.map(|listing| listing.iter().count()),
        failures: outlook.failures,
        last_failure: outlook.sight.trouble.as_ref().map(|it| it.failure.class.as_str()),
        failing_since: outlook.sight.trouble.map(|trouble| trouble.since),
        awaiting_since: outlook.awaiting_since,
        next_look: outlook.due,
        slots_used,
    };
    outlooks.into_iter().zip(slots).map(mirror).collect()
}

fn orphans(outlooks: &[Outlook], holdings: &Holdings<'_>) -> Vec<Orphan> {
    let mut orphans = Vec::new();
    for Outlook { gateway, sight, .. } in outlooks {
        for target in sight.listing.iter().flat_map(|listing| listing.iter()) {
            if !holdings.include(gateway, target) {
                orphans.push(Orphan {
                    gateway: gateway.to_string(),
                    target: target.id.to_string(),
                    name: shown(&target.name),
                    status: target.status.to_string(),
                });
            }
        }
    }
    orphans.sort_unstable_by(|one, other| {
        (&one.gateway, &one.target).cmp(&(&other.gateway, &other.target))
    });
    orphans
}

/// A name of AWS's, or what others have written into a status: bounded, and without control characters.
fn shown(text: &str) -> String {
    const LONGEST: usize = 128;
    one_line(text, LONGEST)
}

impl From<Key> for Resource {
    fn from(key: Key) -> Self {
        Self { namespace: key.namespace.clone(), name: key.name.clone() }
    }
}

impl Standing {
    fn of(
        key: &Key,
        server: &MCPServer,
        waits: Option<&(Vec<GatewayId>, Option<Timestamp>)>,
    ) -> Self {
        let status = server.status.clone().unwrap_or_default();
        let is_ready = |kind: &str| kind == ConditionType::Ready.as_str();
        let ready = status.conditions.into_iter().find(|condition| is_ready(&condition.type_));
        let (ready, reason) = ready.map(|it| (shown(&it.status), shown(&it.reason))).unzip();
        Self {
            resource: key.clone().into(),
            generation: server.metadata.generation,
            applied_generation: status.applied_generation,
            gateway: status.gateway_id.as_deref().map(shown),
            target: status.target_id.as_deref().map(shown),
            ready,
            reason,
            awaits: waits.iter().flat_map(|(awaits, _)| awaits).map(ToString::to_string).collect(),
            not_before: waits.and_then(|(_, not_before)| *not_before),
        }
    }
}
