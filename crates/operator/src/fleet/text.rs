//! A resource at rest: its text, packed.
//!
//! Contract: what the operator has no use for is left out, and nothing else. A resource is held for as
//! long as it lives, by the thousands, and looked at now and then: as text it takes less than as a value,
//! and packed with what all resources have in common, a fifth of that. To read it again costs little
//! beside a pass.

use api::{MCPServer, MCPServerSpec, MCPServerStatus};
use kube::api::ObjectMeta;
use lz4_flex::block::{compress_with_dict, decompress_with_dict};
use tracing::error;

/// What all annotations begin with that mean something to the operator.
const OUR_ANNOTATIONS: &str = "mcpgateway.bedrock.aws/";

/// What most resources have in common: the text of one that is Ready, as it is held. Whatever is in it
/// costs nothing more; what it looks like decides nothing else.
const COMMON: &[u8] = br#"[{"annotations":{"mcpgateway.bedrock.aws/target":"gateway-a1b2c3d4e5/ABCDEFGHIJ"},"creationTimestamp":"2026-11-25T09:15:15Z","deletionGracePeriodSeconds":0,"deletionTimestamp":"2026-11-25T09:15:15Z","finalizers":["mcpgateway.bedrock.aws/finalizer"],"generation":1,"name":"server","namespace":"default","resourceVersion":"10005","uid":"00000000-0000-4000-8000-000000000000"},{"endpoint":"https://server.example.com/mcp","capabilities":["tools"],"gatewayId":"gateway-a1b2c3d4e5","targetName":"server","description":"","authType":"NoAuth","oauthProviderArn":"arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default/oauth2credentialprovider/","oauthScopes":["read","write"]},{"observedGeneration":1,"conditions":[{"lastTransitionTime":"2026-11-25T09:15:15Z","message":"The resource is valid.","observedGeneration":1,"reason":"Accepted","status":"True","type":"Accepted"},{"lastTransitionTime":"2026-11-25T09:15:15Z","message":"Target ABCDEFGHIJ on gateway gateway-a1b2c3d4e5 is READY as written.","observedGeneration":1,"reason":"Programmed","status":"True","type":"Programmed"},{"lastTransitionTime":"2026-11-25T09:15:15Z","message":"Target ABCDEFGHIJ on gateway gateway-a1b2c3d4e5 is READY as written.","observedGeneration":1,"reason":"GatewayTargetReady","status":"True","type":"Ready"}],"gatewayId":"gateway-a1b2c3d4e5","gatewayArn":"arn:aws:bedrock-agentcore:us-east-1:123456789012:gateway/gateway-a1b2c3d4e5","targetId":"ABCDEFGHIJ","targetName":"server","targetStatus":"READY","lastSynchronized":"2026-11-25T09:15:15Z","appliedGeneration":1,"applied":{"fingerprint":"v2:","updatedAt":"2026-11-25T09:15:15.123Z","settled":true}}]"#;

/// A resource that can be read again.
#[derive(Debug)]
pub(super) enum Text {
    Packed {
        bytes: Box<[u8]>,
        /// How long the text is.
        length: u32,
    },
    /// Its text would not say the same.
    Whole(Box<MCPServer>),
}

impl Text {
    pub(super) fn of(mut server: MCPServer) -> Self {
        strip(&mut server.metadata);
        pack(&server)
            .filter(|text| text.unpack().is_ok_and(|read| read == server))
            .unwrap_or_else(|| Self::Whole(Box::new(server)))
    }

    /// `None`, which is said, cannot be: the text has been read once.
    pub(super) fn read(&self) -> Option<MCPServer> {
        self.unpack()
            .inspect_err(|error| error!(%error, "a resource that is held cannot be read"))
            .ok()
    }

    fn unpack(&self) -> anyhow::Result<MCPServer> {
        match self {
            Self::Packed { bytes, length } => {
                let text = decompress_with_dict(bytes, usize::try_from(*length)?, COMMON)?;
                let (metadata, spec, status): (ObjectMeta, MCPServerSpec, Option<MCPServerStatus>) =
                    serde_json::from_slice(&text)?;
                Ok(MCPServer { metadata, spec, status })
            }
            Self::Whole(server) => Ok(MCPServer::clone(server)),
        }
    }
}

fn pack(server: &MCPServer) -> Option<Text> {
    let text = serde_json::to_vec(&(&server.metadata, &server.spec, &server.status)).ok()?;
    let length = u32::try_from(text.len()).ok()?;
    Some(Text::Packed { bytes: compress_with_dict(&text, COMMON).into(), length })
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
    }

    #[test]
    fn what_this_version_does_not_know_is_not_forgotten() {
        let mut written = serde_json::to_value(server()).unwrap();
        written["spec"]["colour"] = "red".into();
        written["status"]["migration"] = "x".into();
        let newer: MCPServer = serde_json::from_value(written).unwrap();
        let read = Text::of(newer).read().unwrap();
        assert_eq!(read.spec.unknown.places().collect::<Vec<_>>(), ["colour"]);
        assert_eq!(read.status.unwrap().unknown.places().collect::<Vec<_>>(), ["migration"]);
        assert!(matches!(Text::of(server()), Text::Packed { .. }), "the others are packed");
    }

    /// The bar of the benchmark for memory rests on it.
    #[test]
    fn a_resource_that_is_ready_takes_little() {
        let mut ready = server();
        ready.spec.oauth_provider_arn = Some(
            "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default/\
             oauth2credentialprovider/example"
                .to_owned(),
        );
        match Text::of(ready) {
            Text::Packed { bytes, length } => {
                assert!(bytes.len() < 300, "{} of {length} bytes", bytes.len());
            }
            Text::Whole(server) => panic!("held whole: {server:?}"),
        }
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
