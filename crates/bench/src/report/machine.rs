//! Where and when it was measured, and of which commit.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use testkit::install;

/// The circumstances of a run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Setting {
    pub(super) date: String,
    pub(super) commit: String,
    pub(super) machine: String,
    pub(super) command: String,
}

impl Setting {
    /// Those of this one.
    pub(super) fn now() -> Result<Self> {
        let cores = available_parallelism()?;
        let memory = find("/proc/meminfo", "MemTotal:").unwrap_or_default();
        let memory = memory.trim_end_matches("kB").trim().parse::<u64>().unwrap_or_default();
        let processor = find("/proc/cpuinfo", "model name").unwrap_or_default();
        let processor = processor.trim_start_matches(':').trim().to_owned();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split_whitespace().next().unwrap_or("unknown").to_owned();
        let machine = format!(
            "{cores} cores ({processor}), {} GiB, load {load} at the beginning",
            memory >> 20
        );
        // What comes after the name of the program.
        let command = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
        Ok(Self {
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            commit: commit().unwrap_or_else(|| "an unknown commit".to_owned()),
            machine,
            command: format!("bench {command}").trim_end().to_owned(),
        })
    }
}

fn find(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().to_owned())
}

fn commit() -> Option<String> {
    let git = |arguments: &[&str]| -> Option<String> {
        let output =
            Command::new("git").args(arguments).current_dir(install::file("")).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    // Results that an earlier run has written are no change of what is measured.
    let changed = git(&["status", "--porcelain", "--", "crates", "hack", "config", "Cargo.lock"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit} with changes") })
}
