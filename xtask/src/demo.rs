//! `cargo xtask demo`: the main job on this machine, on real parts.
//!
//! Contract: etcd, kube-apiserver, the AgentCore emulator and the operator run as processes of
//! their own, and nothing of them is left when this process ends, however it ends. Without
//! `--check` it shows what happens until somebody ends it; with it, it goes through the life of
//! the samples and judges. What fails is said with the last lines of who failed, and where all
//! the logs are.

mod age;
mod check;
mod endings;
mod picture;
mod screen;
mod show;
mod stage;
mod table;

use anyhow::{Result, anyhow, bail};
use testkit::run::Run;
use tokio::runtime;

use endings::Endings;
use screen::Screen;

/// How to run the demo.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Go from create to gone without a terminal, and fail if anything is not as it should be
    #[arg(long)]
    check: bool,
}

/// Runs it to its end.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(until_the_end(arguments.check));
    // Somebody who waits for a lock on a file cannot be interrupted, and need not be waited for.
    runtime.shutdown_background();
    result
}

async fn until_the_end(check: bool) -> Result<()> {
    // Listened for from the start, so that Ctrl-C during the start ends what has been started.
    let mut endings = Endings::listen()?;
    let mut screen = if check { Screen::of_lines() } else { Screen::of_stdout() };
    // The play is dropped with all its processes before anything else is said.
    let played = tokio::select! {
        result = play(&mut screen, check) => Some(result),
        () = endings.arrival() => None,
    };
    screen.let_stand();
    match played {
        Some(result) => result.map_err(with_logs),
        None if check => bail!("interrupted: nothing is known"),
        None => screen.step("ended; nothing is left behind"),
    }
}

async fn play(screen: &mut Screen, check: bool) -> Result<()> {
    if check { Box::pin(check::run(screen)).await } else { Box::pin(show::run(screen)).await }
}

/// Keeps the logs and says where they are.
fn with_logs(error: anyhow::Error) -> anyhow::Error {
    match Run::current() {
        Ok(run) => {
            run.keep_logs();
            anyhow!("{error:#}\n\nlogs are kept in {}", run.logs().display())
        }
        Err(_) => error,
    }
}
