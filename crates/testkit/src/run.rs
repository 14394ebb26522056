//! The folders of this process: one for data, gone when the process ends, in whatever way; one
//! for logs, gone when all went well and kept when anything failed.
//!
//! Destructors cannot promise that: they do not run for statics, nor after SIGKILL. So a small
//! shell script, the janitor, waits for the end of this process and clears up. That something
//! failed it learns from a panic hook, from the [error type](crate::Failure) of the tests, and from
//! what is still [in use](InUse) when the process ends.

use std::io::{self, PipeWriter, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::{env, fs, panic};

use anyhow::{Context, Result, anyhow};

/// Where logs go unless `MCP_GATEWAY_TEST_LOGS` says otherwise.
const LOGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.test-logs");

static RUN: LazyLock<Result<Run, String>> =
    LazyLock::new(|| Run::begin().map_err(|error| format!("{error:#}")));

/// The folders of this process, and who clears them up.
#[derive(Debug)]
pub struct Run {
    temp: PathBuf,
    logs: PathBuf,
    janitor: Arc<Janitor>,
    logs_begun: AtomicU32,
}

impl Run {
    /// The one of this process, made at the first call.
    pub fn current() -> Result<&'static Self> {
        RUN.as_ref().map_err(|error| anyhow!("no folders for this run: {error}"))
    }

    fn begin() -> Result<Self> {
        let name = env::current_exe()?
            .file_stem()
            .map_or_else(|| "run".into(), |stem| stem.to_string_lossy().into_owned());
        let logs = env::var_os("MCP_GATEWAY_TEST_LOGS").map_or_else(|| LOGS.into(), PathBuf::from);
        fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
        let logs = fs::canonicalize(logs)?;
        let prefix = format!("{name}-");
        let logs = tempfile::Builder::new().prefix(&prefix).tempdir_in(logs)?.keep();
        let temp = tempfile::Builder::new().prefix("mcp-gateway-").tempdir()?.keep();
        let janitor = Arc::new(Janitor::hire(&temp, &logs)?);
        keep_logs_on_panic(Arc::clone(&janitor), logs.clone());
        Ok(Self { temp, logs, janitor, logs_begun: AtomicU32::new(0) })
    }

    /// The folder for data, which goes with this process.
    #[must_use]
    pub fn temp(&self) -> &Path {
        &self.temp
    }

    /// The folder for logs.
    #[must_use]
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// A new log file's path: numbered, so that the folder's order is that of the beginnings.
    #[must_use]
    pub fn log_file(&self, name: &str) -> PathBuf {
        let number = self.logs_begun.fetch_add(1, Ordering::Relaxed) + 1;
        self.logs.join(format!("{number:02}-{name}.log"))
    }

    /// Keeps the logs, whatever comes.
    pub fn keep_logs(&self) {
        self.janitor.tell("failed");
    }

    /// Says that something begins whose logs matter if this process does not live to see its end.
    pub fn in_use(&self) -> InUse {
        self.janitor.tell("begin");
        InUse(Arc::clone(&self.janitor))
    }
}

/// While this lives, an end of the process counts as a failure.
#[derive(Debug)]
#[must_use]
pub struct InUse(Arc<Janitor>);

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.tell("end");
    }
}

/// The pipe on which the janitor listens. Its end is this process's end.
#[derive(Debug)]
struct Janitor(Mutex<PipeWriter>);

impl Janitor {
    fn hire(temp: &Path, logs: &Path) -> Result<Self> {
        let (listen, speak) = io::pipe()?;
        Command::new("/bin/sh")
            .args(["-c", include_str!("run/janitor.sh"), "janitor"])
            .args([temp, logs])
            // Ctrl-C in a terminal goes to the whole process group; the janitor has to outlive it.
            .process_group(0)
            .stdin(listen)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting /bin/sh")?;
        Ok(Self(Mutex::new(speak)))
    }

    fn tell(&self, word: &str) {
        // A janitor who is gone cannot be told, and there is nobody else to tell.
        let _ = writeln!(self.0.lock().unwrap_or_else(PoisonError::into_inner), "{word}");
    }
}

fn keep_logs_on_panic(janitor: Arc<Janitor>, logs: PathBuf) {
    let earlier = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        earlier(info);
        janitor.tell("failed");
        eprintln!("logs are kept in {}", logs.display());
    }));
}
