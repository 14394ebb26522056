//! Every metric.
//!
//! Contract: names, labels and units follow Prometheus (a counter ends in `_total`, times are in
//! seconds), and controller-runtime and client-go where they have the metric, so that the dashboards
//! made for them work.

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often a value was up to each of these.
    Histogram(&'static [f64]),
}

impl Kind {
    /// In Prometheus' words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// How long one can count on name, type and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stability {
    /// They stay, or a release that takes them away has said so one release before.
    Stable,
    /// They may change with any release, whose notes then say so.
    Alpha,
}

impl Stability {
    /// The name of the level.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Alpha => "alpha",
        }
    }
}

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// As it is asked for. (Of a histogram, what `_bucket`, `_sum` and `_count` are added to.)
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// How long it lasts.
    pub stability: Stability,
    /// What it says, without a full stop.
    pub help: &'static str,
}

/// As controller-runtime has them for passes.
const PASSES: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9,
    1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0,
    25.0, 30.0, 40.0, 50.0, 60.0,
];
/// As controller-runtime has them for its queue.
const QUEUE: &[f64] = &[1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0];
/// Calls to AWS: most take tens of milliseconds, and none more than its limit of 10 s.
const CALLS: &[f64] =
    &[0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0];
/// From a second to what a private endpoint may take, and beyond.
const EDITS: &[f64] = &[
    0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0,
    600.0, 1200.0, 3600.0,
];

macro_rules! catalogue {
    ($($id:ident: $kind:expr, $name:literal [$($label:literal)*] $stability:ident $help:literal;)+) => {
        // The text is shown as it is, where backticks would only disturb.
        $(#[allow(clippy::doc_markdown)] #[doc = $help] pub const $id: Metric = Metric {
            name: $name,
            kind: $kind,
            labels: &[$($label),*],
            stability: Stability::$stability,
            help: $help,
        };)+

        /// Every metric, in the order in which the documents have them.
        pub const ALL: &[Metric] = &[$($id),+];
    };
}

use Kind::{Counter, Gauge, Histogram};

catalogue! {
    RESOURCES: Gauge, "mcpgateway_resources" ["condition" "status" "reason"] Stable
        "MCPServers by what their conditions say; each has a Ready";
    EDIT_TO_READY: Histogram(EDITS), "mcpgateway_edit_to_ready_seconds" [] Stable
        "From an edit (or a creation) that this process saw until the MCPServer was Ready with it";
    TARGETS: Gauge, "mcpgateway_targets" ["gateway" "owner" "status"] Stable
        "Targets on the gateways that MCPServers are about: mcpserver owns what one of those watched has or makes, nobody the rest";
    DRIFT: Counter, "mcpgateway_drift_total" [] Stable
        "How often a target was found to be changed by somebody else";
    MIRROR_AGE: Gauge, "mcpgateway_mirror_age_seconds" ["gateway"] Stable
        "Time since the last complete List of the gateway began";
    AWS_REQUESTS: Counter, "mcpgateway_aws_requests_total" ["operation" "class"] Stable
        "Requests to AWS by what came of them: ok, or the class of the failure";
    AWS_DURATION: Histogram(CALLS), "mcpgateway_aws_request_duration_seconds" ["operation"] Stable
        "How long requests to AWS took, failed ones included";
    QUOTA_TOKENS: Gauge, "mcpgateway_quota_tokens" ["kind"] Alpha
        "Calls of the kind that may be made at once within AWS's limits";
    QUOTA_SLOTS: Gauge, "mcpgateway_quota_slots_used" ["gateway"] Alpha
        "Operations that count as under way on the gateway";
    BUILD: Gauge, "mcpgateway_build_info" ["version"] Stable
        "1, for the version that runs";
    LEADER: Gauge, "leader_election_master_status" ["name"] Stable
        "1 while this replica works, 0 while it stands by; name is the Lease's";
    RECONCILES: Counter, "controller_runtime_reconcile_total" ["controller" "result"] Stable
        "Passes by their end: success (it rests), requeue_after (it is due again), error (Kubernetes refused, or the pass panicked)";
    RECONCILE_ERRORS: Counter, "controller_runtime_reconcile_errors_total" ["controller"] Stable
        "Passes that ended because Kubernetes refused a call, or that panicked";
    RECONCILE_PANICS: Counter, "controller_runtime_reconcile_panics_total" ["controller"] Stable
        "Passes that panicked, and resources that could not be taken in for a panic: a mistake in the operator";
    RECONCILE_TIME: Histogram(PASSES), "controller_runtime_reconcile_time_seconds" ["controller"] Stable
        "How long passes took";
    ACTIVE_WORKERS: Gauge, "controller_runtime_active_workers" ["controller"] Stable
        "Passes under way";
    MAX_WORKERS: Gauge, "controller_runtime_max_concurrent_reconciles" ["controller"] Stable
        "Passes at most at the same time";
    DEPTH: Gauge, "workqueue_depth" ["name" "controller"] Stable
        "MCPServers that are due and wait for a worker";
    ADDS: Counter, "workqueue_adds_total" ["name" "controller"] Stable
        "How often an MCPServer became due";
    QUEUE_TIME: Histogram(QUEUE), "workqueue_queue_duration_seconds" ["name" "controller"] Stable
        "How long an MCPServer was due before a worker took it";
    WORK_TIME: Histogram(QUEUE), "workqueue_work_duration_seconds" ["name" "controller"] Stable
        "How long a worker had an MCPServer";
    UNFINISHED: Gauge, "workqueue_unfinished_work_seconds" ["name" "controller"] Stable
        "How long the passes under way have taken so far, all together";
    LONGEST: Gauge, "workqueue_longest_running_processor_seconds" ["name" "controller"] Stable
        "How long the longest of the passes under way has taken so far";
    RETRIES: Counter, "workqueue_retries_total" ["name" "controller"] Stable
        "How often an MCPServer was put back because Kubernetes refused a call, or its pass panicked";
    PROCESS_START: Gauge, "process_start_time_seconds" [] Stable
        "When the process started, since the Unix epoch";
    PROCESS_CPU: Counter, "process_cpu_seconds_total" [] Stable
        "CPU time of the process, user's and system's";
    PROCESS_MEMORY: Gauge, "process_resident_memory_bytes" [] Stable
        "Memory of the process that is in RAM";
    PROCESS_VIRTUAL: Gauge, "process_virtual_memory_bytes" [] Stable
        "Address space of the process";
    PROCESS_FILES: Gauge, "process_open_fds" [] Stable
        "Open files and connections of the process";
    PROCESS_MAX_FILES: Gauge, "process_max_fds" [] Stable
        "Files and connections that the process may have open";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_prometheus_wants_them() {
        let mut seen = Vec::new();
        for metric in ALL {
            let name = metric.name;
            assert!(!seen.contains(&name), "{name} is there twice");
            seen.push(name);
            let letter = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.chars().all(letter), "{name}");
            assert!(metric.labels.iter().all(|label| label.chars().all(letter)), "{name}");
            assert_eq!(metric.kind == Counter, name.ends_with("_total"), "{name}");
            assert!(!metric.help.ends_with('.'), "{name}: {}", metric.help);
            if let Histogram(buckets) = metric.kind {
                assert!(buckets.is_sorted() && name.ends_with("_seconds"), "{name}");
            }
        }
    }
}
