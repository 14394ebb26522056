//! The table of metrics, from the catalogue.

use std::fmt::Write as _;

use metrics::catalogue;

/// Every metric, as Markdown.
pub(crate) fn markdown() -> String {
    let mut text = String::from(
        "<!-- Generated from crates/metrics by `make manifests`. Do not edit. -->\n\n\
         # Metrics\n\n\
         Shown at `/metrics` of `--metrics-bind-address` in the text form of OpenMetrics 1.0, which Prometheus \
         reads. Names and labels that controller-runtime and client-go have are theirs, so that dashboards \
         made for them work; `controller` and the queue's `name` are `mcpserver`. No label names a resource: \
         of one that needs a person its conditions tell.\n\n\
         Where several replicas run, the one that works tells of resources, gateways and quotas; the others \
         tell of themselves alone.\n\n\
         A *stable* metric keeps its name, its type and its labels, or a release says one release before that \
         it will go. An *alpha* metric may change with any release, whose notes say so.\n\n\
         | metric | type | labels | meaning | stability |\n|---|---|---|---|---|\n",
    );
    for metric in catalogue::ALL {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            metric.name,
            metric.kind.as_str(),
            labels.join(", "),
            metric.help,
            metric.stability.as_str(),
        );
    }
    text.push_str(&values());
    text
}

/// What labels can say, where that is not said elsewhere.
fn values() -> String {
    let classes: Vec<_> =
        api::FailureClass::ALL.iter().map(|class| format!("`{}`", class.as_str())).collect();
    let kinds: Vec<_> =
        api::Attempt::ALL.iter().map(|kind| format!("`{}`", kind.as_str())).collect();
    format!(
        "\n## Labels\n\n\
         - `condition`, `reason`: [conditions.md](conditions.md). A reason that this version does not know is \
         `Other`.\n\
         - `class`: `ok`, {}.\n\
         - `kind`: {}, `list`.\n\
         - `status` of a target: AWS's word, or `Other` for one that this version does not know.\n\
         - `owner`: `nobody` has what no `MCPServer` has made or taken over that this operator watches; with \
         `--watch-namespaces` or a label selector that may be another operator's.\n",
        classes.join(", "),
        kinds.join(", "),
    )
}
