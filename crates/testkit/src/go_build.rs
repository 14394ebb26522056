//! Builds Go programs from the modules under `hack`, once, and keeps the result outside the checkout,
//! under a key of everything that it is made from.
//!
//! Two processes may want it at once: one builds, holding a lock on a file, and the other waits.
//! The result appears by a rename, so whoever sees it sees all of it.

use std::env;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::binaries::in_path;
use crate::process::Program;
use crate::random::as_hex;

/// Where the modules are.
const MODULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../hack");

/// How often to say how far it is.
const PROGRESS: Duration = Duration::from_secs(10);

/// A program to be built.
pub(crate) struct Recipe {
    /// The folder of its module, and the name of the program.
    pub(crate) name: &'static str,
    /// Its folder in the cache.
    pub(crate) folder: &'static str,
    /// The package of its `main`.
    pub(crate) package: &'static str,
    /// What the module is made of.
    pub(crate) sources: &'static [&'static str],
    /// What it is, for the person who waits.
    pub(crate) what: &'static str,
    /// What it needs to be built, or instead of that.
    pub(crate) needs: &'static str,
    /// What the linker is told beyond the usual, from its go.mod.
    pub(crate) linked: fn(&str) -> Result<String>,
}

impl Recipe {
    /// The folder of the module.
    pub(crate) fn module(&self) -> Result<PathBuf> {
        let module = Path::new(MODULES).join(self.name);
        fs::canonicalize(&module).with_context(|| format!("no Go module {}", module.display()))
    }

    /// The program, built if it has not been.
    pub(crate) async fn program(&self) -> Result<PathBuf> {
        let module = self.module()?;
        let go = go_version(&module, self.needs)?;
        let flags = self.flags(&fs::read_to_string(module.join("go.mod"))?)?;
        let folder = cache()?.join(self.folder).join(self.key(&module, &go, &flags)?);
        let program = folder.join(self.name);
        if program.is_file() {
            return Ok(program);
        }
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let _lock = self.lock(&folder.join("lock")).await?;
        // The holder before us may have been building just that.
        if !program.is_file() {
            self.build(&module, &flags, &program).await?;
        }
        Ok(program)
    }

    fn flags(&self, go_mod: &str) -> Result<[String; 4]> {
        let linked = (self.linked)(go_mod)?;
        Ok([
            "-mod=readonly".to_owned(),
            "-trimpath".to_owned(),
            // What the checkout's history is makes no difference to the program.
            "-buildvcs=false".to_owned(),
            format!("-ldflags=-s -w {linked}"),
        ])
    }

    fn key(&self, module: &Path, go: &str, flags: &[String]) -> Result<String> {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        for source in self.sources {
            add(&fs::read(module.join(source)).with_context(|| format!("reading {source}"))?);
        }
        add(go.as_bytes());
        for flag in flags {
            add(flag.as_bytes());
        }
        Ok(as_hex(&hash.finalize()[..8]))
    }

    /// Holds off other processes until the file is dropped, or this process has ended.
    async fn lock(&self, path: &Path) -> Result<File> {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                self.say("waiting for another process that is building it");
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let locked = spawn_blocking(move || file.lock().map(|()| file)).await?;
        locked.context("waiting for the lock on the build")
    }

    async fn build(&self, module: &Path, flags: &[String], program: &Path) -> Result<()> {
        self.say(&format!("building {}, once; it takes some minutes", self.what));
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
            .args([unfinished.as_os_str(), self.package.as_ref()])
            .current_dir(module)
            .spawn()?;
        let status = loop {
            match timeout(PROGRESS, go.wait()).await {
                Ok(status) => break status?,
                Err(_) => self.say(&format!(
                    "{} s, {} packages downloaded or compiled",
                    begun.elapsed().as_secs(),
                    go.log().len()
                )),
            }
        };
        if !status.success() {
            bail!("building {}: go: {status}\n{}", self.what, go.log().tail());
        }
        fs::rename(&unfinished, program).context("putting the program into the cache")?;
        self.say(&format!("built in {} s", begun.elapsed().as_secs()));
        Ok(())
    }

    /// Tells the person at the terminal.
    fn say(&self, what: &str) {
        say(self.name, what);
    }
}

/// Tells the person at the terminal. Not with `eprintln!`, which the test harness keeps to itself:
/// whoever waits for minutes is to know what for.
pub(crate) fn say(name: &str, what: &str) {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "{name}: {what}");
}

/// The version of Go, which is also the question whether there is one.
fn go_version(module: &Path, needs: &'static str) -> Result<String> {
    let output = Command::new("go").arg("version").current_dir(module).output().context(needs)?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "go version: {error}");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn cache() -> Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("MCP_GATEWAY_CACHE")
        .or_else(|| Some(set("XDG_CACHE_HOME")?.join("mcp-gateway-operator")))
        .or_else(|| Some(env::home_dir()?.join(".cache/mcp-gateway-operator")))
        .context("no home directory for the cache; set MCP_GATEWAY_CACHE")
}
