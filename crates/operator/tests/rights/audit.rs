//! What a service account has asked of the API server, from its audit log.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::granted::resource;

/// Everything that this account asks, and nothing else.
pub(crate) fn policy(user: &str) -> String {
    format!(
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\n\
         rules: [{{level: Metadata, users: [\"{user}\"]}}]\n"
    )
}

/// The name of a service account in the log.
pub(crate) fn user(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

/// One request, as far as rights go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Used {
    pub(crate) namespace: Option<String>,
    /// As rights name it, or the path of the request.
    pub(crate) resource: String,
    pub(crate) verb: String,
    pub(crate) name: Option<String>,
    /// Whether it was refused for want of a right.
    pub(crate) refused: bool,
}

impl fmt::Display for Used {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.namespace.as_deref().unwrap_or("the cluster");
        write!(formatter, "{} {} in {place}", self.verb, self.resource)?;
        self.name.iter().try_for_each(|name| write!(formatter, ", {name}"))?;
        formatter.write_str(if self.refused { " (refused)" } else { "" })
    }
}

/// The requests in these events.
pub(crate) fn used(events: &[Value]) -> BTreeSet<Used> {
    events.iter().map(one).collect()
}

fn one(event: &Value) -> Used {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let object = &event["objectRef"];
    let named = text(&object["resource"]).map(|kind| match text(&object["subresource"]) {
        Some(part) => format!("{kind}/{part}"),
        None => kind,
    });
    let path = || {
        let uri = event["requestURI"].as_str().unwrap_or_default();
        uri.split('?').next().unwrap_or_default().to_owned()
    };
    Used {
        namespace: text(&object["namespace"]),
        resource: named.map_or_else(path, |kind| {
            resource(object["apiGroup"].as_str().unwrap_or_default(), &kind)
        }),
        verb: text(&event["verb"]).unwrap_or_default(),
        name: text(&object["name"]),
        refused: event["responseStatus"]["code"] == 403
            || event["annotations"]["authorization.k8s.io/decision"] == "forbid",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_are_read() {
        let status = json!({
            "verb": "patch", "requestURI": "/apis/g/v1/namespaces/n/kinds/x/status",
            "objectRef": {"apiGroup": "g", "resource": "kinds", "subresource": "status",
                "namespace": "n", "name": "x"},
            "responseStatus": {"code": 200},
        });
        let path = json!({"verb": "get", "requestURI": "/version?timeout=1s",
            "responseStatus": {"code": 403}});
        let read: Vec<String> = used(&[status, path]).iter().map(ToString::to_string).collect();
        assert_eq!(read, ["get /version in the cluster (refused)", "patch kinds.g/status in n, x"]);
    }
}
