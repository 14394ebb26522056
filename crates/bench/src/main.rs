//! `make bench`: an operator measured against the quotas of AWS, on real parts.
//!
//! Contract: etcd, kube-apiserver, the AgentCore emulator with AWS's quotas and the operator run as
//! processes of their own. Of the operator nothing is used but its command line and environment, so
//! that any other can be measured the same way. What is measured becomes a table, pictures, and
//! [`docs/benchmarks.md`](../../../docs/benchmarks.md), which also tells how; a bar that is missed is
//! a failure.

#![expect(clippy::cast_precision_loss, reason = "nothing that is counted here comes near 2^52")]

mod aws;
mod kubernetes;
mod options;
mod progress;
mod report;
mod scenario;
mod stage;
mod usage;
mod watch;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use testkit::run::Run;
use tokio::runtime;
use tokio::signal::ctrl_c;

use options::Options;
use report::Report;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            if let Ok(run) = Run::current() {
                run.keep_logs();
                eprintln!("logs are kept in {}", run.logs().display());
            }
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    // One thread: what measures takes as little as it can from what is measured.
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let mut report = Report::begin(options)?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = scenario::play(options, &mut report) => result,
            _ = ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        }
    });
    // What was measured before a failure is worth keeping.
    report.write()?;
    result?;
    let missed = report.missed();
    ensure!(missed.is_empty(), "missed: {}", missed.join("; "));
    Ok(())
}
