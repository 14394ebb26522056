//! The server behind a proxy.

use std::sync::Arc;

use anyhow::{Context, Result};
use futures::future::BoxFuture;
use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;
use kube::client::ConfigExt;

use crate::control_plane::Access;

type Sending = BoxFuture<'static, Result<Response<Incoming>, legacy::Error>>;

/// Where a proxy sends what it gets. It belongs to the runtime that it is first used on.
#[derive(Clone)]
pub struct Upstream {
    scheme: Scheme,
    authority: Authority,
    send: Arc<dyn Fn(Request<Full<Bytes>>) -> Sending + Send + Sync>,
}

impl Upstream {
    /// A server that speaks plain HTTP.
    pub fn plain(url: &str) -> Result<Self> {
        Self::new(url, HttpConnector::new())
    }

    /// The API server. Who asks says so with a token of his own, which passes through.
    pub fn api_server(access: &Access) -> Result<Self> {
        Self::new(access.server(), access.config()?.rustls_https_connector()?)
    }

    fn new<C: Connect + Clone + Send + Sync + 'static>(url: &str, connector: C) -> Result<Self> {
        let parts = url.parse::<Uri>()?.into_parts();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self {
            scheme: parts.scheme.with_context(|| format!("{url} has no scheme"))?,
            authority: parts.authority.with_context(|| format!("{url} has no host"))?,
            send: Arc::new(move |request| Box::pin(client.request(request))),
        })
    }

    /// Sends a request on. Its `Host` stays what it is: it is part of the signature.
    pub(super) async fn send(&self, mut parts: Parts, body: Bytes) -> Result<Response<Incoming>> {
        let mut uri = parts.uri.into_parts();
        uri.scheme = Some(self.scheme.clone());
        uri.authority = Some(self.authority.clone());
        parts.uri = Uri::from_parts(uri)?;
        // These are about a connection, and this is another one.
        for header in [CONNECTION, TRANSFER_ENCODING] {
            parts.headers.remove(header);
        }
        let mut answer = (self.send)(Request::from_parts(parts, Full::new(body))).await?;
        for header in [CONNECTION, TRANSFER_ENCODING] {
            answer.headers_mut().remove(header);
        }
        Ok(answer)
    }
}
