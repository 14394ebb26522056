//! The API reference, from the CRD.
//!
//! Contract: one row for each field, the required ones first, else by name (a schema knows no
//! order). The text is the one that `kubectl explain` shows.

use std::fmt::Write as _;

use serde_json::Value;

/// The reference of this CRD, as Markdown.
pub(crate) fn markdown(crd: &Value) -> String {
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut text = String::from(
        "<!-- Generated from crates/api by `make manifests`. Do not edit. -->\n\n\
         # API reference\n\n\
         `MCPServer`, `mcpgateway.bedrock.aws/v1alpha1`, namespaced, short name `mcps`. The same can be \
         asked with `kubectl explain mcpserver --recursive`. What the schema does not refuse is judged \
         by the operator, which names every broken rule in the condition `Accepted` \
         ([conditions.md](conditions.md)).\n",
    );
    for part in ["spec", "status"] {
        let object = &schema["properties"][part];
        // Writing into a string cannot fail.
        let _ = writeln!(text, "\n## {part}\n\n| field | type | meaning |\n|---|---|---|");
        rows("", object, &mut text);
        let rules = object["x-kubernetes-validations"].as_array().into_iter().flatten();
        let rules: Vec<&str> = rules.filter_map(|rule| rule["message"].as_str()).collect();
        if !rules.is_empty() {
            text.push_str("\nAcross fields the API server refuses what breaks one of these:\n\n");
            for rule in rules {
                let _ = writeln!(text, "- {rule}.");
            }
        }
    }
    text
}

fn rows(prefix: &str, object: &Value, text: &mut String) {
    let required = |name: &str| {
        let all = object["required"].as_array();
        all.is_some_and(|all| all.iter().any(|required| required == name))
    };
    let mut fields: Vec<(&String, &Value)> =
        object["properties"].as_object().into_iter().flatten().collect();
    fields.sort_by_key(|(name, _)| (!required(name), name.as_str()));
    for (name, field) in fields {
        let path = format!("{prefix}{name}");
        let must = if required(name) { ", required" } else { "" };
        let meaning = field["description"].as_str().unwrap_or_default();
        let meaning = meaning.replace("\n\n", " ").replace('|', "\\|");
        let _ = writeln!(text, "| `{path}` | {}{must} | {meaning} |", kind(field));
        match field["type"].as_str() {
            Some("object") => rows(&format!("{path}."), field, text),
            Some("array") => rows(&format!("{path}[]."), &field["items"], text),
            _ => {}
        }
    }
}

/// The type with what the schema says of its values.
fn kind(field: &Value) -> String {
    let name = |schema: &Value| schema["type"].as_str().unwrap_or("any").to_owned();
    let mut kind = match (field["type"].as_str(), field["format"].as_str()) {
        (Some("array"), _) => format!("list of {}", name(&field["items"])),
        (Some("object"), _) if field["additionalProperties"].is_object() => {
            format!("map of {}", name(&field["additionalProperties"]))
        }
        (_, Some("date-time")) => "time".to_owned(),
        _ => name(field),
    };
    if let Some(words) = field["enum"].as_array() {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        kind = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
    }
    let limit = |kind: &mut String, key: &str, says: &str| {
        if let Some(limit) = field[key].as_u64() {
            let _ = write!(kind, ", {says} {limit}");
        }
    };
    limit(&mut kind, "minimum", "from");
    limit(&mut kind, "maximum", "to");
    limit(&mut kind, "maxLength", "characters at most");
    limit(&mut kind, "maxItems", "at most");
    limit(&mut kind, "maxProperties", "entries at most");
    if let Some(default) = field["default"].as_str() {
        let _ = write!(kind, ", default `{default}`");
    }
    kind
}
