//! The leadership of one replica, for whoever has to ask before they begin something.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Clock, Reading, Timing};

/// One leadership, from when the Lease was acquired until it is lost. Copies are the same one; once
/// it is over it stays over, even when the same replica leads again.
#[derive(Clone, Debug)]
pub struct Term {
    clock: Clock,
    timing: Timing,
    /// When the renewal was sent that counts; `None` when it is over.
    renewed: Arc<Mutex<Option<Reading>>>,
}

impl Term {
    pub(crate) fn new(clock: Clock, timing: Timing, sent: Reading) -> Self {
        Self { clock, timing, renewed: Arc::new(Mutex::new(Some(sent))) }
    }

    /// Whether what takes up to `timeout` may begin now: it ends before anybody else can lead.
    ///
    /// To be asked last, just before it is begun. Of a process that is stopped between the answer and
    /// the beginning nothing can be said here: what it then begins has to be harmless by other means
    /// (a client token, a resource version).
    #[must_use]
    pub fn permits(&self, timeout: Duration) -> bool {
        let now = self.clock.read();
        self.renewed().is_some_and(|sent| self.timing.permits(now.since(sent), timeout))
    }

    /// Whether anything at all may begin now.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.permits(Duration::ZERO)
    }

    pub(crate) fn renew(&self, sent: Reading) {
        *self.renewed() = Some(sent);
    }

    pub(crate) fn end(&self) {
        *self.renewed() = None;
    }

    fn renewed(&self) -> MutexGuard<'_, Option<Reading>> {
        self.renewed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
