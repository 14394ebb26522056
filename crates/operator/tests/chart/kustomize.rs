//! What kustomize installs: the same as the chart by default, and taken by a real API server.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use kube::ResourceExt;
use serde_json::{Value, json};
use testkit::{ControlPlane, Manifests, TestResult, go_tools, install};
use tokio::task::spawn_blocking;

use crate::helm::{Helm, NAMESPACE, Version};
use crate::matrix::values;
use crate::render::prepare;

/// Everything that config has, as a kustomization of its own would take it in.
const FOLDERS: [&str; 3] = ["default", "prometheus", "network-policy"];

async fn build(folder: &str) -> Result<Manifests> {
    let program = go_tools::kustomize().await?;
    let folder = install::file("config").join(folder);
    let mut command = Command::new(program);
    command.arg("build").arg(&folder).env_clear();
    let output = spawn_blocking(move || command.output()).await??;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "kustomize build {}: {complaint}", folder.display());
    ensure!(complaint.is_empty(), "kustomize build {} warns: {complaint}", folder.display());
    String::from_utf8(output.stdout)?.parse()
}

/// Objects by kind and name, without what says only which tool has installed them.
fn comparable(manifests: &Manifests) -> Result<BTreeMap<String, Value>> {
    let mut all = BTreeMap::new();
    for object in manifests.objects() {
        let kind = object.types.as_ref().map(|types| types.kind.as_str()).unwrap_or_default();
        let key = format!("{kind} {}", object.name_any());
        let mut value = serde_json::to_value(object)?;
        if let Some(labels) = value["metadata"]["labels"].as_object_mut() {
            for label in
                ["helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version"]
            {
                labels.remove(label);
            }
        }
        if kind == "CustomResourceDefinition" {
            value["metadata"] = Value::Null;
        }
        whole_numbers(&mut value);
        ensure!(all.insert(key.clone(), value).is_none(), "{key} is there twice");
    }
    Ok(all)
}

/// One tool writes 1000.0, another 1000; JSON does not tell them apart.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(whole_numbers),
        Value::Array(entries) => entries.iter_mut().for_each(whole_numbers),
        Value::Number(number) => {
            if let Some(float) = number.as_f64() {
                *value = json!(float);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn chart_and_kustomize_install_the_same() -> TestResult {
    let mut ours = BTreeMap::new();
    for folder in FOLDERS {
        ours.append(&mut comparable(&build(folder).await?)?);
    }
    // The namespace is Helm's --create-namespace.
    ours.remove(&format!("Namespace {NAMESPACE}"));
    // GATEWAY_ID and AWS_REGION come from a ConfigMap here, and from values there.
    let deployment = ours.get_mut("Deployment mcp-gateway-operator");
    let container = deployment.and_then(|d| d.pointer_mut("/spec/template/spec/containers/0"));
    let container = container.and_then(Value::as_object_mut);
    let env_from = container.and_then(|container| container.remove("envFrom"));
    let wanted = json!([{ "configMapRef": { "name": "mcp-gateway-operator", "optional": true } }]);
    assert_eq!(env_from, Some(wanted));

    let on = "{serviceMonitor: {enabled: true}, prometheusRule: {enabled: true}, networkPolicy: {enabled: true}}";
    let helm = Helm::new(Version::Three).await?;
    let chart = comparable(&helm.objects(NAMESPACE, &["--values", &values(on)?]).await?)?;
    assert_eq!(ours.keys().collect::<Vec<_>>(), chart.keys().collect::<Vec<_>>());
    for (key, object) in &ours {
        assert_eq!(object, &chart[key], "{key}: kustomize and the chart differ");
    }
    Ok(())
}

/// What is left out of config/rbac unless somebody takes it in.
#[tokio::test]
async fn the_right_to_see_workloads_is_that_of_the_chart() -> TestResult {
    let helm = Helm::new(Version::Three).await?;
    let file = values("{rbac: {workloads: true}}")?;
    let chart = comparable(&helm.objects(NAMESPACE, &["--values", &file]).await?)?;
    for name in ["workload_viewer_role", "workload_viewer_role_binding"] {
        let read = Manifests::read(install::file(&format!("config/rbac/{name}.yaml")))?;
        for (key, object) in comparable(&read)? {
            assert_eq!(Some(&object), chart.get(&key), "{key}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_api_server_takes_everything() -> TestResult {
    let cluster = ControlPlane::shared().await?;
    let client = cluster.client()?;
    prepare(&client).await?;
    Manifests::read(install::file("config/manager/namespace.yaml"))?.apply(&client).await?;
    for folder in FOLDERS {
        build(folder).await?.dry_run().apply(&client).await?;
    }
    build("samples").await?.dry_run().in_namespace("default").apply(&client).await?;
    Ok(())
}

/// A sample that is not in the kustomization would be applied by nobody.
#[test]
fn every_sample_is_applied() -> TestResult {
    let folder = install::file("config/samples");
    let listed = fs::read_to_string(folder.join("kustomization.yaml"))?;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        assert!(name == "kustomization.yaml" || listed.contains(&name), "{name} is not listed");
    }
    Ok(())
}
