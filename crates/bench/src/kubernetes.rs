//! Kubernetes as the benchmark uses it: a fleet of resources, and the operator's writes as the API
//! server's audit log has them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use api::MCPServer;
use futures::{StreamExt, TryStreamExt, stream};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use testkit::scenario::valid_spec;

/// How many requests of ours are under way at once.
const AT_ONCE: usize = 16;

/// Tells the API server to write down what the operator's service account writes. Nothing stands
/// between the two, and nothing else costs the API server anything.
pub(crate) const AUDIT: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    users: ['system:serviceaccount:mcp-gateway-operator-system:mcp-gateway-operator']
    verbs: [create, update, patch, delete, deletecollection]
  - level: None
";

/// The operator's writes since a moment.
pub(crate) struct Writes {
    log: PathBuf,
    from: u64,
}

/// How many writes there were, by resource.
pub(crate) type Written = BTreeMap<String, usize>;

impl Writes {
    /// Begins to count.
    pub(crate) fn from_now(log: &Path) -> Self {
        // Until the first write there is no file.
        let from = log.metadata().map_or(0, |file| file.len());
        Self { log: log.to_owned(), from }
    }

    /// Those so far, but for the lease.
    pub(crate) fn so_far(&self) -> Result<Written> {
        let mut written = Written::new();
        let Ok(mut file) = File::open(&self.log) else { return Ok(written) };
        file.seek(SeekFrom::Start(self.from))?;
        for line in BufReader::new(file).lines() {
            let event: Value = serde_json::from_str(&line?).context("reading the audit log")?;
            let object = &event["objectRef"];
            let text = |name: &str| object[name].as_str().unwrap_or_default();
            match (text("resource"), text("subresource")) {
                ("leases", _) => {}
                (resource, "") => *written.entry(resource.to_owned()).or_default() += 1,
                (resource, part) => *written.entry(format!("{resource}/{part}")).or_default() += 1,
            }
        }
        Ok(written)
    }
}

/// Writes to the resources themselves.
pub(crate) fn of_servers(written: &Written) -> usize {
    written.iter().filter(|(what, _)| what.starts_with("mcpservers")).map(|(_, count)| count).sum()
}

/// Every resource with its number.
pub(crate) fn told(written: &Written) -> String {
    let each: Vec<String> =
        written.iter().map(|(resource, count)| format!("{count} {resource}")).collect();
    if each.is_empty() { "none".to_owned() } else { each.join(", ") }
}

/// Makes resources of these names, each on its gateway.
pub(crate) async fn make(
    servers: &Api<MCPServer>,
    wanted: impl IntoIterator<Item = (String, String)>,
) -> Result<()> {
    let make = |(name, gateway): (String, String)| async move {
        let mut server = MCPServer::new(&name, valid_spec(&name));
        server.spec.gateway_id = Some(gateway);
        server.spec.description = Some("Answers questions about the weather".to_owned());
        let made = servers.create(&PostParams::default(), &server).await;
        made.with_context(|| format!("creating {name}")).map(drop)
    };
    at_once(stream::iter(wanted).map(make)).await
}

/// Edits these resources: each gets this version in its endpoint.
pub(crate) async fn edit(
    servers: &Api<MCPServer>,
    names: impl IntoIterator<Item = String>,
    version: &str,
) -> Result<()> {
    let edit = |name: String| async move {
        let endpoint = format!("https://{name}.example.com/{version}");
        let patch = Patch::Merge(json!({"spec": {"endpoint": endpoint}}));
        let edited = servers.patch(&name, &PatchParams::default(), &patch).await;
        edited.with_context(|| format!("editing {name}")).map(drop)
    };
    at_once(stream::iter(names).map(edit)).await
}

/// Deletes these resources.
pub(crate) async fn delete(
    servers: &Api<MCPServer>,
    names: impl IntoIterator<Item = String>,
) -> Result<()> {
    let delete = |name: String| async move {
        let deleted = servers.delete(&name, &DeleteParams::default()).await;
        deleted.with_context(|| format!("deleting {name}")).map(drop)
    };
    at_once(stream::iter(names).map(delete)).await
}

/// Deletes all of them.
pub(crate) async fn delete_all(servers: &Api<MCPServer>) -> Result<()> {
    servers.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
    Ok(())
}

async fn at_once(
    requests: impl stream::Stream<Item = impl Future<Output = Result<()>>>,
) -> Result<()> {
    requests.buffer_unordered(AT_ONCE).try_collect().await
}
