//! The CRD: what the API server refuses, and what it must not refuse.

use anyhow::Context as _;
use api::MCPServer;
use kube::api::{DeleteParams, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use testkit::scenario::{GATEWAY, condition};
use testkit::{ControlPlane, Manifests, Scenario, TestResult, binary, install, wait};

use crate::fields::consents;

pub(crate) fn untyped(client: kube::Client, namespace: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk(api::GROUP, "v1alpha1", "MCPServer");
    let resource = ApiResource::from_gvk_with_plural(&kind, "mcpservers");
    Api::namespaced_with(client, namespace, &resource)
}

pub(crate) fn object(name: &str, spec: &Value) -> anyhow::Result<DynamicObject> {
    Ok(serde_json::from_value(json!({
        "apiVersion": "mcpgateway.bedrock.aws/v1alpha1",
        "kind": "MCPServer",
        "metadata": { "name": name },
        "spec": spec,
    }))?)
}

#[tokio::test]
async fn the_samples_are_accepted_and_become_ready() -> TestResult {
    let mut scenario = Scenario::begin("samples").await?;
    scenario.given_operator().await?;
    let samples = Manifests::read(install::file("config/samples"))?;
    for sample in samples.objects() {
        if let Some(gateway) = sample.data["spec"]["gatewayId"].as_str() {
            scenario.aws.add_gateway(gateway)?;
        }
    }
    let client = scenario.cluster().client()?;
    for sample in samples.in_namespace(scenario.namespace()).apply(&client).await? {
        let name = sample.name_any();
        if sample.data["spec"]["oauthGrantType"] == "AuthorizationCode" {
            consents(&scenario.aws, &name).await?;
        }
        scenario.then_ready(&name).await?;
    }
    Ok(())
}

#[tokio::test]
async fn every_field_is_explained() -> TestResult {
    let crd: Value = serde_json::to_value(<MCPServer as kube::CustomResourceExt>::crd())?;
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut unexplained = Vec::new();
    collect_unexplained("", schema, &mut unexplained);
    assert!(unexplained.is_empty(), "{unexplained:?}");
    Ok(())
}

fn collect_unexplained(path: &str, schema: &Value, unexplained: &mut Vec<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        // The root's members are explained by Kubernetes itself.
        if field["description"].as_str().unwrap_or_default().is_empty() {
            unexplained.push(path.clone());
        }
        collect_unexplained(&path, field, unexplained);
        collect_unexplained(&path, &field["items"], unexplained);
    }
}

#[tokio::test]
async fn every_field_has_a_sample() -> TestResult {
    let crd: Value = serde_json::to_value(<MCPServer as kube::CustomResourceExt>::crd())?;
    let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let manifests = Manifests::read(install::file("config/samples"))?;
    let samples: Vec<Value> =
        manifests.objects().iter().map(|object| object.data.clone()).collect();
    let mut missing = Vec::new();
    collect_missing("/spec", spec, &samples, &mut missing);
    assert!(missing.is_empty(), "{missing:?}");
    Ok(())
}

fn collect_missing(path: &str, schema: &Value, samples: &[Value], missing: &mut Vec<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}/{name}");
        if !samples.iter().any(|sample| sample.pointer(&path).is_some()) {
            missing.push(path.clone());
        }
        collect_missing(&path, field, samples, missing);
    }
}

/// A schema as the Go operator had it: endpoint and capabilities required, nothing else known of
/// the values.
pub(crate) const OLD_CRD: &str = include_str!("old_crd.yaml");

#[tokio::test]
async fn what_the_go_operator_stored_can_still_be_written_and_deleted() -> TestResult {
    let cluster = ControlPlane::builder().start().await?;
    let client = cluster.client()?;
    OLD_CRD.parse::<Manifests>()?.apply(&client).await?;
    let stored = untyped(client.clone(), "default");
    // Valid there, and each breaks a rule of ours.
    let specs = [
        ("plain", json!({ "endpoint": "https://a.example.com", "capabilities": ["tools"] })),
        ("no-tools", json!({ "endpoint": "https://a.example.com", "capabilities": ["prompts"] })),
        (
            "reserved",
            json!({
                "endpoint": "https:// user@x", "capabilities": ["tools", "tools"],
                "authType": "Magic", "description": "x".repeat(500),
                "allowedRequestHeaders": ["Authorization", ""],
            }),
        ),
    ];
    for (name, spec) in &specs {
        let mut object = object(name, spec)?;
        object.metadata.finalizers = Some(vec![api::FINALIZER.to_owned()]);
        stored.create(&PostParams::default(), &object).await.context(*name)?;
    }

    install::crd(&client).await?;
    let aws = emulator::Emulator::start(emulator::Settings::with_gateways([GATEWAY])).await?;
    let access = install::rights(&cluster).await?;
    let kubeconfig = cluster.kubeconfig_file(&access)?;
    let _operator = install::operator(binary("mcp-gateway-operator")?, &kubeconfig, aws.url())
        .flag("gateway-id", GATEWAY)
        .flag("consistency-window", "500ms")
        .spawn()?;
    let servers: Api<MCPServer> = Api::namespaced(client, "default");
    for (name, _) in &specs {
        wait::on(&servers, name)
            .until("explained", |server| {
                condition(server, "Accepted").is_some_and(|c| c.1 == "ValidationError")
            })
            .await?;
        servers.delete(name, &DeleteParams::default()).await?;
        wait::on(&servers, name).until_gone().await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_printed_columns_are_those_of_the_go_operator_and_more() -> TestResult {
    let crd: Value = serde_json::to_value(<MCPServer as kube::CustomResourceExt>::crd())?;
    let columns = crd["spec"]["versions"][0]["additionalPrinterColumns"].as_array().unwrap();
    let named = |wide: bool| -> Vec<&str> {
        let of = columns.iter().filter(|column| (column["priority"] == 1) == wide);
        of.filter_map(|column| column["name"].as_str()).collect()
    };
    assert_eq!(named(false), ["Endpoint", "Status", "Ready", "Age"]);
    assert_eq!(named(true), ["Gateway", "Target ID", "Reason", "Authorization"]);
    Ok(())
}
