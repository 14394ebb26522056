//! Builds the programs of the control plane from `hack/controlplane`, once, and keeps the result
//! outside the checkout, under a key of everything that it is made from.
//!
//! Two processes may want it at once: one builds, holding a lock on a file, and the other waits.
//! The result appears by a rename, so whoever sees it sees all of it.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::programs::say;
use crate::binaries::in_path;
use crate::process::Program;
use crate::random::as_hex;

const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../hack/controlplane");

/// What the module is made of.
const SOURCES: [&str; 3] = ["go.mod", "go.sum", "main.go"];

/// The name of the program, and of its folder in the cache.
const NAME: &str = "controlplane";

/// How often to say how far it is.
const PROGRESS: Duration = Duration::from_secs(10);

/// The program, built if it has not been.
pub(super) async fn program() -> Result<PathBuf> {
    let module = fs::canonicalize(MODULE).with_context(|| format!("no Go module {MODULE}"))?;
    let go = go_version(&module)?;
    let flags = flags(&fs::read_to_string(module.join("go.mod"))?)?;
    let folder = cache()?.join(NAME).join(key(&module, &go, &flags)?);
    let program = folder.join(NAME);
    if program.is_file() {
        return Ok(program);
    }
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let _lock = lock(&folder.join("lock")).await?;
    // The holder before us may have been building just that.
    if !program.is_file() {
        build(&module, &flags, &program).await?;
    }
    Ok(program)
}

/// The version of Go, which is also the question whether there is one.
fn go_version(module: &Path) -> Result<String> {
    let output = Command::new("go").arg("version").current_dir(module).output().context(
        "the control plane needs Go 1.26 or newer in PATH to be built once; or set \
         KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver",
    )?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "go version: {error}");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The flags of the build. Without a version in it the API server would call itself v0.0.0-master,
/// and what checks the version of a cluster would refuse it.
fn flags(go_mod: &str) -> Result<[String; 4]> {
    let version = go_mod
        .lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes v"))
        .context("go.mod does not name k8s.io/kubernetes")?;
    let mut parts = version.split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let set = |name: &str, value: &str| format!("-X k8s.io/component-base/version.{name}={value}");
    let version = set("gitVersion", &format!("v{version}"));
    let (major, minor) = (set("gitMajor", major), set("gitMinor", minor));
    Ok([
        "-mod=readonly".to_owned(),
        "-trimpath".to_owned(),
        // What the checkout's history is makes no difference to the program.
        "-buildvcs=false".to_owned(),
        format!("-ldflags=-s -w {version} {major} {minor}"),
    ])
}

fn key(module: &Path, go: &str, flags: &[String]) -> Result<String> {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for source in SOURCES {
        add(&fs::read(module.join(source)).with_context(|| format!("reading {source}"))?);
    }
    add(go.as_bytes());
    for flag in flags {
        add(flag.as_bytes());
    }
    Ok(as_hex(&hash.finalize()[..8]))
}

fn cache() -> Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("MCP_GATEWAY_CACHE")
        .or_else(|| Some(set("XDG_CACHE_HOME")?.join("mcp-gateway-operator")))
        .or_else(|| Some(env::home_dir()?.join(".cache/mcp-gateway-operator")))
        .context("no home directory for the cache; set MCP_GATEWAY_CACHE")
}

/// Holds off other processes until the file is dropped, or this process has ended.
async fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => say("waiting for another process that is building it"),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    let locked = spawn_blocking(move || file.lock().map(|()| file)).await?;
    locked.context("waiting for the lock on the build")
}

async fn build(module: &Path, flags: &[String], program: &Path) -> Result<()> {
    say("building etcd and kube-apiserver, once; it takes some minutes");
    let begun = Instant::now();
    let unfinished = program.with_extension("unfinished");
    let go = Program::new("go-build", in_path("go").context("no go in PATH")?)
        .whole_env()
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        // With -v it names each package that it compiles, from which one sees that it goes on.
        .args(["build", "-v"])
        .args(flags)
        .arg("-o")
        .args([unfinished.as_os_str(), ".".as_ref()])
        .current_dir(module)
        .spawn()?;
    let status = loop {
        match timeout(PROGRESS, go.wait()).await {
            Ok(status) => break status?,
            Err(_) => say(&format!(
                "{} s, {} packages downloaded or compiled",
                begun.elapsed().as_secs(),
                go.log().len()
            )),
        }
    };
    if !status.success() {
        bail!("building the control plane: go: {status}\n{}", go.log().tail());
    }
    fs::rename(&unfinished, program).context("putting the program into the cache")?;
    say(&format!("built in {} s", begun.elapsed().as_secs()));
    Ok(())
}
