//! Holds a control plane until it is told to end, for trying things by hand: prints the
//! `export KUBECONFIG=…` that points kubectl at it.

use anyhow::Result;
use testkit::ControlPlane;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<()> {
    // Asked for before the start, so that Ctrl-C during it is not lost.
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let hold = async {
        let plane = ControlPlane::builder().controller_manager().start().await?;
        println!("export KUBECONFIG={}", plane.kubeconfig_file(plane.admin())?.display());
        std::future::pending::<Result<()>>().await
    };
    tokio::select! {
        ended = hold => ended,
        _ = interrupted.recv() => Ok(()),
        _ = terminated.recv() => Ok(()),
    }
}
