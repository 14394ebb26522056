//! `cargo xtask`: generates what is generated, checks the documents, and runs the demo.

mod chart;
mod demo;
mod links;
mod manifests;
mod metrics;
mod reference;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Write the generated files, or check that they are current
    Manifests {
        /// Change nothing; fail when a file is stale
        #[arg(long)]
        check: bool,
    },
    /// Check that every link of the documents leads somewhere, without a network
    Links,
    /// The main job on this machine: API server, AgentCore emulator, operator, samples
    Demo(demo::Arguments),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<()> {
    match task {
        Task::Manifests { check } => manifests::run(*check),
        Task::Links => links::run(),
        Task::Demo(arguments) => demo::run(arguments),
    }
}

/// The root of the checkout.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
