//! A watch of Kubernetes for as long as somebody wants it.
//!
//! Contract: it does not end by itself. After a failure it is begun again, with growing pauses; what
//! is wrong goes to the log once. What there is at the beginning is streamed, object by object, where
//! the API server can do that, and else listed page by page. That is done again only where the API
//! server has forgotten what came since. A connection that is silent is noticed within a minute.

use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt as _;
use health::Pulse;
use kube::core::Status;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tracing::{info, warn};

use crate::kubernetes::describe;

/// How long one watch lasts, in seconds. The API server ends it then, so that one which lasts longer
/// is on a dead connection: `watcher` gives up five seconds later.
pub(crate) const WATCH_SECONDS: u32 = 50;
/// How many objects a page has: they are in memory at once, each with much that is of no use.
const PAGE: u32 = 100;
/// A watch that has been refused and now goes on for this long is taken to have begun.
const BEGUN_AFTER: Duration = Duration::from_secs(5);

/// What is heard of a watch.
pub(crate) enum Heard<K> {
    /// What it shows.
    Event(Event<K>),
    /// It failed, and is tried again.
    Failed(watcher::Error),
    /// It works again.
    Mended,
}

/// What is watched, for the person who reads the log.
pub(crate) struct Subject {
    /// Its name, such as "the `MCPServers`".
    pub(crate) name: String,
    /// What the HTTP status of a refusal means here, where that is more than it says.
    pub(crate) hint: fn(u16) -> Option<&'static str>,
}

/// Watches what the selector shows, or everything, until nobody awaits it any more.
pub(crate) async fn watch<K>(
    api: Api<K>,
    selector: Option<&str>,
    subject: Subject,
    pulse: Pulse,
    mut hear: impl FnMut(Heard<K>),
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let all = watcher::Config::default().timeout(WATCH_SECONDS);
    let config = selector.iter().fold(all, |config, selector| config.labels(selector));
    let begin = |streams: bool| {
        let config = config.clone();
        let config = if streams { config.streaming_lists() } else { config.page_size(PAGE) };
        watcher(api.clone(), config).boxed()
    };
    let mut streams = true;
    let mut events = begin(streams);
    let mut trouble: Option<Trouble> = None;
    loop {
        let next = events.next();
        let next = match &trouble {
            Some(trouble) if trouble.is_over_in_silence => {
                pulse.keep(tokio::time::timeout(BEGUN_AFTER, next)).await
            }
            Some(_) | None => Ok(pulse.keep(next).await),
        };
        let event = match next {
            // A watcher begins anew by itself and does not end.
            Ok(None) => return,
            Ok(Some(Err(error))) if streams && knows_no_streams(&error) => {
                streams = false;
                events = begin(streams);
                continue;
            }
            Ok(Some(Err(error))) => {
                if is_too_old(&error) {
                    // A watcher would ask for the same version again, for ever.
                    events = begin(streams);
                }
                let trouble = trouble.get_or_insert_default();
                trouble.note(&error, &subject);
                let pause = trouble.pause();
                hear(Heard::Failed(error));
                pulse.keep(tokio::time::sleep(pause)).await;
                continue;
            }
            Ok(Some(Ok(event))) => Some(event),
            Err(_) => None,
        };
        // A new beginning proves nothing: the list is still to be asked for.
        if !matches!(event, Some(Event::Init)) && trouble.take().is_some() {
            info!("{} can be watched again", subject.name);
            hear(Heard::Mended);
        }
        if let Some(event) = event {
            hear(Heard::Event(event));
        }
    }
}

/// What the API server says, where it refuses to list or to watch and will go on to do so until a
/// person does something.
pub(crate) fn refusal(error: &watcher::Error) -> Option<&Status> {
    const PASSING: [u16; 3] = [408, 410, 429];
    answer(error).filter(|said| (400..500).contains(&said.code) && !PASSING.contains(&said.code))
}

/// Whether the API server does not know streaming lists, or has them switched off: it takes what asks
/// for one for a mistake.
fn knows_no_streams(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status))
        if matches!(status.code, 400 | 422))
}

/// Whether the API server has forgotten the version from which the watch is to go on, and says so as an
/// answer. What it says in a watch is `watcher`'s business.
fn is_too_old(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410)
}

fn answer(error: &watcher::Error) -> Option<&Status> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => Some(status),
        _ => None,
    }
}

/// A watch that fails: what was said of it, and how often it has failed in a row.
#[derive(Default)]
struct Trouble {
    said: String,
    times: u32,
    /// Of a watch that follows on a complete list nothing is heard until something changes, so
    /// that it is not refused any more shows in silence.
    is_over_in_silence: bool,
}

impl Trouble {
    /// Says it, unless that was the last thing said.
    fn note(&mut self, error: &watcher::Error, subject: &Subject) {
        self.times = self.times.saturating_add(1);
        let begins = matches!(error, watcher::Error::WatchStartFailed(_));
        self.is_over_in_silence = begins && answer(error).is_some();
        let said = explain(error, subject);
        if self.said != said {
            warn!(error = said, "{} cannot be watched; trying again", subject.name);
            self.said = said;
        }
    }

    /// From half a second, doubling, to half a minute, of which up to a half is cut by chance:
    /// when an API server comes back, its clients shall not all come at once.
    fn pause(&self) -> Duration {
        let full = Duration::from_millis(500) * (1 << self.times.saturating_sub(1).min(6));
        full.min(Duration::from_secs(30)).mul_f64(1.0 - fastrand::f64() / 2.0)
    }
}

/// What a watch error means for the person who reads the log.
fn explain(error: &watcher::Error, subject: &Subject) -> String {
    let answer = answer(error);
    let hint = answer.map_or("the API server cannot be reached", |status| {
        (subject.hint)(status.code).unwrap_or(match status.code {
            401 => "the API server does not accept the operator's credentials",
            _ => "the API server refuses",
        })
    });
    // Of an answer only what it says: kube appends how it tried to read it.
    let said = answer.map_or_else(|| describe(error), |status| status.message.trim().to_owned());
    format!("{hint} ({said})")
}
