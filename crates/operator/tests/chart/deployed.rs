//! The operator as a process under what its Deployment says: arguments, environment and service
//! account.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, EnvVar, PodSpec};
use kube::Api;
use testkit::{ControlPlane, Process, Program, binary, install};

const SOON: Duration = Duration::from_secs(30);

/// The name of a flag in an argument such as `--log-level=info`.
pub(crate) fn flag(argument: &str) -> &str {
    let name = argument.trim_start_matches('-');
    name.split_once('=').map_or(name, |(name, _)| name)
}

/// What the pods of a Deployment are.
pub(crate) fn pod(deployment: &Deployment) -> Result<&PodSpec> {
    deployment.spec.template.spec.as_ref().context("a Deployment without pods")
}

/// Its only container.
pub(crate) fn container(deployment: &Deployment) -> Result<&Container> {
    match &pod(deployment)?.containers[..] {
        [container] => Ok(container),
        containers => bail!("{} containers", containers.len()),
    }
}

/// Its arguments.
pub(crate) fn arguments(deployment: &Deployment) -> Result<&[String]> {
    Ok(container(deployment)?.args.as_deref().unwrap_or_default())
}

/// Its environment, where it is written out.
pub(crate) fn environment(deployment: &Deployment) -> Result<BTreeMap<String, String>> {
    let written = |env: &EnvVar| Some((env.name.clone(), env.value.clone()?));
    Ok(container(deployment)?.env.iter().flatten().filter_map(written).collect())
}

/// The Deployment of this name, as the API server has it.
pub(crate) async fn deployment(
    cluster: &ControlPlane,
    namespace: &str,
    name: &str,
) -> Result<Deployment> {
    Ok(Api::namespaced(cluster.client()?, namespace).get(name).await?)
}

/// The operator as its Deployment says, with the AgentCore at this URL for AWS.
pub(crate) async fn program(
    cluster: &ControlPlane,
    namespace: &str,
    name: &str,
    aws: &str,
) -> Result<Program> {
    let deployment = deployment(cluster, namespace, name).await?;
    let account = pod(&deployment)?.service_account_name.as_deref().unwrap_or("default");
    let access = cluster.service_account(namespace, account).await?;
    let kubeconfig = cluster.kubeconfig_file(&access)?;
    let program = install::operator(binary("mcp-gateway-operator")?, &kubeconfig, aws)
        .env("POD_NAME", name)
        .env("POD_NAMESPACE", namespace)
        .args(arguments(&deployment)?)
        // Several of them run on one machine: of a flag that is given twice the last counts.
        .flag("health-probe-bind-address", "127.0.0.1:0")
        .flag("metrics-bind-address", "127.0.0.1:0");
    let environment = environment(&deployment)?;
    Ok(environment.iter().fold(program, |program, (name, value)| program.env(name, value)))
}

/// Starts it, and returns when it has read the resources.
pub(crate) async fn start(
    cluster: &ControlPlane,
    namespace: &str,
    name: &str,
    aws: &str,
) -> Result<Process> {
    let process = program(cluster, namespace, name, aws).await?.spawn()?;
    install::operator_works(&process, SOON).await?;
    Ok(process)
}
