//! What befalls the way between the operator and the API server, and the API server itself.
//!
//! Contract: one story is told in fair weather and in foul. It ends alike, in targets and in statuses,
//! and everything is listed again only where the API server has forgotten what came since.

mod stage;

use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::json;
use stage::{Stage, alike};
use testkit::proxy::{Connections, Interruption, Trouble, is_status_write, is_watch};
use testkit::{ControlPlane, Scenario, TestResult, install};

const SECOND: Duration = Duration::from_secs(1);
/// A connection that is silent is noticed within this, and then something has to be done.
const A_MINUTE: Duration = Duration::from_secs(62);

fn refused(status: StatusCode, reason: &'static str, retry_after: Option<u32>) -> Trouble {
    Trouble::Refused { status, reason, retry_after }
}

/// What the API server says in a watch that begins too far back.
fn too_old() -> Interruption {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 410,
        "reason": "Expired", "message": "too old resource version: 1 (2)",
    });
    Interruption::Event(json!({ "type": "ERROR", "object": status }).to_string())
}

#[tokio::test]
async fn a_watch_that_is_cut_goes_on_where_it_was() -> TestResult {
    let scenario = Scenario::begin("watch-cut").await?;
    let stage = Stage::begin(&scenario).await?;
    stage.write().await?;
    for _ in 0..3 {
        assert_eq!(stage.weather.interrupt(Interruption::Cut), 1, "one watch");
        stage.watched_again().await?;
    }
    stage.change().await?;
    alike(&stage).await?;
    stage.lists_are(1)?;
    Ok(())
}

#[tokio::test]
async fn a_version_that_is_gone_costs_one_list() -> TestResult {
    let scenario = Scenario::begin("gone-event").await?;
    let stage = Stage::begin(&scenario).await?;
    stage.write().await?;
    stage.weather.interrupt(too_old());
    stage.change().await?;
    alike(&stage).await?;
    stage.lists_are(2)?;
    Ok(())
}

/// Not as kube-apiserver says it today, but as the API has it: an answer instead of an event.
#[tokio::test]
async fn a_watch_that_is_refused_as_too_old_begins_anew() -> TestResult {
    let scenario = Scenario::begin("gone-answer").await?;
    let stage = Stage::begin(&scenario).await?;
    stage.write().await?;
    stage.weather.trouble(refused(StatusCode::GONE, "Expired", None), |parts| {
        let begins = parts.uri.query().is_some_and(|query| query.contains("sendInitialEvents"));
        is_watch(parts) && !begins
    });
    stage.weather.interrupt(Interruption::Cut);
    stage.change().await?;
    alike(&stage).await?;
    stage.lists_are(2)?;
    Ok(())
}

/// Nothing happens for long but elsewhere: the watch learns how far that has come, and goes on from
/// there.
#[tokio::test]
async fn a_watch_of_bookmarks_alone_goes_on_after_the_last() -> TestResult {
    let scenario = Scenario::begin("bookmarks").await?;
    let stage = Stage::begin(&scenario).await?;
    stage.write().await?;
    scenario.cluster().namespace("elsewhere").await?;
    let version = stage.version().await?;
    let bookmark = json!({ "type": "BOOKMARK", "object": {
        "kind": "MCPServer", "apiVersion": "mcpgateway.bedrock.aws/v1alpha1",
        "metadata": { "resourceVersion": version, "creationTimestamp": null },
        "spec": { "endpoint": "", "capabilities": null },
    }});
    stage.weather.interrupt(Interruption::Event(bookmark.to_string()));
    stage.weather.interrupt(Interruption::Cut);
    assert_eq!(stage.watched_again().await?, Some(version));
    stage.change().await?;
    alike(&stage).await?;
    stage.lists_are(1)?;
    Ok(())
}

/// Four ways to be silent, side by side, because each takes its minute.
#[tokio::test]
async fn what_is_silent_is_noticed_within_a_minute() -> TestResult {
    let silent = async |name: &str, how: fn(&Stage<'_>)| {
        let scenario = Scenario::begin(name).await?;
        let stage = Stage::begin(&scenario).await?;
        stage.write().await?;
        how(&stage);
        let begun = Instant::now();
        stage.change().await?;
        stage.notices(A_MINUTE).await?;
        println!("{name}: noticed after {:?}", begun.elapsed());
        alike(&stage).await?;
        stage.lists_are(1)
    };
    let ends = tokio::join!(
        silent("half-open", |stage| {
            stage.weather.interrupt(Interruption::Silence);
        }),
        silent("forgotten", |stage| stage.weather.strand()),
        silent("unanswered", |stage| {
            let mut left = true;
            stage.weather.trouble(Trouble::Unanswered, move |parts| {
                is_watch(parts) && std::mem::take(&mut left)
            });
            stage.weather.interrupt(Interruption::Cut);
        }),
        silent("cut-off", |stage| {
            stage.weather.connections(Connections::Silent);
            let weather = std::sync::Arc::clone(&stage.weather);
            tokio::spawn(async move {
                tokio::time::sleep(20 * SECOND).await;
                weather.strand();
                weather.connections(Connections::Open);
            });
        }),
    );
    ends.0?;
    ends.1?;
    ends.2?;
    ends.3?;
    Ok(())
}

/// Every other write of a status is refused, and somebody else writes to the resources all the time.
#[tokio::test]
async fn in_a_storm_of_conflicts_all_is_written_in_the_end() -> TestResult {
    let scenario = Scenario::begin("conflicts").await?;
    let stage = Stage::begin(&scenario).await?;
    let mut count = 0;
    stage.weather.trouble(refused(StatusCode::CONFLICT, "Conflict", None), move |parts| {
        count += u32::from(is_status_write(parts));
        is_status_write(parts) && count % 2 == 1
    });
    stage.write().await?;
    let noise = stage.noise();
    stage.change().await?;
    stage.settles().await?;
    drop(noise);
    alike(&stage).await?;
    stage.lists_are(1)?;
    Ok(())
}

/// As API priority and fairness refuses: of three requests two, watches included.
#[tokio::test]
async fn who_is_told_to_come_later_comes_later() -> TestResult {
    let scenario = Scenario::begin("busy").await?;
    let stage = Stage::begin(&scenario).await?;
    let mut count = 0;
    let busy = refused(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", Some(1));
    stage.weather.trouble(busy, move |_| {
        count += 1;
        count % 3 != 0
    });
    stage.write().await?;
    stage.weather.interrupt(Interruption::Cut);
    stage.change().await?;
    alike(&stage).await?;
    stage.lists_are(1)?;
    Ok(())
}

#[tokio::test]
async fn an_api_server_that_takes_seconds_is_waited_for() -> TestResult {
    let scenario = Scenario::begin("slow").await?;
    let stage = Stage::begin(&scenario).await?;
    stage.weather.trouble(Trouble::Slow(3 * SECOND), |_| true);
    stage.write().await?;
    stage.weather.interrupt(Interruption::Cut);
    stage.change().await?;
    alike(&stage).await?;
    stage.lists_are(1)?;
    Ok(())
}

/// A write is carried out, and nobody hears of it.
#[tokio::test]
async fn of_a_write_whose_answer_is_lost_nothing_is_done_twice() -> TestResult {
    let scenario = Scenario::begin("lost").await?;
    let stage = Stage::begin(&scenario).await?;
    let mut count = 0;
    stage.weather.trouble(Trouble::Lost, move |parts| {
        count += u32::from(is_status_write(parts));
        is_status_write(parts) && count % 3 == 0
    });
    stage.write().await?;
    stage.change().await?;
    alike(&stage).await?;
    assert_eq!(stage.creates(), 4, "one for each resource");
    stage.lists_are(1)?;
    Ok(())
}

/// Both go away and come back while there is work; each may have forgotten what came before.
#[tokio::test]
async fn an_api_server_and_an_etcd_that_restart_are_outlived() -> TestResult {
    let mut cluster = ControlPlane::builder().start().await?;
    let aws = stage::agentcore().await?;
    install::crd(&cluster.client()?).await?;
    let access = install::rights(&cluster).await?;
    let namespace = cluster.namespace("restarts").await?;
    let stage = Stage::of(&cluster, &access, &namespace, &aws).await?;
    stage.write_all().await?;
    cluster.stop_api_server().await?;
    tokio::time::sleep(2 * SECOND).await;
    cluster.restart_api_server().await?;
    stage.settles_so_far().await?;
    cluster.stop_etcd().await?;
    tokio::time::sleep(2 * SECOND).await;
    cluster.restart_etcd().await?;
    stage.change().await?;
    alike(&stage).await?;
    assert_eq!(stage.creates(), 4, "one for each resource");
    // An API server that begins anew knows no version from before; etcd forgets none.
    assert!(stage.lists() <= 2, "{} lists of everything", stage.lists());
    Ok(())
}
