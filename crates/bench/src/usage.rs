//! What a process takes of the machine, as the kernel counts it (proc(5)).

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::param::clock_ticks_per_second;

/// A process's use of the processors since a moment.
pub(crate) struct Cpu {
    pid: u32,
    since: Instant,
    before: Duration,
}

impl Cpu {
    /// Begins to count.
    pub(crate) fn from_now(pid: u32) -> Result<Self> {
        Ok(Self { pid, since: Instant::now(), before: cpu_time(pid)? })
    }

    /// The time that it has computed.
    pub(crate) fn used(&self) -> Result<Duration> {
        Ok(cpu_time(self.pid)?.saturating_sub(self.before))
    }

    /// The same as a share of one core.
    pub(crate) fn share(&self) -> Result<f64> {
        Ok(self.used()?.as_secs_f64() / self.since.elapsed().as_secs_f64())
    }
}

/// User and system time of all its threads.
fn cpu_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    // The name of the program stands in parentheses, and may hold anything.
    let (_, fields) = text.rsplit_once(')').context("no name in it")?;
    let field = |number: usize| -> Result<u64> {
        // The first behind the name is the third of all.
        let text = fields.split_whitespace().nth(number - 3).context("too few fields")?;
        Ok(text.parse()?)
    };
    let ticks = field(14)? + field(15)?;
    Ok(Duration::from_millis(ticks * 1000 / clock_ticks_per_second()))
}

/// The memory of a process, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident: u64,
    /// The most that has been resident.
    pub(crate) peak: u64,
}

impl Memory {
    /// That of the process now.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/status");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        let bytes = |name: &str| -> Result<u64> {
            let value = text.lines().find_map(|line| line.strip_prefix(name));
            let value = value.with_context(|| format!("{path} has no {name}"))?;
            Ok(value.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
        };
        Ok(Self { resident: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
    }
}

/// Bytes as millions of them, which is what MB means here.
pub(crate) fn megabytes(bytes: u64) -> f64 {
    let bytes = bytes as f64;
    bytes / 1e6
}

/// How busy the whole machine is since a moment, by whomever.
pub(crate) struct Machine {
    before: (u64, u64),
}

impl Machine {
    /// Begins to count.
    pub(crate) fn from_now() -> Result<Self> {
        Ok(Self { before: idle_and_all()? })
    }

    /// The share of its processors' time that was used.
    pub(crate) fn busy(&self) -> Result<f64> {
        let (idle, all) = idle_and_all()?;
        let (idle, all) = ((idle - self.before.0) as f64, (all - self.before.1) as f64);
        Ok(1.0 - idle / all.max(1.0))
    }
}

fn idle_and_all() -> Result<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
    let line = text.lines().next().context("/proc/stat is empty")?;
    let ticks: Vec<u64> = line.split_whitespace().skip(1).flat_map(str::parse).collect();
    // What guests use is counted as user time already.
    let all = ticks.iter().take(8).sum();
    let idle = ticks.iter().skip(3).take(2).sum();
    Ok((idle, all))
}
