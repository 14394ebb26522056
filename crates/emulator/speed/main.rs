//! How fast the emulator is, and how large: with 10,000 targets on one gateway, one core serves
//! 5,000 calls a second, lists 1,000 targets in 10 ms, and takes 50 MB.
//!
//! The emulator runs as a process of its own with a runtime of one thread. Its speed is told per
//! second of processor time, which other load on the machine does not change; the seconds on the
//! wall are told besides. Ends with an error when a bar is missed.

mod client;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use client::Client;
use emulator::{Durations, Emulator, Settings};

const TARGETS: usize = 10_000;
const CALLS: usize = 50_000;
const LISTS: usize = 50;

/// The bars.
const CALLS_PER_SECOND: f64 = 5000.0;
const LIST_TIME: Duration = Duration::from_millis(10);
const MEGABYTES: f64 = 50.0;

fn main() -> ExitCode {
    let result =
        if std::env::args().nth(1).as_deref() == Some("serve") { serve() } else { measure() };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("emulator-speed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The process under measurement.
fn serve() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let durations = Durations::all(Duration::ZERO);
        let settings = Settings { durations, ..Settings::with_gateways(["gw"]) };
        let emulator = Emulator::start(settings).await?;
        println!("{}", emulator.address());
        std::future::pending().await
    })
}

fn measure() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let mut client = Client::connect(&server.address)?;

    let start = Instant::now();
    let mut ids = Vec::with_capacity(TARGETS);
    for n in 0..TARGETS {
        // With a token each, as the SDKs send them: the emulator has to remember those too.
        let body = body(n, &format!(r#"loaded", "clientToken": "00000000-0000-0000-0000-{n:012}"#));
        let answer = client.call("POST", "/gateways/gw/targets/", &body)?;
        let id = serde_json::from_slice::<serde_json::Value>(&answer)?["targetId"].take();
        ids.push(id.as_str().context("a target without an ID")?.to_owned());
    }
    println!("{TARGETS} creates in {:.2} s", start.elapsed().as_secs_f64());

    let (start, processor) = (Instant::now(), server.processor_time()?);
    for n in 0..CALLS {
        let id = &ids[n * 7919 % TARGETS];
        let target = format!("/gateways/gw/targets/{id}/");
        // What an operator asks of it: mostly reads, some writes, now and then a page.
        match n % 10 {
            0 => client.call("PUT", &target, &body(n * 7919 % TARGETS, "updated"))?,
            1 => client.call("GET", "/gateways/gw/targets/?maxResults=100", "")?,
            _ => client.call("GET", &target, "")?,
        };
    }
    let busy = server.processor_time()?.saturating_sub(processor).as_secs_f64();
    let calls = f64::from(u32::try_from(CALLS)?);
    let per_second = calls / busy;
    println!("{per_second:.0} calls per second of one core (bar: {CALLS_PER_SECOND:.0})");
    println!(
        "{:.0} calls per second on the wall, one client",
        calls / start.elapsed().as_secs_f64()
    );

    let mut times = Vec::with_capacity(LISTS);
    for _ in 0..LISTS {
        let start = Instant::now();
        client.call("GET", "/gateways/gw/targets/?maxResults=1000", "")?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let (median, worst) = (times[LISTS / 2], times[LISTS - 1]);
    println!("List of 1000: median {median:.1?}, worst {worst:.1?} (bar: {LIST_TIME:?})");

    let megabytes = server.megabytes()?;
    println!("{megabytes:.1} MB at most (bar: {MEGABYTES:.0})");
    server.child.kill()?;
    server.child.wait()?;
    if per_second < CALLS_PER_SECOND || median > LIST_TIME || megabytes > MEGABYTES {
        bail!("a bar was missed");
    }
    Ok(())
}

fn body(n: usize, description: &str) -> String {
    format!(
        r#"{{"name": "target-{n}", "description": "{description}", "targetConfiguration":
            {{"mcp": {{"mcpServer": {{"endpoint": "https://tools-{n}.example/mcp"}}}}}}}}"#
    )
}

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg("serve").stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let out = child.stdout.take().context("no standard output")?;
        BufReader::new(out).read_line(&mut line)?;
        std::io::stdout().flush()?;
        Ok(Self { child, address: line.trim().to_owned() })
    }

    /// In user and kernel, as Linux counts it: in hundredths of a second.
    fn processor_time(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let after_name = stat.rsplit(')').next().context("no such statistics")?;
        let ticks: u64 =
            after_name.split_whitespace().skip(11).take(2).flat_map(str::parse::<u64>).sum();
        Ok(Duration::from_millis(ticks * 10))
    }

    /// The most memory that it ever had.
    fn megabytes(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
        let kilobytes: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kilobytes / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whatever went wrong, the process under measurement goes too; it may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
