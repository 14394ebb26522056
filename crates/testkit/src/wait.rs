//! Waits that end with the event, and say what they saw last when it does not come.
//!
//! For Kubernetes objects the API server tells (a watch); [`eventually`] is for what nobody
//! tells.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use futures::StreamExt;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::watch_object;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};

/// Generous, because it costs nothing when all goes well, and machines that run tests are busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often to look where nobody tells.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// A wait for something about one object.
#[derive(Clone, Debug)]
#[must_use]
pub struct Wait<K> {
    api: Api<K>,
    name: String,
    within: Duration,
}

/// Begins a wait on the object of that name, which need not exist yet.
pub fn on<K: Clone>(api: &Api<K>, name: &str) -> Wait<K> {
    Wait { api: api.clone(), name: name.to_owned(), within: PATIENCE }
}

impl<K> Wait<K>
where
    K: Resource + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    /// How long to wait, instead of half a minute.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// The object, once it is as it should be. `what` says how that is.
    pub async fn until(self, what: &str, holds: impl Fn(&K) -> bool) -> Result<K> {
        let object = self.observe(what, |object| object.is_some_and(&holds)).await?;
        object.ok_or_else(|| anyhow!("{what} holds only of an object that exists"))
    }

    /// Waits until it is gone.
    pub async fn until_gone(self) -> Result<()> {
        self.observe("gone", |object| object.is_none()).await.map(drop)
    }

    async fn observe(self, what: &str, holds: impl Fn(Option<&K>) -> bool) -> Result<Option<K>> {
        let Self { api, name, within } = self;
        let deadline = Instant::now() + within;
        let mut seen = String::from("nothing yet");
        // A watch that fails (the API server is away, perhaps by the test's own doing) is begun
        // again, at growing distances. Boxed, because tests wait often, and it is large.
        let mut states = Box::pin(watch_object(api, &name).default_backoff());
        while let Ok(Some(state)) = timeout_at(deadline, states.next()).await {
            match state {
                Ok(object) if holds(object.as_ref()) => return Ok(object),
                Ok(object) => seen = describe(object.as_ref()),
                Err(error) => seen = format!("{seen}\nand then: {error}"),
            }
        }
        bail!("{name} is not {what} after {within:?}; last seen:\n{seen}")
    }
}

/// An object as people read it, without the record of who set which field.
fn describe<K: Serialize>(object: Option<&K>) -> String {
    let Some(object) = object else { return "no such object".to_owned() };
    let mut value = serde_json::json!(object);
    if let Some(metadata) = value.get_mut("metadata").and_then(|value| value.as_object_mut()) {
        metadata.remove("managedFields");
    }
    serde_saphyr::to_string(&value).unwrap_or_else(|_| value.to_string())
}

/// Tries until it succeeds, and gives the last error when time is up. For what nobody tells.
// Not `AsyncFnMut`: of the future of one the compiler cannot tell that it is `Send`, and what is
// built on this could not be spawned.
pub async fn eventually<T, A: Future<Output = Result<T>>>(
    what: &str,
    within: Duration,
    mut attempt: impl FnMut() -> A,
) -> Result<T> {
    let deadline = Instant::now() + within;
    let mut last = anyhow!("the first attempt did not end");
    loop {
        match timeout_at(deadline, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
        if Instant::now() >= deadline {
            return Err(last.context(format!("{what}: not within {within:?}")));
        }
        sleep(LOOK_EVERY).await;
    }
}
