//! All of it, as text.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::{Counters, Gathered, Times};

/// What a scraper is told that the text is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is shown.
#[derive(Debug, Default)]
pub struct Page(Registry);

impl Page {
    /// Shows these counters, too.
    pub fn counters(&mut self, counters: &Counters) {
        let Counters { metric, family } = counters;
        // It adds the ending itself.
        let name = metric.name.trim_end_matches("_total");
        self.0.register(name, metric.help, family.clone());
    }

    /// Shows these times, too.
    pub fn times(&mut self, Times { metric, family }: &Times) {
        self.0.register(metric.name, metric.help, family.clone());
    }

    /// Shows, too, what is gathered so at each scrape.
    pub fn gathered(&mut self, gather: impl Fn() -> Gathered + Send + Sync + 'static) {
        self.0.register_collector(Box::new(Gather(gather)));
    }

    /// The text of a scrape.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = encode(&mut text, &self.0);
        text
    }
}

struct Gather<F>(F);

impl<F> fmt::Debug for Gather<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gather")
    }
}

impl<F: Fn() -> Gathered + Send + Sync + 'static> Collector for Gather<F> {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        (self.0)().encode(encoder)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::catalogue::{AWS_DURATION, AWS_REQUESTS, BUILD, DRIFT, MIRROR_AGE, PROCESS_CPU};

    #[test]
    fn what_is_kept_and_what_is_gathered_is_shown_by_its_name() {
        let (requests, drift) = (Counters::new(&AWS_REQUESTS), Counters::new(&DRIFT));
        let times = Times::new(&AWS_DURATION);
        let mut page = Page::default();
        page.counters(&requests);
        page.counters(&drift);
        page.times(&times);
        page.gathered(|| {
            let mut gathered = Gathered::default();
            gathered.is(&MIRROR_AGE, ["gw-\"1\""], 1.5);
            gathered.is(&PROCESS_CPU, [], 0.25);
            gathered.more(&BUILD, ["1"], 1);
            gathered.more(&BUILD, ["1"], 2);
            gathered
        });
        requests.count(["ListGatewayTargets", "ok"]);
        requests.count(["ListGatewayTargets", "ok"]);
        drift.begin([]);
        times.took(["ListGatewayTargets"], Duration::from_millis(600));
        let text = page.text();
        for line in [
            "# TYPE mcpgateway_aws_requests counter",
            "mcpgateway_aws_requests_total{operation=\"ListGatewayTargets\",class=\"ok\"} 2",
            "mcpgateway_drift_total 0",
            "# TYPE mcpgateway_aws_request_duration_seconds histogram",
            "mcpgateway_aws_request_duration_seconds_bucket{le=\"0.5\",operation=\"ListGatewayTargets\"} 0",
            "mcpgateway_aws_request_duration_seconds_bucket{le=\"0.75\",operation=\"ListGatewayTargets\"} 1",
            "mcpgateway_aws_request_duration_seconds_count{operation=\"ListGatewayTargets\"} 1",
            "# HELP mcpgateway_mirror_age_seconds Time since the last complete List of the gateway began.",
            "mcpgateway_mirror_age_seconds{gateway=\"gw-\\\"1\\\"\"} 1.5",
            "# TYPE process_cpu_seconds counter",
            "process_cpu_seconds_total 0.25",
            "mcpgateway_build_info{version=\"1\"} 3.0",
            "# EOF",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}:\n{text}");
        }
    }
}
