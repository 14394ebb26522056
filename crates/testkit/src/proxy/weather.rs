//! What a way to a server is like: connections that are cut or fall silent, answers that come late
//! or from somebody else, watches that are interrupted.
//!
//! Contract: it is fair until told otherwise, and what is told holds from then on, for connections
//! and watches that are open already too. Every proxy that shares it has the same. What the server has
//! answered about a whole collection is kept, so that a test can count the lists.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Error, anyhow};
use futures::stream::unfold;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use serde_json::json;
use tokio::sync::{broadcast, watch};
use tokio::task::yield_now;

use super::Body;

/// How many interruptions a watch may be behind: more than any test tells at once.
const INTERRUPTIONS: usize = 64;

/// How connections fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// As they should.
    Open,
    /// They stay, and nothing comes through. What was sent comes through when they are open again, as
    /// TCP has it.
    Silent,
    /// They end, and so does every new one.
    Cut,
}

/// What befalls a request that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It does not reach the server, and this is the answer.
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The reason in the `Status`, such as `Conflict`.
        reason: &'static str,
        /// What the answer asks for in `Retry-After`.
        retry_after: Option<u32>,
    },
    /// It is carried out, and the answer comes so much later.
    Slow(Duration),
    /// It is carried out, and the connection ends instead of an answer.
    Lost,
    /// It does not reach the server, and is never answered.
    Unanswered,
}

/// What befalls the watches that are open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// They end in the middle.
    Cut,
    /// Nothing comes any more, and nothing says so: each is half-open.
    Silence,
    /// This event comes between those of the server: a JSON object on one line.
    Event(String),
}

/// A read of a whole collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its path.
    pub path: String,
    /// Its query.
    pub query: String,
}

impl Asked {
    /// Whether it asks for everything that there is: a list, its first page, or a watch that begins
    /// with what there is.
    #[must_use]
    pub fn is_full_list(&self) -> bool {
        if self.is_watch() {
            self.says("sendInitialEvents=true")
        } else {
            !self.query.contains("continue=")
        }
    }

    /// Whether it is a watch.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        self.says("watch=true")
    }

    /// From which version of the collection it goes on, if it says so.
    #[must_use]
    pub fn resource_version(&self) -> Option<&str> {
        self.query.split('&').find_map(|part| part.strip_prefix("resourceVersion="))
    }

    fn says(&self, text: &str) -> bool {
        self.query.split('&').any(|part| part == text)
    }
}

/// What the way is like, for all proxies that share it.
pub struct Weather {
    fares: watch::Sender<Fares>,
    interruptions: broadcast::Sender<Interruption>,
    state: Mutex<State>,
}

/// How connections fare, and which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fares {
    pub(super) connections: Connections,
    /// Those that are older than this are stranded.
    pub(super) age: usize,
}

type Meant = Box<dyn FnMut(&Parts) -> bool + Send>;

#[derive(Default)]
struct State {
    rules: Vec<(Meant, Trouble)>,
    asked: Vec<Asked>,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            fares: watch::Sender::new(Fares { connections: Connections::Open, age: 0 }),
            interruptions: broadcast::Sender::new(INTERRUPTIONS),
            state: Mutex::default(),
        }
    }
}

impl Weather {
    /// From now on connections fare so.
    pub fn connections(&self, fare: Connections) {
        self.fares.send_modify(|fares| fares.connections = fare);
    }

    /// The connections that are open now fall silent for ever, and nothing says so: somebody on the way
    /// has forgotten them. New ones fare as they fare.
    pub fn strand(&self) {
        self.fares.send_modify(|fares| fares.age += 1);
    }

    /// From now on this befalls the requests that are meant, unless an earlier rule means them too.
    pub fn trouble(&self, trouble: Trouble, meant: impl FnMut(&Parts) -> bool + Send + 'static) {
        self.state().rules.push((Box::new(meant), trouble));
    }

    /// This befalls the watches that are open now; returns how many there are.
    pub fn interrupt(&self, interruption: Interruption) -> usize {
        // An error says that there are none.
        self.interruptions.send(interruption).unwrap_or_default()
    }

    /// It is fair again. Watches that fell silent stay so.
    pub fn clear(&self) {
        self.state().rules.clear();
        self.connections(Connections::Open);
    }

    /// What was asked of whole collections whose path ends so, and not refused, in its order.
    #[must_use]
    pub fn asked(&self, plural: &str) -> Vec<Asked> {
        let state = self.state();
        state.asked.iter().filter(|asked| asked.path.ends_with(plural)).cloned().collect()
    }

    /// How often everything of a collection was asked for, and not refused.
    #[must_use]
    pub fn full_lists(&self, plural: &str) -> usize {
        self.asked(plural).iter().filter(|asked| asked.is_full_list()).count()
    }

    pub(super) fn fares(&self) -> watch::Receiver<Fares> {
        self.fares.subscribe()
    }

    /// What befalls this request.
    pub(super) fn befalls(&self, parts: &Parts) -> Option<Trouble> {
        self.state()
            .rules
            .iter_mut()
            .find_map(|(meant, trouble)| meant(parts).then(|| trouble.clone()))
    }

    /// The server has begun to answer this.
    pub(super) fn answered(&self, asked: Asked) {
        self.state().asked.push(asked);
    }

    /// The answer to a watch, with what befalls it on its way.
    pub(super) fn watched(&self, events: Incoming) -> Body {
        let watched = Watched {
            events,
            interruptions: self.interruptions.subscribe(),
            is_between: true,
            inserted: VecDeque::new(),
        };
        StreamBody::new(unfold(watched, Watched::next)).boxed_unsync()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer of an API server that does not do what it is asked.
pub(super) fn refusal(
    status: StatusCode,
    reason: &str,
    retry_after: Option<u32>,
) -> Result<Response<Body>, Error> {
    let said = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": format!("{reason}, says the way there"),
        "reason": reason,
        "code": status.as_u16(),
    });
    let body = Full::new(Bytes::from(said.to_string())).map_err(|never| match never {});
    let mut answer = Response::builder().status(status).header("content-type", "application/json");
    if let Some(seconds) = retry_after {
        answer = answer.header("retry-after", seconds);
    }
    Ok(answer.body(body.boxed_unsync())?)
}

/// A read of a whole collection, as that of a resource of one's own.
pub(super) fn collection(parts: &Parts) -> Option<Asked> {
    let path = parts.uri.path();
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let is_collection =
        matches!(segments.as_slice(), ["apis", _, _, _] | ["apis", _, _, "namespaces", _, _]);
    let query = parts.uri.query().unwrap_or_default();
    (parts.method == Method::GET && is_collection)
        .then(|| Asked { path: path.to_owned(), query: query.to_owned() })
}

/// Whether a request begins a watch.
#[must_use]
pub fn is_watch(parts: &Parts) -> bool {
    collection(parts).is_some_and(|asked| asked.is_watch())
}

/// Whether a request writes a status.
#[must_use]
pub fn is_status_write(parts: &Parts) -> bool {
    parts.method != Method::GET && parts.uri.path().ends_with("/status")
}

/// A watch on its way.
struct Watched {
    events: Incoming,
    interruptions: broadcast::Receiver<Interruption>,
    /// What has come through ends with an event.
    is_between: bool,
    inserted: VecDeque<String>,
}

impl Watched {
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, Error>, Self)> {
        loop {
            if self.is_between
                && let Some(event) = self.inserted.pop_front()
            {
                return Some((Ok(Frame::data(Bytes::from(event + "\n"))), self));
            }
            tokio::select! {
                biased;
                told = self.interruptions.recv() => match told {
                    Ok(Interruption::Event(event)) => self.inserted.push_back(event),
                    Ok(Interruption::Cut) => {
                        // What came before it is to be on its way.
                        yield_now().await;
                        return Some((Err(anyhow!("cut")), self));
                    }
                    Ok(Interruption::Silence) | Err(_) => pending().await,
                },
                frame = self.events.frame() => {
                    let frame = frame?.map_err(Error::from);
                    if let Some(data) = frame.as_ref().ok().and_then(Frame::data_ref) {
                        self.is_between = data.ends_with(b"\n");
                    }
                    return Some((frame, self));
                }
            }
        }
    }
}
