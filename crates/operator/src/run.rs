//! Puts the parts together and runs them until the process is told to end.
//!
//! Contract: whatever is missing outside (API server, CRD, credentials, gateway) is waited for
//! and said in the log; none of it ends the process.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agentcore::aws::{Aws, CALL_TIMEOUT};
use agentcore::{AgentCore, Clock, Mirrors, Observation, Pace};
use anyhow::Context as _;
use api::MCPServer;
use health::Health;
use kube::runtime::watcher::Event;
use kube::{Api, Client, Resource as _};
use planner::Policy;
use queue::Urgency;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::admin::{self, MetricsServer};
use crate::events::Events;
use crate::fleet::{Fleet, Key, Scope};
use crate::kubernetes::{self, Resources};
use crate::leadership::{Candidacy, Guard};
use crate::left_behind;
use crate::metrics::{Edits, Metrics};
use crate::pass::{Operator, Panics, Refusals};
use crate::settings::{DEFAULT_LEASE, Settings};
use crate::shifts;
use crate::shown::Shown;
use crate::turns::Turns;
use crate::unreadable;
use crate::watching::{self, Heard, Subject};
use crate::work::Work;
use crate::workloads::{News, Place, Workloads};

/// A gateway that has not been seen for this many sync intervals is not vouched for any more.
const STALE_INTERVALS: u32 = 5;
/// Runs the operator until SIGTERM or SIGINT.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    // Before anything is begun: a signal that nobody listens to ends the process in the middle of it.
    let end_of_life = end_of_life()?;
    let client = kubernetes::client().await?;
    // A dry run does nothing that another replica might do too, and writes nothing, not even a Lease.
    let leadership = settings.leadership.clone().filter(|_| !settings.dry_run);
    let longest = leadership.as_ref().map(|leadership| leadership.timing.longest_call());
    let call_timeout = longest.map_or(CALL_TIMEOUT, |longest| longest.min(CALL_TIMEOUT));
    let metrics = Arc::new(Metrics::new());
    let health = Health::default();
    let aws = Aws::new(settings.region.clone()).await?.with_call_timeout(call_timeout);
    let aws = Arc::new(aws.with_meter(metrics.clone()));
    let clock = Clock::start();
    let policy = Policy {
        default_gateway: settings.gateway.clone(),
        consistency_window: settings.consistency_window,
        stale_after: settings.sync_interval * STALE_INTERVALS,
        account: None,
        region: aws.region().to_owned(),
        allow_adoption: settings.allow_adoption,
        tool_sync_settle: settings.tool_sync_settle,
    };
    info!(
        version = env!("CARGO_PKG_VERSION"),
        region = policy.region,
        gateway = policy.default_gateway.as_ref().map(tracing::field::display),
        dry_run = settings.dry_run,
        "mcp-gateway-operator starts"
    );
    let (observations, observed) = mpsc::unbounded_channel();
    let (news, heard) = mpsc::unbounded_channel();
    let pace = Pace {
        quiet: settings.sync_interval,
        lists_per_second: our_lists(settings.limits.lists),
        ..Pace::default()
    };
    let work = Arc::new(Work::new(clock));
    if leadership.is_some() {
        // Until this replica leads.
        work.close();
    }
    let scopes = settings.scopes();
    let fleet = Arc::new(Fleet::new(policy.clone(), scopes.iter().cloned()));
    let (events, publishing) = Events::new(client.clone(), health.pulse("events"));
    let operator = Arc::new(Operator {
        agentcore: Arc::clone(&aws),
        resources: Resources::new(client.clone()),
        clock,
        fleet: Arc::clone(&fleet),
        mirrors: Mirrors::new(aws, clock, pace, policy.stale_after, health.clone(), observations),
        workloads: Workloads::new(client.clone(), clock, health.clone(), news),
        turns: Arc::new(Turns::new(clock, settings.limits, Arc::clone(&work))),
        work,
        care: Mutex::default(),
        panics: Panics::default(),
        refusals: Refusals::default(),
        unreadable: Notify::new(),
        guard: Guard::new(leadership.is_some(), call_timeout),
        lease: leadership.as_ref().map_or(DEFAULT_LEASE, |it| it.name.as_str()).to_owned(),
        metrics: Arc::clone(&metrics),
        health: health.clone(),
        edits: Edits::default(),
        events,
        dry_run: settings.dry_run,
    });

    let mut tasks = JoinSet::new();
    tasks.spawn(publishing);
    if let Some(address) = settings.probe_address {
        let listener = admin::bind(address)
            .await
            .with_context(|| format!("--health-probe-bind-address {address} cannot be used"))?;
        info!(address = %listener.local_addr()?, "probes are answered");
        admin::serve_probes(listener, fleet, health.clone())?;
    }
    if let Some(settings) = &settings.metrics {
        let server = MetricsServer::new(settings, client.clone(), &operator).await?;
        tasks.spawn(server.serve());
    }
    for scope in scopes {
        let selector = settings.selector.clone();
        tasks.spawn(watch_resources(client.clone(), scope, selector, Arc::clone(&operator)));
    }
    tasks.spawn(hand_on(observed, Arc::clone(&operator)));
    tasks.spawn(spread(heard, Arc::clone(&operator)));
    tasks.spawn(learn_account(Arc::clone(&operator)));
    tasks.spawn(unreadable::tell(client.clone(), Arc::clone(&operator)));
    tasks.spawn({
        let turns = Arc::clone(&operator.turns);
        let pulse = health.pulse("turns");
        async move { turns.give(pulse).await }
    });

    let candidacy = Candidacy::begin(leadership.as_ref(), &health).await?;
    shifts::work(&operator, candidacy, end_of_life).await
}

/// Our part of the Lists that AWS allows the account: people and their tools list gateways too.
fn our_lists(allowed: u32) -> u32 {
    (allowed.saturating_mul(4) / 5).max(1)
}

/// Listens for SIGTERM or SIGINT from now on, and ends with the first.
fn end_of_life() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Feeds the fleet from the watch of a scope.
pub(crate) async fn watch_resources<A: AgentCore>(
    client: Client,
    scope: Scope,
    selector: Option<String>,
    operator: Arc<Operator<A>>,
) {
    let api: Api<Shown> = match &scope.0 {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let subject = Subject {
        name: "the MCPServers".to_owned(),
        hint: |status| match status {
            404 => Some(
                "the CRD mcpservers.mcpgateway.bedrock.aws is not installed: run make install, or \
                 set crds.enabled=true in the chart",
            ),
            403 => Some(
                "the operator's service account lacks rights: set rbac.create=true in the chart, or \
                 apply config/rbac",
            ),
            400 => Some("it may be --watch-label-selector that the API server does not understand"),
            _ => None,
        },
    };
    let pulse = operator.health.pulse("mcpserver-watches");
    watching::watch(api, selector.as_deref(), subject, pulse, |heard| match heard {
        Heard::Event(event) => take_in(event, &scope, &operator),
        // What was known before is all that is.
        Heard::Failed(_) | Heard::Mended => {}
    })
    .await;
}

fn take_in<A: AgentCore>(event: Event<Shown>, scope: &Scope, operator: &Operator<A>) {
    let fleet = &operator.fleet;
    // Whatever changes while the watch goes on is a person's doing.
    let urgency = match &event {
        Event::Apply(_) | Event::Delete(_) => Urgency::Person,
        Event::Init | Event::InitApply(_) | Event::InitDone => Urgency::Routine,
    };
    let event = match readable(event) {
        Ok(event) => event,
        // It must not hold up the others, nor be taken for gone.
        Err(key) => {
            fleet.unreadable(&key);
            operator.unreadable.notify_one();
            return;
        }
    };
    let woken = match event {
        Event::Init => return fleet.listing_begins(scope),
        Event::InitDone => {
            let woken = fleet.listing_ends(scope);
            let gone = woken.iter().filter(|key| fleet.get(key).is_none());
            gone.for_each(|key| operator.edits.forget(key));
            info!(resources = fleet.len(), "the MCPServers have been read");
            woken
        }
        Event::InitApply(server) => {
            let key = Key::of(&server);
            operator.taking_in(&key, || fleet.seen(server)).unwrap_or_default()
        }
        Event::Apply(server) => {
            let key = Key::of(&server);
            operator.taking_in(&key, || take_in_change(server, operator)).unwrap_or_default()
        }
        Event::Delete(server) => {
            let key = Key::of(&server);
            let before = fleet.get(&key);
            let is_it = before.as_ref().is_none_or(|held| held.metadata.uid == server.metadata.uid);
            let mut woken = fleet.left(&server);
            if is_it {
                operator.edits.forget(&key);
            }
            if let Some(before) = before.filter(|_| is_it) {
                left_behind::tell(operator, &before, &server.metadata);
            }
            // A last pass forgets what was remembered of it.
            woken.insert(key);
            woken
        }
    };
    operator.observe_what_is_needed();
    operator.work.wake(woken, urgency);
}

/// A resource that has changed while the watch goes on. Returns whom to wake.
fn take_in_change<A: AgentCore>(server: MCPServer, operator: &Operator<A>) -> HashSet<Key> {
    let fleet = &operator.fleet;
    let key = Key::of(&server);
    if let Some(time) = operator.edits.seen(fleet.get(&key).as_ref(), &server)
        && operator.guard.works()
    {
        operator.metrics.ready_after(time);
    }
    let woken = fleet.seen(server);
    if woken.contains(&key) {
        // A person has changed it, and wants to know how things stand now.
        fleet.gateways_of(&key).iter().for_each(|id| operator.mirrors.ask(id));
    }
    woken
}

/// The event with its object, unless that cannot be read. Its end needs no reading.
fn readable(event: Event<Shown>) -> Result<Event<MCPServer>, Key> {
    let told = |shown| match shown {
        Shown::Readable(server) => Ok(*server),
        Shown::Unreadable { metadata, error } => {
            let key = Key::of_metadata(&metadata);
            let (namespace, name) = (&key.namespace, &key.name);
            error!(namespace, name, error, "the MCPServer cannot be read: nothing is done for it");
            Err(key)
        }
    };
    Ok(match event {
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
        Event::InitApply(shown) => Event::InitApply(told(shown)?),
        Event::Apply(shown) => Event::Apply(told(shown)?),
        Event::Delete(mut shown) => {
            let metadata = std::mem::take(shown.meta_mut());
            Event::Delete(MCPServer { metadata, ..MCPServer::default() })
        }
    })
}

/// Wakes whom an observation concerns.
pub(crate) async fn hand_on<A: AgentCore>(
    mut observations: mpsc::UnboundedReceiver<Observation>,
    operator: Arc<Operator<A>>,
) {
    let pulse = operator.health.pulse("observations");
    while let Some(observation) = pulse.keep(observations.recv()).await {
        if let Some(sight) = operator.mirrors.sight(&observation.gateway) {
            operator.turns.looked_at(&observation.gateway, &sight);
        }
        let urgency = if observation.outlook_changed { Urgency::Routine } else { Urgency::New };
        operator.work.wake(operator.fleet.concerned(&observation), urgency);
        operator.work.wake_awaiting(&observation.gateway);
    }
}

/// Wakes whom news of workloads concern.
async fn spread<A: AgentCore>(
    mut news: mpsc::UnboundedReceiver<(Place, News)>,
    operator: Arc<Operator<A>>,
) {
    let pulse = operator.health.pulse("workload-news");
    while let Some((place, news)) = pulse.keep(news.recv()).await {
        operator.work.wake(operator.fleet.naming(&place, &news), Urgency::Healing);
    }
}

/// Asks until AWS says whose account this is: without that, nobody can tell a gateway that is
/// gone from one that is elsewhere.
async fn learn_account<A: AgentCore>(operator: Arc<Operator<A>>) {
    const PAUSES: [u64; 4] = [1, 2, 5, 30];
    for attempt in 0.. {
        match operator.agentcore.account().await {
            Ok(account) => {
                info!(account, "working in this AWS account");
                operator.fleet.works_in(account);
                operator.observe_what_is_needed();
                break;
            }
            Err(failure) => {
                if attempt == 0 {
                    warn!(
                        class = failure.class.as_str(),
                        error = failure.message,
                        "AWS does not say whose account this is; trying again"
                    );
                }
                let pause = PAUSES[usize::min(attempt, PAUSES.len() - 1)];
                tokio::time::sleep(Duration::from_secs(pause)).await;
            }
        }
    }
    operator.work.wake(operator.fleet.keys(), Urgency::Routine);
}
