//! An upgrade from a release of the Go operator's chart, whose CRD was applied by kubectl.

use std::time::Duration;

use anyhow::{Context as _, Result};
use api::{FINALIZER, MCPServer, MCPServerSpec};
use emulator::{CallRecord, Emulator, TargetSpec};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::Condition as _;
use kube::{Api, Client};
use serde_json::json;
use testkit::scenario::{GATEWAY, is_ready, valid_spec};
use testkit::{ControlPlane, TestResult, install, wait};

use crate::deployed;
use crate::helm::{Helm, NAMESPACE, RELEASE, Version, chart};
use crate::lifecycle::{CRD, agentcore};

const SOON: Duration = Duration::from_mins(1);

/// The CRD as `kubectl apply` leaves it: its fields belong to kubectl.
async fn given_their_crd(client: &Client) -> Result<Api<CustomResourceDefinition>> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let old: CustomResourceDefinition =
        serde_saphyr::from_str(include_str!("../e2e/old_crd.yaml"))?;
    let kubectl = PostParams {
        field_manager: Some("kubectl-client-side-apply".to_owned()),
        ..PostParams::default()
    };
    definitions.create(&kubectl, &old).await?;
    let established = is_crd_established();
    wait::on(&definitions, CRD)
        .until("established", |definition| established.matches_object(Some(definition)))
        .await?;
    Ok(definitions)
}

/// A target as their operator made it.
fn their_target(aws: &Emulator, spec: &MCPServerSpec) -> Result<String> {
    let provider = json!([{
        "credentialProviderType": "OAUTH",
        "credentialProvider": { "oauthCredentialProvider": {
            "providerArn": spec.oauth_provider_arn,
            "scopes": spec.oauth_scopes,
            "grantType": "CLIENT_CREDENTIALS",
        }},
    }]);
    let target = TargetSpec {
        name: "weather".to_owned(),
        description: None,
        target_configuration: json!({ "mcp": { "mcpServer": { "endpoint": spec.endpoint } } }),
        credential_provider_configurations: Some(provider),
        metadata_configuration: None,
        private_endpoint: None,
        certificate_configurations: None,
    };
    aws.plant_target(GATEWAY, target).context("planting")
}

/// A resource as their operator left it, with its target.
async fn given_their_resource(servers: &Api<MCPServer>, aws: &Emulator) -> Result<String> {
    let mut server = MCPServer::new("weather", valid_spec("weather"));
    server.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    let target = their_target(aws, &server.spec)?;
    servers.create(&PostParams::default(), &server).await?;
    let status = json!({ "status": {
        "targetId": target,
        "gatewayArn": format!("arn:aws:bedrock-agentcore:us-east-1:123456789012:gateway/{GATEWAY}"),
        "targetStatus": "READY",
    }});
    servers.patch_status("weather", &PatchParams::default(), &Patch::Merge(status)).await?;
    Ok(target)
}

/// As the chart's README has it, with what Helm has to be told.
async fn upgrade(version: Version, to_own: &[&str]) -> TestResult {
    let cluster = ControlPlane::builder().start().await?;
    let helm = Helm::on(version, &cluster.kubeconfig_file(cluster.admin())?).await?;
    let client = cluster.client()?;
    let aws = agentcore().await?;
    let here = |file: &str| {
        install::file(&format!("crates/operator/tests/chart/{file}")).display().to_string()
    };
    let (values, theirs, ours) = (here("go_values.yaml"), here("go_chart"), chart());

    let definitions = given_their_crd(&client).await?;
    let place = ["--namespace", NAMESPACE, "--values", &values];
    helm.run(&[&["install", RELEASE, &theirs, "--create-namespace"], &place[..]].concat()).await?;
    let servers: Api<MCPServer> = Api::namespaced(client.clone(), "default");
    let target = given_their_resource(&servers, &aws).await?;
    let deployments: Api<Deployment> = Api::namespaced(client, NAMESPACE);
    let stopped = Patch::Merge(json!({ "spec": { "replicas": 0 } }));
    deployments.patch(RELEASE, &PatchParams::default(), &stopped).await?;

    // Helm takes nothing that it has not made, unless it is told to.
    let window = ["--set", "operator.consistencyWindow=500ms"];
    let plain = [&["upgrade", RELEASE, &ours], &place[..], &window].concat();
    let complaint = helm.refused(&plain).await?;
    assert!(complaint.contains("invalid ownership metadata"), "{complaint}");
    helm.run(&[&plain[..], to_own].concat()).await?;

    let annotations = definitions.get(CRD).await?.metadata.annotations.unwrap_or_default();
    assert_eq!(annotations.get("meta.helm.sh/release-name").map(String::as_str), Some(RELEASE));
    assert_eq!(annotations.get("helm.sh/resource-policy").map(String::as_str), Some("keep"));
    let deployment = deployments.get(RELEASE).await?;
    assert_eq!(deployed::container(&deployment)?.name, "operator", "theirs is gone");
    assert_eq!(deployment.spec.replicas, Some(1), "it was stopped, and runs again");

    let _operator = deployed::start(&cluster, NAMESPACE, RELEASE, aws.url()).await?;
    wait::on(&servers, "weather").within(SOON).until("Ready", is_ready).await?;
    let targets = aws.targets(GATEWAY);
    assert_eq!(targets.len(), 1);
    assert_eq!(targets[0].target_id, target, "the target that was there");
    let writes: Vec<_> = aws.calls().into_iter().filter(CallRecord::is_write).collect();
    assert!(writes.is_empty(), "nothing differs, so nothing is written: {writes:?}");

    // From now on it needs to be told nothing.
    helm.run(&plain).await?;
    Ok(())
}

#[tokio::test]
async fn from_the_go_operators_chart_with_helm_3() -> TestResult {
    upgrade(Version::Three, &["--take-ownership"]).await
}

#[tokio::test]
async fn from_the_go_operators_chart_with_helm_4() -> TestResult {
    upgrade(Version::Four, &["--take-ownership", "--server-side=false"]).await
}
