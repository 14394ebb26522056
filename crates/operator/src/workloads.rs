//! The workloads that resources name: a mirror of those Deployments and `StatefulSets`.
//!
//! Contract: watched only where one is named, namespace by namespace and kind by kind. Of each only
//! the hash of its pod template and where its rollout stands are kept. What cannot be seen is told
//! as such, and seen again without a restart.

mod picture;
mod rollout;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agentcore::Clock;
use api::MCPServer;
use health::Health;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::api::ApiResource;
use kube::{Api, Client};
use planner::{Validated, Workload};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::watching::{Subject, watch};
pub(crate) use picture::News;
use picture::Picture;
pub(crate) use rollout::Kind;
use rollout::Seen;

/// What one watch covers: the workloads of a kind in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) namespace: String,
    pub(crate) kind: Kind,
}

/// A workload that a resource names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Named {
    pub(crate) place: Place,
    pub(crate) name: String,
}

impl Named {
    /// The one that the resource names with its wish, if it is valid and there to stay: of any
    /// other the tools are not kept fresh, and that is said.
    pub(crate) fn by(server: &MCPServer, wish: Option<&Validated>) -> Option<Self> {
        if server.metadata.deletion_timestamp.is_some() {
            return None;
        }
        let workload = wish?.tool_sync.as_ref()?.workload.as_ref()?;
        let kind = Kind::of(&workload.kind)?;
        let namespace = server.metadata.namespace.clone().unwrap_or_default();
        Some(Self { place: Place { namespace, kind }, name: workload.name.clone() })
    }
}

impl Kind {
    fn of(kind: &str) -> Option<Self> {
        [Self::Deployment, Self::StatefulSet]
            .into_iter()
            .find(|known| known.resource().kind == kind)
    }

    fn resource(self) -> ApiResource {
        match self {
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
        }
    }
}

/// The mirror of all workloads that anybody names.
pub(crate) struct Workloads {
    client: Client,
    clock: Clock,
    health: Health,
    news: mpsc::UnboundedSender<(Place, News)>,
    watches: Mutex<HashMap<Place, Watch>>,
}

/// A watch, and what it has shown. One that is ended draws on to its next await, in a picture that
/// nobody looks at any more.
struct Watch {
    picture: Arc<Mutex<Picture>>,
    task: AbortHandle,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Workloads {
    /// No watches yet. What they show is told as news.
    pub(crate) fn new(
        client: Client,
        clock: Clock,
        health: Health,
        news: mpsc::UnboundedSender<(Place, News)>,
    ) -> Self {
        Self { client, clock, health, news, watches: Mutex::default() }
    }

    /// Watches these places and no others.
    pub(crate) fn keep(&self, places: &HashSet<Place>) {
        let mut watches = lock(&self.watches);
        watches.retain(|place, _| places.contains(place));
        for place in places {
            if !watches.contains_key(place) {
                watches.insert(place.clone(), self.begin(place.clone()));
            }
        }
    }

    /// What is known of the workload, if anything.
    ///
    /// # Errors
    ///
    /// Its place has only just begun to be watched: not to go on without it is worthwhile until
    /// then.
    pub(crate) fn look(&self, named: &Named) -> Result<Option<Workload>, Timestamp> {
        let watches = lock(&self.watches);
        let Some(watch) = watches.get(&named.place) else { return Ok(None) };
        lock(&watch.picture).look(&named.name, self.clock.now())
    }

    fn begin(&self, place: Place) -> Watch {
        let picture = Arc::new(Mutex::new(Picture::new(place.kind, self.clock.now())));
        let resource = place.kind.resource();
        let api: Api<Seen> = Api::namespaced_with(self.client.clone(), &place.namespace, &resource);
        let subject = Subject {
            name: format!("the {}s of namespace {}", resource.kind, place.namespace),
            hint: |status| {
                (status == 403).then_some(
                    "spec.toolSync.workloadRef names one, and the operator's service account lacks \
                     rights: set rbac.workloads=true in the chart, or apply \
                     config/rbac/workload_viewer_role.yaml and its binding",
                )
            },
        };
        let pulse = self.health.pulse("workload-watches");
        let (seen, clock, news) = (Arc::clone(&picture), self.clock, self.news.clone());
        let task = tokio::spawn(async move {
            watch(api, None, subject, pulse, |heard| {
                let told = lock(&seen).hear(heard, clock.now());
                if told != News::Of(Vec::new()) {
                    // Nobody listens only if the process is ending.
                    let _ = news.send((place.clone(), told));
                }
            })
            .await;
        });
        Watch { picture, task: task.abort_handle() }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that could panic is done while it is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
