//! An `MCPServer` as the API server shows it: one that can be read, or one that cannot.
//!
//! Contract: under the schema of an older CRD an object can have a form that no `MCPServer` has. It
//! must not hold up the others, nor be taken for gone, so what cannot be read still has its name.
//! Nothing is held twice meanwhile: kube's own guard takes every object apart into a tree first.

use std::borrow::Cow;

use api::MCPServer;
use kube::Resource;
use kube::api::ObjectMeta;
use kube::core::PartialObjectMeta;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// An object that the API server shows.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    Readable(Box<MCPServer>),
    Unreadable {
        metadata: Box<ObjectMeta>,
        /// Why it cannot be read, and where.
        error: String,
    },
}

impl<'de> Deserialize<'de> for Shown {
    /// Of JSON alone.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        match serde_json::from_str(text.get()) {
            Ok(server) => Ok(Self::Readable(Box::new(server))),
            Err(error) => {
                let named: PartialObjectMeta<MCPServer> =
                    serde_json::from_str(text.get()).map_err(D::Error::custom)?;
                let metadata = Box::new(named.metadata);
                Ok(Self::Unreadable { metadata, error: error.to_string() })
            }
        }
    }
}

impl Resource for Shown {
    type DynamicType = ();
    type Scope = <MCPServer as Resource>::Scope;

    fn kind(kind: &()) -> Cow<'_, str> {
        MCPServer::kind(kind)
    }

    fn group(kind: &()) -> Cow<'_, str> {
        MCPServer::group(kind)
    }

    fn version(kind: &()) -> Cow<'_, str> {
        MCPServer::version(kind)
    }

    fn plural(kind: &()) -> Cow<'_, str> {
        MCPServer::plural(kind)
    }

    fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Readable(server) => &server.metadata,
            Self::Unreadable { metadata, .. } => metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Readable(server) => &mut server.metadata,
            Self::Unreadable { metadata, .. } => metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::{ObjectList, WatchEvent};

    use super::*;

    const GOOD: &str = r#"{"apiVersion": "mcpgateway.bedrock.aws/v1alpha1", "kind": "MCPServer",
        "metadata": {"name": "good", "namespace": "a"},
        "spec": {"endpoint": "https://example.com", "capabilities": ["tools"]}}"#;
    const BAD: &str = r#"{"apiVersion": "mcpgateway.bedrock.aws/v1alpha1", "kind": "MCPServer",
        "metadata": {"name": "bad", "namespace": "a"}, "spec": {"endpoint": 7}}"#;

    fn told(shown: &Shown) -> (&str, bool) {
        let name = shown.meta().name.as_deref().unwrap_or_default();
        (name, matches!(shown, Shown::Readable(_)))
    }

    #[test]
    fn what_cannot_be_read_hides_nobody_in_a_list() {
        let list = format!(
            r#"{{"apiVersion": "mcpgateway.bedrock.aws/v1alpha1", "kind": "MCPServerList",
                "metadata": {{"resourceVersion": "5"}}, "items": [{GOOD}, {BAD}, {GOOD}]}}"#
        );
        let list: ObjectList<Shown> = serde_json::from_str(&list).unwrap();
        let told: Vec<_> = list.items.iter().map(told).collect();
        assert_eq!(told, [("good", true), ("bad", false), ("good", true)]);
    }

    #[test]
    fn what_a_watch_shows_is_read_and_what_cannot_be_says_why() {
        let event = |object: &str| {
            let event = format!(r#"{{"type": "ADDED", "object": {object}}}"#);
            match serde_json::from_str(&event).unwrap() {
                WatchEvent::Added(shown) => shown,
                other => panic!("{other:?}"),
            }
        };
        let good: Shown = event(GOOD);
        assert_eq!(told(&good), ("good", true));
        match event(BAD) {
            Shown::Unreadable { error, .. } => {
                assert!(error.contains("expected a string"), "{error}");
            }
            Shown::Readable(server) => panic!("{server:?}"),
        }
    }
}
