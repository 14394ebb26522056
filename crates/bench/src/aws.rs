//! AgentCore as the benchmark sees it: the emulator with AWS's quotas, and its log of calls.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use testkit::EmulatorProcess;
use tokio::time::{Instant, sleep};

/// Creates, Updates or Deletes a second (AWS documentation; each kind has its own).
pub(crate) const WRITES_PER_SECOND: f64 = 5.0;
/// Operations under way on a gateway (AWS documentation).
pub(crate) const SLOTS: f64 = 5.0;
/// The Lists a second that an operator should make do with: 80 % of AWS's 10.
pub(crate) const LISTS_PER_SECOND: f64 = 8.0;

/// How often to look for a call that is awaited.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The emulator.
pub(crate) struct Aws(EmulatorProcess);

/// A call, as the emulator's log has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Call {
    pub(crate) time: Timestamp,
    pub(crate) kind: String,
    pub(crate) gateway: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) name: Option<String>,
    outcome: Value,
}

impl Call {
    pub(crate) fn is_list(&self) -> bool {
        self.kind == "ListGatewayTargets"
    }

    pub(crate) fn is_write(&self) -> bool {
        ["Create", "Update", "Delete", "Synchronize"].iter().any(|verb| self.kind.starts_with(verb))
    }

    pub(crate) fn error(&self) -> Option<&str> {
        self.outcome["answered"]["error"].as_str()
    }

    /// Whether a limit refused it, of calls a second or of operations under way.
    pub(crate) fn is_throttled(&self) -> bool {
        let limits = ["ThrottlingException", "ServiceQuotaExceededException"];
        self.error().is_some_and(|error| limits.contains(&error))
    }
}

/// How many calls of each kind there were, and how many a limit refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) all: usize,
    pub(crate) throttled: usize,
    pub(crate) kinds: BTreeMap<String, usize>,
}

impl Tally {
    pub(crate) fn of<'a>(calls: impl IntoIterator<Item = &'a Call>) -> Self {
        let mut tally = Self::default();
        for call in calls {
            tally.all += 1;
            tally.throttled += usize::from(call.is_throttled());
            *tally.kinds.entry(call.kind.clone()).or_default() += 1;
        }
        tally
    }

    pub(crate) fn of_kind(&self, kind: &str) -> usize {
        self.kinds.get(kind).copied().unwrap_or_default()
    }

    /// Those that are no Lists.
    pub(crate) fn besides_lists(&self) -> usize {
        self.all - self.of_kind("ListGatewayTargets")
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.all += other.all;
        self.throttled += other.throttled;
        for (kind, count) in &other.kinds {
            *self.kinds.entry(kind.clone()).or_default() += count;
        }
    }

    /// Every kind with its number.
    pub(crate) fn told(&self) -> String {
        let kinds: Vec<String> = self
            .kinds
            .iter()
            .map(|(kind, count)| format!("{count} {}", kind.replace("GatewayTarget", "")))
            .collect();
        format!("{}; {} refused for a limit", kinds.join(", "), self.throttled)
    }
}

#[derive(Deserialize)]
struct Log {
    items: Vec<Call>,
}

#[derive(Deserialize)]
struct Now {
    now: Timestamp,
}

impl Aws {
    /// Starts it with these gateways and AWS's quotas. A transition takes as long as it does in the
    /// emulator by default, but for CREATING.
    pub(crate) async fn start(gateways: &[String], creating: &str) -> Result<Self> {
        let settings = json!({
            "gateways": gateways,
            "durations": {"creating": creating},
            "quotas": {"enforced": true},
            // All of what is measured at once has room in it.
            "callLogCapacity": 1_000_000,
        });
        Ok(Self(EmulatorProcess::start_with(&settings).await?))
    }

    pub(crate) fn process(&self) -> &EmulatorProcess {
        &self.0
    }

    /// Takes the quotas and the transitions away, so that a fleet is made in no time, or puts them
    /// back.
    pub(crate) async fn hurry(&self, hurry: bool) -> Result<()> {
        let durations = if hurry {
            json!({"creating": "0s", "updating": "0s", "deleting": "0s"})
        } else {
            json!({})
        };
        let change = json!({"quotas": {"enforced": !hurry}, "durations": durations});
        self.0.ask::<Value>(Method::PATCH, "settings", Some(&change)).await.map(drop)
    }

    /// Forgets the calls so far.
    pub(crate) async fn forget_calls(&self) -> Result<()> {
        self.0.ask::<Value>(Method::DELETE, "calls", None).await.map(drop)
    }

    /// The calls to AgentCore since they were forgotten. Those to STS have no quota here.
    pub(crate) async fn calls(&self) -> Result<Vec<Call>> {
        let mut log: Log = self.0.ask(Method::GET, "calls", None).await?;
        log.items.retain(|call| call.kind.contains("Gateway"));
        Ok(log.items)
    }

    /// The emulator's clock, by which the calls are dated.
    pub(crate) async fn now(&self) -> Result<Timestamp> {
        Ok(self.0.ask::<Now>(Method::GET, "clock", None).await?.now)
    }

    /// Changes a target behind the operator's back.
    pub(crate) async fn meddle(&self, gateway: &str, target: &str, spec: Value) -> Result<()> {
        let path = format!("targets/{gateway}/{target}");
        let body = json!({"spec": spec});
        self.0.ask::<Value>(Method::PATCH, &path, Some(&body)).await.map(drop)
    }

    /// The IDs of the targets that a gateway has.
    pub(crate) async fn targets(&self, gateway: &str) -> Result<Vec<String>> {
        let held = self.0.targets(gateway).await?;
        Ok(held.into_iter().map(|target| target.target_id).collect())
    }

    /// Waits until each of the gateways has been listed, and returns when the last was.
    pub(crate) async fn all_listed(
        &self,
        gateways: &[String],
        within: Duration,
    ) -> Result<Timestamp> {
        self.until(within, "a List of each gateway", |calls| {
            let mut missing: BTreeSet<&str> = gateways.iter().map(String::as_str).collect();
            calls.iter().filter(|call| call.is_list() && call.error().is_none()).find_map(|call| {
                missing.remove(call.gateway.as_deref()?);
                missing.is_empty().then_some(call.time)
            })
        })
        .await
    }

    /// Waits until something is found in the log of calls.
    pub(crate) async fn until<T>(
        &self,
        within: Duration,
        what: &str,
        find: impl Fn(&[Call]) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + within;
        loop {
            let calls = self.calls().await.with_context(|| format!("waiting for {what}"))?;
            if let Some(found) = find(&calls) {
                return Ok(found);
            }
            if Instant::now() > deadline {
                bail!("no {what} within {within:?}: {}", Tally::of(&calls).told());
            }
            // The log tells nobody.
            sleep(LOOK_EVERY).await;
        }
    }
}
