//! etcd: one member, no syncing to disk, since its data goes with the test.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::ports;
use crate::process::{Process, Program};

const READY_WITHIN: Duration = Duration::from_mins(1);

/// Starts it and returns its client URL when it serves.
pub(super) async fn start(program: &Program, folder: &Path) -> Result<(Process, String)> {
    let mut races = 0;
    loop {
        let clients = format!("http://127.0.0.1:{}", ports::free()?);
        let peers = format!("http://127.0.0.1:{}", ports::free()?);
        let process = program
            .clone()
            .flag("data-dir", folder.join("etcd"))
            .flag("listen-client-urls", &clients)
            .flag("advertise-client-urls", &clients)
            .flag("listen-peer-urls", &peers)
            .flag("initial-advertise-peer-urls", &peers)
            .flag("initial-cluster", format!("default={peers}"))
            .flag("log-level", "info")
            .arg("--unsafe-no-fsync")
            .current_dir(folder)
            .spawn()?;
        // Its own word rather than an answer on the port: on a port that another etcd has taken,
        // that one would answer.
        let serves = |line: &str| line.contains("ready to serve client requests");
        match process.wait_for_line("word that it serves", READY_WITHIN, serves).await {
            Ok(_) => return Ok((process, clients)),
            Err(_) if races < ports::RACES && ports::taken(&process.logs()) => races += 1,
            Err(error) => return Err(error).context("starting etcd"),
        }
    }
}
