//! A namespace with two replicas, an AgentCore, and a few resources.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use api::MCPServer;
use emulator::{CallKind, Durations, Emulator, Settings};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;
use testkit::control_plane::Access;
use testkit::proxy::{Points, Proxy, Upstream};
use testkit::scenario::{GATEWAY, is_ready, valid_spec};
use testkit::wait::eventually;
use testkit::{ControlPlane, Process, Signal, binary, install, wait};

const LEASE: &str = "mcp-gateway-operator";
const RESOURCES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];
const SOON: Duration = Duration::from_mins(1);

/// Leases that are over soon.
const SHORT: [(&str, &str); 3] = [
    ("leader-elect-lease-duration", "3s"),
    ("leader-elect-renew-deadline", "2s"),
    ("leader-elect-retry-period", "250ms"),
];

/// What a replica asks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// Whatever only a leader does: all but whose account this is.
    ALeadersWork,
    /// A change at AWS.
    AChangeAtAws,
}

impl Asked {
    fn means(self, call: &str) -> bool {
        match self {
            Self::ALeadersWork => !call.starts_with("GetCallerIdentity"),
            Self::AChangeAtAws => ["Create", "Update", "Delete", "Synchronize"]
                .iter()
                .any(|change| call.starts_with(change)),
        }
    }
}

pub(super) struct Stage {
    namespace: String,
    servers: Api<MCPServer>,
    leases: Api<Lease>,
    aws: Emulator,
    access: Access,
    flags: Vec<(&'static str, &'static str)>,
    replicas: [Option<Replica>; 2],
    started: u32,
}

struct Replica {
    process: Process,
    /// The name of its pod.
    pod: String,
    /// Its way to the API server; dropping it cuts that.
    proxy: Option<Proxy>,
    /// Its way to AWS.
    _aws: Proxy,
    /// What it has asked of both.
    points: Arc<Points>,
}

impl Stage {
    pub(super) async fn begin(cluster: &ControlPlane, access: &Access) -> Result<Self> {
        Self::begin_with(cluster, access, &SHORT).await
    }

    pub(super) async fn begin_with(
        cluster: &ControlPlane,
        access: &Access,
        flags: &[(&'static str, &'static str)],
    ) -> Result<Self> {
        let durations = Durations::all(Duration::from_millis(300));
        let settings = Settings { durations, ..Settings::with_gateways([GATEWAY]) };
        let namespace = cluster.namespace("failover").await?;
        let client = cluster.client()?;
        install::leadership_rights(&client, &namespace).await?;
        let mut stage = Self {
            servers: Api::namespaced(client.clone(), &namespace),
            leases: Api::namespaced(client, &namespace),
            namespace,
            aws: Emulator::start(settings).await?,
            access: access.clone(),
            flags: flags.to_vec(),
            replicas: [None, None],
            started: 0,
        };
        for index in 0..2 {
            stage.replace(cluster, index).await?;
        }
        Ok(stage)
    }

    /// A new process in the place of one that is gone.
    pub(super) async fn replace(&mut self, cluster: &ControlPlane, index: usize) -> Result<()> {
        ensure!(self.replicas[index].is_none(), "replica {index} lives");
        self.started += 1;
        let pod = format!("replica-{}-of-{index}", self.started);
        let points = Arc::<Points>::default();
        let life = points.next_life();
        points.count(None);
        let upstream = Upstream::api_server(&self.access)?;
        let proxy = Proxy::start(upstream, Arc::clone(&points), life).await?;
        let aws = Proxy::start(Upstream::plain(self.aws.url())?, Arc::clone(&points), life).await?;
        let kubeconfig = cluster.kubeconfig_file(&self.access.by_way_of(proxy.url()))?;
        let mut program =
            install::operator(binary("mcp-gateway-operator")?, &kubeconfig, aws.url())
                .flag("gateway-id", GATEWAY)
                .flag("watch-namespaces", &self.namespace)
                .flag("consistency-window", "500ms")
                .flag("log-format", "text")
                .flag("log-level", "debug")
                .arg("--leader-elect")
                .env("POD_NAME", &pod)
                .env("POD_NAMESPACE", &self.namespace);
        for (flag, value) in &self.flags {
            program = program.flag(flag, value);
        }
        let process = program.spawn()?;
        install::operator_works(&process, SOON).await?;
        self.replicas[index] =
            Some(Replica { process, pod, proxy: Some(proxy), _aws: aws, points });
        Ok(())
    }

    /// When: a person writes this version of every resource.
    pub(super) async fn write(&self, version: u32) -> Result<()> {
        for name in RESOURCES {
            let description = format!("version {version}");
            if version == 0 {
                let mut server = MCPServer::new(name, valid_spec(name));
                server.spec.description = Some(description);
                self.servers.create(&PostParams::default(), &server).await?;
            } else {
                let patch = Patch::Merge(json!({ "spec": { "description": description } }));
                self.servers.patch(name, &PatchParams::default(), &patch).await?;
            }
        }
        Ok(())
    }

    /// Then: everything is Ready, and AWS has this version.
    pub(super) async fn settles(&self, version: u32) -> Result<()> {
        for name in RESOURCES {
            let ready = wait::on(&self.servers, name).within(SOON);
            ready.until("Ready with its newest generation", is_ready).await?;
            let targets = self.aws.targets(GATEWAY);
            let mut named = targets.iter().filter(|target| target.spec.name == name);
            let (Some(target), None) = (named.next(), named.next()) else {
                bail!("not one target {name}: {targets:?}");
            };
            let expected = format!("version {version}");
            ensure!(target.spec.description.as_deref() == Some(&expected), "{target:?}");
        }
        Ok(())
    }

    /// Which replica leads, as soon as one does.
    pub(super) async fn leader(&self) -> Result<usize> {
        eventually("a leader", SOON, || async {
            let lease = self.leases.get(LEASE).await?;
            let holder = lease.spec.and_then(|spec| spec.holder_identity).unwrap_or_default();
            let is_it = |replica: &Option<Replica>| {
                replica.as_ref().is_some_and(|it| holder.starts_with(&format!("{}_", it.pod)))
            };
            self.replicas.iter().position(is_it).with_context(|| format!("{holder:?} holds it"))
        })
        .await
    }

    /// Then: the other replica leads.
    pub(super) async fn leads_instead(&self, of: usize) -> Result<()> {
        eventually("another leader", SOON, || async {
            let leader = self.leader().await?;
            ensure!(leader != of, "replica {leader} leads still");
            Ok(())
        })
        .await
    }

    pub(super) async fn stop(&mut self, index: usize) -> Result<()> {
        let replica = self.replicas[index].take().context("it is gone")?;
        let status = replica.process.terminate(Duration::from_secs(25)).await?;
        ensure!(status.success(), "the operator ended with {status}");
        Ok(())
    }

    pub(super) async fn kill(&mut self, index: usize) -> Result<()> {
        let replica = self.replicas[index].take().context("it is gone")?;
        replica.process.kill().await.map(drop)
    }

    pub(super) fn signal(&self, index: usize, signal: Signal) -> Result<()> {
        self.replicas[index].as_ref().context("it is gone")?.process.signal(signal)
    }

    pub(super) fn cut_off(&mut self, index: usize) {
        if let Some(replica) = &mut self.replicas[index] {
            replica.proxy = None;
        }
    }

    /// How often a replica has asked for this kind of thing.
    pub(super) fn asked(&self, index: usize, what: Asked) -> usize {
        let Some(replica) = &self.replicas[index] else { return 0 };
        let calls = replica.points.seen().into_iter().map(|point| point.to_string());
        calls.filter(|call| what.means(call)).count()
    }

    /// How many calls AWS has got.
    pub(super) fn calls(&self) -> usize {
        self.aws.calls().len()
    }

    /// Then: of the calls since then, one in a round changed each target, and none made one. One of which
    /// the next leader cannot know whether it came through is sent once more: it says the same.
    pub(super) fn nothing_was_done_twice(&self, since: usize) -> Result<()> {
        let calls = self.aws.calls().split_off(since);
        let mut counts: HashMap<(CallKind, Option<String>), u32> = HashMap::new();
        for call in calls.iter().filter(|call| call.is_write() && call.was_accepted()) {
            *counts.entry((call.kind, call.target.clone())).or_default() += 1;
        }
        ensure!(counts.len() == RESOURCES.len(), "not one change for each: {counts:?}");
        for ((kind, target), count) in counts {
            let most = if kind == CallKind::UpdateGatewayTarget { 2 } else { 0 };
            ensure!(count <= most, "{kind:?} of {target:?}: {count} times\n{calls:#?}");
        }
        Ok(())
    }
}
