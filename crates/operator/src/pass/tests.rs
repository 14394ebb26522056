use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use kube::Api;
use kube::api::PostParams;
use testkit::scenario::valid_spec;
use testkit::wait::eventually;
use testkit::{ControlPlane, TestResult, install};

use super::stage::{Shaky, operator};
use super::*;

const SOON: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_process_that_is_to_end_begins_nothing() -> TestResult {
    let cluster = ControlPlane::shared().await?;
    let client = cluster.client()?;
    install::crd(&client).await?;
    let namespace = cluster.namespace("ends").await?;
    let servers: Api<MCPServer> = Api::namespaced(client.clone(), &namespace);
    let operator = operator(client, &namespace, Arc::new(Shaky::default()));
    operator.guard.end();
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn({
        let operator = Arc::clone(&operator);
        async move { operator.serve(stopped).await }
    });
    let weather = MCPServer::new("weather", valid_spec("weather"));
    servers.create(&PostParams::default(), &weather).await?;
    let page = operator.metrics.page(Arc::clone(&operator));
    eventually("a pass", SOON, || async {
        let text = page.text();
        let sample = r#"controller_runtime_reconcile_time_seconds_count{controller="mcpserver"} "#;
        let passes = text.lines().find_map(|line| line.strip_prefix(sample));
        ensure!(passes.is_some_and(|passes| passes != "0"), "{text}");
        Ok(())
    })
    .await?;
    let after = servers.get("weather").await?;
    assert_eq!(after.metadata.finalizers, None);
    assert!(after.status.is_none_or(|status| status.intent.is_none()));
    Ok(())
}
