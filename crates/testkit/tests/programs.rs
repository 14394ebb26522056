//! Where the control plane's programs are looked for, and what is said when they are not there.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use testkit::{Program, TestResult};

const SOON: Duration = Duration::from_secs(20);

/// What the holder of a control plane says on a machine that has nothing but this environment.
async fn complaint(variable: &str, value: &Path) -> Result<String> {
    let empty = tempfile::tempdir()?;
    let holder = Program::new("holder", env!("CARGO_BIN_EXE_control-plane"))
        .env("PATH", empty.path())
        .env("MCP_GATEWAY_CACHE", empty.path())
        .env("MCP_GATEWAY_TEST_LOGS", empty.path())
        .env(variable, value)
        .spawn()?;
    assert_eq!(holder.wait_within(SOON).await?.code(), Some(1), "{}", holder.logs());
    Ok(holder.logs())
}

#[tokio::test]
async fn assets_that_are_missing_are_named() -> TestResult {
    let assets = tempfile::tempdir()?;
    let said = complaint("KUBEBUILDER_ASSETS", assets.path()).await?;
    let named = format!("KUBEBUILDER_ASSETS: no {}/etcd", assets.path().display());
    assert!(said.contains(&named), "{said}");
    Ok(())
}

#[tokio::test]
async fn without_go_it_says_what_to_do() -> TestResult {
    let said = complaint("KUBEBUILDER_ASSETS", Path::new("")).await?;
    assert!(said.contains("needs Go 1.26 or newer in PATH"), "{said}");
    assert!(said.contains("KUBEBUILDER_ASSETS"), "{said}");
    Ok(())
}

/// `false` in the place of the programs: it is found, and that it ends at once is told at once.
#[tokio::test]
async fn a_program_that_ends_is_not_awaited() -> TestResult {
    let assets = tempfile::tempdir()?;
    for name in ["etcd", "kube-apiserver"] {
        symlink("/bin/false", assets.path().join(name))?;
    }
    let said = complaint("KUBEBUILDER_ASSETS", assets.path()).await?;
    assert!(said.contains(&format!("from {}", assets.path().display())), "{said}");
    assert!(said.contains("starting etcd"), "{said}");
    Ok(())
}
