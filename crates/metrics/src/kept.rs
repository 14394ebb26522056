//! What is counted and measured while the process runs.
//!
//! Contract: a label's value is a name in this program's code, so that there are only so many.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;

use crate::{Kind, Metric};

/// Names of labels with their values.
pub(crate) type Labels = Vec<(&'static str, &'static str)>;

/// A counter for each combination of labels.
#[derive(Clone, Debug)]
pub struct Counters {
    pub(crate) metric: &'static Metric,
    pub(crate) family: Family<Labels, Counter>,
}

impl Counters {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(metric: &'static Metric) -> Self {
        debug_assert_eq!(metric.kind, Kind::Counter, "{}", metric.name);
        Self { metric, family: Family::default() }
    }

    /// One more of these labels, in the catalogue's order.
    pub fn count<const N: usize>(&self, labels: [&'static str; N]) {
        self.family.get_or_create(&named(self.metric, labels)).inc();
    }

    /// Shows these labels although nothing may have been counted yet: the first then shows as an
    /// increase.
    pub fn begin<const N: usize>(&self, labels: [&'static str; N]) {
        drop(self.family.get_or_create(&named(self.metric, labels)));
    }
}

/// A histogram of times for each combination of labels.
#[derive(Clone, Debug)]
pub struct Times {
    pub(crate) metric: &'static Metric,
    pub(crate) family: Family<Labels, Histogram, Buckets>,
}

impl Times {
    /// Nothing measured yet.
    #[must_use]
    pub fn new(metric: &'static Metric) -> Self {
        let buckets = match metric.kind {
            Kind::Histogram(buckets) => buckets,
            Kind::Counter | Kind::Gauge => &[],
        };
        debug_assert!(!buckets.is_empty(), "{}", metric.name);
        Self { metric, family: Family::new_with_constructor(Buckets(buckets)) }
    }

    /// Something with these labels, in the catalogue's order, took this long.
    pub fn took<const N: usize>(&self, labels: [&'static str; N], time: Duration) {
        self.family.get_or_create(&named(self.metric, labels)).observe(time.as_secs_f64());
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

fn named<const N: usize>(metric: &Metric, values: [&'static str; N]) -> Labels {
    debug_assert_eq!(metric.labels.len(), N, "{}", metric.name);
    metric.labels.iter().copied().zip(values).collect()
}
