//! etcd: one member, no syncing to disk, since its data goes with the test.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::ports;
use crate::process::{Process, Program};

const READY_WITHIN: Duration = Duration::from_mins(1);

/// etcd, running or stopped.
#[derive(Debug)]
pub(super) struct Etcd {
    program: Program,
    process: Option<Process>,
    url: String,
}

impl Etcd {
    /// Starts it, and returns when it serves.
    pub(super) async fn start(program: &Program, folder: &Path) -> Result<Self> {
        let mut races = 0;
        loop {
            let url = format!("http://127.0.0.1:{}", ports::free()?);
            let peers = format!("http://127.0.0.1:{}", ports::free()?);
            let program = program
                .clone()
                .flag("data-dir", folder.join("etcd"))
                .flag("listen-client-urls", &url)
                .flag("advertise-client-urls", &url)
                .flag("listen-peer-urls", &peers)
                .flag("initial-advertise-peer-urls", &peers)
                .flag("initial-cluster", format!("default={peers}"))
                .flag("log-level", "info")
                .arg("--unsafe-no-fsync")
                .current_dir(folder);
            let process = program.spawn()?;
            match serves(&process).await {
                Ok(()) => return Ok(Self { program, process: Some(process), url }),
                Err(_) if races < ports::RACES && ports::taken(&process.logs()) => races += 1,
                Err(error) => return Err(error).context("starting etcd"),
            }
        }
    }

    /// Where its clients find it.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Its process, while it has not been stopped.
    pub(super) fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// Ends it as a crash would.
    pub(super) async fn stop(&mut self) -> Result<()> {
        if let Some(process) = self.process.take() {
            process.kill().await?;
        }
        Ok(())
    }

    /// Starts it again where it was, and returns when it serves.
    pub(super) async fn restart(&mut self) -> Result<()> {
        let process = self.program.spawn()?;
        serves(&process).await.context("restarting etcd")?;
        self.process = Some(process);
        Ok(())
    }
}

/// Its own word rather than an answer on the port: on a port that another etcd has taken, that one
/// would answer.
async fn serves(process: &Process) -> Result<()> {
    let serves = |line: &str| line.contains("ready to serve client requests");
    process.wait_for_line("word that it serves", READY_WITHIN, serves).await.map(drop)
}
