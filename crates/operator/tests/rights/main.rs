//! The rights that are shipped are the rights that are used: none is missing, and none is too much.
//!
//! The operator runs as its Deployment says, under what the chart grants, and its service account's requests
//! are taken from the audit log of a real API server. What it may do at AWS is compared with what it asked of
//! the emulator.

mod audit;
#[expect(dead_code, reason = "the tests of the chart use more of it")]
#[path = "../chart/deployed.rs"]
mod deployed;
mod granted;
#[expect(dead_code, reason = "the tests of the chart use more of it")]
#[path = "../chart/helm.rs"]
mod helm;
mod iam;
mod metrics;
mod stage;
mod story;

use testkit::TestResult;

use granted::Right;
use stage::Stage;

/// What is switched on, and then off again.
const ON: [&str; 2] = ["rbac.workloads=true", "operator.leaderElection=true"];
const OFF: [&str; 3] =
    ["rbac.workloads=false", "operator.leaderElection=false", "operator.metrics.bindAddress=0"];

/// The only right that may reach beyond the namespaces: who asks for metrics is asked of the cluster.
fn is_of_secure_metrics(right: &Right) -> bool {
    ["tokenreviews.authentication.k8s.io", "subjectaccessreviews.authorization.k8s.io"]
        .contains(&right.resource.as_str())
}

/// Everything switched on, with the CRD only coming later, and then everything switched off.
async fn whole_story(stage: &Stage, extra: &[&str]) -> TestResult {
    let on = [&ON[..], extra].concat();
    let operator = stage.installed_before_the_crd(&on).await?;
    let rights = stage.granted().await?;
    assert!(rights.iter().any(|right| right.resource == "leases.coordination.k8s.io"));
    assert!(rights.iter().any(|right| right.resource == "deployments.apps"));
    for namespace in &stage.namespaces {
        story::everything(stage, namespace).await?;
    }
    metrics::are_asked_for(stage, &operator).await?;
    let operator = stage.takes_over_from(operator).await?;
    stage.ends(operator).await?;
    stage.then_used_are(&rights, |_| false).await?;

    let off = [&OFF[..], extra].concat();
    let operator = stage.upgraded(&off).await?;
    let rights = stage.granted().await?;
    let optional = ["leases", "deployments", "statefulsets", "tokenreviews", "subjectaccess"];
    for right in &rights {
        assert!(!optional.iter().any(|word| right.resource.starts_with(word)), "{right} is left");
    }
    for namespace in &stage.namespaces {
        story::without_workloads(stage, namespace).await?;
    }
    stage.ends(operator).await?;
    // Who names a workload is told that the operator may not see it: nothing else tells whether it may.
    stage.then_used_are(&rights, |used| used.resource == "deployments.apps").await?;
    Ok(())
}

#[tokio::test]
async fn in_the_whole_cluster() -> TestResult {
    let stage = Stage::begin(&["team-a"]).await?;
    whole_story(&stage, &[]).await?;
    iam::then_the_policy_is_what_was_asked(&stage.aws.calls())?;
    Ok(())
}

#[tokio::test]
async fn in_some_namespaces_alone() -> TestResult {
    let stage = Stage::begin(&["team-a", "team-b"]).await?;
    let watched = ["operator.watchNamespaces={team-a,team-b}"];
    whole_story(&stage, &watched).await?;
    // The story has ended with metrics switched off.
    let rights = stage.granted().await?;
    let wide: Vec<_> = rights.iter().filter(|right| right.place.is_none()).collect();
    assert!(wide.is_empty(), "these reach beyond the namespaces: {wide:?}");
    stage.upgrade(&[&ON[..], &watched].concat()).await?;
    let rights = stage.granted().await?;
    let wide = rights.iter().filter(|right| right.place.is_none() && !is_of_secure_metrics(right));
    assert_eq!(wide.collect::<Vec<_>>(), Vec::<&Right>::new());
    Ok(())
}
