//! Helm as a program, in both of its major versions.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Result, ensure};
use tempfile::TempDir;
use testkit::{Manifests, go_tools, install, run::Run};
use tokio::task::spawn_blocking;

/// The release, its namespace and its chart, as the documents have them.
pub(crate) const RELEASE: &str = "mcp-gateway-operator";
pub(crate) const NAMESPACE: &str = "mcp-gateway-operator-system";

/// The oldest Kubernetes that the chart claims.
pub(crate) const KUBERNETES: &str = "1.29.0";

/// Where the chart lies.
pub(crate) fn chart() -> String {
    install::file("helm/mcp-gateway-operator").display().to_string()
}

/// Which Helm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Three,
    Four,
}

/// A Helm with a home of its own.
pub(crate) struct Helm {
    program: PathBuf,
    home: TempDir,
    kubeconfig: Option<PathBuf>,
}

impl Helm {
    /// One that knows no cluster.
    pub(crate) async fn new(version: Version) -> Result<Self> {
        let program = match version {
            Version::Three => go_tools::helm_3().await?,
            Version::Four => go_tools::helm_4().await?,
        };
        let home = tempfile::Builder::new().prefix("helm-").tempdir_in(Run::current()?.temp())?;
        Ok(Self { program, home, kubeconfig: None })
    }

    /// One that works on this cluster.
    pub(crate) async fn on(version: Version, kubeconfig: &Path) -> Result<Self> {
        let helm = Self::new(version).await?;
        Ok(Self { kubeconfig: Some(kubeconfig.to_owned()), ..helm })
    }

    /// Runs it, and returns what it prints. It has to succeed.
    pub(crate) async fn run(&self, args: &[&str]) -> Result<String> {
        let output = self.output(args).await?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "helm {}: {}\n{complaint}", args.join(" "), output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs it, and returns its complaint. It has to fail.
    pub(crate) async fn refused(&self, args: &[&str]) -> Result<String> {
        let output = self.output(args).await?;
        ensure!(!output.status.success(), "helm {} succeeds", args.join(" "));
        Ok(String::from_utf8(output.stderr)?)
    }

    /// The manifests of the release with these values, for a cluster that it does not ask.
    pub(crate) async fn render(&self, namespace: &str, values: &[&str]) -> Result<String> {
        let chart = chart();
        let fixed =
            ["template", RELEASE, &chart, "--namespace", namespace, "--kube-version", KUBERNETES];
        self.run(&[&fixed, values].concat()).await
    }

    /// The same as objects.
    pub(crate) async fn objects(&self, namespace: &str, values: &[&str]) -> Result<Manifests> {
        self.render(namespace, values).await?.parse()
    }

    async fn output(&self, args: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.program);
        command.args(args).env_clear().env("HOME", self.home.path());
        for folder in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(folder, self.home.path());
        }
        if let Some(kubeconfig) = &self.kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        // The emulator may run in this process, and must not wait for Helm.
        Ok(spawn_blocking(move || command.output()).await??)
    }
}
