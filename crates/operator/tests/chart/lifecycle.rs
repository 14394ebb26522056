//! Install, upgrade, roll back, uninstall, on a real API server with the operator running.

use std::time::Duration;

use api::MCPServer;
use emulator::{Durations, Emulator, Settings};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::ClusterRole;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use testkit::scenario::{GATEWAY, is_ready, valid_spec};
use testkit::{ControlPlane, TestResult, wait};

use crate::deployed;
use crate::helm::{Helm, NAMESPACE, RELEASE, Version, chart};

pub(crate) const CRD: &str = "mcpservers.mcpgateway.bedrock.aws";

pub(crate) async fn agentcore() -> anyhow::Result<Emulator> {
    let durations = Durations::all(Duration::from_millis(300));
    Ok(Emulator::start(Settings { durations, ..Settings::with_gateways([GATEWAY]) }).await?)
}

/// Whether anything of the release is left that should not be.
async fn assert_uninstalled(client: &Client) -> anyhow::Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    wait::on(&deployments, RELEASE).until_gone().await?;
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), NAMESPACE);
    assert!(accounts.get_opt(RELEASE).await?.is_none(), "the service account is left");
    let roles: Api<ClusterRole> = Api::all(client.clone());
    let ours: Vec<_> = roles.list(&kube::api::ListParams::default()).await?.items;
    let ours = ours.iter().filter_map(|role| role.metadata.name.as_deref());
    let ours: Vec<_> = ours.filter(|name| name.starts_with(RELEASE)).collect();
    assert!(ours.is_empty(), "roles are left: {ours:?}");
    Ok(())
}

/// With a Helm that installs, and one that does the rest: who changes over does so in the middle.
async fn whole_life(first: Version, then: Version) -> TestResult {
    let cluster = ControlPlane::builder().start().await?;
    let kubeconfig = cluster.kubeconfig_file(cluster.admin())?;
    let helm = Helm::on(first, &kubeconfig).await?;
    let client = cluster.client()?;
    let aws = agentcore().await?;
    let start = || deployed::start(&cluster, NAMESPACE, RELEASE, aws.url());
    let strategy = async || -> anyhow::Result<Option<String>> {
        let spec = deployed::deployment(&cluster, NAMESPACE, RELEASE).await?.spec;
        Ok(spec.strategy.and_then(|strategy| strategy.type_))
    };
    let says_level = async |level: &str| -> anyhow::Result<bool> {
        let deployment = deployed::deployment(&cluster, NAMESPACE, RELEASE).await?;
        Ok(deployed::arguments(&deployment)?.contains(&format!("--log-level={level}")))
    };
    let chart = chart();
    // As the documents have it.
    let gateway = format!("aws.gatewayId={GATEWAY}");
    let role = "serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=arn:aws:iam::123456789012:role/r";
    let install: Vec<&str> = vec![
        "install",
        RELEASE,
        &chart,
        "--namespace",
        NAMESPACE,
        "--create-namespace",
        "--set",
        &gateway,
        "--set",
        "aws.region=us-east-1",
        "--set",
        role,
        "--set",
        "operator.consistencyWindow=500ms",
    ];
    let notes = helm.run(&install).await?;
    assert!(notes.contains("kubectl get mcpservers"), "{notes}");
    assert!(!notes.contains("aws.gatewayId is not set"), "{notes}");
    assert_eq!(strategy().await?.as_deref(), Some("RollingUpdate"));

    let operator = start().await?;
    let servers: Api<MCPServer> = Api::namespaced(client.clone(), "default");
    servers
        .create(&PostParams::default(), &MCPServer::new("weather", valid_spec("weather")))
        .await?;
    wait::on(&servers, "weather").until("Ready", is_ready).await?;
    let target = aws.targets(GATEWAY).remove(0).target_id;
    operator.terminate(Duration::from_secs(20)).await?;

    let helm = if then == first { helm } else { Helm::on(then, &kubeconfig).await? };
    let change = ["upgrade", RELEASE, &chart, "--namespace", NAMESPACE, "--reuse-values"];
    let off = ["--set", "operator.logLevel=debug", "--set", "operator.leaderElection=false"];
    helm.run(&[&change[..], &off].concat()).await?;
    assert_eq!(strategy().await?.as_deref(), Some("Recreate"), "without an election");
    assert!(says_level("debug").await?);
    let operator = start().await?;
    wait::on(&servers, "weather").until("Ready", is_ready).await?;
    operator.terminate(Duration::from_secs(20)).await?;

    helm.run(&["rollback", RELEASE, "1", "--namespace", NAMESPACE]).await?;
    assert_eq!(strategy().await?.as_deref(), Some("RollingUpdate"));
    assert!(says_level("info").await?);

    helm.run(&["uninstall", RELEASE, "--namespace", NAMESPACE]).await?;
    assert_uninstalled(&client).await?;
    let kept = servers.get("weather").await?;
    assert!(kept.metadata.deletion_timestamp.is_none(), "the resource is being deleted");
    assert_eq!(aws.targets(GATEWAY).len(), 1, "the target serves on");

    // Back again, over the CRD that stayed, and to the end.
    helm.run(&install).await?;
    let operator = start().await?;
    wait::on(&servers, "weather").until("Ready", is_ready).await?;
    assert_eq!(aws.targets(GATEWAY).remove(0).target_id, target, "the same target, all along");
    servers.delete("weather", &DeleteParams::default()).await?;
    wait::on(&servers, "weather").until_gone().await?;
    assert!(aws.targets(GATEWAY).is_empty(), "the target went with its resource");
    operator.terminate(Duration::from_secs(20)).await?;
    helm.run(&[&change[..], &["--set", "crds.keep=false"]].concat()).await?;
    helm.run(&["uninstall", RELEASE, "--namespace", NAMESPACE]).await?;
    assert_uninstalled(&client).await?;
    let definitions: Api<CustomResourceDefinition> = Api::all(client);
    wait::on(&definitions, CRD).until_gone().await?;
    Ok(())
}

#[tokio::test]
async fn helm_3() -> TestResult {
    whole_life(Version::Three, Version::Three).await
}

#[tokio::test]
async fn helm_4() -> TestResult {
    whole_life(Version::Four, Version::Four).await
}

#[tokio::test]
async fn helm_3_and_then_4() -> TestResult {
    whole_life(Version::Three, Version::Four).await
}
