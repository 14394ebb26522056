//! Whoever reads metrics: an HTTP client with a token.

use std::time::Duration;

use anyhow::{Context as _, Result};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::{Client, Config};
use testkit::Process;

const SOON: Duration = Duration::from_secs(30);

/// Where the operator shows metrics.
pub(super) async fn address(process: &Process) -> Result<String> {
    let line = process
        .wait_for_line("where metrics are shown", SOON, |line| line.contains("metrics are shown"))
        .await?;
    let rest = line.split_once("address=").context("no address")?.1;
    Ok(rest.split_whitespace().next().unwrap_or_default().to_owned())
}

/// Somebody who asks, with a connection of their own.
pub(super) struct Scraper {
    client: Client,
    token: Option<String>,
}

/// What they got.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) status: u16,
    pub(super) kind: String,
    pub(super) body: String,
}

impl Scraper {
    /// By HTTPS; trusts nobody but this certificate, or anybody.
    pub(super) fn secure(
        address: &str,
        trusted: Option<Vec<u8>>,
        token: Option<&str>,
    ) -> Result<Self> {
        let mut config = Config::new(format!("https://{address}").parse()?);
        config.accept_invalid_certs = trusted.is_none();
        config.root_cert = trusted.map(|certificate| vec![certificate]);
        config.default_retry = false;
        Ok(Self { client: Client::try_from(config)?, token: token.map(str::to_owned) })
    }

    /// By HTTP.
    pub(super) fn plain(address: &str) -> Result<Self> {
        let mut config = Config::new(format!("http://{address}").parse()?);
        config.default_retry = false;
        Ok(Self { client: Client::try_from(config)?, token: None })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Shown> {
        let mut request = Request::get(path);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let answer = self.client.send(request.body(Body::empty())?).await?;
        let kind = answer.headers().get(CONTENT_TYPE).map(|kind| kind.to_str().map(str::to_owned));
        let (status, kind) = (answer.status().as_u16(), kind.transpose()?.unwrap_or_default());
        let body = answer.into_body().collect().await?.to_bytes();
        Ok(Shown { status, kind, body: String::from_utf8(body.to_vec())? })
    }
}
