//! What the chart brings for monitoring, against the documents: a runbook for each alert, and no metric
//! that does not exist.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::{TestResult, install};

/// Metrics of kube-state-metrics, not ours.
const FOREIGN: &str = "kube_";

fn read(path: &str) -> Result<String> {
    fs::read_to_string(install::file(path)).with_context(|| path.to_owned())
}

fn alerts() -> Result<Vec<Value>> {
    let alerts: Value =
        serde_saphyr::from_str(&read("helm/mcp-gateway-operator/files/alerts.yaml")?)?;
    let groups = alerts["groups"].as_array().context("no groups")?;
    Ok(groups.iter().filter_map(|group| group["rules"].as_array()).flatten().cloned().collect())
}

#[test]
fn every_alert_has_its_runbook() -> TestResult {
    let runbooks = read("docs/runbooks.md")?;
    let sections: Vec<&str> = runbooks.split("\n## ").skip(1).collect();
    let alerts = alerts()?;
    let names: Vec<&str> = alerts.iter().filter_map(|alert| alert["alert"].as_str()).collect();
    assert_eq!(names.len(), alerts.len(), "each has a name");
    let titles: Vec<&str> = sections.iter().filter_map(|section| section.lines().next()).collect();
    assert_eq!(titles, names, "a section for each alert, in their order");
    for section in sections {
        for part in ["**Meaning.**", "**Look at.**", "**Do.**"] {
            assert!(section.contains(part), "no {part} in: {section}");
        }
    }
    Ok(())
}

/// The names of metrics in a query: what is left without strings, selectors, labels and functions.
fn metrics(query: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = query.to_owned();
    for (open, close) in [('{', '}'), ('[', ']')] {
        while let Some((before, after)) = rest.split_once(open) {
            let after = after.split_once(close).map_or("", |(_, after)| after);
            rest = format!("{before} {after}");
        }
    }
    for word in ["by", "on", "group_left"] {
        while let Some((before, after)) = rest.split_once(&format!(" {word} (")) {
            let after = after.split_once(')').map_or("", |(_, after)| after);
            rest = format!("{before} {after}");
        }
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (at, word) in rest.split(|c| !is_part(c)).map(|word| (word.as_ptr(), word)) {
        let end = at as usize - rest.as_ptr() as usize + word.len();
        let is_function = rest[end..].starts_with('(');
        if word.contains('_') && !is_function && !word.starts_with(FOREIGN) {
            names.insert(word.strip_suffix("_bucket").unwrap_or(word).to_owned());
        }
    }
    names
}

fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("expr").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| queries(member, found));
        }
        Value::Array(entries) => entries.iter().for_each(|entry| queries(entry, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn metrics_are_found_in_queries() {
    let query = "histogram_quantile(0.5, sum by (le) (rate(a_b_bucket{x_y=\"c_d\"}[$__rate_interval]))) \
                 * on (pod) group_left () e_f > kube_x{a=\"}\"}";
    assert_eq!(metrics(query), BTreeSet::from(["a_b".to_owned(), "e_f".to_owned()]));
}

#[test]
fn every_metric_that_is_asked_for_is_documented() -> TestResult {
    let mut asked = Vec::new();
    queries(&Value::from(alerts()?), &mut asked);
    let dashboard = read("helm/mcp-gateway-operator/files/dashboard.json")?;
    queries(&serde_json::from_str(&dashboard)?, &mut asked);
    let names: BTreeSet<String> = asked.iter().flat_map(|query| metrics(query)).collect();
    assert!(names.contains("mcpgateway_resources") && names.len() > 10, "{names:?}");
    let documented = read("docs/metrics.md")?;
    let missing: Vec<_> =
        names.iter().filter(|name| !documented.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/metrics.md does not have {missing:?}");
    Ok(())
}
