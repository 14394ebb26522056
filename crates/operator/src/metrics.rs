//! What the process counts and measures.
//!
//! Contract: to count costs nothing worth mentioning and fails never. What can be found out from the
//! state of things is not kept up to date but gathered when somebody asks.

mod edits;
mod gather;
mod process;

use std::sync::Arc;
use std::time::Duration;

use agentcore::{AgentCore, Meter};
use api::FailureClass;
use jiff::Timestamp;
use metrics::catalogue as names;
use metrics::{Counters, Page, Times};
use tokio::time::Instant;

use crate::pass::Operator;
pub(crate) use edits::Edits;

/// The name of controller and queue, as controller-runtime would call them.
const CONTROLLER: &str = "mcpserver";
/// The class of a request without a failure.
const OK: &str = "ok";

/// What is kept while the process runs.
#[derive(Debug)]
pub(crate) struct Metrics {
    started: Timestamp,
    reconciles: Counters,
    reconcile_errors: Counters,
    reconcile_panics: Counters,
    reconcile_time: Times,
    queue_time: Times,
    work_time: Times,
    retries: Counters,
    drift: Counters,
    edit_to_ready: Times,
    aws_requests: Counters,
    aws_duration: Times,
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The resource rests until something changes.
    Rests,
    /// It is due again by itself.
    Again,
    /// Kubernetes refused a call.
    Refused,
    /// It panicked.
    Panicked,
}

impl End {
    const ALL: [Self; 4] = [Self::Rests, Self::Again, Self::Refused, Self::Panicked];

    /// In controller-runtime's words.
    fn as_str(self) -> &'static str {
        match self {
            Self::Rests => "success",
            Self::Again => "requeue_after",
            Self::Refused | Self::Panicked => "error",
        }
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let metrics = Self {
            started: Timestamp::now(),
            reconciles: Counters::new(&names::RECONCILES),
            reconcile_errors: Counters::new(&names::RECONCILE_ERRORS),
            reconcile_panics: Counters::new(&names::RECONCILE_PANICS),
            reconcile_time: Times::new(&names::RECONCILE_TIME),
            queue_time: Times::new(&names::QUEUE_TIME),
            work_time: Times::new(&names::WORK_TIME),
            retries: Counters::new(&names::RETRIES),
            drift: Counters::new(&names::DRIFT),
            edit_to_ready: Times::new(&names::EDIT_TO_READY),
            aws_requests: Counters::new(&names::AWS_REQUESTS),
            aws_duration: Times::new(&names::AWS_DURATION),
        };
        for end in End::ALL {
            metrics.reconciles.begin([CONTROLLER, end.as_str()]);
        }
        metrics.reconcile_errors.begin([CONTROLLER]);
        metrics.reconcile_panics.begin([CONTROLLER]);
        metrics.retries.begin([CONTROLLER, CONTROLLER]);
        metrics.drift.begin([]);
        metrics
    }

    /// A worker begins a pass over a resource that has been due for so long.
    pub(crate) fn pass(&self, waited: Duration) -> Pass<'_> {
        self.queue_time.took([CONTROLLER, CONTROLLER], waited);
        Pass { metrics: self, began: Instant::now() }
    }

    /// What the watch shows could not be taken in, so that there is no pass over it.
    pub(crate) fn panicked(&self) {
        self.reconcile_panics.count([CONTROLLER]);
    }

    /// Somebody else has changed a target.
    pub(crate) fn drift(&self) {
        self.drift.count([]);
    }

    /// A resource is Ready with an edit that was seen so long ago.
    pub(crate) fn ready_after(&self, time: Duration) {
        self.edit_to_ready.took([], time);
    }

    /// Everything that is shown, with what is gathered from the operator.
    pub(crate) fn page<A: AgentCore>(self: &Arc<Self>, operator: Arc<Operator<A>>) -> Page {
        let mut page = Page::default();
        for counters in [
            &self.aws_requests,
            &self.drift,
            &self.reconciles,
            &self.reconcile_errors,
            &self.reconcile_panics,
            &self.retries,
        ] {
            page.counters(counters);
        }
        for times in [
            &self.aws_duration,
            &self.edit_to_ready,
            &self.reconcile_time,
            &self.queue_time,
            &self.work_time,
        ] {
            page.times(times);
        }
        let started = self.started;
        page.gathered(move || {
            let mut gathered = gather::operator(&operator);
            process::gather(&mut gathered, started);
            gathered
        });
        page
    }
}

/// A pass under way.
pub(crate) struct Pass<'a> {
    metrics: &'a Metrics,
    began: Instant,
}

impl Pass<'_> {
    pub(crate) fn ended(self, end: End) {
        let Self { metrics, began } = self;
        let took = began.elapsed();
        metrics.reconciles.count([CONTROLLER, end.as_str()]);
        metrics.reconcile_time.took([CONTROLLER], took);
        metrics.work_time.took([CONTROLLER, CONTROLLER], took);
        if end == End::Panicked {
            metrics.reconcile_panics.count([CONTROLLER]);
        }
        if matches!(end, End::Refused | End::Panicked) {
            metrics.reconcile_errors.count([CONTROLLER]);
            metrics.retries.count([CONTROLLER, CONTROLLER]);
        }
    }
}

impl Meter for Metrics {
    fn asked(&self, operation: &'static str, failure: Option<FailureClass>, took: Duration) {
        self.aws_requests.count([operation, failure.map_or(OK, FailureClass::as_str)]);
        self.aws_duration.took([operation], took);
    }
}
