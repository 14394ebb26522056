//! Metrics, asked for by who may read them and by who may not.

use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use testkit::control_plane::Access;
use testkit::{Process, wait};

use crate::stage::Stage;

const SOON: Duration = Duration::from_secs(30);

async fn scrape(address: &str, access: &Access) -> Result<String> {
    let mut config = access.config()?;
    config.cluster_url = format!("https://{address}").parse()?;
    // The operator has signed its certificate itself.
    config.accept_invalid_certs = true;
    let request = http::Request::get("/metrics").body(Vec::new())?;
    Ok(Client::try_from(config)?.request_text(request).await?)
}

/// They are shown to one and not to the other: for both the operator has to ask.
pub(crate) async fn are_asked_for(stage: &Stage, operator: &Process) -> Result<()> {
    let shown = |line: &str| line.contains("metrics are shown");
    let line = operator.wait_for_line("word of the metrics", SOON, shown).await?;
    let line: Value = serde_json::from_str(&line)?;
    let address = line["address"].as_str().context("no address")?;

    let accounts: Api<ServiceAccount> = Api::namespaced(stage.client.clone(), "default");
    for name in ["prometheus", "somebody"] {
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let account = ServiceAccount { metadata, ..ServiceAccount::default() };
        accounts.create(&PostParams::default(), &account).await?;
    }
    let binding: ClusterRoleBinding = serde_json::from_value(json!({
        "metadata": { "name": "prometheus-reads-metrics" },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": "mcp-gateway-operator-metrics-reader",
        },
        "subjects": [{ "kind": "ServiceAccount", "name": "prometheus", "namespace": "default" }],
    }))?;
    let bindings: Api<ClusterRoleBinding> = Api::all(stage.client.clone());
    bindings.create(&PostParams::default(), &binding).await?;
    let prometheus = stage.cluster.service_account("default", "prometheus").await?;
    // The API server takes a moment to see the binding.
    wait::eventually("the metrics", SOON, || scrape(address, &prometheus)).await?;
    let somebody = stage.cluster.service_account("default", "somebody").await?;
    assert!(scrape(address, &somebody).await.is_err(), "they are shown to everybody");
    Ok(())
}
