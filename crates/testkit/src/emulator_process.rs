//! The emulator as a process of its own, as a user starts it, seen through its admin API.
//!
//! Most tests have it in their own process instead, where they can hold its clock. Here it is for
//! what shows or measures the whole: the demo and the benchmark.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use http::Method;
use kube::{Client, Config};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::run::Run;
use crate::{Process, Program, binary, random};

/// What it prints before its address.
const GREETING: &str = "listening on ";
const SOON: Duration = Duration::from_mins(1);

/// A running emulator. Dropping it ends it.
pub struct EmulatorProcess {
    process: Process,
    url: String,
    admin: Client,
}

/// A target as the emulator holds it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldTarget {
    /// Its ID.
    pub target_id: String,
    /// Its name.
    pub name: String,
    /// Its status, in AWS's words.
    pub status: String,
    target_configuration: Value,
}

impl HeldTarget {
    /// The URL of the MCP server, if it is a target of that kind.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.target_configuration["mcp"]["mcpServer"]["endpoint"].as_str()
    }
}

#[derive(Deserialize)]
struct Held {
    items: Vec<HeldTarget>,
}

impl EmulatorProcess {
    /// Starts it with these gateways on a free port, and returns when it serves.
    pub async fn start(gateways: &[&str]) -> Result<Self> {
        Self::start_with(&json!({"gateways": gateways})).await
    }

    /// The same with these settings, which its README lists.
    pub async fn start_with(settings: &Value) -> Result<Self> {
        let file = Run::current()?.temp().join(format!("emulator-{}.json", random::hex::<4>()?));
        fs::write(&file, settings.to_string())
            .with_context(|| format!("writing {}", file.display()))?;
        let process = Program::new("agentcore-emulator", binary("agentcore-emulator")?)
            .flag("settings", &file)
            .spawn()?;
        let greeting = |line: &str| line.starts_with(GREETING);
        let line = process.wait_for_line("word that it serves", SOON, greeting).await?;
        let url = line.trim_start_matches(GREETING).to_owned();
        // The client for Kubernetes speaks plain HTTP and JSON as well, and is here already.
        let config = Config::new(url.parse().with_context(|| format!("not a URL: {url}"))?);
        Ok(Self { process, url, admin: Client::try_from(config)? })
    }

    /// Where it listens: what `AWS_ENDPOINT_URL` is set to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The targets of a gateway.
    pub async fn targets(&self, gateway: &str) -> Result<Vec<HeldTarget>> {
        let path = format!("targets?gateway={gateway}");
        let held: Held = self.ask(Method::GET, &path, None).await?;
        Ok(held.items)
    }

    /// Asks its admin API, by a path below `/_emulator/`.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T> {
        let body = body.map(Value::to_string).unwrap_or_default().into_bytes();
        let request =
            http::Request::builder().method(method).uri(format!("/_emulator/{path}")).body(body)?;
        let answer = self.admin.request(request).await;
        answer.with_context(|| format!("asking the emulator for {path}"))
    }
}
