//! A program as a child process that cannot be left behind.
//!
//! It runs on a [leash](self#the-leash), in its own process group (so that Ctrl-C reaches this
//! process alone, which then ends things in their order), with an environment that holds what it
//! was given and nothing that happens to be set here, and with its output captured.
//!
//! # The leash
//!
//! A shell script holds the reading end of a pipe and kills the process group when the pipe ends,
//! which the kernel sees to however this process dies. (The parent-death signal of Linux would
//! not do: it is sent when the *thread* ends that started the child, and a test's thread ends
//! long before the tests do.) Nothing here belongs to an async runtime: it may be started on one
//! and awaited on another.

mod log;
mod program;

use std::io::PipeWriter;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Error, Result, anyhow, bail};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::sync::watch;
use tokio::time::timeout;

pub use log::{Lines, Log};
pub use program::Program;
pub use rustix::process::Signal;

/// How long the output of a process that has ended may take to end, too: longer only where it has
/// left a child of its own, which nobody waits for.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: Pid,
    child: Arc<Mutex<Child>>,
    status: watch::Receiver<Option<ExitStatus>>,
    log: Log,
    leash: Option<PipeWriter>,
    reaper: Option<JoinHandle<()>>,
}

impl Process {
    fn new(name: String, child: Child, leash: PipeWriter, log: Log) -> Result<Self> {
        let pid = Pid::from_child(&child);
        let child = Arc::new(Mutex::new(child));
        let (sender, status) = watch::channel(None);
        let reaper = thread::Builder::new().name(format!("reap {name}")).spawn({
            let child = Arc::clone(&child);
            move || reap(&child, pid, &sender)
        })?;
        Ok(Self { name, pid, child, status, log, leash: Some(leash), reaper: Some(reaper) })
    }

    /// What it was called when it was started.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process ID.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Its output.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Its output as text.
    #[must_use]
    pub fn logs(&self) -> String {
        self.log.text()
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn status(&self) -> Option<ExitStatus> {
        *self.status.borrow()
    }

    /// Waits for a line among all that it prints, what it has printed already included.
    /// To wait for one line after another, use a [reader](Log::from_now).
    pub async fn wait_for_line(
        &self,
        what: &str,
        within: Duration,
        meant: impl Fn(&str) -> bool,
    ) -> Result<String> {
        self.log.from_start().find(what, within, meant).await.with_context(|| self.name.clone())
    }

    /// Waits until it has ended.
    pub async fn wait(&self) -> Result<ExitStatus> {
        let status = *self
            .status
            .clone()
            .wait_for(Option::is_some)
            .await
            .with_context(|| format!("waiting for {}", self.name))?;
        // What it printed last is to be in the log when this returns.
        let _ = timeout(OUTPUT_GRACE, self.log.ended()).await;
        status.ok_or_else(|| anyhow!("{} ended without a status", self.name))
    }

    /// Waits until it has ended, but not for ever.
    pub async fn wait_within(&self, within: Duration) -> Result<ExitStatus> {
        timeout(within, self.wait()).await.unwrap_or_else(|_| {
            bail!("{} runs on after {within:?}; its last lines:\n{}", self.name, self.log.tail())
        })
    }

    /// Waits until it has ended although it should run on, and says so with its last lines.
    pub async fn untimely_end(&self) -> Error {
        match self.wait().await {
            Ok(status) => {
                anyhow!("{} ended: {status}; its last lines:\n{}", self.name, self.log.tail())
            }
            Err(error) => error,
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        // Whoever holds the child holds off the reaper: the number still means this process.
        let _child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = self.status() {
            bail!("{} has ended already: {status}", self.name);
        }
        kill_process(self.pid, signal).with_context(|| format!("signalling {}", self.name))
    }

    /// Asks it to end (SIGTERM), and fails if it has not within the time given.
    pub async fn terminate(self, within: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait_within(within).await
    }

    /// Ends it as a crash would (SIGKILL).
    pub async fn kill(self) -> Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        self.wait().await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ = self.signal(Signal::KILL);
        // Its descendants follow.
        drop(self.leash.take());
        if let Some(reaper) = self.reaper.take() {
            let _ = reaper.join();
        }
    }
}

/// Waits for the end of the child and tells it. The wait itself leaves the child unreaped, so the
/// lock is not held while it runs, and nobody signals a number that has become somebody else's.
fn reap(child: &Mutex<Child>, pid: Pid, status: &watch::Sender<Option<ExitStatus>>) {
    let unreaped = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while waitid(WaitId::Pid(pid), unreaped).is_err_and(|error| error == Errno::INTR) {}
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    // Without a status the sender goes silently, and those who wait get an error.
    if let Ok(ended) = child.wait() {
        status.send_replace(Some(ended));
    }
}
