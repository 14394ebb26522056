//! What the numbers say.

use std::time::Duration;

use anyhow::ensure;
use emulator::{CallKind, Fault, FaultRule, TargetPatch};
use serde_json::json;
use testkit::scenario::GATEWAY;
use testkit::wait::eventually;
use testkit::{Scenario, TestResult, install};

use crate::health::prober;
use crate::scrape::{Scraper, address};

const SOON: Duration = Duration::from_secs(30);

/// The value of a sample: a line that begins like this.
fn value(text: &str, sample: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(&format!("{sample} ")))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// What AWS and people do shows in the numbers, and of everything that the documents name something is
/// shown.
#[tokio::test]
async fn what_happens_is_counted() -> TestResult {
    let mut scenario = Scenario::begin("counts").await?;
    scenario
        .aws
        .fault(FaultRule::next(CallKind::CreateGatewayTarget, Fault::error("ThrottlingException")));
    scenario
        .given_operator_with(|program| {
            program
                .flag("metrics-bind-address", "127.0.0.1:0")
                .flag("metrics-secure", "false")
                .flag("sync-interval", "1s")
        })
        .await?;
    let address = address(scenario.running()?).await?;
    scenario.when_created("alpha", |_| {}).await?;
    scenario.when_created("beta", |_| {}).await?;
    scenario.when_created("wrong", |spec| spec.oauth_provider_arn = None).await?;
    scenario.then_ready("alpha").await?;
    scenario.then_ready("beta").await?;
    scenario.then_not_ready("wrong", "ValidationError").await?;
    // Somebody makes a target by hand, and changes one of ours.
    let mut by_hand = scenario.target(GATEWAY, "alpha")?.spec;
    by_hand.name = "by-hand".to_owned();
    scenario.aws.plant_target(GATEWAY, by_hand)?;
    let beta = scenario.target(GATEWAY, "beta")?.target_id;
    let mut patch = TargetPatch::default();
    patch.spec.insert("description".to_owned(), json!("mine"));
    scenario.aws.change_target(GATEWAY, &beta, patch)?;

    let scraper = Scraper::plain(&address)?;
    let text = eventually("the numbers", SOON, || async {
        let text = scraper.get("/metrics").await?.body;
        for (sample, expected) in [
            (r#"mcpgateway_resources{condition="Ready",status="True",reason="GatewayTargetReady"}"#, 2.0),
            (r#"mcpgateway_resources{condition="Ready",status="False",reason="ValidationError"}"#, 1.0),
            (&format!(r#"mcpgateway_targets{{gateway="{GATEWAY}",owner="mcpserver",status="READY"}}"#), 2.0),
            (&format!(r#"mcpgateway_targets{{gateway="{GATEWAY}",owner="nobody",status="READY"}}"#), 1.0),
            (r#"mcpgateway_aws_requests_total{operation="CreateGatewayTarget",class="throttled"}"#, 1.0),
            (r#"mcpgateway_aws_requests_total{operation="CreateGatewayTarget",class="ok"}"#, 2.0),
            (r#"mcpgateway_aws_request_duration_seconds_count{operation="CreateGatewayTarget"}"#, 3.0),
            ("mcpgateway_drift_total", 1.0),
            ("mcpgateway_edit_to_ready_seconds_count", 2.0),
            (r#"leader_election_master_status{name="mcp-gateway-operator"}"#, 1.0),
            (r#"controller_runtime_reconcile_errors_total{controller="mcpserver"}"#, 0.0),
            (r#"workqueue_depth{name="mcpserver",controller="mcpserver"}"#, 0.0),
        ] {
            let shown = value(&text, sample);
            ensure!(shown == Some(expected), "{sample}: {shown:?}, not {expected}\n{text}");
        }
        Ok(text)
    })
    .await?;
    let between = |sample: &str, least: f64, most: f64| {
        let shown = value(&text, sample);
        assert!(shown.is_some_and(|it| (least..=most).contains(&it)), "{sample}: {shown:?}");
    };
    let controller = r#"{controller="mcpserver"}"#;
    let queue = r#"{name="mcpserver",controller="mcpserver"}"#;
    between(&format!(r#"mcpgateway_mirror_age_seconds{{gateway="{GATEWAY}"}}"#), 0.0, 30.0);
    between(&format!(r#"mcpgateway_quota_slots_used{{gateway="{GATEWAY}"}}"#), 0.0, 5.0);
    between(r#"mcpgateway_quota_tokens{kind="create"}"#, 0.0, 4.0);
    between(r#"mcpgateway_quota_tokens{kind="list"}"#, 0.0, 7.0);
    between("mcpgateway_edit_to_ready_seconds_sum", 0.3, 120.0);
    between(&format!("controller_runtime_max_concurrent_reconciles{controller}"), 1.0, 100.0);
    between(&format!("controller_runtime_reconcile_time_seconds_count{controller}"), 3.0, 1e4);
    between(&format!("workqueue_adds_total{queue}"), 3.0, 1e4);
    between("process_resident_memory_bytes", 1e6, 1e9);
    between("process_cpu_seconds_total", 0.0, 1e3);
    between("process_open_fds", 3.0, 1e4);
    between("process_start_time_seconds", 1.7e9, 1e10);
    let documented = std::fs::read_to_string(testkit::install::file("docs/metrics.md"))?;
    let documented =
        documented.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    for name in documented {
        let family = format!("# TYPE {} ", name.trim_end_matches("_total"));
        assert!(text.contains(&family), "{name} is documented and not shown:\n{text}");
    }
    assert!(!text.contains("alpha") && !text.contains("wrong"), "no resource is named:\n{text}");
    Ok(())
}

#[tokio::test]
async fn who_stands_by_tells_of_itself_alone() -> TestResult {
    let mut scenario = Scenario::begin("standby").await?;
    install::leadership_rights(&scenario.cluster().client()?, scenario.namespace()).await?;
    let namespace = scenario.namespace().to_owned();
    let replica = |program: testkit::Program| {
        program
            .flag("leader-elect", "true")
            .flag("leader-elect-resource-namespace", &namespace)
            .flag("metrics-bind-address", "127.0.0.1:0")
            .flag("metrics-secure", "false")
    };
    scenario.given_operator_with(replica).await?;
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_ready("weather").await?;
    let other = replica(scenario.operator()?).spawn()?;
    install::operator_works(&other, SOON).await?;
    let leader = Scraper::plain(&address(scenario.running()?).await?)?.get("/metrics").await?.body;
    let standby = Scraper::plain(&address(&other).await?)?.get("/metrics").await?.body;
    let status = r#"leader_election_master_status{name="mcp-gateway-operator"}"#;
    assert_eq!((value(&leader, status), value(&standby, status)), (Some(1.0), Some(0.0)));
    for name in ["resources", "targets", "mirror_age_seconds", "quota_tokens", "quota_slots_used"] {
        let sample = format!("\nmcpgateway_{name}{{");
        assert!(leader.contains(&sample), "{sample}:\n{leader}");
        assert!(!standby.contains(&sample), "{sample}:\n{standby}");
    }
    let loops = async |process| -> anyhow::Result<String> {
        Ok(prober(process).await?.get("/livez?verbose").await?.body)
    };
    let (leading, standing_by) = (loops(scenario.running()?).await?, loops(&other).await?);
    assert!(leading.contains("[+]election ok") && leading.contains("[+]workers ok"), "{leading}");
    assert!(standing_by.contains("[+]election ok"), "{standing_by}");
    assert!(!standing_by.contains("workers") && !standing_by.contains("mirrors"), "{standing_by}");
    Ok(())
}
