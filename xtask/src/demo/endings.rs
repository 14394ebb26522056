//! The ways in which a person ends the demo: Ctrl-C, `kill`, and closing the terminal.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that end it. While this lives, they do nothing by themselves.
pub(crate) struct Endings {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Endings {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the first.
    pub(crate) async fn arrival(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
