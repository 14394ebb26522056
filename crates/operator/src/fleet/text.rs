//! A resource at rest: its text.
//!
//! Contract: what the operator has no use for is left out, and nothing else. A resource is read
//! often, and held for as long as it lives: as text it takes a third of what it takes as a value, and to
//! read it again takes some ten microseconds.

use api::{MCPServer, MCPServerSpec, MCPServerStatus};
use kube::api::ObjectMeta;
use serde::de::IgnoredAny;
use tracing::error;

/// What all annotations begin with that mean something to the operator.
const OUR_ANNOTATIONS: &str = "mcpgateway.bedrock.aws/";

/// A resource that can be read again.
#[derive(Debug)]
pub(super) enum Text {
    Written(Box<[u8]>),
    /// Its text would not say the same.
    Whole(Box<MCPServer>),
}

impl Text {
    pub(super) fn of(mut server: MCPServer) -> Self {
        strip(&mut server.metadata);
        let text = serde_json::to_vec(&(&server.metadata, &server.spec, &server.status));
        let text = text.unwrap_or_default().into_boxed_slice();
        let same = parse(&text).is_ok_and(|read| read == server);
        if same { Self::Written(text) } else { Self::Whole(Box::new(server)) }
    }

    /// `None`, which is said, cannot be: the text has been read once.
    pub(super) fn read(&self) -> Option<MCPServer> {
        match self {
            Self::Written(text) => parse(text)
                .inspect_err(|error| error!(%error, "a resource that is held cannot be read"))
                .ok(),
            Self::Whole(server) => Some(MCPServer::clone(server)),
        }
    }

    /// The same without what is written in it, for who looks at many.
    pub(super) fn glance(&self) -> Option<MCPServer> {
        let (metadata, _, status): (_, IgnoredAny, _) = match self {
            Self::Written(text) => serde_json::from_slice(text).ok()?,
            Self::Whole(server) => (server.metadata.clone(), IgnoredAny, server.status.clone()),
        };
        Some(MCPServer { metadata, spec: MCPServerSpec::default(), status })
    }
}

fn parse(text: &[u8]) -> serde_json::Result<MCPServer> {
    let (metadata, spec, status): (ObjectMeta, MCPServerSpec, Option<MCPServerStatus>) =
        serde_json::from_slice(text)?;
    Ok(MCPServer { metadata, spec, status })
}

/// Takes away what other people's tools note down for themselves.
fn strip(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    metadata.labels = None;
    metadata.owner_references = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.retain(|name, _| name.starts_with(OUR_ANNOTATIONS));
        if annotations.is_empty() {
            metadata.annotations = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, Time};

    use super::*;

    fn server() -> MCPServer {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "mcpgateway.bedrock.aws/v1alpha1",
            "kind": "MCPServer",
            "metadata": {
                "name": "x", "namespace": "a", "uid": "u", "resourceVersion": "7", "generation": 2,
                "creationTimestamp": "2026-01-02T03:04:05Z",
                "finalizers": ["mcpgateway.bedrock.aws/finalizer"],
                "annotations": {
                    "mcpgateway.bedrock.aws/target": "gw/T",
                    "kubectl.kubernetes.io/last-applied-configuration": "{\"a\": \"long one\"}",
                },
                "labels": {"team": "a"},
                "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
            },
            "spec": {"endpoint": "https://example.com", "capabilities": ["tools"]},
            "status": {
                "targetId": "T",
                "lastSynchronized": "2026-01-02T03:04:05.678901Z",
                "conditions": [{
                    "type": "Ready", "status": "True", "reason": "GatewayTargetReady",
                    "message": "", "lastTransitionTime": "2026-01-02T03:04:05Z",
                }],
            },
        }))
        .unwrap()
    }

    #[test]
    fn what_the_operator_has_no_use_for_is_left_out_and_nothing_else() {
        let read = Text::of(server()).read().unwrap();
        assert_ne!(server().metadata.managed_fields, None::<Vec<ManagedFieldsEntry>>);
        let mut expected = server();
        expected.metadata.managed_fields = None;
        expected.metadata.labels = None;
        let annotations = expected.metadata.annotations.as_mut().unwrap();
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        assert_eq!(read, expected);
        let glance = Text::of(server()).glance().unwrap();
        assert_eq!((glance.metadata, glance.status), (expected.metadata, expected.status));
    }

    #[test]
    fn what_a_text_does_not_tell_is_held_whole() {
        let mut odd = server();
        // Kubernetes writes whole seconds; this is no time of its own.
        let time = jiff::Timestamp::from_nanosecond(1_234_567_890_123_456_789).unwrap();
        odd.metadata.creation_timestamp = Some(Time(time));
        assert_eq!(Text::of(odd).read().unwrap().metadata.creation_timestamp, Some(Time(time)));
    }
}
