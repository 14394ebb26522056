//! How much memory the replicas take, all along.
//!
//! The elder is never killed, so what it loses would show: at rest, after everything there can be has
//! happened to it a few times, it takes what it has taken before.

use std::fmt;

use anyhow::{Context as _, Result, ensure};

use crate::stage::{ELDER, Stage};

/// What no replica ever takes more than, in MiB.
const CEILING: u64 = 96;
/// So many quiet times count as warming up.
const WARM_UP: usize = 3;
/// How much more than then the elder may take at rest, in MiB: what allocators keep.
const GROWTH: u64 = 8;

#[derive(Default)]
pub(crate) struct Memory {
    /// The most that any replica has taken.
    peak: u64,
    /// What the elder took at each quiet time.
    at_rest: Vec<u64>,
}

impl Memory {
    /// Looks at every replica.
    pub(crate) fn look(&mut self, stage: &Stage) -> Result<()> {
        for pid in stage.pids() {
            self.peak = self.peak.max(resident(pid)?);
        }
        ensure!(self.peak <= CEILING, "a replica takes {} MiB, more than {CEILING}", self.peak);
        Ok(())
    }

    /// Looks at the elder while all is quiet.
    pub(crate) fn rest(&mut self, stage: &Stage) -> Result<()> {
        self.look(stage)?;
        self.at_rest.push(resident(stage.pids()[ELDER])?);
        self.verdict()
    }

    /// Whether it grows.
    pub(crate) fn verdict(&self) -> Result<()> {
        let Some((warm_up, later)) = self.at_rest.split_at_checked(WARM_UP) else { return Ok(()) };
        let before = warm_up.iter().max().copied().unwrap_or_default();
        let now = later.last().copied().unwrap_or_default();
        ensure!(now <= before + GROWTH, "the elder's memory grows, in MiB: {:?}", self.at_rest);
        Ok(())
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.at_rest.last().copied().unwrap_or_default();
        write!(formatter, "the elder takes {now} MiB, the peak is {} MiB", self.peak)
    }
}

/// What a process has in memory, in MiB.
fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: u64 = kib.context("a process without memory")?.trim().parse()?;
    Ok(kib / 1024)
}
