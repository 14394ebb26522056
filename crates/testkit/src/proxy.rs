//! A reverse proxy that cuts: it stands between one process and a server that the process calls.
//!
//! Calls pass through as they are, watches included. Which of them are counted, and what befalls
//! one of them, [`Points`] says; several proxies share it, so that when the process is to die at
//! a call to one server, its calls to the other come to nothing, too. Dropping a proxy severs
//! every connection through it.

mod call;
mod points;
mod upstream;

use std::future::pending;
use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};

use anyhow::{Result, bail};
use http::header::{CONNECTION, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

pub use points::{Cut, Life, Point, Points};
pub use upstream::Upstream;

use points::Fate;

type Body = BoxBody<Bytes, hyper::Error>;

/// A running proxy for one life of a process.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    serving: AbortHandle,
}

impl Proxy {
    /// Starts one on a free loopback port, in the current runtime.
    pub async fn start(upstream: Upstream, points: Arc<Points>, life: Life) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let link = Arc::new(Link { upstream, points, life });
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
}

impl Link {
    async fn converse(self: Arc<Self>, stream: TcpStream) {
        // What befalls this connection.
        let struck = OnceLock::new();
        let service = service_fn(|request| self.serve(request, &struck));
        // An error is a cut, or a process that has died.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
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
            Fate::Comes => {
                return Ok(self.upstream.send(parts, body).await?.map(BodyExt::boxed));
            }
            Fate::Nothing => pending().await,
            Fate::Cut(cut) => *struck.get_or_init(|| cut),
        };
        let answer = if cut.commits() { self.whole_answer(parts, body).await.ok() } else { None };
        match (cut, answer) {
            (Cut::DiesAnswered, Some(mut answer)) => {
                // The connection's end says that all of the answer is out.
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                Ok(answer.map(|body| Full::new(body).map_err(|never| match never {}).boxed()))
            }
            (Cut::DiesBefore | Cut::DiesAfter | Cut::DiesAnswered, _) => {
                self.points.has_befallen(cut);
                pending().await
            }
            (Cut::Before | Cut::After, _) => bail!("cut"),
        }
    }

    async fn whole_answer(&self, parts: Parts, body: Bytes) -> Result<Response<Bytes>> {
        let (head, body) = self.upstream.send(parts, body).await?.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    }
}
