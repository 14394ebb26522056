//! Metrics under the rights that the chart gives: shown to who is bound to its role, and to nobody else.

use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use testkit::control_plane::Access;
use testkit::{ControlPlane, Process, TestResult, wait};

use crate::deployed;
use crate::helm::{Helm, NAMESPACE, RELEASE, Version, chart};
use crate::lifecycle::agentcore;

const SOON: Duration = Duration::from_secs(30);

/// Where they are shown, from the log.
async fn address(operator: &Process) -> Result<String> {
    let shown = |line: &str| line.contains("metrics are shown");
    let line = operator.wait_for_line("word of the metrics", SOON, shown).await?;
    let line: Value = serde_json::from_str(&line)?;
    let address = line["fields"]["address"].as_str().or_else(|| line["address"].as_str());
    Ok(address.with_context(|| format!("no address in {line}"))?.to_owned())
}

/// What they say to this user.
async fn scrape(address: &str, access: &Access) -> Result<String, kube::Error> {
    let config = access.config().map(|mut config| {
        config.cluster_url = format!("https://{address}").parse().unwrap_or(config.cluster_url);
        // The operator has signed its certificate itself.
        config.accept_invalid_certs = true;
        config
    });
    let client = Client::try_from(config.map_err(|error| kube::Error::Service(error.into()))?)?;
    let request = http::Request::get("/metrics").body(Vec::new());
    client.request_text(request.map_err(|error| kube::Error::Service(error.into()))?).await
}

#[tokio::test]
async fn who_is_bound_to_the_role_may_read_them() -> TestResult {
    let cluster = ControlPlane::builder().start().await?;
    let client = cluster.client()?;
    let kubeconfig = cluster.kubeconfig_file(cluster.admin())?;
    let helm = Helm::on(Version::Three, &kubeconfig).await?;
    let chart = chart();
    helm.run(&["install", RELEASE, &chart, "--namespace", NAMESPACE, "--create-namespace"]).await?;
    let aws = agentcore().await?;
    let operator = deployed::start(&cluster, NAMESPACE, RELEASE, aws.url()).await?;
    let address = address(&operator).await?;

    let named = |name: &str| ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
    for name in ["prometheus", "somebody"] {
        let account = ServiceAccount { metadata: named(name), ..ServiceAccount::default() };
        accounts.create(&PostParams::default(), &account).await?;
    }
    // As the chart's README has it.
    let binding: ClusterRoleBinding = serde_json::from_value(json!({
        "metadata": { "name": "prometheus-reads-mcp-gateway-operator" },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": "mcp-gateway-operator-metrics-reader",
        },
        "subjects": [{ "kind": "ServiceAccount", "name": "prometheus", "namespace": "default" }],
    }))?;
    let bindings: Api<ClusterRoleBinding> = Api::all(client);
    bindings.create(&PostParams::default(), &binding).await?;
    let prometheus = cluster.service_account("default", "prometheus").await?;
    // The API server takes a moment to see the binding.
    let text = wait::eventually("the metrics", SOON, || async {
        Ok(scrape(&address, &prometheus).await?)
    });
    let text = text.await?;
    assert!(text.contains("mcpgateway_build_info"), "{text}");
    let somebody = cluster.service_account("default", "somebody").await?;
    let refused = scrape(&address, &somebody).await.map_err(|error| error.to_string());
    assert!(refused.is_err_and(|error| error.contains("403") || error.contains("Forbidden")));
    operator.terminate(Duration::from_secs(20)).await?;
    Ok(())
}
