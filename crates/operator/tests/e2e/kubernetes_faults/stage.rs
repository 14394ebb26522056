//! An operator with a way of its own to the API server, and a story that is told on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use api::MCPServer;
use emulator::{CallKind, CallRecord, Durations, Emulator, Settings};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use testkit::control_plane::Access;
use testkit::proxy::{Proxy, Upstream, Weather};
use testkit::scenario::{GATEWAY, OTHER_GATEWAY, is_settled, valid_spec};
use testkit::wait::eventually;
use testkit::{ControlPlane, Process, Scenario, binary, install, wait};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

const MCPSERVERS: &str = "/mcpservers";
const SOON: Duration = Duration::from_mins(1);
const PATIENCE: Duration = Duration::from_mins(3);
/// Those that are written first.
const FIRST: [&str; 3] = ["alpha", "beta", "gamma"];
/// Those that are there in the end.
const LAST: [&str; 3] = ["alpha", "beta", "delta"];

/// How the story ends in fair weather.
static CLEAN: OnceCell<Ending> = OnceCell::const_new();

/// The target and the status of every resource, without what is drawn.
type Ending = BTreeMap<String, Value>;

/// The AgentCore of a story.
pub(super) async fn agentcore() -> Result<Emulator> {
    let durations = Durations::all(Duration::from_millis(300));
    let gateways = vec![GATEWAY.to_owned(), OTHER_GATEWAY.to_owned()];
    let settings = Settings { durations, gateways, ..Settings::default() };
    Ok(Emulator::start(settings).await?)
}

pub(super) struct Stage<'a> {
    servers: Api<MCPServer>,
    aws: &'a Emulator,
    pub(super) weather: Arc<Weather>,
    namespace: String,
    _proxy: Proxy,
    process: Process,
}

impl<'a> Stage<'a> {
    pub(super) async fn begin(scenario: &'a Scenario) -> Result<Self> {
        let (cluster, access) = (scenario.cluster(), scenario.access());
        Self::of(cluster, access, scenario.namespace(), &scenario.aws).await
    }

    pub(super) async fn of(
        cluster: &ControlPlane,
        access: &Access,
        namespace: &str,
        aws: &'a Emulator,
    ) -> Result<Self> {
        let weather = Arc::<Weather>::default();
        let proxy = Proxy::start_in(Upstream::api_server(access)?, Arc::clone(&weather)).await?;
        let kubeconfig = cluster.kubeconfig_file(&access.by_way_of(proxy.url()))?;
        let process = install::operator(binary("mcp-gateway-operator")?, &kubeconfig, aws.url())
            .flag("gateway-id", GATEWAY)
            .flag("watch-namespaces", namespace)
            .flag("consistency-window", "500ms")
            .flag("log-format", "text")
            .flag("log-level", "debug")
            .spawn()?;
        install::operator_works(&process, SOON).await?;
        let client: Client = cluster.client()?;
        let servers = Api::namespaced(client, namespace);
        let namespace = namespace.to_owned();
        Ok(Self { servers, aws, weather, namespace, _proxy: proxy, process })
    }

    /// The first part of the story, to its end.
    pub(super) async fn write(&self) -> Result<()> {
        self.write_all().await?;
        self.settles_so_far().await
    }

    /// The first part of the story: somebody writes.
    pub(super) async fn write_all(&self) -> Result<()> {
        for name in FIRST {
            self.create(name).await?;
        }
        Ok(())
    }

    /// Then: the first part has come to its end.
    pub(super) async fn settles_so_far(&self) -> Result<()> {
        self.are_ready(&FIRST).await
    }

    /// The second part: an edit, a move with another name, a deletion, another resource.
    pub(super) async fn change(&self) -> Result<()> {
        self.edit("alpha", json!({ "endpoint": "https://other.example.com/mcp" })).await?;
        let moved = json!({ "gatewayId": OTHER_GATEWAY, "targetName": "moved" });
        self.edit("beta", moved).await?;
        self.servers.delete("gamma", &DeleteParams::default()).await?;
        self.create("delta").await
    }

    /// Then: all is as the second part has written it.
    pub(super) async fn settles(&self) -> Result<()> {
        self.are_ready(&LAST).await?;
        wait::on(&self.servers, "gamma").within(PATIENCE).until_gone().await
    }

    /// Then: something is done for what was changed, within this time.
    pub(super) async fn notices(&self, within: Duration) -> Result<()> {
        wait::on(&self.servers, "delta")
            .within(within)
            .until("in care", |server| server.metadata.finalizers.is_some())
            .await
            .map(drop)
    }

    /// When: somebody writes to every resource of the first part, again and again, as long as what
    /// this returns is kept.
    pub(super) fn noise(&self) -> JoinSet<()> {
        let mut writing = JoinSet::new();
        for name in FIRST {
            let servers = self.servers.clone();
            writing.spawn(async move {
                for number in 0_u32.. {
                    let noise = json!({ "metadata": { "annotations": {
                        "example.com/noise": number.to_string(),
                    }}});
                    // The resource may be gone by now.
                    let _ =
                        servers.patch(name, &PatchParams::default(), &Patch::Merge(noise)).await;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
        writing
    }

    /// Waits until the last that was asked is a watch that goes on, and returns from where.
    pub(super) async fn watched_again(&self) -> Result<Option<String>> {
        let before = self.weather.asked(MCPSERVERS).len();
        eventually("another watch", SOON, || async {
            let asked = self.weather.asked(MCPSERVERS);
            ensure!(asked.len() > before, "{before} requests as before");
            let last = asked.last().context("nothing was asked")?;
            Ok(last.resource_version().map(str::to_owned))
        })
        .await
    }

    /// How often all resources were asked for.
    pub(super) fn lists(&self) -> usize {
        self.weather.full_lists(MCPSERVERS)
    }

    /// Then: all resources were asked for so often.
    pub(super) fn lists_are(&self, times: usize) -> Result<()> {
        let lists = self.lists();
        let asked = self.weather.asked(MCPSERVERS);
        ensure!(lists == times, "{lists} lists of everything instead of {times}: {asked:#?}");
        Ok(())
    }

    /// How many targets were made.
    pub(super) fn creates(&self) -> usize {
        let calls = self.aws.calls();
        let made =
            |call: &&CallRecord| call.kind == CallKind::CreateGatewayTarget && call.was_accepted();
        // A move makes another one.
        calls.iter().filter(made).count() - 1
    }

    /// How far the cluster has come.
    pub(super) async fn version(&self) -> Result<String> {
        let list = self.servers.list(&ListParams::default()).await?;
        list.metadata.resource_version.context("a list without a version")
    }

    async fn create(&self, name: &str) -> Result<()> {
        let server = MCPServer::new(name, valid_spec(name));
        self.servers.create(&PostParams::default(), &server).await?;
        Ok(())
    }

    async fn edit(&self, name: &str, spec: Value) -> Result<()> {
        let patch = Patch::Merge(json!({ "spec": spec }));
        self.servers.patch(name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    async fn are_ready(&self, names: &[&str]) -> Result<()> {
        for name in names {
            let ready = wait::on(&self.servers, name).within(PATIENCE);
            ready.until("Ready with nothing left open", is_settled).await?;
        }
        Ok(())
    }

    async fn ending(&self) -> Result<Ending> {
        self.settles().await?;
        ensure!(self.process.status().is_none(), "it is not the same process");
        let mut ending = Ending::new();
        for server in self.servers.list(&ListParams::default()).await?.items {
            let status = server.status.clone().unwrap_or_default();
            let gateway = status.gateway_id.clone().context("no gateway")?;
            let id = status.target_id.clone().context("no target")?;
            let conditions: Vec<Value> = status
                .conditions
                .iter()
                .map(|it| json!([it.type_, it.status, it.reason, it.message]))
                .collect();
            let target = self.aws.targets(&gateway).into_iter().find(|it| it.target_id == id);
            let target = target.context("its target is not there")?;
            let told = json!({
                "gateway": gateway,
                "name": status.target_name,
                "generation": [server.metadata.generation, status.observed_generation, status.applied_generation],
                "conditions": conditions,
                "finalizers": server.metadata.finalizers,
                "target": target.spec,
                "status": target.status.as_str(),
            });
            let told = told.to_string().replace(&id, "ID").replace(&self.namespace, "NAMESPACE");
            let name = server.metadata.name.context("no name")?;
            ending.insert(name, serde_json::from_str(&told)?);
        }
        let targets: usize =
            [GATEWAY, OTHER_GATEWAY].iter().map(|gateway| self.aws.targets(gateway).len()).sum();
        ensure!(targets == ending.len(), "{targets} targets for {} resources", ending.len());
        Ok(ending)
    }
}

/// Then: the story ends as it does in fair weather.
pub(super) async fn alike(stage: &Stage<'_>) -> Result<()> {
    let ending = stage.ending().await?;
    let clean = CLEAN.get_or_try_init(|| async {
        let scenario = Scenario::begin("fair").await?;
        let fair = Stage::begin(&scenario).await?;
        fair.write().await?;
        fair.change().await?;
        fair.ending().await
    });
    let clean = Box::pin(clean).await?;
    ensure!(ending == *clean, "it ends otherwise:\n{ending:#?}\nthan in fair weather:\n{clean:#?}");
    Ok(())
}
