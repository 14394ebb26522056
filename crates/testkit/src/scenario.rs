//! The language of the tests that run the real operator: given, when, then.
//!
//! A scenario has a namespace and an AgentCore of its own, so that many run side by side on the
//! shared control plane. The operator is the real program under the rights that are shipped;
//! AgentCore is the emulator, in this process, so that a test can hold its clock.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use api::{MCPServer, MCPServerSpec};
use emulator::{CallRecord, Durations, Emulator, Settings, TargetView};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::control_plane::{Access, Shared};
use crate::{ControlPlane, Process, Program, binary, install, wait};

/// The gateway that every scenario has, and the operator's default there.
pub const GATEWAY: &str = "scenario-a1b2c3d4e5";
/// A second one.
pub const OTHER_GATEWAY: &str = "scenario-f6g7h8i9j0";

/// How long AWS may show old states in a scenario: the emulator shows none.
const WINDOW: &str = "500ms";
const SOON: Duration = Duration::from_secs(30);
const TRANSITION: Duration = Duration::from_millis(300);

/// The operator's rights, once they and the CRD are installed.
static INSTALLED: OnceCell<Access> = OnceCell::const_new();

/// A test's world.
pub struct Scenario {
    cluster: Shared,
    client: Client,
    namespace: String,
    /// AgentCore.
    pub aws: Emulator,
    access: Access,
    operator: Option<Process>,
}

impl Scenario {
    /// A cluster with the CRD and the operator's rights, a namespace, and two gateways. No
    /// operator yet.
    pub async fn begin(name: &str) -> Result<Self> {
        let durations = Durations::all(TRANSITION);
        Self::begin_with(name, Settings { durations, ..Settings::default() }).await
    }

    /// The same with an AgentCore of this kind, on which the two gateways are.
    pub async fn begin_with(name: &str, settings: Settings) -> Result<Self> {
        let cluster = ControlPlane::shared().await?;
        let client = cluster.client()?;
        let installed = INSTALLED.get_or_try_init(|| async {
            install::crd(&client).await?;
            install::workload_rights(&client).await?;
            install::rights(&cluster).await
        });
        let access = installed.await?.clone();
        let gateways = vec![GATEWAY.to_owned(), OTHER_GATEWAY.to_owned()];
        let aws = Emulator::start(Settings { gateways, ..settings }).await?;
        let namespace = cluster.namespace(name).await?;
        Ok(Self { cluster, client, namespace, aws, access, operator: None })
    }

    /// The namespace of the scenario.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The control plane.
    #[must_use]
    pub fn cluster(&self) -> &ControlPlane {
        &self.cluster
    }

    /// The resources of the scenario, for an administrator.
    pub fn servers(&self) -> Result<Api<MCPServer>> {
        Ok(Api::namespaced(self.client.clone(), &self.namespace))
    }

    /// What lets the operator into the API server.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The operator as it would be started.
    pub fn operator(&self) -> Result<Program> {
        self.operator_through(&self.access, self.aws.url())
    }

    /// The operator, let into the API server by this, with AgentCore at this URL: where proxies
    /// stand between.
    pub fn operator_through(&self, access: &Access, aws: &str) -> Result<Program> {
        let kubeconfig = self.cluster.kubeconfig_file(access)?;
        let path = binary("mcp-gateway-operator")?;
        Ok(install::operator(path, &kubeconfig, aws)
            .flag("gateway-id", GATEWAY)
            .flag("watch-namespaces", &self.namespace)
            .flag("consistency-window", WINDOW)
            .flag("log-format", "text")
            .flag("log-level", "debug"))
    }

    /// Given: the operator runs and has read the resources.
    pub async fn given_operator(&mut self) -> Result<()> {
        self.given_operator_with(|program| program).await
    }

    /// Given: the operator runs, started otherwise.
    pub async fn given_operator_with(
        &mut self,
        otherwise: impl FnOnce(Program) -> Program,
    ) -> Result<()> {
        ensure!(self.operator.is_none(), "an operator runs already");
        let process = otherwise(self.operator()?).spawn()?;
        install::operator_works(&process, SOON).await?;
        self.operator = Some(process);
        Ok(())
    }

    /// The running operator.
    pub fn running(&self) -> Result<&Process> {
        self.operator.as_ref().context("no operator runs")
    }

    /// When: the operator is killed, as by the kernel.
    pub async fn when_operator_is_killed(&mut self) -> Result<()> {
        let process = self.operator.take().context("no operator runs")?;
        process.kill().await.map(drop)
    }

    /// When: the operator is asked to end, as Kubernetes does. It has to comply.
    pub async fn when_operator_is_stopped(&mut self) -> Result<()> {
        let process = self.operator.take().context("no operator runs")?;
        let status = process.terminate(Duration::from_secs(20)).await?;
        ensure!(status.success(), "the operator ended with {status}");
        Ok(())
    }

    /// When: a person creates a resource, valid but for what `edit` does to it.
    pub async fn when_created(
        &self,
        name: &str,
        edit: impl FnOnce(&mut MCPServerSpec),
    ) -> Result<MCPServer> {
        let mut server = MCPServer::new(name, valid_spec(name));
        edit(&mut server.spec);
        Ok(self.servers()?.create(&PostParams::default(), &server).await?)
    }

    /// When: a person edits the spec by this merge patch.
    pub async fn when_edited(&self, name: &str, spec: Value) -> Result<MCPServer> {
        let patch = Patch::Merge(json!({ "spec": spec }));
        Ok(self.servers()?.patch(name, &PatchParams::default(), &patch).await?)
    }

    /// When: a person deletes the resource.
    pub async fn when_deleted(&self, name: &str) -> Result<()> {
        self.servers()?.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Then: it becomes Ready with its newest generation, and AWS has what it says.
    pub async fn then_ready(&self, name: &str) -> Result<MCPServer> {
        let server = self.wait(name)?.until("Ready with its newest generation", is_ready).await?;
        let status = server.status.clone().unwrap_or_default();
        ensure!(
            status.applied_generation == server.metadata.generation,
            "Ready with generation {:?} applied",
            status.applied_generation
        );
        let gateway = status.gateway_id.context("Ready without a gateway")?;
        let target_name = status.target_name.context("Ready without a target name")?;
        let target = self.target(&gateway, &target_name)?;
        ensure!(Some(target.target_id.as_str()) == status.target_id.as_deref(), "another target");
        ensure!(target.status.as_str() == "READY", "the target is {}", target.status.as_str());
        let endpoint = &target.spec.target_configuration["mcp"]["mcpServer"]["endpoint"];
        ensure!(endpoint == server.spec.endpoint.trim(), "AWS has the endpoint {endpoint}");
        Ok(server)
    }

    /// Then: its newest generation is not Ready, for this reason; returns the message.
    pub async fn then_not_ready(&self, name: &str, reason: &str) -> Result<String> {
        let server = self
            .wait(name)?
            .until(&format!("not Ready for {reason}"), |server| {
                is_current(server)
                    && condition(server, "Ready").is_some_and(|c| c.0 != "True" && c.1 == reason)
            })
            .await?;
        Ok(condition(&server, "Ready").unwrap_or_default().2)
    }

    /// Then: the resource goes, and nothing of the scenario is left at AWS.
    pub async fn then_gone(&self, name: &str) -> Result<()> {
        self.wait(name)?.until_gone().await?;
        let left = self.aws.targets(GATEWAY).len() + self.aws.targets(OTHER_GATEWAY).len();
        ensure!(left == 0, "{left} targets are left at AWS");
        Ok(())
    }

    /// Waits on a resource.
    pub fn wait(&self, name: &str) -> Result<wait::Wait<MCPServer>> {
        Ok(wait::on(&self.servers()?, name))
    }

    /// The one target of this name.
    pub fn target(&self, gateway: &str, name: &str) -> Result<TargetView> {
        let mut targets = self.aws.targets(gateway);
        targets.retain(|target| target.spec.name == name);
        match targets.len() {
            1 => Ok(targets.remove(0)),
            count => bail!("{count} targets named {name} on {gateway}"),
        }
    }

    /// Every call so far that changed something at AWS.
    #[must_use]
    pub fn writes(&self) -> Vec<CallRecord> {
        self.aws.calls().into_iter().filter(CallRecord::is_write).collect()
    }
}

/// A spec that AWS takes.
#[must_use]
pub fn valid_spec(name: &str) -> MCPServerSpec {
    MCPServerSpec {
        endpoint: format!("https://{name}.example.com/mcp"),
        capabilities: vec!["tools".to_owned()],
        oauth_provider_arn: Some(
            "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default/\
             oauth2credentialprovider/example"
                .to_owned(),
        ),
        oauth_scopes: Some(vec!["read".to_owned(), "write".to_owned()]),
        ..MCPServerSpec::default()
    }
}

/// Status, reason and message of a condition.
#[must_use]
pub fn condition(server: &MCPServer, kind: &str) -> Option<(String, String, String)> {
    let conditions = &server.status.as_ref()?.conditions;
    let found = conditions.iter().find(|condition| condition.type_ == kind)?;
    Some((found.status.clone(), found.reason.clone(), found.message.clone()))
}

/// Whether it is Ready with its newest generation.
#[must_use]
pub fn is_ready(server: &MCPServer) -> bool {
    is_current(server) && condition(server, "Ready").is_some_and(|ready| ready.0 == "True")
}

/// Whether it is Ready with its newest generation, and nothing is left open in its records: it says in its
/// annotation, too, which target it has, and has left no other behind.
#[must_use]
pub fn is_settled(server: &MCPServer) -> bool {
    let Some(status) = &server.status else { return false };
    let annotations = server.metadata.annotations.as_ref();
    let said = annotations.and_then(|annotations| annotations.get(api::TARGET_ANNOTATION));
    let gateway = status.gateway_arn.as_deref().and_then(|arn| arn.rsplit_once('/'));
    let has =
        gateway.zip(status.target_id.as_ref()).map(|((_, id), target)| format!("{id}/{target}"));
    is_ready(server)
        && status.applied_generation == server.metadata.generation
        && status.intent.is_none()
        && status.applying.is_none()
        && status.retired.is_empty()
        && status.tool_sync.as_ref().is_none_or(|record| record.under_way.is_none())
        && said == has.as_ref()
}

fn is_current(server: &MCPServer) -> bool {
    let observed = server.status.as_ref().and_then(|status| status.observed_generation);
    observed.is_some() && observed == server.metadata.generation
}
