//! The world of one case: a scenario whose operator reaches both servers through cutting proxies.
//!
//! Contract: at most one operator runs at a time. When the cut kills it, the next one is started
//! here, and nobody else has to know. In the end the scenario is over, or it says what is wrong.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Error, Result, ensure};
use emulator::{TargetSpec, TargetView};
use testkit::proxy::{Cut, Point, Points, Proxy, Upstream};
use testkit::scenario::{GATEWAY, OTHER_GATEWAY};
use testkit::{Process, Scenario, install};
use tokio::sync::{Mutex, MutexGuard};

use crate::checks::strangers;
use crate::variants::Variant;

/// What every story is about, and its target unless it is said otherwise.
pub(crate) const NAME: &str = "weather";
/// A target of somebody else, on both gateways.
pub(crate) const STRANGER: &str = "stranger";

/// How long AWS may show old states.
pub(crate) const WINDOW: Duration = Duration::from_millis(500);
/// For what has to come. Failed targets are given half a minute, twice in the worst case, and the
/// machine is busy.
pub(crate) const PATIENCE: Duration = Duration::from_mins(4);
/// For a process to do what takes it a moment.
const SOON: Duration = Duration::from_mins(1);

/// One case's world.
pub(crate) struct Stage {
    pub(crate) scenario: Scenario,
    pub(crate) points: Arc<Points>,
    /// Where the story's own calls begin in the emulator's log.
    pub(crate) begins_at: OnceLock<u64>,
    /// The targets of somebody else, as they were made.
    pub(crate) strangers: Vec<TargetView>,
    variant: &'static Variant,
    api_server: Upstream,
    flags: &'static [&'static str],
    log_level: &'static str,
    operator: Mutex<Option<Operator>>,
    logs: std::sync::Mutex<Vec<PathBuf>>,
}

/// One life of the operator.
struct Operator {
    process: Process,
    /// They go with it.
    _proxies: [Proxy; 2],
}

impl Stage {
    /// A world without a resource and without an operator, which gets these flags.
    pub(crate) async fn begin(
        variant: &'static Variant,
        flags: &'static [&'static str],
        log_level: &'static str,
    ) -> Result<Self> {
        let scenario = Scenario::begin_with("crash", variant.settings()).await?;
        for gateway in [GATEWAY, OTHER_GATEWAY] {
            let stranger = TargetSpec::mcp_server(STRANGER, "https://stranger.example.com/mcp");
            scenario.aws.plant_target(gateway, stranger)?;
        }
        Ok(Self {
            points: Arc::default(),
            begins_at: OnceLock::new(),
            strangers: strangers(&scenario.aws),
            variant,
            api_server: Upstream::api_server(scenario.access())?,
            scenario,
            flags,
            log_level,
            operator: Mutex::default(),
            logs: std::sync::Mutex::default(),
        })
    }

    /// Given: the operator runs.
    pub(crate) async fn given_operator(&self) -> Result<()> {
        self.start(&mut self.operator.lock().await).await
    }

    /// When: the operator is killed, and for now there is no other.
    pub(crate) async fn when_operator_is_killed(&self) -> Result<()> {
        let operator = self.operator.lock().await.take();
        operator.context("no operator runs")?.kill().await
    }

    /// From here on points count, and this befalls one of them. An operator runs.
    pub(crate) async fn count(&self, cut: Option<(Point, Cut)>) -> Result<()> {
        // Set once, because a story begins once.
        let _ = self.begins_at.set(self.scenario.aws.last_call());
        self.variant.begins(&self.scenario.aws);
        self.points.count(cut);
        let mut operator = self.operator.lock().await;
        if operator.is_none() { self.start(&mut operator).await } else { Ok(()) }
    }

    /// What goes on beside the story: the operator is killed and another one started when it is
    /// time, and AWS comes to itself. Ends only with an error.
    pub(crate) async fn goes_on(&self) -> Error {
        let reborn = async {
            self.points.until_kill_is_due().await;
            match self.restart().await {
                Ok(()) => std::future::pending().await,
                Err(error) => error,
            }
        };
        let eased = async {
            self.variant.goes_on(&self.scenario.aws, &self.begins_at).await;
            std::future::pending().await
        };
        tokio::select! {
            error = reborn => error,
            never = eased => never,
        }
    }

    async fn restart(&self) -> Result<()> {
        let mut operator = self.operator.lock().await;
        operator.take().context("no operator to be killed")?.kill().await?;
        self.start(&mut operator).await?;
        self.points.is_over();
        Ok(())
    }

    /// Then: the operator ends when asked.
    pub(crate) async fn then_operator_ends(&self) -> Result<()> {
        let operator = self.operator.lock().await.take();
        let Operator { process, _proxies } = operator.context("no operator runs")?;
        install::operator_works(&process, SOON).await?;
        let status = process.terminate(SOON).await?;
        ensure!(status.success(), "the operator ended with {status}");
        Ok(())
    }

    /// Then: whatever the operator went through, no task of it has panicked.
    pub(crate) async fn then_nothing_panicked(&self) -> Result<()> {
        match self.operator.lock().await.take() {
            Some(operator) => operator.kill().await,
            None => Ok(()),
        }
    }

    /// Nobody will ask for what the operators of this case have logged.
    pub(crate) fn forget_logs(&self) {
        let logs = self.logs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for log in &*logs {
            // One that is gone already is as good.
            let _ = std::fs::remove_file(log);
        }
    }

    async fn start(&self, operator: &mut MutexGuard<'_, Option<Operator>>) -> Result<()> {
        let life = self.points.next_life();
        let aws = Upstream::plain(self.scenario.aws.url())?;
        let aws = Proxy::start(aws, Arc::clone(&self.points), life).await?;
        let api_server = self.api_server.clone();
        let api_server = Proxy::start(api_server, Arc::clone(&self.points), life).await?;
        let access = self.scenario.access().by_way_of(api_server.url());
        let window = format!("{}ms", WINDOW.as_millis());
        let program = self
            .scenario
            .operator_through(&access, aws.url())?
            .flag("consistency-window", window)
            .flag("sync-interval", "1s")
            .flag("log-level", self.log_level)
            .args(self.flags);
        let process = program.spawn()?;
        let logs = &mut *self.logs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        logs.push(process.log().file().to_owned());
        **operator = Some(Operator { process, _proxies: [aws, api_server] });
        Ok(())
    }
}

impl Operator {
    async fn kill(self) -> Result<()> {
        let Self { process, _proxies } = self;
        ensure!(process.status().is_none(), "the operator ended by itself");
        ensure!(!process.logs().contains("panicked at"), "a task of the operator panicked");
        process.kill().await.map(drop)
    }
}
