//! Files that are made from the code: the CRD, the API reference, the lists of reasons and of metrics,
//! and what the Helm chart and kustomize take from each other.
//!
//! Contract: the same code gives the same bytes. `--check` writes nothing and names what is
//! stale.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use kube_core::CustomResourceExt as _;
use serde_json::Value;

use crate::{chart, metrics, reference};

/// Where the CRD lies: the path that users of the Go operator know.
const CRD: &str = "config/crd/bases/mcpgateway.bedrock.aws_mcpservers.yaml";

/// What the reasons of conditions mean.
const CONDITIONS: &str = "docs/conditions.md";

/// What every field means.
const REFERENCE: &str = "docs/api.md";

/// What every metric means.
const METRICS: &str = "docs/metrics.md";
/// Where the Helm chart lies, and what of it is generated.
const VALUES: &str = "helm/mcp-gateway-operator/values.yaml";
const CHART: &str = "helm/mcp-gateway-operator/Chart.yaml";
const README: &str = "README.md";
const CHART_README: &str = "helm/mcp-gateway-operator/README.md";
const CHART_ALERTS: &str = "helm/mcp-gateway-operator/files/alerts.yaml";
const MANAGER: &str = "config/manager/kustomization.yaml";
const RULES: &str = "config/prometheus/rules.yaml";
const CHART_CRD: &str = "helm/mcp-gateway-operator/templates/crd.yaml";

/// Writes the files, or checks them.
pub(crate) fn run(check: bool) -> Result<()> {
    let crd = crd()?;
    let manifest = manifest(&crd)?;
    let files = [
        (CHART_CRD, chart::crd_template(&manifest)?),
        (CHART, chart::with_version(&read(CHART)?)),
        (MANAGER, chart::with_version(&read(MANAGER)?)),
        (CHART_README, chart_readme()?),
        (README, with_policies(read(README)?, &["iam/policy"])?),
        (RULES, chart::rules(&read(CHART_ALERTS)?, &read(VALUES)?)?),
        (CRD, manifest),
        (CONDITIONS, conditions()),
        (REFERENCE, reference::markdown(&crd)),
        (METRICS, metrics::markdown()),
    ];
    let mut stale = Vec::new();
    for (path, wanted) in files {
        let file = super::root().join(path);
        if fs::read_to_string(&file).ok().as_deref() == Some(wanted.as_str()) {
            continue;
        }
        if check {
            stale.push(path);
        } else {
            write(&file, &wanted)?;
            println!("wrote {path}");
        }
    }
    if stale.is_empty() { Ok(()) } else { bail!("stale, run make manifests: {}", stale.join(", ")) }
}

fn chart_readme() -> Result<String> {
    let readme = chart::with_part(&read(CHART_README)?, "values", &chart::table(&read(VALUES)?)?)?;
    with_policies(readme, &["iam/policy", "iam/trust-policy-irsa"])
}

/// A document, with the policies of `docs` that these name.
fn with_policies(document: String, names: &[&str]) -> Result<String> {
    names.iter().try_fold(document, |document, name| {
        chart::with_part(&document, name, &chart::json(&read(&format!("docs/{name}.json"))?)?)
    })
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(super::root().join(path)).with_context(|| format!("cannot read {path}"))
}

fn write(file: &Path, text: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn crd() -> Result<Value> {
    let mut crd = serde_json::to_value(api::MCPServer::crd())?;
    tidy(&mut crd);
    // Before an operator has looked at a resource nothing says so but this: without conditions
    // kstatus takes it for done.
    let status = "/spec/versions/0/schema/openAPIV3Schema/properties/status";
    let status = crd.pointer_mut(status).context("the CRD has no status")?;
    status["default"] = serde_json::json!({ "conditions": [{
        "type": api::ConditionType::Ready.as_str(),
        "status": "Unknown",
        "reason": api::Reason::Pending.as_str(),
        "message": "No operator has looked at the resource yet.",
        "lastTransitionTime": "1970-01-01T00:00:00Z",
    }]});
    Ok(crd)
}

fn manifest(crd: &Value) -> Result<String> {
    let yaml = serde_saphyr::to_string(crd)?;
    Ok(format!("# Generated from crates/api by `make manifests`. Do not edit.\n---\n{yaml}"))
}

fn conditions() -> String {
    let mut text = String::from(
        "<!-- Generated from crates/api by `make manifests`. Do not edit. -->\n\n\
         # Conditions\n\n\
         `Ready` is the summary. `Accepted` judges what is written in the resource, `Programmed` \
         tells about the target at the gateway. `Drifted` (left as it is on purpose), \
         `Reconciling` (it goes on by itself) and `Stalled` (only a person can help) are there \
         only while true, as kstatus expects; `ToolsSynchronized` where `spec.toolSync` or a request \
         asks for it. The message of each says what to do.\n\n\
         | reason | of | meaning |\n|---|---|---|\n",
    );
    for reason in api::Reason::ALL {
        let kinds: Vec<_> =
            reason.conditions().iter().map(|kind| format!("`{}`", kind.as_str())).collect();
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {} |",
            reason.as_str(),
            kinds.join(", "),
            reason.meaning()
        );
    }
    text + EVENTS
}

/// What `kubectl describe` shows besides, as `planner` and `operator` tell it.
const EVENTS: &str = "
## Events

One at most for each write, and none for what goes on by itself. They may be lost: the conditions say the same, \
but for the first five.

| reason | type | when |
|---|---|---|
| `TargetLost` | Warning | The target is gone, though nobody has asked for that here; another is made. |
| `DriftDetected` | Warning | Somebody else has changed the target; it is put right, or left so (`driftPolicy: Warn`). |
| `TargetAdopted` | Normal | A target that there was is taken over. |
| `TargetRetained` | Normal | The resource goes, and its target stays. |
| `WriteRefused` | Warning | The API server has refused what is to be written three times in a row; its words are repeated. |
| `GatewayTargetReady`, `Deleting`, `Suspended` | Normal | `Ready` has come to say so. |
| a reason that needs a person, or `ObservationStale` | Warning | `Ready` has come to say so. |
";

/// What Rust's types say beside the point: an optional field is one that may be left out, not one
/// that may be null, and a description is broken into lines by whoever shows it.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("nullable");
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = unwrapped(text);
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(entries) => entries.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn unwrapped(text: &str) -> String {
    let paragraphs: Vec<String> =
        text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
    paragraphs.join("\n\n")
}
