//! Everything that runs for a scenario, each part as a process of its own.
//!
//! Contract: the operator is let in by the shipped rights and the token of its service account. Only
//! while a fleet is being made it is an administrator, so that the audit log stays free of that.

use std::time::Duration;

use anyhow::{Context, Error, Result, bail};
use api::MCPServer;
use kube::Api;
use testkit::control_plane::Access;
use testkit::{ControlPlane, Process, Program, install};

use crate::aws::Aws;
use crate::kubernetes::{self, AUDIT, Writes};
use crate::options::Options;
use crate::progress::say;
use crate::watch::Watch;

/// The operator's default gateway, on which nothing is measured.
const WARM_UP: &str = "warm-up-a1b2c3d4e5";
/// How long it may take to end. Go programs that lead have 30 s by default.
const END: Duration = Duration::from_secs(40);

/// Everything that runs. Dropping it ends it.
pub(crate) struct Stage<'a> {
    // In the order in which they go: who asks before who answers.
    operator: Option<Process>,
    pub(crate) aws: Aws,
    cluster: ControlPlane,
    access: Access,
    options: &'a Options,
    namespace: String,
}

/// As whom the operator runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// As a user would run it.
    Measured,
    /// To make a fleet, without limits and unseen by the audit log.
    Seeding,
    /// Measured, but without limits.
    Unlimited,
}

impl<'a> Stage<'a> {
    /// Starts everything but the operator.
    pub(crate) async fn set(
        options: &'a Options,
        gateways: &[String],
        creating: &str,
    ) -> Result<Self> {
        let cluster = ControlPlane::builder().audit(AUDIT).start().await?;
        let client = cluster.client()?;
        install::crd(&client).await?;
        install::workload_rights(&client).await?;
        let access = install::rights(&cluster).await?;
        let namespace = cluster.namespace("bench").await?;
        let gateways = [gateways, &[WARM_UP.to_owned()]].concat();
        let aws = Aws::start(&gateways, creating).await?;
        Ok(Self { operator: None, aws, cluster, access, options, namespace })
    }

    /// The resources, for an administrator.
    pub(crate) fn servers(&self) -> Result<Api<MCPServer>> {
        Ok(Api::namespaced(self.cluster.client()?, &self.namespace))
    }

    /// Watches the resources.
    pub(crate) fn watch(&self) -> Result<Watch> {
        Ok(Watch::begin(self.servers()?))
    }

    /// The operator's writes from now on.
    pub(crate) fn writes(&self) -> Result<Writes> {
        Ok(Writes::from_now(self.cluster.audit_log_file()?))
    }

    /// Starts the operator.
    pub(crate) fn start(&mut self, run: Run) -> Result<u32> {
        let access = if run == Run::Seeding { self.cluster.admin() } else { &self.access };
        let kubeconfig = self.cluster.kubeconfig_file(access)?;
        let (path, arguments) = self.options.operator(run != Run::Measured)?;
        let process = Program::new("operator", path)
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            .env("GATEWAY_ID", WARM_UP)
            .env("AWS_ENDPOINT_URL", self.aws.process().url())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "an-example")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .spawn()?;
        let pid = process.pid();
        self.operator = Some(process);
        Ok(pid)
    }

    /// Waits until it works: until a resource on a gateway of its own is Ready.
    pub(crate) async fn warm_up(&self) -> Result<()> {
        let namespace = self.cluster.namespace("warm-up").await?;
        let servers: Api<MCPServer> = Api::namespaced(self.cluster.client()?, &namespace);
        let mut watch = Watch::begin(servers.clone());
        kubernetes::make(&servers, [(namespace, WARM_UP.to_owned())]).await?;
        self.play(async {
            watch.until(1, "the first resource is Ready", |sight| sight.ready).await.map(drop)
        })
        .await
    }

    /// Asks the operator to end, as Kubernetes does.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        let process = self.operator.take().context("no operator runs")?;
        process.terminate(END).await.map(drop)
    }

    /// The process ID of the operator.
    pub(crate) fn pid(&self) -> Result<u32> {
        Ok(self.operator.as_ref().context("no operator runs")?.pid())
    }

    /// Lets the operator make these resources, on top of those that are there, without any quota, and
    /// ends it.
    pub(crate) async fn seed(&mut self, wanted: Vec<(String, String)>, total: usize) -> Result<()> {
        say(&format!("  making {} resources without quotas, {total} in all", wanted.len()));
        self.aws.hurry(true).await?;
        let servers = self.servers()?;
        let mut watch = self.watch()?;
        self.start(Run::Seeding)?;
        self.play(async {
            kubernetes::make(&servers, wanted).await?;
            watch.until(total, "Ready", |sight| sight.ready).await
        })
        .await?;
        self.stop().await?;
        self.aws.hurry(false).await
    }

    /// What happens on the stage, unless a part of it ends before.
    pub(crate) async fn play<T>(&self, scene: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            played = scene => played,
            end = self.untimely_end() => Err(end),
        }
    }

    async fn untimely_end(&self) -> Error {
        let operator = async {
            match &self.operator {
                Some(operator) => operator.untimely_end().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            end = operator => end,
            end = self.aws.process().process().untimely_end() => end,
            end = self.cluster.untimely_end() => end,
        }
    }
}

/// So many gateways.
pub(crate) fn gateways(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("bench-{number:03}-a1b2c3d4")).collect()
}

/// The resources of these numbers, dealt out to the gateways in turn.
pub(crate) fn fleet(
    numbers: std::ops::Range<usize>,
    gateways: &[String],
) -> Result<Vec<(String, String)>> {
    if gateways.is_empty() {
        bail!("a fleet without gateways");
    }
    let deal = |number: usize| (name(number), gateways[number % gateways.len()].clone());
    Ok(numbers.map(deal).collect())
}

/// The name of a resource.
pub(crate) fn name(number: usize) -> String {
    format!("server-{number:05}")
}
