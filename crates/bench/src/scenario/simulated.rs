//! Planner, queue and mirrors alone, in simulated time: what a resource costs must not grow with their
//! number.
//!
//! AgentCore is a table, Kubernetes another one, and time jumps to when something happens. What is
//! measured is the processor time and the allocations of three things: to look at everything for the
//! first time and find it as written, an hour in which nothing happens, and a look that finds one
//! target of a hundred changed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use agentcore::{AgentCore, Clock, Mirrors, Observation, Pace};
use anyhow::{Context, Result, bail};
use api::{
    Accepted, Applied, Definition, FINALIZER, Failure, FailureClass, GatewayId, Listing, MCPServer,
    MCPServerSpec, MCPServerStatus, Summary, TARGET_ANNOTATION, Target, TargetId, TargetStatus,
};
use health::Health;
use jiff::Timestamp;
use planner::{Memory, Policy, Step, World, fingerprint, plan, validate};
use queue::{Queue, Urgency};
use tokio::runtime;
use tokio::sync::mpsc;
use tokio::time::{Instant as Moment, timeout_at};

use crate::options::Options;
use crate::progress::say;
use crate::report::{Report, Unit};

const SCENARIO: &str = "simulated";
const FEW: usize = 1_000;
/// Targets of a gateway.
const EACH: usize = 100;
/// Of so many targets one is changed.
const CHANGED: usize = 100;
const NAMESPACES: [&str; 8] =
    ["team-a", "team-b", "team-c", "team-d", "team-e", "team-f", "team-g", "team-h"];
/// The same at any size is measured several times, and the least counts: others use the machine too.
const TIMES: usize = 3;

pub(super) fn play(options: &Options, report: &mut Report) -> Result<()> {
    let many = if options.short { 5_000 } else { 50_000 };
    say(&format!("simulated: {FEW} and {many} resources"));
    let (few, all) = (least(FEW)?, least(many)?);
    for (what, one, other) in [
        ("to find everything as written, at the start", few.start, all.start),
        ("an hour in which nothing happens", few.quiet, all.quiet),
        ("to notice one changed target of a hundred", few.changed, all.changed),
    ] {
        let time =
            format!("{many} resources: {what}: processor time of each, as a multiple of {FEW}");
        report.noisy(SCENARIO, &time, other.time(many) / one.time(FEW), 1.5, Unit::Times);
        let allocations = format!("{many}: {what}: allocations of each, in those of {FEW}");
        let ratio = other.allocations(many) / one.allocations(FEW);
        report.at_most(SCENARIO, &allocations, ratio, 1.1, Unit::Times);
        let each =
            format!("{:.1} µs, {:.1} allocations", other.time(many) * 1e6, other.allocations(many));
        report.told(SCENARIO, &format!("{what}: each"), &each);
    }
    Ok(())
}

/// What something took.
#[derive(Clone, Copy)]
struct Cost {
    time: Duration,
    allocations: u64,
}

impl Cost {
    fn of(work: impl FnOnce() -> Result<()>) -> Result<Self> {
        let mut done = Ok(());
        let begun = Instant::now();
        let counted = allocation_counter::measure(|| done = work());
        done.map(|()| Self { time: begun.elapsed(), allocations: counted.count_total })
    }

    fn time(self, resources: usize) -> f64 {
        self.time.as_secs_f64() / resources as f64
    }

    fn allocations(self, resources: usize) -> f64 {
        self.allocations as f64 / resources as f64
    }

    fn least(self, other: Self) -> Self {
        if other.time < self.time { other } else { self }
    }
}

struct Costs {
    start: Cost,
    quiet: Cost,
    changed: Cost,
}

fn least(resources: usize) -> Result<Costs> {
    let mut least = measure(resources)?;
    for _ in 1..TIMES {
        let Costs { start, quiet, changed } = measure(resources)?;
        least.start = least.start.least(start);
        least.quiet = least.quiet.least(quiet);
        least.changed = least.changed.least(changed);
    }
    Ok(least)
}

/// On a thread of its own, because its time is another one.
fn measure(resources: usize) -> Result<Costs> {
    let played = thread::spawn(move || -> Result<Costs> {
        let runtime =
            runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let mut world = runtime.block_on(async { Simulation::begin(resources) })?;
        let start = Cost::of(|| runtime.block_on(world.start()))?;
        let quiet = Cost::of(|| runtime.block_on(world.rest(Duration::from_hours(1))))?;
        world.change();
        let changed = Cost::of(|| runtime.block_on(world.notice()))?;
        Ok(Costs { start, quiet, changed })
    });
    match played.join() {
        Ok(costs) => costs,
        Err(_) => bail!("the simulation of {resources} resources panicked"),
    }
}

/// Everything, at rest: each resource has its target.
struct Simulation {
    clock: Clock,
    policy: Policy,
    aws: Arc<Table>,
    mirrors: Mirrors<Table>,
    observed: mpsc::UnboundedReceiver<Observation>,
    queue: Queue<usize>,
    servers: Vec<MCPServer>,
    memories: Vec<Memory>,
    /// Who has each target.
    owners: HashMap<TargetId, usize>,
}

impl Simulation {
    fn begin(resources: usize) -> Result<Self> {
        let (observations, observed) = mpsc::unbounded_channel();
        let clock = Clock::start();
        let aws = Arc::new(Table::of(resources));
        let pace = Pace::default();
        let stale_after = pace.quiet * 5;
        let policy = Policy {
            default_gateway: None,
            consistency_window: Duration::from_secs(10),
            stale_after,
            account: Some("111122223333".to_owned()),
            region: "us-east-1".to_owned(),
            allow_adoption: false,
            tool_sync_settle: Duration::from_secs(10),
        };
        let mirrors = Mirrors::new(
            Arc::clone(&aws),
            clock,
            pace,
            stale_after,
            Health::default(),
            observations,
        );
        let servers: Vec<MCPServer> = (0..resources).map(server).collect::<Result<_>>()?;
        Ok(Self {
            memories: vec![Memory::new(clock.now()); servers.len()],
            owners: (0..resources).map(|number| (target(number), number)).collect(),
            queue: Queue::default(),
            clock,
            policy,
            aws,
            mirrors,
            observed,
            servers,
        })
    }

    /// Until every gateway has been seen once.
    async fn start(&mut self) -> Result<()> {
        let gateways: HashSet<GatewayId> = (0..self.servers.len()).map(gateway).collect();
        self.mirrors.keep(&gateways);
        let mut unseen = gateways;
        while !unseen.is_empty() {
            let observation = self.observed.recv().await.context("no mirrors")?;
            unseen.remove(&observation.gateway);
            if self.hand_on(&observation)? != 0 {
                bail!("something is to be done where everything is as written");
            }
        }
        Ok(())
    }

    /// So long nothing is to be done.
    async fn rest(&mut self, time: Duration) -> Result<()> {
        let end = Moment::now() + time;
        while let Ok(observation) = timeout_at(end, self.observed.recv()).await {
            if self.hand_on(&observation.context("no mirrors")?)? != 0 {
                bail!("something is to be done where nothing happens");
            }
        }
        Ok(())
    }

    /// Somebody changes one of a hundred targets.
    fn change(&self) {
        let mut targets = self.aws.lock();
        for (place, summary) in targets.values_mut().flatten().enumerate() {
            if place % CHANGED == 0 {
                summary.updated_at = self.clock.now();
            }
        }
    }

    /// Until each of these changes has been noticed.
    async fn notice(&mut self) -> Result<()> {
        let mut left = self.servers.len() / CHANGED;
        while left > 0 {
            let observation = self.observed.recv().await.context("no mirrors")?;
            let noticed = self.hand_on(&observation)?;
            left = left.checked_sub(noticed).context("more was noticed than was changed")?;
        }
        Ok(())
    }

    /// Wakes whom it concerns, and plans for them. Returns how many would read their target.
    fn hand_on(&mut self, observation: &Observation) -> Result<usize> {
        let now = self.clock.now();
        let concerned: Vec<usize> = if observation.outlook_changed {
            let sight = self.mirrors.sight(&observation.gateway).context("no sight")?;
            let listing = sight.listing.context("no list")?;
            listing.iter().filter_map(|summary| self.owners.get(&summary.id)).copied().collect()
        } else {
            let changed = observation.changed.iter();
            changed.filter_map(|(target, _)| self.owners.get(target)).copied().collect()
        };
        for number in concerned {
            self.queue.wake(number, namespace(number), now, Urgency::Routine);
        }
        let mut reads = 0;
        while let Some(number) = self.queue.take(now, |number| namespace(*number)) {
            let gateway = gateway(number);
            let sight = self.mirrors.sight(&gateway).context("no sight")?;
            let decision = plan(&World {
                now,
                aws_now: now,
                policy: &self.policy,
                server: &self.servers[number],
                memory: &self.memories[number],
                sights: &HashMap::from([(gateway, sight)]),
                rivals: &[],
                workload: None,
                nonce: "nonce",
                seed: number as u64,
            });
            match decision.step {
                None => {}
                Some(Step::Read { .. }) => reads += 1,
                Some(step) => bail!("resource {number} would {}", step.name()),
            }
            // What is changed stays so for the next look: here it is enough that it is noticed.
            self.queue.done(&number, None);
        }
        Ok(reads)
    }
}

/// AgentCore: what each gateway shows.
struct Table(Mutex<HashMap<GatewayId, Vec<Summary>>>);

impl Table {
    fn of(resources: usize) -> Self {
        let mut gateways: HashMap<GatewayId, Vec<Summary>> = HashMap::new();
        for number in 0..resources {
            let summary = Summary {
                id: target(number),
                name: name(number),
                status: TargetStatus::Ready,
                description: None,
                created_at: Timestamp::UNIX_EPOCH,
                updated_at: Timestamp::UNIX_EPOCH,
                last_synchronized_at: None,
                authorization_url: None,
            };
            gateways.entry(gateway(number)).or_default().push(summary);
        }
        Self(Mutex::new(gateways))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<GatewayId, Vec<Summary>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing but Lists is asked of it.
fn not_asked<T>() -> Result<T, Failure> {
    Err(Failure { class: FailureClass::Invalid, message: "this is a table".to_owned() })
}

impl AgentCore for Table {
    async fn list_targets(&self, gateway: &GatewayId) -> Result<Listing, Failure> {
        Ok(self.lock().get(gateway).into_iter().flatten().cloned().collect())
    }

    async fn get_target(&self, _: &GatewayId, _: &TargetId) -> Result<Target, Failure> {
        not_asked()
    }

    async fn create_target(
        &self,
        _: &GatewayId,
        _: &str,
        _: &Definition,
    ) -> Result<Accepted, Failure> {
        not_asked()
    }

    async fn update_target(
        &self,
        _: &GatewayId,
        _: &TargetId,
        _: &Definition,
    ) -> Result<Accepted, Failure> {
        not_asked()
    }

    async fn delete_target(&self, _: &GatewayId, _: &TargetId) -> Result<(), Failure> {
        not_asked()
    }

    async fn synchronize_target(&self, _: &GatewayId, _: &TargetId) -> Result<(), Failure> {
        not_asked()
    }

    async fn account(&self) -> Result<String, Failure> {
        not_asked()
    }

    fn aws_time(&self, local: Timestamp) -> Timestamp {
        local
    }
}

fn gateway(number: usize) -> GatewayId {
    GatewayId(format!("bench-{:04}-a1b2c3d4e5", number / EACH))
}

fn target(number: usize) -> TargetId {
    TargetId(format!("T{number:09}"))
}

fn name(number: usize) -> String {
    format!("server-{number:05}")
}

fn namespace(number: usize) -> &'static str {
    NAMESPACES[number % NAMESPACES.len()]
}

/// A resource that has been Ready.
fn server(number: usize) -> Result<MCPServer> {
    let spec = MCPServerSpec {
        endpoint: format!("https://{}.example.com/mcp", name(number)),
        capabilities: vec!["tools".to_owned()],
        gateway_id: Some(gateway(number).0),
        auth_type: Some("NoAuth".to_owned()),
        ..MCPServerSpec::default()
    };
    let mut server = MCPServer::new(&name(number), spec);
    let meta = &mut server.metadata;
    meta.namespace = Some(namespace(number).to_owned());
    meta.uid = Some(format!("00000000-0000-0000-0000-{number:012}"));
    meta.generation = Some(1);
    meta.finalizers = Some(vec![FINALIZER.to_owned()]);
    let identity = format!("{}/{}", gateway(number), target(number));
    meta.annotations = Some([(TARGET_ANNOTATION.to_owned(), identity)].into());
    let Ok(wish) = validate(&server) else { bail!("the resource of the simulation is not valid") };
    server.status = Some(MCPServerStatus {
        gateway_id: Some(gateway(number).0),
        target_id: Some(target(number).0),
        target_name: Some(name(number)),
        applied: Some(Applied {
            fingerprint: fingerprint(&wish.definition),
            updated_at: Timestamp::UNIX_EPOCH,
            settled: true,
        }),
        ..MCPServerStatus::default()
    });
    Ok(server)
}
