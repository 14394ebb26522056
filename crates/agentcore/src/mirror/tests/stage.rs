//! A stage for mirrors: an AgentCore that shows, fails or hangs as the test says, paused time,
//! and the times at which it was asked.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::{
    Accepted, Definition, Failure, FailureClass, GatewayId, Listing, Summary, Target, TargetId,
    TargetStatus,
};
use health::Health;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::{AgentCore, Clock, Mirrors, Observation, Pace};

/// As the operator sets it: five sync intervals.
pub(super) const STALE_AFTER: Duration = Duration::from_mins(5);

/// What a List comes to.
#[derive(Clone)]
enum Answer {
    Shows(Vec<Summary>),
    Fails(FailureClass),
    Hangs,
}

/// The AgentCore of the stage.
#[derive(Default)]
pub(super) struct Script {
    answers: Mutex<HashMap<GatewayId, Answer>>,
    /// How long a List takes.
    takes: Mutex<Duration>,
    looks: Mutex<Vec<(GatewayId, Instant)>>,
}

pub(super) struct Stage {
    script: Arc<Script>,
    pub(super) mirrors: Mirrors<Script>,
    observed: mpsc::UnboundedReceiver<Observation>,
    began: Instant,
}

impl Stage {
    /// Gateways without targets, and a mirror of each that has not looked yet.
    pub(super) fn of(gateways: &[&str]) -> Self {
        let script = Arc::new(Script::default());
        let (observations, observed) = mpsc::unbounded_channel();
        let (clock, pace) = (Clock::start(), Pace::default());
        let mirrors = Mirrors::new(
            Arc::clone(&script),
            clock,
            pace,
            STALE_AFTER,
            Health::default(),
            observations,
        );
        let stage = Self { script, mirrors, observed, began: Instant::now() };
        for gateway in gateways {
            stage.shows(gateway, []);
        }
        stage.keep(gateways);
        stage
    }

    pub(super) fn keep(&self, gateways: &[&str]) {
        let gateways: HashSet<_> = gateways.iter().map(|gateway| id(gateway)).collect();
        self.mirrors.keep(&gateways);
    }

    // What AgentCore does from now on.

    pub(super) fn shows(&self, gateway: &str, targets: impl IntoIterator<Item = Summary>) {
        self.answers(gateway, Answer::Shows(targets.into_iter().collect()));
    }

    pub(super) fn fails(&self, gateway: &str, class: FailureClass) {
        self.answers(gateway, Answer::Fails(class));
    }

    pub(super) fn hangs(&self, gateway: &str) {
        self.answers(gateway, Answer::Hangs);
    }

    pub(super) fn takes(&self, time: Duration) {
        *self.script.takes.lock().unwrap() = time;
    }

    fn answers(&self, gateway: &str, answer: Answer) {
        self.script.answers.lock().unwrap().insert(id(gateway), answer);
    }

    // What comes of it.

    /// The next observation, and when it came.
    pub(super) async fn observed(&mut self) -> (Observation, Duration) {
        let observation = timeout(Duration::from_hours(1), self.observed.recv()).await;
        (observation.expect("the mirrors look on").expect("they live"), self.now())
    }

    /// Lets time pass; forgets what was observed meanwhile, unless it is returned.
    pub(super) async fn pass(&mut self, time: Duration) -> Vec<Observation> {
        sleep(time).await;
        std::iter::from_fn(|| self.observed.try_recv().ok()).collect()
    }

    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// When the gateway was looked at, from this time on.
    pub(super) fn looks_since(&self, gateway: &str, since: Duration) -> Vec<Duration> {
        let looks = self.script.looks.lock().unwrap();
        let at = looks.iter().filter(|(looked_at, _)| *looked_at == id(gateway));
        at.map(|(_, at)| at.duration_since(self.began)).filter(|at| *at >= since).collect()
    }

    /// The pauses between the looks from this time on.
    pub(super) fn pauses_since(&self, gateway: &str, since: Duration) -> Vec<Duration> {
        let looks = self.looks_since(gateway, since);
        looks.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// Nobody listens any more.
    pub(super) fn deafen(&mut self) {
        self.observed.close();
    }
}

impl AgentCore for Script {
    async fn list_targets(&self, gateway: &GatewayId) -> Result<Listing, Failure> {
        self.looks.lock().unwrap().push((gateway.clone(), Instant::now()));
        let takes = *self.takes.lock().unwrap();
        sleep(takes).await;
        let answer = self.answers.lock().unwrap().get(gateway).cloned();
        match answer.expect("the gateway is on the stage") {
            Answer::Shows(targets) => Ok(targets.into_iter().collect()),
            Answer::Fails(class) => Err(Failure { class, message: "as scripted".to_owned() }),
            Answer::Hangs => std::future::pending().await,
        }
    }

    async fn get_target(&self, _: &GatewayId, _: &TargetId) -> Result<Target, Failure> {
        unreachable!("a mirror only lists")
    }

    async fn create_target(
        &self,
        _: &GatewayId,
        _: &str,
        _: &Definition,
    ) -> Result<Accepted, Failure> {
        unreachable!("a mirror only lists")
    }

    async fn update_target(
        &self,
        _: &GatewayId,
        _: &TargetId,
        _: &Definition,
    ) -> Result<Accepted, Failure> {
        unreachable!("a mirror only lists")
    }

    async fn delete_target(&self, _: &GatewayId, _: &TargetId) -> Result<(), Failure> {
        unreachable!("a mirror only lists")
    }

    async fn synchronize_target(&self, _: &GatewayId, _: &TargetId) -> Result<(), Failure> {
        unreachable!("a mirror only lists")
    }

    async fn account(&self) -> Result<String, Failure> {
        unreachable!("a mirror only lists")
    }

    fn aws_time(&self, local: Timestamp) -> Timestamp {
        local
    }
}

pub(super) fn id(gateway: &str) -> GatewayId {
    GatewayId::from(gateway)
}

/// A READY target.
pub(super) fn target(id: &str, name: &str) -> Summary {
    Summary {
        id: TargetId::from(id),
        name: name.to_owned(),
        status: TargetStatus::Ready,
        description: None,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        last_synchronized_at: None,
        authorization_url: None,
    }
}

/// What an observation says of these targets and names; the order has no meaning.
pub(super) fn keys<const N: usize>(keys: [(&str, &str); N]) -> HashSet<(TargetId, String)> {
    keys.into_iter().map(|(id, name)| (TargetId::from(id), name.to_owned())).collect()
}
