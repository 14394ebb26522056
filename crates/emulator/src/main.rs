//! The binary `agentcore-emulator`: flags in, an emulator until somebody ends it.

mod cli;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use emulator::Emulator;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[tokio::main]
async fn main() -> ExitCode {
    // As programs in Rust have it: `RUST_LOG=debug` or `RUST_LOG=emulator=trace`; errors without it.
    let asked = std::env::var("RUST_LOG").ok().and_then(|filter| filter.parse::<Targets>().ok());
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(tracing::Level::ERROR));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter).with(lines).init();
    match run(&cli::Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("agentcore-emulator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: &cli::Flags) -> anyhow::Result<()> {
    let cli::Command { listen, settings } = flags.resolve()?;
    // Before the address is printed: whoever reads it may send a signal at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let emulator = Emulator::listen(settings, listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    announce(emulator.url())?;
    tokio::select! {
        () = arrival(&mut interrupt) => {}
        () = arrival(&mut terminate) => {}
    }
    // Connections that clients keep open must not keep a process alive that was told to go.
    drop(emulator);
    Ok(())
}

/// The one line on standard output, for scripts to wait for.
fn announce(url: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on {url}")?;
    out.flush()
}

async fn arrival(signal: &mut Signal) {
    signal.recv().await;
}
