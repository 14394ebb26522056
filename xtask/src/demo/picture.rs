//! The resources as the watch reports them, and how they are shown.

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use api::MCPServer;
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::runtime::watcher::Event;
use testkit::scenario::{condition, is_ready};

use super::age::age;

/// The columns of a row.
pub(crate) const HEADER: [&str; 7] =
    ["NAME", "GATEWAY", "TARGET ID", "AGENTCORE", "READY", "REASON", "AGE"];

/// Shown for what is not there yet.
const NONE: &str = "-";

/// All resources, by what they are called here.
#[derive(Default)]
pub(crate) struct Picture {
    servers: BTreeMap<String, MCPServer>,
    // What a list has brought so far, until it is complete.
    coming: BTreeMap<String, MCPServer>,
}

impl Picture {
    /// Takes in what the watch reports.
    pub(crate) fn take(&mut self, event: Event<MCPServer>) {
        match event {
            Event::Init => self.coming.clear(),
            Event::InitApply(server) => {
                self.coming.insert(called(&server), server);
            }
            Event::InitDone => self.servers = mem::take(&mut self.coming),
            Event::Apply(server) => {
                self.servers.insert(called(&server), server);
            }
            Event::Delete(server) => {
                self.servers.remove(&called(&server));
            }
        }
    }

    /// Whether there are at least so many resources, and all are Ready.
    pub(crate) fn is_ready(&self, at_least: usize) -> bool {
        self.servers.len() >= at_least && self.servers.values().all(is_ready)
    }

    /// A row for each resource.
    pub(crate) fn rows(&self, now: Timestamp) -> Vec<[String; 7]> {
        self.servers.iter().map(|(name, server)| row(name, server, now)).collect()
    }

    /// What there is to say about each, without what changes by itself.
    pub(crate) fn sayings(&self) -> BTreeMap<String, String> {
        let saying = |(name, server): (&String, &MCPServer)| {
            let [_, gateway, target, status, ready, reason, _] =
                row(name, server, Timestamp::UNIX_EPOCH);
            let saying = match &*ready {
                NONE => format!("{name}: new"),
                _ => format!(
                    "{name}: Ready {ready}, {reason}; AgentCore {status}; gateway {gateway}, \
                     target {target}"
                ),
            };
            (name.clone(), saying)
        };
        self.servers.iter().map(saying).collect()
    }
}

/// Its name, and its namespace where it is not the usual one.
fn called(server: &MCPServer) -> String {
    match server.namespace().as_deref() {
        None | Some("default") => server.name_any(),
        Some(namespace) => format!("{namespace}/{}", server.name_any()),
    }
}

fn row(name: &str, server: &MCPServer, now: Timestamp) -> [String; 7] {
    let status = server.status.clone().unwrap_or_default();
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    let ready = condition(server, "Ready");
    let created = server.creation_timestamp().map(|time| time.0);
    [
        name.to_owned(),
        or_none(status.gateway_id),
        or_none(status.target_id),
        or_none(status.target_status),
        or_none(ready.as_ref().map(|ready| ready.0.clone())),
        or_none(ready.map(|ready| ready.1)),
        or_none(created.map(|created| age(since(created, now)))),
    ]
}

/// Nothing for what lies ahead: the API server rounds its time to seconds.
fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn server(name: &str, namespace: &str, ready: &str, observed: i64) -> MCPServer {
        serde_json::from_value(json!({
            "apiVersion": "mcpgateway.bedrock.aws/v1alpha1",
            "kind": "MCPServer",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "generation": 2,
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": {"endpoint": "https://a.example/mcp", "capabilities": ["tools"]},
            "status": {
                "observedGeneration": observed,
                "gatewayId": "gateway-1",
                "targetId": "ABCDEFGHIJ",
                "targetStatus": "UPDATING",
                "conditions": [{
                    "type": "Ready",
                    "status": ready,
                    "reason": "Updating",
                    "message": "m",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }],
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_row_says_where_a_resource_stands() {
        let mut picture = Picture::default();
        picture.take(Event::Apply(server("weather", "default", "False", 2)));
        picture.take(Event::Apply(MCPServer::new("new", api::MCPServerSpec::default())));
        let rows = picture.rows("2026-01-01T00:02:10Z".parse().unwrap());
        assert_eq!(rows[0], ["new", "-", "-", "-", "-", "-", "-"]);
        let weather =
            ["weather", "gateway-1", "ABCDEFGHIJ", "UPDATING", "False", "Updating", "2m10s"];
        assert_eq!(rows[1], weather);
    }

    #[test]
    fn what_is_said_does_not_change_by_itself() {
        let mut picture = Picture::default();
        picture.take(Event::Apply(server("weather", "default", "False", 2)));
        picture.take(Event::Apply(MCPServer::new("new", api::MCPServerSpec::default())));
        let sayings: Vec<String> = picture.sayings().into_values().collect();
        assert_eq!(
            sayings,
            [
                "new: new",
                "weather: Ready False, Updating; AgentCore UPDATING; gateway gateway-1, \
                 target ABCDEFGHIJ",
            ]
        );
    }

    #[test]
    fn a_clock_behind_the_api_server_shows_no_age() {
        let mut picture = Picture::default();
        picture.take(Event::Apply(server("weather", "default", "False", 2)));
        assert_eq!(picture.rows("2025-12-31T23:59:59Z".parse().unwrap())[0][6], "0s");
    }

    #[test]
    fn a_list_replaces_everything_once_it_is_complete() {
        let mut picture = Picture::default();
        picture.take(Event::Apply(server("old", "default", "True", 2)));
        picture.take(Event::Init);
        picture.take(Event::InitApply(server("new", "other", "True", 2)));
        assert_eq!(picture.sayings().keys().collect::<Vec<_>>(), ["old"]);
        picture.take(Event::InitDone);
        assert_eq!(picture.sayings().keys().collect::<Vec<_>>(), ["other/new"]);
        picture.take(Event::Delete(server("new", "other", "True", 2)));
        assert!(picture.sayings().is_empty());
    }

    #[test]
    fn ready_is_what_is_ready_as_it_is_written_now() {
        let mut picture = Picture::default();
        picture.take(Event::Apply(server("weather", "default", "True", 1)));
        assert!(!picture.is_ready(1), "the newest generation has not been judged");
        picture.take(Event::Apply(server("weather", "default", "True", 2)));
        assert!(picture.is_ready(1));
        assert!(!picture.is_ready(2), "one is missing");
    }
}
