//! What the chart renders from many values, and what a real API server says to it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use kube::api::{DynamicObject, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use testkit::{ControlPlane, Manifests, TestResult, binary, go_tools, install};

use crate::deployed;
use crate::helm::{Helm, KUBERNETES, Version, chart};
use crate::matrix::{MATRIX, WRONG, values};

#[tokio::test]
async fn lint_finds_nothing() -> TestResult {
    for version in [Version::Three, Version::Four] {
        let helm = Helm::new(version).await?;
        for (name, text) in MATRIX {
            let file = values(text)?;
            helm.run(&[
                "lint",
                "--strict",
                &chart(),
                "--kube-version",
                "1.37.0",
                "--values",
                &file,
            ])
            .await
            .with_context(|| format!("{version:?}, {name}"))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn wrong_values_are_refused_with_words_that_help() -> TestResult {
    let helm = Helm::new(Version::Three).await?;
    for (text, words) in WRONG {
        let file = values(text)?;
        let complaint = helm
            .refused(&["template", "x", &chart(), "--kube-version", KUBERNETES, "--values", &file])
            .await;
        let complaint = complaint.with_context(|| (*text).to_owned())?;
        let missing: Vec<_> = words.iter().filter(|word| !complaint.contains(**word)).collect();
        assert!(missing.is_empty(), "{text}: no {missing:?} in: {complaint}");
    }
    Ok(())
}

#[tokio::test]
async fn a_kubernetes_that_is_too_old_is_refused() -> TestResult {
    let helm = Helm::new(Version::Three).await?;
    let old = ["template", "x", &chart(), "--kube-version", "1.28.9"];
    let complaint = helm.refused(&old).await?;
    assert!(complaint.contains("kubeVersion: >=1.29"), "{complaint}");
    let eks = ["template", "x", &chart(), "--kube-version", "v1.29.1-eks-508b6b3"];
    helm.run(&eks).await?;
    Ok(())
}

/// Everything in the schema can be set, and everything that can be set is in the schema.
#[test]
fn schema_and_values_have_the_same_keys() -> TestResult {
    let read =
        |file: &str| fs::read_to_string(install::file("helm/mcp-gateway-operator").join(file));
    let schema: Value = serde_json::from_str(&read("values.schema.json")?)?;
    let defaults: Value = serde_saphyr::from_str(&read("values.yaml")?)?;
    let mut described = BTreeSet::new();
    keys_of_schema(&schema, "", &mut described);
    described.remove(".global");
    for key in &described {
        let pointer = key.replace('.', "/");
        assert!(defaults.pointer(&pointer).is_some(), "values.yaml has no {key}");
    }
    let top = defaults.as_object().context("values.yaml is no map")?;
    for key in top.keys() {
        assert!(schema["properties"][key].is_object(), "the schema has no {key}");
    }
    Ok(())
}

fn keys_of_schema(schema: &Value, path: &str, keys: &mut BTreeSet<String>) {
    for (key, member) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        keys_of_schema(member, &path, keys);
        keys.insert(path);
    }
}

/// Everything of a cluster that the matrix refers to.
pub(crate) async fn prepare(client: &Client) -> Result<()> {
    install::crd(client).await?;
    let folder = go_tools::prometheus_crds()?;
    for kind in ["servicemonitors", "podmonitors", "prometheusrules"] {
        let file = folder.join(format!("monitoring.coreos.com_{kind}.yaml"));
        Manifests::read(file)?.apply(client).await?;
    }
    let class = PriorityClass {
        metadata: ObjectMeta { name: Some("important".to_owned()), ..ObjectMeta::default() },
        value: Some(1000),
        ..PriorityClass::default()
    };
    let params = PatchParams::apply("test").force();
    let classes: Api<PriorityClass> = Api::all(client.clone());
    classes.patch("important", &params, &Patch::Apply(class)).await?;
    Ok(())
}

/// A namespace in which Pod Security enforces `restricted`.
async fn restricted(cluster: &ControlPlane) -> Result<String> {
    let namespace = cluster.namespace("chart").await?;
    let label =
        json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "restricted" } } });
    let namespaces: Api<Namespace> = Api::all(cluster.client()?);
    namespaces.patch(&namespace, &PatchParams::default(), &Patch::Merge(label)).await?;
    Ok(namespace)
}

#[tokio::test]
async fn the_api_server_takes_everything() -> TestResult {
    let cluster = ControlPlane::shared().await?;
    let client = cluster.client()?;
    prepare(&client).await?;
    let (three, four) = (Helm::new(Version::Three).await?, Helm::new(Version::Four).await?);
    let namespace = restricted(&cluster).await?;
    for (name, text) in MATRIX {
        let file = values(text)?;
        let objects = three.objects(&namespace, &["--values", &file]).await?;
        let others = four.objects(&namespace, &["--values", &file]).await?;
        assert_eq!(
            sorted(objects.objects())?,
            sorted(others.objects())?,
            "{name}: Helm 3 and 4 differ"
        );
        for deployment in deployments(objects.objects())? {
            let pod = pod(&deployment);
            let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
            let dry_run = PostParams { dry_run: true, ..PostParams::default() };
            let admitted = pods.create(&dry_run, &pod).await;
            admitted.with_context(|| format!("{name}: its pod"))?;
        }
        objects.dry_run().apply(&client).await.with_context(|| (*name).to_owned())?;
    }
    Ok(())
}

/// Helm 3 and 4 order the kinds differently.
fn sorted(objects: &[DynamicObject]) -> Result<Vec<(String, String, Value)>> {
    let mut all: Vec<_> = objects
        .iter()
        .map(|object| {
            let kind = object.types.as_ref().map(|types| types.kind.clone()).unwrap_or_default();
            Ok((kind, object.name_any(), serde_json::to_value(object)?))
        })
        .collect::<Result<_>>()?;
    all.sort_by_cached_key(|(kind, name, object)| (kind.clone(), name.clone(), object.to_string()));
    Ok(all)
}

pub(crate) fn deployments(objects: &[DynamicObject]) -> Result<Vec<Deployment>> {
    let is = |object: &&DynamicObject| {
        object.types.as_ref().is_some_and(|types| types.kind == "Deployment")
    };
    let read = |object: &DynamicObject| Ok(serde_json::from_value(serde_json::to_value(object)?)?);
    objects.iter().filter(is).map(read).collect()
}

fn pod(deployment: &Deployment) -> Pod {
    let template = deployment.spec.template.clone();
    let metadata =
        ObjectMeta { name: Some("pod".to_owned()), ..template.metadata.unwrap_or_default() };
    Pod { metadata, spec: template.spec, ..Pod::default() }
}

#[tokio::test]
async fn every_flag_is_one_of_the_programs() -> TestResult {
    let help = Command::new(binary("mcp-gateway-operator")?).arg("--help").output()?;
    let help = String::from_utf8(help.stdout)?;
    let knows = |flag: &str| {
        let flag = format!("--{flag}");
        help.split(|c: char| c.is_whitespace() || c == '=' || c == '[').any(|word| word == flag)
    };
    assert!(knows("log-level"), "{help}");
    let three = Helm::new(Version::Three).await?;
    let mut given = BTreeSet::new();
    for (name, text) in MATRIX {
        let objects = three.objects("default", &["--values", &values(text)?]).await?;
        for deployment in deployments(objects.objects())? {
            for argument in deployed::arguments(&deployment)? {
                let flag = deployed::flag(argument);
                assert!(knows(flag), "{name}: no flag {argument}");
                given.insert(flag.to_owned());
            }
        }
    }
    // The matrix reaches what is given only where it is asked for.
    for flag in ["watch-label-selector", "watch-namespaces", "metrics-cert-path"] {
        assert!(given.contains(flag), "no values give --{flag}");
    }
    Ok(())
}

/// A Role of the operator in each namespace that it watches, and no right beyond them.
#[tokio::test]
async fn who_watches_namespaces_has_no_rights_elsewhere() -> TestResult {
    let helm = Helm::new(Version::Three).await?;
    let file = values(
        "{operator: {watchNamespaces: [a, b], metrics: {bindAddress: \"0\"}}, rbac: {workloads: true}}",
    )?;
    let objects = helm.objects("home", &["--values", &file]).await?;
    let mut places = BTreeSet::new();
    for object in objects.objects() {
        let kind = object.types.as_ref().map(|types| types.kind.as_str()).unwrap_or_default();
        assert!(!kind.starts_with("ClusterRole"), "{kind} {}", object.name_any());
        if kind == "Role" {
            places.insert((object.namespace().unwrap_or_default(), object.name_any()));
        }
    }
    let wanted = [
        ("a", "mcp-gateway-operator"),
        ("a", "mcp-gateway-operator-workload-viewer"),
        ("b", "mcp-gateway-operator"),
        ("b", "mcp-gateway-operator-workload-viewer"),
        ("home", "mcp-gateway-operator-leader-election"),
    ];
    let wanted = wanted.map(|(place, name)| (place.to_owned(), name.to_owned()));
    assert_eq!(places, BTreeSet::from(wanted));
    Ok(())
}

#[tokio::test]
async fn the_notes_warn_of_what_is_missing() -> TestResult {
    let cluster = ControlPlane::shared().await?;
    let kubeconfig = cluster.kubeconfig_file(cluster.admin())?;
    let helm = Helm::on(Version::Three, &kubeconfig).await?;
    let dry_run = ["install", "x", &chart(), "--dry-run=client", "--take-ownership", "--set"];
    let bare = helm.run(&[&dry_run[..], &["image.repository=op"]].concat()).await?;
    for warning in
        ["names no registry", "aws.gatewayId is not set", "no IAM role", "rbac.workloads"]
    {
        assert!(bare.contains(warning), "no {warning:?} in: {bare}");
    }
    let complete = "image.repository=r.example.com/op,aws.gatewayId=g,rbac.workloads=true,\
                    serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=arn:aws:iam::1:role/r";
    let notes = helm.run(&[&dry_run[..], &[complete]].concat()).await?;
    assert!(!notes.contains("WARNING"), "{notes}");
    Ok(())
}
