//! The operator as a user installs it: the CRD, the rights and the program, from the files that
//! are shipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use kube::Client;

use crate::control_plane::Access;
use crate::{ControlPlane, Manifests, Process, Program};

/// Where the operator lives in a cluster.
const NAMESPACE: &str = "mcp-gateway-operator-system";
/// Its service account.
const ACCOUNT: &str = "mcp-gateway-operator";

/// A file or folder of the checkout.
#[must_use]
pub fn file(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path)
}

/// Applies the CRD alone.
pub async fn crd(client: &Client) -> Result<()> {
    Manifests::read(file("config/crd/bases"))?.apply(client).await.map(drop)
}

/// Applies the namespace, the service account and the rights that the operator cannot do without,
/// and returns what lets it in: a token of that account, not an administrator's.
pub async fn rights(cluster: &ControlPlane) -> Result<Access> {
    let client = cluster.client()?;
    Manifests::read(file("config/manager/namespace.yaml"))?.apply(&client).await?;
    rbac(&client, ["service_account", "role", "role_binding"]).await?;
    cluster.service_account(NAMESPACE, ACCOUNT).await
}

/// Applies its rights to see workloads, without which only `spec.toolSync.workloadRef` does not work.
pub async fn workload_rights(client: &Client) -> Result<()> {
    rbac(client, ["workload_viewer_role", "workload_viewer_role_binding"]).await
}

/// Applies its rights to the Lease, in this namespace instead of its own.
pub async fn leadership_rights(client: &Client, namespace: &str) -> Result<()> {
    for name in ["leader_election_role", "leader_election_role_binding"] {
        let text = fs::read_to_string(file(&format!("config/rbac/{name}.yaml")))?;
        // The first is the object's own; who is bound stays where it is.
        let text = text.replacen(
            &format!("namespace: {NAMESPACE}"),
            &format!("namespace: {namespace}"),
            1,
        );
        text.parse::<Manifests>()?.apply(client).await?;
    }
    Ok(())
}

async fn rbac(client: &Client, files: impl IntoIterator<Item = &str>) -> Result<()> {
    for name in files {
        Manifests::read(file(&format!("config/rbac/{name}.yaml")))?.apply(client).await?;
    }
    Ok(())
}

/// The operator, let in by this kubeconfig, with the AgentCore at this URL for AWS. Its
/// environment is nothing but this.
#[must_use]
pub fn operator(path: PathBuf, kubeconfig: &Path, aws: &str) -> Program {
    Program::new("operator", path)
        .env("KUBECONFIG", kubeconfig)
        .env("AWS_ENDPOINT_URL", aws)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "an-example")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .flag("health-probe-bind-address", "127.0.0.1:0")
}

/// Waits until the operator has read the resources, from when on it works.
pub async fn operator_works(process: &Process, within: Duration) -> Result<()> {
    let read = |line: &str| line.contains("the MCPServers have been read");
    process.wait_for_line("word that the resources have been read", within, read).await.map(drop)
}
