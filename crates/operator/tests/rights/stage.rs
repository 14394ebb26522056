//! A cluster with an audit log, the chart in it, and an AgentCore.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use emulator::{Durations, Emulator, Settings};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use testkit::scenario::{GATEWAY, OTHER_GATEWAY};
use testkit::{ControlPlane, Process, Program, install, wait};

use crate::audit::{self, Used};
use crate::deployed;
use crate::granted::{self, Right};
use crate::helm::{Helm, NAMESPACE, RELEASE, Version, chart};

const SOON: Duration = Duration::from_secs(30);

/// What is set in every install: everything happens soon.
const ALWAYS: [&str; 6] = [
    // The CRD is installed by the test, when it is time.
    "crds.enabled=false",
    "aws.region=us-east-1",
    "operator.consistencyWindow=500ms",
    "operator.toolSyncSettle=500ms",
    "operator.syncInterval=1s",
    "operator.logLevel=debug",
];

pub(crate) struct Stage {
    pub(crate) cluster: ControlPlane,
    pub(crate) client: Client,
    pub(crate) aws: Emulator,
    pub(crate) namespaces: Vec<String>,
    helm: Helm,
    /// How many events of the audit log are of an earlier part of the story.
    read: Cell<usize>,
}

impl Stage {
    pub(crate) async fn begin(namespaces: &[&str]) -> Result<Self> {
        let user = audit::user(NAMESPACE, RELEASE);
        let plane = ControlPlane::builder().audit(audit::policy(&user));
        // With lists that are streamed nobody lists. Where they are not (Kubernetes before 1.34, by default)
        // both rights are needed, so that is what is tested here; all other tests run with the others.
        let cluster = plane.without_streaming_lists().start().await?;
        let client = cluster.client()?;
        let api: Api<Namespace> = Api::all(client.clone());
        for name in namespaces {
            let metadata = ObjectMeta { name: Some((*name).to_owned()), ..ObjectMeta::default() };
            let namespace = Namespace { metadata, ..Namespace::default() };
            api.create(&PostParams::default(), &namespace).await?;
        }
        let helm = Helm::on(Version::Three, &cluster.kubeconfig_file(cluster.admin())?).await?;
        let durations = Durations::all(Duration::from_millis(300));
        let gateways = Settings::with_gateways([GATEWAY, OTHER_GATEWAY]);
        let aws = Emulator::start(Settings { durations, ..gateways }).await?;
        let namespaces = namespaces.iter().map(|name| (*name).to_owned()).collect();
        Ok(Self { cluster, client, aws, namespaces, helm, read: Cell::new(0) })
    }

    /// Installs the chart with these values, or changes them.
    pub(crate) async fn upgrade(&self, values: &[&str]) -> Result<()> {
        let (chart, gateway) = (chart(), format!("aws.gatewayId={GATEWAY}"));
        let mut args = vec!["upgrade", "--install", RELEASE, &chart, "--namespace", NAMESPACE];
        args.push("--create-namespace");
        for value in ALWAYS.iter().chain([&gateway.as_str()]).chain(values) {
            args.extend(["--set", value]);
        }
        self.helm.run(&args).await.map(drop)
    }

    async fn program(&self) -> Result<Program> {
        deployed::program(&self.cluster, NAMESPACE, RELEASE, self.aws.url()).await
    }

    /// Installs it, and the CRD when the operator has missed it.
    pub(crate) async fn installed_before_the_crd(&self, values: &[&str]) -> Result<Process> {
        self.upgrade(values).await?;
        let operator = self.program().await?.spawn()?;
        let missed = |line: &str| line.contains("is not installed");
        operator.wait_for_line("word of the CRD that is missing", SOON, missed).await?;
        install::crd(&self.client).await?;
        install::operator_works(&operator, SOON).await?;
        Ok(operator)
    }

    /// Changes the values, and starts the operator without metrics, as they then say.
    pub(crate) async fn upgraded(&self, values: &[&str]) -> Result<Process> {
        self.upgrade(values).await?;
        let operator = self.program().await?.flag("metrics-bind-address", "0").spawn()?;
        install::operator_works(&operator, SOON).await?;
        Ok(operator)
    }

    /// Another replica stands by and takes over when this one ends.
    pub(crate) async fn takes_over_from(&self, operator: Process) -> Result<Process> {
        let next = self.program().await?.env("POD_NAME", "the-next").spawn()?;
        let stands_by = |line: &str| line.contains("stands by");
        next.wait_for_line("word that it stands by", SOON, stands_by).await?;
        self.ends(operator).await?;
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), NAMESPACE);
        let is_next = |lease: &Lease| {
            let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
            holder.is_some_and(|holder| holder.starts_with("the-next"))
        };
        wait::on(&leases, RELEASE).until("held by the next", is_next).await?;
        Ok(next)
    }

    pub(crate) async fn ends(&self, operator: Process) -> Result<()> {
        let status = operator.terminate(Duration::from_secs(20)).await?;
        ensure!(status.success(), "the operator ended with {status}");
        Ok(())
    }

    /// What the chart grants to the operator now.
    pub(crate) async fn granted(&self) -> Result<BTreeSet<Right>> {
        granted::to(&self.client, NAMESPACE, RELEASE).await
    }

    /// Then: since the last time every right was used, and nothing was asked for without one, but what is
    /// meant to be refused. All who asked have ended.
    pub(crate) async fn then_used_are(
        &self,
        rights: &BTreeSet<Right>,
        is_refused: impl Fn(&Used) -> bool,
    ) -> Result<()> {
        // The last events may be on their way into the file.
        wait::eventually("every right to be used", SOON, || async {
            let used = self.used()?;
            let is_used = |right: &&Right| used.iter().any(|it| right.allows(it) && !it.refused);
            let unused: Vec<_> = rights.iter().filter(|right| !is_used(right)).collect();
            let unused: Vec<_> = unused.iter().map(ToString::to_string).collect();
            ensure!(unused.is_empty(), "granted and not used: {unused:#?}");
            Ok(())
        })
        .await?;
        let used = self.used()?;
        let is_allowed = |it: &&Used| !it.refused && rights.iter().any(|right| right.allows(it));
        let (refused, missing): (Vec<&Used>, Vec<&Used>) =
            used.iter().filter(|it| !is_allowed(it)).partition(|it| is_refused(it));
        let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
        ensure!(missing.is_empty(), "asked for and not granted: {missing:#?}");
        ensure!(refused.iter().all(|it| it.refused), "not refused: {refused:?}");
        self.read.set(self.cluster.audit_log()?.len());
        Ok(())
    }

    fn used(&self) -> Result<BTreeSet<Used>> {
        let events = self.cluster.audit_log()?;
        Ok(audit::used(events.get(self.read.get()..).context("the log has become shorter")?))
    }
}
