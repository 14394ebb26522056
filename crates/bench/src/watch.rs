//! The resources as the API server tells of them: when each came to be as it should be.
//!
//! A moment is that at which the watch event arrives; nothing is asked for again and again.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::time::Duration;

use anyhow::{Result, bail};
use api::MCPServer;
use futures::StreamExt;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::progress::say;

/// How long nothing may get done before it is taken for stuck.
const PATIENCE: Duration = Duration::from_mins(5);
/// How often to say how far it is.
const PROGRESS: Duration = Duration::from_secs(20);

/// A resource at a moment.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) name: String,
    pub(crate) endpoint: String,
    /// Ready is True, and says so of the newest generation.
    pub(crate) ready: bool,
    pub(crate) gone: bool,
}

/// A watch on the resources of a namespace. Dropping it ends it.
pub(crate) struct Watch {
    sights: mpsc::UnboundedReceiver<(Instant, Sight)>,
    watching: JoinHandle<()>,
}

impl Watch {
    /// Begins to watch. What is there already is told first.
    pub(crate) fn begin(servers: Api<MCPServer>) -> Self {
        let (tell, sights) = mpsc::unbounded_channel();
        let watching = tokio::spawn(watch(servers, tell));
        Self { sights, watching }
    }

    /// Follows until so many resources have been seen as they should be, and returns the moments at
    /// which each first was.
    pub(crate) async fn until(
        &mut self,
        count: usize,
        what: &str,
        holds: impl Fn(&Sight) -> bool,
    ) -> Result<Vec<Instant>> {
        let mut done = HashMap::with_capacity(count);
        let (mut told, mut progress) = (Instant::now(), Instant::now());
        while done.len() < count {
            // What is seen again and again is no progress.
            match timeout(PATIENCE.saturating_sub(progress.elapsed()), self.sights.recv()).await {
                Ok(Some((at, sight))) => {
                    if holds(&sight)
                        && let Entry::Vacant(first) = done.entry(sight.name)
                    {
                        first.insert(at);
                        progress = Instant::now();
                    }
                }
                Ok(None) => bail!("the watch has ended"),
                Err(_) => bail!("{what}: {} of {count}, and none more in {PATIENCE:?}", done.len()),
            }
            if told.elapsed() > PROGRESS {
                told = Instant::now();
                say(&format!("  {what}: {} of {count}", done.len()));
            }
        }
        let mut moments: Vec<Instant> = done.into_values().collect();
        moments.sort_unstable();
        Ok(moments)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

async fn watch(servers: Api<MCPServer>, tell: mpsc::UnboundedSender<(Instant, Sight)>) {
    let mut events = pin!(watcher(servers, watcher::Config::default()).default_backoff());
    let (mut known, mut listed) = (HashSet::new(), HashSet::new());
    while let Some(event) = events.next().await {
        let at = Instant::now();
        let mut sights = Vec::new();
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(server)) => {
                listed.insert(server.name_any());
                sights.push(sight(&server));
            }
            Ok(Event::InitDone) => {
                // Whoever went while nobody watched.
                sights.extend(known.difference(&listed).cloned().map(gone));
                known = std::mem::take(&mut listed);
            }
            Ok(Event::Apply(server)) => {
                known.insert(server.name_any());
                sights.push(sight(&server));
            }
            Ok(Event::Delete(server)) => {
                known.remove(&server.name_any());
                sights.push(gone(server.name_any()));
            }
            Err(error) => say(&format!("  the watch failed, and begins again: {error}")),
        }
        if sights.into_iter().any(|sight| tell.send((at, sight)).is_err()) {
            return;
        }
    }
}

fn gone(name: String) -> Sight {
    Sight { name, endpoint: String::new(), ready: false, gone: true }
}

fn sight(server: &MCPServer) -> Sight {
    let ready = server.status.as_ref().is_some_and(|status| {
        let mut conditions = status.conditions.iter();
        let ready = conditions.find(|condition| condition.type_ == "Ready");
        ready.is_some_and(|ready| {
            let judged = ready.observed_generation.or(status.observed_generation);
            ready.status == "True" && judged.is_some() && judged == server.metadata.generation
        })
    });
    let endpoint = server.spec.endpoint.clone();
    Sight { name: server.name_any(), endpoint, ready, gone: false }
}
