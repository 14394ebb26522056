//! What Linux says of the process, under the names that every Prometheus client gives it.
//!
//! Contract: what cannot be read is left out.

use std::fs;

use jiff::Timestamp;
use metrics::Gathered;
use metrics::catalogue as names;

/// Clock ticks in a second, as Linux tells them to programs (proc(5), `USER_HZ`): the same on every
/// platform that this is built for.
const TICKS: f64 = 100.0;

pub(super) fn gather(gathered: &mut Gathered, started: Timestamp) {
    let mut shows = |metric, value: Option<f64>| {
        if let Some(value) = value {
            gathered.is(metric, [], value);
        }
    };
    let read = |file: &str| fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
    let (stat, status, limits) = (read("stat"), read("status"), read("limits"));
    shows(&names::PROCESS_START, Some(started.as_duration().as_secs_f64()));
    shows(&names::PROCESS_CPU, cpu_seconds(&stat));
    shows(&names::PROCESS_MEMORY, bytes(&status, "VmRSS:"));
    shows(&names::PROCESS_VIRTUAL, bytes(&status, "VmSize:"));
    let files = fs::read_dir("/proc/self/fd").map(Iterator::count);
    // Of file descriptors there are not so many.
    #[allow(clippy::cast_precision_loss)]
    shows(&names::PROCESS_FILES, files.ok().map(|files| files as f64));
    shows(&names::PROCESS_MAX_FILES, max_files(&limits));
}

/// User's and system's time: the 14th and the 15th field, of which the second may have spaces.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

fn bytes(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}

fn max_files(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(f64::INFINITY),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4 5 0 0 0 250 50 0 0 20 0 3 0 99 1000 200";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(bytes("VmSize:\t  8 kB\nVmRSS:\t   4 kB\n", "VmRSS:"), Some(4096.0));
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  4096  files\n";
        assert_eq!(max_files(limits), Some(1024.0));
        assert_eq!((cpu_seconds(""), bytes("", "VmRSS:"), max_files("")), (None, None, None));
    }
}
