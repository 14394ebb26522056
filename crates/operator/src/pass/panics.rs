//! Passes that panic: told, and tried again with growing pauses. And what the watch shows, where to take
//! that in panics.
//!
//! Contract: a panic is a mistake of this program that one resource brings to light. To that resource it
//! is what a crash would be to all: nothing is remembered of it, and its records tell the next pass what
//! to look for. Nobody else notices. While its pause lasts only an edit or a request of a person leads to
//! a pass over it, and its `Ready` says what is wrong, unless that is in what has to be written.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agentcore::AgentCore;
use api::{MCPServer, REQUEST_ANNOTATION};
use jiff::Timestamp;
use planner::{Report, Schedule, delay};
use tracing::{error, info, warn};

use super::Operator;
use crate::fleet::Key;
use crate::panics::{Panic, caught, caught_at_once};
use crate::work::Outcome;

/// The resources whose last pass panicked.
#[derive(Debug, Default)]
pub(crate) struct Panics(Mutex<HashMap<Key, Bout>>);

/// Passes over a resource that have panicked in a row.
#[derive(Debug)]
struct Bout {
    times: u32,
    pause: Duration,
    /// When the pause ends.
    until: Timestamp,
    asked: Option<Asked>,
}

/// What a person asks for by a resource.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    uid: Option<String>,
    generation: Option<i64>,
    to_go: bool,
    request: Option<String>,
}

impl Asked {
    fn by(server: &MCPServer) -> Self {
        let metadata = &server.metadata;
        let annotations = metadata.annotations.as_ref();
        Self {
            uid: metadata.uid.clone(),
            generation: metadata.generation,
            to_go: metadata.deletion_timestamp.is_some(),
            request: annotations.and_then(|all| all.get(REQUEST_ANNOTATION)).cloned(),
        }
    }
}

impl Panics {
    /// Until when the resource is left alone.
    pub(super) fn pause(
        &self,
        key: &Key,
        server: Option<&MCPServer>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let bouts = self.bouts();
        let Bout { until, asked, .. } = bouts.get(key)?;
        (*until > now && server.map(Asked::by) == *asked).then_some(*until)
    }

    /// One more pass has panicked. Returns how many in a row that were, and how long to wait.
    fn another(&self, key: &Key, server: Option<&MCPServer>, now: Timestamp) -> (u32, Duration) {
        let mut bouts = self.bouts();
        let times = bouts.get(key).map_or(1, |bout| bout.times.saturating_add(1));
        let pause = delay(Schedule::REFUSED, times, fastrand::u64(..));
        let until = now.checked_add(pause).unwrap_or(Timestamp::MAX);
        bouts.insert(key.clone(), Bout { times, pause, until, asked: server.map(Asked::by) });
        (times, pause)
    }

    /// A pass has come to its end. One alone proves little: it may have waited for what the next one
    /// fails at.
    pub(super) fn calm(&self, key: &Key, now: Timestamp) {
        let mut bouts = self.bouts();
        let calm_at = bouts.get(key).and_then(|bout| bout.until.checked_add(bout.pause).ok());
        if calm_at.is_some_and(|at| at <= now) {
            bouts.remove(key);
        }
    }

    /// The resource is gone.
    pub(super) fn forget(&self, key: &Key) {
        self.bouts().remove(key);
    }

    /// Nobody works here any more.
    pub(crate) fn clear(&self) {
        self.bouts().clear();
    }

    fn bouts(&self) -> MutexGuard<'_, HashMap<Key, Bout>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: AgentCore> Operator<A> {
    /// Takes in what the watch shows of a resource. One at which that panics counts as one that cannot be
    /// read: what was known of it before is all that is, and the watch goes on to show the others.
    pub(crate) fn taking_in<T>(&self, key: &Key, work: impl FnOnce() -> T) -> Option<T> {
        // Whatever is changed with it is changed after all that can panic, which is to judge it.
        let Panic { text, place } = match caught_at_once(work) {
            Ok(done) => return Some(done),
            Err(panic) => panic,
        };
        let (namespace, name) = (&key.namespace, &key.name);
        error!(
            namespace,
            name,
            panic = text,
            place,
            "to take in the MCPServer has panicked: nothing is done for it"
        );
        if self.guard.works() {
            self.metrics.panicked();
        }
        self.fleet.broken(key, place);
        self.unreadable.notify_one();
        None
    }

    /// A pass over the resource has panicked.
    pub(super) async fn panicked(&self, key: &Key, panic: &Panic) -> Outcome {
        let (namespace, name) = (&key.namespace, &key.name);
        // What is left half-changed is of this resource alone, and is forgotten here or replaced by
        // what the watch or a live read shows; a call under way has given back what it held.
        self.forget(key);
        let server = self.fleet.get(key);
        let (times, pause) = self.panics.another(key, server.as_ref(), self.clock.now());
        error!(
            namespace,
            name,
            panic = panic.text,
            place = panic.place,
            times,
            pause = pause.as_secs(),
            "a pass has panicked; it is tried again after a pause (s)"
        );
        if !self.dry_run
            && let Some(server) = server
        {
            // Nothing may be begun by who leads no more.
            let told = caught(async {
                if self.guard.works() {
                    let report = Report::broken(panic.place.as_deref());
                    self.write_report(key, &server, &report).await.map(drop)
                } else {
                    Ok(())
                }
            });
            match told.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    info!(namespace, name, %error, "the condition could not be written");
                }
                Err(Panic { text, place }) => {
                    warn!(namespace, name, panic = text, place, "to say so has panicked too");
                }
            }
        }
        self.again_in(pause)
    }
}

#[cfg(test)]
mod tests;
