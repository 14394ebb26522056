//! Tools of others that tests run, at the versions that the modules under `hack` pin, built once.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::go_build::Recipe;

const NEEDS: &str = "Go 1.26 or newer is needed in PATH, to build a tool once";

const fn tool(
    name: &'static str,
    folder: &'static str,
    package: &'static str,
    what: &'static str,
) -> Recipe {
    let sources = &["go.mod", "go.sum"];
    Recipe { name, folder, package, sources, what, needs: NEEDS, linked: |_| Ok(String::new()) }
}

const HELM_3: Recipe = tool("helm3", "tools/helm3", "helm.sh/helm/v3/cmd/helm", "Helm 3");
const HELM_4: Recipe = tool("helm4", "tools/helm4", "helm.sh/helm/v4/cmd/helm", "Helm 4");
const KUSTOMIZE: Recipe =
    tool("kustomize", "tools/kustomize", "sigs.k8s.io/kustomize/kustomize/v5", "kustomize");
/// Of which there is nothing to build: its module holds the files.
const PROMETHEUS: Recipe = tool("prometheus-operator", "", "", "the Prometheus operator's CRDs");
const PROMETHEUS_MODULE: &str = "github.com/prometheus-operator/prometheus-operator";

/// The program of Helm 3.
pub async fn helm_3() -> Result<PathBuf> {
    HELM_3.program().await
}

/// The program of Helm 4.
pub async fn helm_4() -> Result<PathBuf> {
    HELM_4.program().await
}

/// The program of kustomize.
pub async fn kustomize() -> Result<PathBuf> {
    KUSTOMIZE.program().await
}

/// The folder with the CRDs of the Prometheus operator, a file each.
pub fn prometheus_crds() -> Result<PathBuf> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Downloaded {
        dir: PathBuf,
    }
    let output = Command::new("go")
        .args(["mod", "download", "-json", PROMETHEUS_MODULE])
        .current_dir(PROMETHEUS.module()?)
        .output()
        .context(NEEDS)?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "go mod download {PROMETHEUS_MODULE}: {error}");
    let module: Downloaded = serde_json::from_slice(&output.stdout)?;
    Ok(module.dir.join("example/prometheus-operator-crd"))
}
