//! What of the Helm chart is made from elsewhere (the CRD's template, the versions, the table of values),
//! and what is made from it: the alerts for kustomize.
//!
//! Contract: `values.yaml` is the one place that says what can be set. A key belongs to the comment
//! above it that begins with `# -- `; a key without one is a group, whose members have to be documented.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

/// What the operator is called, and where it is, when kustomize installs it.
const NAME: &str = "mcp-gateway-operator";
const NAMESPACE: &str = "mcp-gateway-operator-system";

/// The template of the CRD: the manifest, with what the release adds to it.
pub(crate) fn crd_template(manifest: &str) -> Result<String> {
    ensure!(
        !manifest.contains("{{"),
        "the CRD has two braces, which a template would take for its own"
    );
    let (_, object) = manifest.split_once("---\n").context("the CRD has no beginning")?;
    let name = "  name: mcpservers.mcpgateway.bedrock.aws\n";
    let (before, after) = object.split_once(name).context("the CRD has no name")?;
    Ok(format!(
        "{{{{- /* Generated from crates/api by `make manifests`. Do not edit. */}}}}\n\
         {{{{- if .Values.crds.enabled }}}}\n\
         {before}{name}  labels:\n    \
         {{{{- include \"mcp-gateway-operator.labels\" . | nindent 4 }}}}\n  \
         {{{{- if .Values.crds.keep }}}}\n  annotations:\n    helm.sh/resource-policy: keep\n  \
         {{{{- end }}}}\n\
         {after}{{{{- end }}}}\n"
    ))
}

/// `Chart.yaml`, or the kustomization that names the image, with the version of the workspace.
pub(crate) fn with_version(chart: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let line = |line: &str| match line.split_once(": ") {
        Some(("version", _)) => format!("version: {version}\n"),
        Some(("appVersion", _)) => format!("appVersion: \"{version}\"\n"),
        Some(("    newTag", _)) => format!("    newTag: {version}\n"),
        _ => format!("{line}\n"),
    };
    chart.lines().map(line).collect()
}

/// A document, with this in its place: between two comments that name it.
pub(crate) fn with_part(document: &str, name: &str, part: &str) -> Result<String> {
    let begin = format!("<!-- {name}: written by `make manifests` -->");
    let end = format!("<!-- end of {name} -->");
    let around = || {
        let (before, rest) = document.split_once(&begin)?;
        Some((before, rest.split_once(&end)?.1))
    };
    let (before, after) = around().with_context(|| format!("no place for {name}"))?;
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", part.trim_end()))
}

/// A policy, as a document shows it.
pub(crate) fn json(policy: &str) -> Result<String> {
    let _: Value = serde_json::from_str(policy)?;
    Ok(format!("```json\n{}\n```", policy.trim_end()))
}

/// The manifest of the alerts for kustomize, with the runbooks where these values say.
pub(crate) fn rules(alerts: &str, values: &str) -> Result<String> {
    let values: Value = serde_saphyr::from_str(values)?;
    let runbooks = values["prometheusRule"]["runbookUrl"].as_str().context("no runbookUrl")?;
    let alerts = alerts.replace("NAMESPACE", NAMESPACE).replace("NAME", NAME);
    let mut alerts: Value = serde_saphyr::from_str(&alerts)?;
    let groups = alerts["groups"].as_array_mut().context("no groups of alerts")?;
    for rule in groups.iter_mut().filter_map(|group| group["rules"].as_array_mut()).flatten() {
        let name = rule["alert"].as_str().context("a rule that is no alert")?.to_lowercase();
        rule["annotations"]["runbook_url"] = Value::from(format!("{runbooks}#{name}"));
    }
    let labels = json!({ "app.kubernetes.io/name": NAME, "app.kubernetes.io/instance": NAME });
    let manifest = serde_saphyr::to_string(&json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": { "name": NAME, "namespace": NAMESPACE, "labels": labels },
        "spec": alerts,
    }))?;
    Ok(format!(
        "# Generated from the chart's files/alerts.yaml by `make manifests`. Do not edit.\n{manifest}"
    ))
}

/// The table of these values.
pub(crate) fn table(values: &str) -> Result<String> {
    let defaults: Value = serde_saphyr::from_str(values)?;
    let mut text = String::from("| value | meaning | default |\n|---|---|---|\n");
    for (path, meaning) in documented(values)? {
        let keys = path.split('.');
        let default = keys.fold(&defaults, |value, key| &value[key]);
        // Writing into a string cannot fail.
        let _ = writeln!(text, "| `{path}` | {meaning} | `{default}` |");
    }
    Ok(text)
}

/// The keys that have a comment, in their order, with it.
fn documented(values: &str) -> Result<Vec<(String, String)>> {
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut groups: Vec<(usize, &str)> = Vec::new();
    let mut comment: Option<String> = None;
    // Below a documented key nothing has to be documented.
    let mut inside: Option<usize> = None;
    for line in values.lines() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if let Some(begun) = text.strip_prefix("# -- ") {
            comment = Some(begun.to_owned());
        } else if let Some(more) = text.strip_prefix("# ") {
            if let Some(comment) = &mut comment {
                comment.push(' ');
                comment.push_str(more);
            }
        } else if let Some((key, value)) = text.split_once(':') {
            if inside.is_some_and(|outer| indent > outer) {
                continue;
            }
            inside = None;
            groups.retain(|(outer, _)| *outer < indent);
            let path: Vec<&str> = groups.iter().map(|(_, key)| *key).chain([key]).collect();
            let path = path.join(".");
            match comment.take() {
                Some(meaning) => {
                    rows.push((path, meaning));
                    inside = Some(indent);
                }
                None if value.is_empty() => groups.push((indent, key)),
                None => bail!("values.yaml does not say what {path} means: # -- …"),
            }
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_its_path_its_comment_and_its_default() {
        let values = "# About.\n\n# -- One.\na: 1\nb:\n  # -- Two,\n  # in two lines.\n  c:\n    d: [x]\n  # -- Three.\n  e: \"\"\n";
        let table = table(values).unwrap();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        let wanted = [
            "| `a` | One. | `1` |",
            "| `b.c` | Two, in two lines. | `{\"d\":[\"x\"]}` |",
            "| `b.e` | Three. | `\"\"` |",
        ];
        assert_eq!(rows, wanted);
    }

    #[test]
    fn what_is_not_documented_is_named() {
        let error = table("a:\n  b: 1\n").unwrap_err();
        assert!(error.to_string().contains("a.b"), "{error}");
    }
}
