//! How the programs of the control plane are built from `hack/controlplane`.

use anyhow::{Context, Result};

use crate::go_build::Recipe;

/// etcd, kube-apiserver and kube-controller-manager in one program.
pub(super) const NEWEST: Recipe = recipe("controlplane", "etcd and kube-apiserver");

/// The same of the oldest Kubernetes that is claimed.
pub(super) const OLDEST: Recipe =
    recipe("controlplane-oldest", "the oldest etcd and kube-apiserver");

const fn recipe(name: &'static str, what: &'static str) -> Recipe {
    Recipe {
        name,
        folder: "controlplane",
        package: ".",
        sources: &["go.mod", "go.sum", "main.go"],
        what,
        needs: "the control plane needs Go 1.26 or newer in PATH to be built once; or set \
                KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver",
        linked: version,
    }
}

/// Without a version in it the API server would call itself v0.0.0-master, and what checks the version
/// of a cluster would refuse it.
fn version(go_mod: &str) -> Result<String> {
    let version = go_mod
        .lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes v"))
        .context("go.mod does not name k8s.io/kubernetes")?;
    let mut parts = version.split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let set = |name: &str, value: &str| format!("-X k8s.io/component-base/version.{name}={value}");
    let version = set("gitVersion", &format!("v{version}"));
    let (major, minor) = (set("gitMajor", major), set("gitMinor", minor));
    Ok(format!("{version} {major} {minor}"))
}
