//! Manifests as `kubectl apply --server-side` applies them, so that tests run with the files that
//! are shipped and not with copies of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{ApiCapabilities, ApiResource, Scope, pinned_kind};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::Condition;
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use crate::wait::{self, eventually};

/// The field manager under which objects are applied.
const MANAGER: &str = "testkit";

/// A kind whose definition has just been applied takes a moment to show up in discovery, and on a
/// busy machine a long one.
const DISCOVERY_LAG: Duration = Duration::from_secs(30);

/// Objects to be applied, in their order.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    objects: Vec<DynamicObject>,
    namespace: Option<String>,
    dry_run: bool,
}

impl Manifests {
    /// Those in a file, or in the YAML files of a folder by their names, except its kustomization.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let mut all = Self::default();
        for file in files(path.as_ref())? {
            let text =
                fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            let read = text.parse::<Self>().with_context(|| file.display().to_string())?;
            all.objects.extend(read.objects);
        }
        Ok(all)
    }

    /// Leaves out those of which this does not hold.
    pub fn retain(&mut self, holds: impl Fn(&DynamicObject) -> bool) {
        self.objects.retain(holds);
    }

    /// The objects as they are written.
    #[must_use]
    pub fn objects(&self) -> &[DynamicObject] {
        &self.objects
    }

    /// Puts them into a namespace: what is namespaced, whatever namespace its manifest names, and
    /// the service accounts that role bindings name. It is what kustomize's `namespace:` does.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Only asks the API server what would become of them: it checks and admits, and keeps nothing.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Applies them and returns them as they are then. Custom resource definitions are in force
    /// when this returns.
    pub async fn apply(self, client: &Client) -> Result<Vec<DynamicObject>> {
        let mut applied = Vec::with_capacity(self.objects.len());
        for mut object in self.objects {
            if let Some(namespace) = &self.namespace {
                move_subjects(&mut object, namespace);
            }
            let id = identify(&object);
            // Boxed: discovery is a large future, and everything that applies something holds it.
            let done =
                Box::pin(apply(client, object, self.namespace.as_deref(), self.dry_run)).await;
            applied.push(done.with_context(|| format!("applying {id}"))?);
        }
        Ok(applied)
    }
}

impl std::str::FromStr for Manifests {
    type Err = anyhow::Error;

    fn from_str(yaml: &str) -> Result<Self> {
        let objects: Vec<DynamicObject> = serde_saphyr::from_multiple(yaml)?;
        for object in &objects {
            let complete = object.types.is_some() && object.metadata.name.is_some();
            ensure!(complete, "an object without apiVersion, kind or name: {}", identify(object));
        }
        Ok(Self { objects, ..Self::default() })
    }
}

async fn apply(
    client: &Client,
    mut object: DynamicObject,
    namespace: Option<&str>,
    dry_run: bool,
) -> Result<DynamicObject> {
    let types = object.types.as_ref().ok_or_else(|| anyhow!("an object without a kind"))?;
    let (resource, capabilities) = discover(client, &GroupVersionKind::try_from(types)?).await?;
    let name = object.name_any();
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), &resource),
        Scope::Namespaced => {
            let own = object.metadata.namespace.take();
            let namespace = namespace.or(own.as_deref()).unwrap_or(client.default_namespace());
            Api::namespaced_with(client.clone(), namespace, &resource)
        }
    };
    // The URL says where it goes; an object that says it, too, may only say the same.
    object.metadata.namespace = None;
    let params = PatchParams { dry_run, ..PatchParams::apply(MANAGER).force() };
    let applied = api.patch(&name, &params, &Patch::Apply(&object)).await?;

    if resource.kind == "CustomResourceDefinition" && !dry_run {
        let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
        let established = is_crd_established();
        wait::on(&definitions, &name)
            .until("established", |definition| established.matches_object(Some(definition)))
            .await?;
    }
    Ok(applied)
}

async fn discover(
    client: &Client,
    kind: &GroupVersionKind,
) -> Result<(ApiResource, ApiCapabilities)> {
    let what = format!("the API server's knowing {} {}", kind.api_version(), kind.kind);
    eventually(&what, DISCOVERY_LAG, || async { Ok(pinned_kind(client, kind).await?) }).await
}

/// Points the service accounts of a role binding to a namespace.
fn move_subjects(object: &mut DynamicObject, namespace: &str) {
    let subjects = object.data.get_mut("subjects").and_then(Value::as_array_mut);
    for subject in subjects.into_iter().flatten() {
        if subject["kind"] == "ServiceAccount" {
            subject["namespace"] = Value::from(namespace);
        }
    }
}

fn identify(object: &DynamicObject) -> String {
    let kind = object.types.as_ref().map_or("?", |types| &types.kind);
    format!("{kind} {}", object.metadata.name.as_deref().unwrap_or("?"))
}

fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).with_context(|| format!("reading {}", path.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| {
        let yaml = file.extension().is_some_and(|extension| extension == "yaml");
        yaml && !file.ends_with("kustomization.yaml")
    });
    files.sort();
    ensure!(!files.is_empty(), "no YAML files in {}", path.display());
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_types() {
        let yaml = "
# a comment, and then nothing
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {port: \"8081\", answer: 'yes'}
immutable: false
---
";
        let manifests: Manifests = yaml.parse().unwrap();
        let [object] = &manifests.objects[..] else { panic!("{manifests:?}") };
        assert_eq!(object.data["data"]["port"], "8081");
        assert_eq!(object.data["data"]["answer"], "yes");
        assert_eq!(object.data["immutable"], false);
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        let error = "metadata: {name: a}".parse::<Manifests>().unwrap_err();
        assert!(error.to_string().contains("without apiVersion, kind or name: ? a"), "{error}");
    }
}
