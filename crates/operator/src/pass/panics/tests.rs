use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::future::join_all;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use testkit::scenario::{condition, is_ready, valid_spec};
use testkit::{ControlPlane, TestResult, install, wait};
use tokio::sync::watch;

use super::*;
use crate::fleet::{Obstacle, POISON};
use crate::pass::stage::{SHAKY, Shaky, operator};

const SOON: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_pass_that_panics_concerns_its_resource_alone() -> TestResult {
    let cluster = ControlPlane::shared().await?;
    // Over the hook of the tests, which takes every panic for a failure.
    crate::panics::listen();
    let client = cluster.client()?;
    install::crd(&client).await?;
    let namespace = cluster.namespace("panics").await?;
    let servers: Api<MCPServer> = Api::namespaced(client.clone(), &namespace);
    let aws = Arc::new(Shaky::default());
    let operator = operator(client, &namespace, Arc::clone(&aws));
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn({
        let operator = Arc::clone(&operator);
        async move { operator.serve(stopped).await }
    });

    let create = async |name: &str| {
        let server = MCPServer::new(name, valid_spec(name));
        servers.create(&PostParams::default(), &server).await
    };
    create(SHAKY).await?;
    let broken = wait::on(&servers, SHAKY)
        .within(SOON)
        .until("word of the mistake", |server| {
            condition(server, "Ready").is_some_and(|ready| ready.1 == "InternalError")
        })
        .await?;
    let (status, _, message) = condition(&broken, "Ready").unwrap_or_default();
    assert_eq!(status, "Unknown");
    assert!(message.contains("pass/stage.rs:"), "where it was: {message}");
    assert!(!message.contains("nobody thought of"), "what a panic says is for the log: {message}");
    assert_eq!(condition(&broken, "Stalled").map(|stalled| stalled.0).as_deref(), Some("True"));
    assert!(broken.status.is_some_and(|status| status.intent.is_some()), "the record stands");

    // All others, by the same worker, and in the same one place on the gateway.
    let names = ["alpha", "beta", "gamma"];
    for made in join_all(names.map(&create)).await {
        made?;
    }
    for name in names {
        wait::on(&servers, name).within(SOON).until("Ready", is_ready).await?;
    }
    let shaky = Key::new(&namespace, SHAKY);
    assert!(operator.work.overview().in_work.iter().all(|(key, _)| *key != shaky), "it is let go");
    assert!(operator.turns.in_line().iter().all(|place| place.key != shaky), "it holds no place");
    let times = operator.panics.bouts().get(&shaky).map_or(0, |bout| bout.times);
    assert!((1..=10).contains(&times), "it is left alone meanwhile: {times}");
    let shown = operator.metrics.page(Arc::clone(&operator)).text();
    let counted = shown.lines().find_map(|line| {
        line.strip_prefix(r#"controller_runtime_reconcile_panics_total{controller="mcpserver"} "#)
    });
    assert_eq!(counted, Some(times.to_string().as_str()), "{shown}");

    // An edit ends the pause. What the panic left at AWS is found, and not made again.
    aws.is_mended.store(true, Ordering::Relaxed);
    let edit =
        Patch::Merge(json!({ "metadata": { "annotations": { REQUEST_ANNOTATION: "now" } } }));
    servers.patch(SHAKY, &PatchParams::default(), &edit).await?;
    wait::on(&servers, SHAKY).within(SOON).until("Ready", is_ready).await?;
    assert_eq!(aws.named(SHAKY), 1);

    stop.send_replace(true);
    worker.await?;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_taken_in_hides_nobody() -> TestResult {
    let cluster = ControlPlane::shared().await?;
    crate::panics::listen();
    let client = cluster.client()?;
    install::crd(&client).await?;
    let namespace = cluster.namespace("poison").await?;
    let servers: Api<MCPServer> = Api::namespaced(client.clone(), &namespace);
    let params = PostParams::default();
    // One is there at the start, so that the list has it.
    servers.create(&params, &MCPServer::new(POISON, valid_spec(POISON))).await?;
    let operator = operator(client.clone(), &namespace, Arc::new(Shaky::default()));
    tokio::spawn(crate::unreadable::tell(client, Arc::clone(&operator)));
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn({
        let operator = Arc::clone(&operator);
        async move { operator.serve(stopped).await }
    });
    let told = wait::on(&servers, POISON)
        .within(SOON)
        .until("word of the mistake", |server| {
            condition(server, "Ready").is_some_and(|ready| ready.1 == "InternalError")
        })
        .await?;
    let (_, _, message) = condition(&told, "Ready").unwrap_or_default();
    assert!(message.contains("fleet/state.rs:"), "where it was: {message}");
    // The watch has shown that too, and goes on.
    servers.create(&params, &MCPServer::new("alpha", valid_spec("alpha"))).await?;
    wait::on(&servers, "alpha").within(SOON).until("Ready", is_ready).await?;
    let key = Key::new(&namespace, POISON);
    let obstacles = operator.fleet.unreadables();
    assert!(
        matches!(&obstacles[..], [(of, Obstacle::Panic(Some(_)))] if *of == key),
        "{obstacles:?}"
    );
    servers.delete(POISON, &DeleteParams::default()).await?;
    wait::on(&servers, POISON).within(SOON).until_gone().await?;
    Ok(())
}

#[test]
fn pauses_grow_until_there_is_calm_and_end_with_an_edit() {
    let panics = Panics::default();
    let key = Key::new("a", "x");
    let mut server = MCPServer::new("x", valid_spec("x"));
    server.metadata.generation = Some(1);
    let mut now = Timestamp::UNIX_EPOCH;
    let mut pauses = Vec::new();
    for times in 1..=10 {
        let (counted, pause) = panics.another(&key, Some(&server), now);
        assert_eq!(counted, times);
        pauses.push(pause);
        let until = panics.pause(&key, Some(&server), now).unwrap();
        assert_eq!(until, now.checked_add(pause).unwrap());
        now = until;
        assert_eq!(panics.pause(&key, Some(&server), now), None, "it is over");
        panics.calm(&key, now);
    }
    assert!(pauses[..8].is_sorted() && pauses[0] < Duration::from_secs(6), "{pauses:?}");
    assert!(pauses[9] > Duration::from_mins(7) && pauses[9] <= Duration::from_mins(10));

    let (_, pause) = panics.another(&key, Some(&server), now);
    let edited = |edit: fn(&mut MCPServer)| {
        let mut server = server.clone();
        edit(&mut server);
        panics.pause(&key, Some(&server), now)
    };
    assert!(edited(|server| server.metadata.resource_version = Some("7".to_owned())).is_some());
    for edit in [
        |server: &mut MCPServer| server.metadata.generation = Some(2),
        |server: &mut MCPServer| server.metadata.uid = Some("another".to_owned()),
        |server: &mut MCPServer| {
            server.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        },
        |server: &mut MCPServer| {
            let request = (REQUEST_ANNOTATION.to_owned(), "now".to_owned());
            server.metadata.annotations = Some([request].into());
        },
    ] {
        assert_eq!(edited(edit), None, "a person wants to know");
    }
    panics.calm(&key, now.checked_add(pause * 2).unwrap());
    let (counted, _) = panics.another(&key, Some(&server), now);
    assert_eq!(counted, 1, "after a time of calm it begins anew");
    panics.forget(&key);
    assert!(panics.bouts().is_empty());
}
