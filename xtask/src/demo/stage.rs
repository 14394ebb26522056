//! The stage: every part that plays, as a process of its own.
//!
//! Contract: each step is said before it is taken. The operator is let in by the shipped rights
//! and the token of its service account, and runs with its defaults.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Error, Result, anyhow};
use api::MCPServer;
use kube::{Api, ResourceExt};
use testkit::{ControlPlane, EmulatorProcess, HeldTarget, Manifests, Process, binary, install};
use tokio::time::timeout;

use super::screen::Screen;

/// The operator's default gateway.
const GATEWAY: &str = "demo-a1b2c3d4e5";

/// For anything that is awaited. Generous, because it costs nothing when all goes well, and
/// machines that check things are busy.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// How long after a failure to look for the end of a process as its cause: whoever talked to that
/// process may notice first.
const AFTERMATH: Duration = Duration::from_secs(2);

/// Everything that runs. Dropping it ends it.
pub(crate) struct Stage {
    // In the order in which they go: who asks before who answers.
    operator: Process,
    agentcore: EmulatorProcess,
    cluster: ControlPlane,
    kubeconfig: PathBuf,
}

impl Stage {
    /// Starts everything.
    pub(crate) async fn set(screen: &mut Screen) -> Result<Self> {
        screen.step("starting etcd and kube-apiserver")?;
        let cluster = ControlPlane::builder().start().await?;
        let kubeconfig = cluster.kubeconfig_file(cluster.admin())?;

        screen.step("starting the AgentCore emulator")?;
        let agentcore = EmulatorProcess::start(&[GATEWAY]).await?;

        screen.step("applying the CRD and the operator's rights")?;
        let access = timely("applying config/", async {
            let client = cluster.client()?;
            install::crd(&client).await?;
            install::workload_rights(&client).await?;
            install::rights(&cluster).await
        })
        .await?;

        screen.step("starting the operator with these rights")?;
        let path = binary("mcp-gateway-operator")?;
        let own = cluster.kubeconfig_file(&access)?;
        let operator = install::operator(path, &own, agentcore.url())
            .flag("gateway-id", GATEWAY)
            // Its log is for people here.
            .flag("log-format", "text")
            .spawn()?;
        install::operator_works(&operator, PATIENCE).await?;
        Ok(Self { operator, agentcore, cluster, kubeconfig })
    }

    /// Applies the samples, and returns their names.
    pub(crate) async fn apply_samples(&self) -> Result<Vec<String>> {
        let client = self.cluster.client()?;
        let mut samples = Manifests::read(install::file("config/samples"))?;
        // Nobody is there to give consent, there is one gateway, and in the end all is to be gone.
        samples.retain(|sample| {
            let spec = &sample.data["spec"];
            spec["oauthGrantType"] != "AuthorizationCode"
                && spec["gatewayId"].is_null()
                && spec["deletionPolicy"] != "Retain"
        });
        let applied = timely("applying config/samples", samples.apply(&client)).await?;
        Ok(applied.iter().map(ResourceExt::name_any).collect())
    }

    /// What happens on the stage, unless a part of it ends before. A failure comes with the last
    /// lines of whoever is the cause, or else of the operator.
    pub(crate) async fn play<T>(&self, scenes: impl Future<Output = Result<T>>) -> Result<T> {
        let error = tokio::select! {
            played = scenes => match played {
                Ok(value) => return Ok(value),
                Err(error) => error,
            },
            end = self.untimely_end() => return Err(end),
        };
        if let Ok(end) = timeout(AFTERMATH, self.untimely_end()).await {
            return Err(end);
        }
        Err(anyhow!("{error:#}\n\nthe operator's last lines:\n{}", self.operator.log().tail()))
    }

    async fn untimely_end(&self) -> Error {
        tokio::select! {
            end = self.operator.untimely_end() => end,
            end = self.agentcore.process().untimely_end() => end,
            end = self.cluster.untimely_end() => end,
        }
    }

    /// The resources of the samples' namespace, for an administrator.
    pub(crate) fn servers(&self) -> Result<Api<MCPServer>> {
        Ok(Api::default_namespaced(self.cluster.client()?))
    }

    /// The resources of all namespaces.
    pub(crate) fn all_servers(&self) -> Result<Api<MCPServer>> {
        Ok(Api::all(self.cluster.client()?))
    }

    /// What AgentCore holds.
    pub(crate) async fn targets(&self) -> Result<Vec<HeldTarget>> {
        self.agentcore.targets(GATEWAY).await
    }

    /// Where AgentCore is.
    pub(crate) fn agentcore(&self) -> &str {
        self.agentcore.url()
    }

    /// What lets people in.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// What the operator says.
    pub(crate) fn operator_log(&self) -> &Path {
        self.operator.log().file()
    }
}

async fn timely<T>(what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    let done = timeout(PATIENCE, work).await;
    done.with_context(|| format!("{what}: not done after {PATIENCE:?}"))?
        .with_context(|| what.to_owned())
}
