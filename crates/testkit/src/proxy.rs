//! A reverse proxy that cuts: it stands between one process and a server that the process calls.
//!
//! Calls pass through as they are, watches included. Which of them are counted, and what befalls
//! one of them, [`Points`] says; several proxies share it, so that when the process is to die at
//! a call to one server, its calls to the other come to nothing, too. What the way is like for all that
//! goes through says [`Weather`]. Dropping a proxy severs every connection through it.

mod call;
mod points;
mod upstream;
mod weather;

use std::future::pending;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::sync::{Arc, OnceLock};

use anyhow::{Error, Result, bail};
use http::header::{CONNECTION, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

pub use points::{Cut, Life, Point, Points};
pub use upstream::Upstream;
pub use weather::{Asked, Connections, Interruption, Trouble, Weather, is_status_write, is_watch};

use points::Fate;

type Body = UnsyncBoxBody<Bytes, Error>;

/// A running proxy for one life of a process.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    serving: AbortHandle,
}

impl Proxy {
    /// Starts one on a free loopback port, in the current runtime.
    pub async fn start(upstream: Upstream, points: Arc<Points>, life: Life) -> Result<Self> {
        Self::link(Link { upstream, points, life, weather: Arc::default() }).await
    }

    /// Starts one that counts nothing, and on which the way is like this.
    pub async fn start_in(upstream: Upstream, weather: Arc<Weather>) -> Result<Self> {
        Self::link(Link { upstream, points: Arc::default(), life: Life::default(), weather }).await
    }

    async fn link(link: Link) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let link = Arc::new(link);
        let serving = tokio::spawn(accept(listener, link)).abort_handle();
        Ok(Self { url, serving })
    }

    /// Where the process has to call.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The connections end with the task that runs this.
async fn accept(listener: TcpListener, link: Arc<Link>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(Arc::clone(&link).converse(stream));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// What the connections of a proxy have in common.
struct Link {
    upstream: Upstream,
    points: Arc<Points>,
    life: Life,
    weather: Arc<Weather>,
}

impl Link {
    async fn converse(self: Arc<Self>, stream: TcpStream) {
        // What befalls this connection.
        let struck = OnceLock::new();
        let service = service_fn(|request| self.serve(request, &struck));
        let mut connection =
            pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        let mut fares = self.weather.fares();
        let age = fares.borrow().age;
        loop {
            let fare = *fares.borrow_and_update();
            if fare.age > age {
                // Neither end hears of the other again.
                pending::<()>().await;
            }
            if fare.connections == Connections::Cut {
                break;
            }
            tokio::select! {
                // An error is a cut, or a process that has died.
                _ = &mut connection, if fare.connections == Connections::Open => break,
                // The sender is held here, so there is no error.
                _ = fares.changed() => {}
            }
        }
        // All of the answer is out, or the process has hung up before it came.
        if let Some(cut) = struck.get() {
            self.points.has_befallen(*cut);
        }
    }

    /// An error cuts the connection.
    async fn serve(
        &self,
        request: Request<Incoming>,
        struck: &OnceLock<Cut>,
    ) -> Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let cut = match self.points.judge(self.life, call::name(&parts, &body)) {
            Fate::Comes => return self.pass(parts, body).await,
            Fate::Nothing => pending().await,
            Fate::Cut(cut) => *struck.get_or_init(|| cut),
        };
        let answer = if cut.commits() { self.whole_answer(parts, body).await.ok() } else { None };
        match (cut, answer) {
            (Cut::DiesAnswered, Some(mut answer)) => {
                // The connection's end says that all of the answer is out.
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                Ok(answer
                    .map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync()))
            }
            (Cut::DiesBefore | Cut::DiesAfter | Cut::DiesAnswered, _) => {
                self.points.has_befallen(cut);
                pending().await
            }
            (Cut::Before | Cut::After, _) => bail!("cut"),
        }
    }

    /// It goes its way, whatever that is like.
    async fn pass(&self, parts: Parts, body: Bytes) -> Result<Response<Body>> {
        let asked = weather::collection(&parts);
        let trouble = self.weather.befalls(&parts);
        if let Some(Trouble::Refused { status, reason, retry_after }) = trouble {
            return weather::refusal(status, reason, retry_after);
        }
        if trouble == Some(Trouble::Unanswered) {
            return pending().await;
        }
        let answer = self.upstream.send(parts, body).await?;
        match trouble {
            Some(Trouble::Slow(time)) => tokio::time::sleep(time).await,
            Some(Trouble::Lost) => bail!("lost"),
            Some(Trouble::Refused { .. } | Trouble::Unanswered) | None => {}
        }
        let (head, body) = answer.into_parts();
        let is_watch = asked.as_ref().is_some_and(Asked::is_watch);
        let body = if is_watch {
            self.weather.watched(body)
        } else {
            body.map_err(Error::from).boxed_unsync()
        };
        if let Some(asked) = asked.filter(|_| head.status.is_success()) {
            self.weather.answered(asked);
        }
        Ok(Response::from_parts(head, body))
    }

    async fn whole_answer(&self, parts: Parts, body: Bytes) -> Result<Response<Bytes>> {
        let (head, body) = self.upstream.send(parts, body).await?.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    }
}
