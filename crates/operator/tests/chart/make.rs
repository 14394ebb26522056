//! What `make` installs without Helm: `build-installer`, `install`, `deploy`, and what takes it away.
//!
//! Contract: the targets that write to `dist` are run one after the other, in one test.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use api::MCPServer;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::PostParams;
use testkit::scenario::{GATEWAY, is_ready, valid_spec};
use testkit::{ControlPlane, Manifests, TestResult, install, wait};
use tokio::task::spawn_blocking;

use crate::deployed;
use crate::helm::{NAMESPACE, RELEASE};
use crate::lifecycle::{CRD, agentcore};
use crate::render::deployments;

const IMAGE: &str = "registry.example.com:5000/team/operator:1.2-rc.3";

/// `make` with these arguments, on this cluster. It has to succeed.
async fn make(kubeconfig: &Path, args: &[&str]) -> Result<()> {
    let mut command = Command::new("make");
    command.arg("-C").arg(install::file("")).args(args).env("KUBECONFIG", kubeconfig);
    // What the make that runs the tests hands on is not for this one.
    for name in ["MAKEFLAGS", "MAKELEVEL", "MFLAGS", "IMG"] {
        command.env_remove(name);
    }
    let args = args.join(" ");
    let output = spawn_blocking(move || command.output()).await??;
    let (said, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "make {args}: {}\n{said}\n{complaint}", output.status);
    Ok(())
}

fn has_kubectl() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join("kubectl").is_file())
}

#[tokio::test]
async fn make_installs_and_removes() -> TestResult {
    let cluster = ControlPlane::builder().controller_manager().start().await?;
    let kubeconfig = cluster.kubeconfig_file(cluster.admin())?;
    let client = cluster.client()?;

    make(&kubeconfig, &["build-installer"]).await?;
    let installer = Manifests::read(install::file("dist/install.yaml"))?;
    let image = |manifests: &Manifests| -> Result<Option<String>> {
        let all = deployments(manifests.objects())?;
        ensure!(all.len() == 1, "{} Deployments", all.len());
        Ok(deployed::container(&all[0])?.image.clone())
    };
    let ours = concat!("mcp-gateway-operator:", env!("CARGO_PKG_VERSION"));
    assert_eq!(image(&installer)?.as_deref(), Some(ours));
    let with_image = format!("IMG={IMAGE}");
    make(&kubeconfig, &["build-installer", &with_image]).await?;
    let installer = Manifests::read(install::file("dist/install.yaml"))?;
    assert_eq!(image(&installer)?.as_deref(), Some(IMAGE));

    if !has_kubectl() {
        eprintln!("make install, deploy and undeploy: SKIPPED, there is no kubectl in PATH");
        return Ok(());
    }
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    make(&kubeconfig, &["install"]).await?;
    assert!(definitions.get_opt(CRD).await?.is_some(), "make install applies the CRD");
    make(&kubeconfig, &["uninstall"]).await?;
    assert!(definitions.get_opt(CRD).await?.is_none(), "make uninstall takes it away");

    make(&kubeconfig, &["deploy", &with_image]).await?;
    let deployment = deployed::deployment(&cluster, NAMESPACE, RELEASE).await?;
    assert_eq!(deployed::container(&deployment)?.image.as_deref(), Some(IMAGE));
    let aws = agentcore().await?;
    let operator = deployed::start(&cluster, NAMESPACE, RELEASE, aws.url()).await?;
    let servers: Api<MCPServer> = Api::namespaced(client.clone(), "default");
    let server = MCPServer {
        spec: api::MCPServerSpec { gateway_id: Some(GATEWAY.to_owned()), ..valid_spec("weather") },
        ..MCPServer::new("weather", valid_spec("weather"))
    };
    servers.create(&PostParams::default(), &server).await?;
    wait::on(&servers, "weather").until("Ready", is_ready).await?;

    make(&kubeconfig, &["undeploy", &with_image]).await?;
    assert!(aws.targets(GATEWAY).is_empty(), "the target goes with everything else");
    assert!(definitions.get_opt(CRD).await?.is_none(), "the CRD is gone");
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    assert!(deployments.get_opt(RELEASE).await?.is_none(), "the Deployment is gone");
    let namespaces: Api<Namespace> = Api::all(client);
    assert!(namespaces.get_opt(NAMESPACE).await?.is_none(), "the namespace is gone");
    operator.terminate(Duration::from_secs(20)).await?;
    Ok(())
}
