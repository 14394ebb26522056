//! What is found out at a scrape.

use std::collections::BTreeMap;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::{Kind, Metric};

/// Values by metric and labels.
#[derive(Clone, Debug, Default)]
pub struct Gathered(BTreeMap<&'static str, (Metric, BTreeMap<Vec<String>, f64>)>);

impl Gathered {
    /// The metric has this value with these labels, in the catalogue's order.
    pub fn is<const N: usize>(&mut self, metric: &Metric, labels: [&str; N], value: f64) {
        *self.place(metric, labels) = value;
    }

    /// The metric has so many more with these labels, in the catalogue's order.
    pub fn more<const N: usize>(&mut self, metric: &Metric, labels: [&str; N], by: u32) {
        *self.place(metric, labels) += f64::from(by);
    }

    fn place<const N: usize>(&mut self, metric: &Metric, labels: [&str; N]) -> &mut f64 {
        debug_assert_eq!(metric.labels.len(), N, "{}", metric.name);
        let (_, values) = self.0.entry(metric.name).or_insert_with(|| (*metric, BTreeMap::new()));
        values.entry(labels.map(str::to_owned).into()).or_default()
    }

    pub(crate) fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        for (metric, values) in self.0.values() {
            let (help, counts) = (format!("{}.", metric.help), metric.kind == Kind::Counter);
            let name = metric.name.strip_suffix("_total").unwrap_or(metric.name);
            let kind = if counts {
                ConstCounter::new(0.0).metric_type()
            } else {
                ConstGauge::new(0.0).metric_type()
            };
            let mut family = encoder.encode_descriptor(name, &help, None, kind)?;
            for (labels, value) in values {
                let labels: Vec<(&str, &String)> =
                    metric.labels.iter().copied().zip(labels).collect();
                let one = family.encode_family(&labels)?;
                if counts {
                    ConstCounter::new(*value).encode(one)?;
                } else {
                    ConstGauge::new(*value).encode(one)?;
                }
            }
        }
        Ok(())
    }
}
