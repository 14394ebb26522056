//! What is done when Kubernetes refuses a call of a pass.
//!
//! Contract: an API server that does not answer is asked again soon, because everything waits for it. One
//! that answers and refuses means this resource (it may have no room for its status, or a webhook may be
//! against it), so the pauses grow; and because it may be the status that cannot be written, an event
//! says so.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use agentcore::AgentCore;
use api::MCPServer;
use api::text::one_line;
use planner::{Note, Schedule, delay};
use tracing::warn;

use super::Operator;
use crate::fleet::Key;
use crate::kubernetes::Error;

/// When nothing is known that would take longer, it is asked again after this.
pub(super) const KUBERNETES_PAUSE: Duration = Duration::from_secs(2);
/// When its CRD has to be replaced first, after this.
const CRD_PAUSE: Duration = Duration::from_secs(30);
/// After so many refusals in a row an event tells of it: the first few may pass.
const TELLING: u32 = 3;
/// The longest answer that is repeated, in characters.
const ANSWER: usize = 512;

/// How often in a row each resource was refused something.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<Key, u32>>);

impl Refusals {
    fn another(&self, key: &Key) -> u32 {
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = refusals.entry(key.clone()).or_default();
        *times = times.saturating_add(1);
        *times
    }

    /// A pass has come to its end, or the resource is gone.
    pub(super) fn over(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Nobody works here any more.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl<A: AgentCore> Operator<A> {
    /// Kubernetes has refused a call. Returns how long to wait.
    pub(super) fn refused(&self, key: &Key, server: Option<&MCPServer>, error: &Error) -> Duration {
        warn!(namespace = key.namespace, name = key.name, %error, "Kubernetes refused a call");
        match error {
            Error::Refused(said) => {
                let times = self.refusals.another(key);
                if times == TELLING
                    && let Some(server) = server
                {
                    let said = one_line(said, ANSWER);
                    let text = format!("The API server refuses what is to be written: {said}");
                    let (reason, action) = ("WriteRefused", "Write");
                    self.events.tell(server, Note { warning: true, reason, action, text });
                }
                delay(Schedule::BUSY, times.saturating_add(1), fastrand::u64(..))
            }
            Error::Pruned(_) => CRD_PAUSE,
            Error::Conflict(_) | Error::Gone | Error::Other(_) => KUBERNETES_PAUSE,
        }
    }
}
