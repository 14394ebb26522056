//! What one watch has shown of its workloads.
//!
//! Contract: of each only what came of it is kept, never the object. Tells whom a change concerns. A
//! rollout is complete since it was first seen so here, for as long as it stays so.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::watcher::Event;
use planner::Workload;

use super::rollout::{self, Kind, Progress, Seen};
use crate::watching::{Heard, refusal};

/// How long the first list may take before things go on without it. Until then nothing is known,
/// and a target that were made meanwhile would be taken not to have the tools of a rollout which
/// had long been over.
const FIRST_LIST: Duration = Duration::from_secs(5);

/// Whom something concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Those who name one of these.
    Of(Vec<String>),
    /// Everybody who names any.
    All,
}

/// What one watch has shown.
pub(super) struct Picture {
    kind: Kind,
    begun: Timestamp,
    workloads: HashMap<String, Workload>,
    /// While it lists anew: what has been listed.
    listed: HashSet<String>,
    /// Whether a list has been complete.
    complete: bool,
    /// Why it can be neither listed nor watched.
    refused: Option<String>,
}

impl Picture {
    pub(super) fn new(kind: Kind, begun: Timestamp) -> Self {
        Self {
            kind,
            begun,
            workloads: HashMap::new(),
            listed: HashSet::new(),
            complete: false,
            refused: None,
        }
    }

    /// What is known of the workload of this name, if anything; or until when to wait for that.
    pub(super) fn look(&self, name: &str, now: Timestamp) -> Result<Option<Workload>, Timestamp> {
        if let Some(why) = &self.refused {
            return Ok(Some(Workload::Hidden(why.clone())));
        }
        match self.workloads.get(name) {
            Some(workload) => Ok(Some(workload.clone())),
            None if self.complete => Ok(Some(Workload::Missing)),
            None => {
                let until = self.begun.checked_add(FIRST_LIST).unwrap_or(self.begun);
                if now < until { Err(until) } else { Ok(None) }
            }
        }
    }

    /// Takes in what is heard of the watch.
    pub(super) fn hear(&mut self, heard: Heard<Seen>, now: Timestamp) -> News {
        match heard {
            Heard::Failed(error) => match refusal(&error) {
                Some(status) => self.refused(Some(status.message.trim().to_owned())),
                // What was seen last holds until it is seen otherwise.
                None => News::Of(Vec::new()),
            },
            Heard::Mended => self.refused(None),
            Heard::Event(Event::Init) => {
                self.listed.clear();
                News::Of(Vec::new())
            }
            Heard::Event(Event::InitApply(seen)) => {
                self.listed.extend(seen.metadata.name.clone());
                self.see(&seen, now)
            }
            Heard::Event(Event::Apply(seen)) => self.see(&seen, now),
            Heard::Event(Event::Delete(seen)) => {
                let name = seen.metadata.name.unwrap_or_default();
                let known = self.workloads.remove(&name).is_some();
                News::Of(if known { vec![name] } else { Vec::new() })
            }
            Heard::Event(Event::InitDone) => self.listing_ends(),
        }
    }

    fn refused(&mut self, why: Option<String>) -> News {
        let before = std::mem::replace(&mut self.refused, why);
        if before == self.refused { News::Of(Vec::new()) } else { News::All }
    }

    fn see(&mut self, seen: &Seen, now: Timestamp) -> News {
        let name = seen.metadata.name.clone().unwrap_or_default();
        let before = self.workloads.get(&name);
        let template = rollout::template(self.kind, seen);
        let after = match (rollout::progress(self.kind, seen), before) {
            // A pod that is lost, or one more that is wanted, is no rollout.
            (
                Progress::UnderWay | Progress::Complete,
                Some(Workload::Complete { template: known, since }),
            ) if *known == template => Workload::Complete { template, since: *since },
            // Nor is the first one after there were none.
            (Progress::UnderWay, Some(Workload::Idle { template: known }))
                if *known == template =>
            {
                Workload::Idle { template }
            }
            (Progress::UnderWay, _) => Workload::RollingOut,
            (Progress::Idle, _) => Workload::Idle { template },
            (Progress::Complete, _) => Workload::Complete { template, since: now },
        };
        if before == Some(&after) {
            return News::Of(Vec::new());
        }
        self.workloads.insert(name.clone(), after);
        News::Of(vec![name])
    }

    /// What was not on the list is gone.
    fn listing_ends(&mut self) -> News {
        let listed = std::mem::take(&mut self.listed);
        let (kept, gone) = std::mem::take(&mut self.workloads)
            .into_iter()
            .partition::<HashMap<_, _>, _>(|(name, _)| listed.contains(name));
        self.workloads = kept;
        if std::mem::replace(&mut self.complete, true) {
            News::Of(gone.into_keys().collect())
        } else {
            News::All
        }
    }
}

#[cfg(test)]
mod tests;
