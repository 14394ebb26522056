//! Metrics are shown to those who may see them, and to nobody else.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use emulator::{CallKind, Fault, FaultRule, TargetPatch};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use rcgen::{CertifiedKey, KeyPair};
use serde_json::json;
use testkit::scenario::GATEWAY;
use testkit::wait::eventually;
use testkit::{Manifests, Scenario, TestResult};

use crate::scrape::{Scraper, address};

const SOON: Duration = Duration::from_secs(30);

/// What the operator needs to find out who may see metrics.
const MAY_ASK: &str = r"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: may-ask}
rules:
  - {apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create]}
  - {apiGroups: [authorization.k8s.io], resources: [subjectaccessreviews], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: may-ask}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: may-ask}
subjects: [{kind: ServiceAccount, namespace: mcp-gateway-operator-system, name: mcp-gateway-operator}]
";

async fn given(scenario: &Scenario, manifests: &str) -> Result<()> {
    manifests.parse::<Manifests>()?.apply(&scenario.cluster().client()?).await.map(drop)
}

/// Lets the operator ask who may see metrics.
pub(super) async fn given_it_may_ask(scenario: &Scenario) -> Result<()> {
    given(scenario, MAY_ASK).await
}

/// A service account, which may get these paths, and its token.
pub(super) async fn given_account(
    scenario: &Scenario,
    name: &str,
    paths: &[&str],
) -> Result<String> {
    let namespace = scenario.namespace();
    let accounts: Api<ServiceAccount> = Api::namespaced(scenario.cluster().client()?, namespace);
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let account = ServiceAccount { metadata, ..ServiceAccount::default() };
    accounts.create(&PostParams::default(), &account).await?;
    if !paths.is_empty() {
        let (role, paths) = (format!("{namespace}-{name}"), paths.join(", "));
        let rights = format!(
            r"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {role}}}
rules: [{{nonResourceURLs: [{paths}], verbs: [get]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {role}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}
subjects: [{{kind: ServiceAccount, namespace: {namespace}, name: {name}}}]
"
        );
        given(scenario, &rights).await?;
    }
    Ok(scenario.cluster().service_account(namespace, name).await?.token().to_owned())
}

#[tokio::test]
async fn metrics_are_shown_by_https_to_those_who_may() -> TestResult {
    let mut scenario = Scenario::begin("metrics").await?;
    let may = given_account(&scenario, "prometheus", &["/metrics"]).await?;
    let may_not = given_account(&scenario, "somebody", &[]).await?;
    scenario.given_operator_with(|it| it.flag("metrics-bind-address", "127.0.0.1:0")).await?;
    let process = scenario.running()?;
    let address = address(process).await?;

    let scraper = |token: Option<&str>| Scraper::secure(&address, None, token);
    let nobody = scraper(None)?.get("/metrics").await?;
    assert_eq!(nobody.status, 401, "who shows no token");
    // Nobody is let in because it cannot be found out whether they may.
    let asked = scraper(Some(&may))?.get("/metrics").await?;
    assert_eq!(asked.status, 500, "{}", asked.body);
    process.wait_for_line("the hint", SOON, |line| line.contains("metrics_auth_role.yaml")).await?;

    given_it_may_ask(&scenario).await?;
    let shown = eventually("metrics", SOON, || async {
        let shown = scraper(Some(&may))?.get("/metrics").await?;
        ensure!(shown.status == 200, "{} {}", shown.status, shown.body);
        Ok(shown)
    })
    .await?;
    assert!(shown.kind.starts_with("application/openmetrics-text"), "{}", shown.kind);
    assert!(shown.body.contains("mcpgateway_build_info{version="), "{}", shown.body);
    assert!(shown.body.ends_with("# EOF\n"), "{}", shown.body);

    for (token, path, status) in [
        (Some(may_not.as_str()), "/metrics", 403),
        (Some("garbage"), "/metrics", 401),
        (None, "/metrics", 401),
        // A right is one for a path, and who has none does not learn which paths there are.
        (Some(may.as_str()), "/debug/state", 403),
        (Some(may.as_str()), "/nowhere", 403),
        (None, "/nowhere", 401),
        (Some(may.as_str()), "/metrics", 200),
    ] {
        let answer = scraper(token)?.get(path).await?;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    let plain = Scraper::plain(&address)?.get("/metrics").await;
    assert!(plain.is_err(), "by HTTP nothing is answered: {plain:?}");
    let logs = process.logs();
    assert!(!logs.contains(&may) && !logs.contains(&may_not), "no token is logged");
    Ok(())
}

fn pair() -> Result<(CertifiedKey<KeyPair>, [String; 2])> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    let files = [made.cert.pem(), made.signing_key.serialize_pem()];
    Ok((made, files))
}

#[tokio::test]
async fn a_mounted_certificate_is_shown_and_shown_anew_when_it_changes() -> TestResult {
    let mut scenario = Scenario::begin("certificate").await?;
    let folder = tempfile::tempdir()?;
    // As a mounted Secret lies there: what is read is a link to a link, and that one is swapped.
    let mount = |version: &str, files: &[String; 2]| -> Result<()> {
        let versioned = folder.path().join(version);
        std::fs::create_dir(&versioned)?;
        std::fs::write(versioned.join("tls.crt"), &files[0])?;
        std::fs::write(versioned.join("tls.key"), &files[1])?;
        let link = folder.path().join("..data_tmp");
        std::os::unix::fs::symlink(version, &link)?;
        std::fs::rename(link, folder.path().join("..data"))?;
        Ok(())
    };
    for file in ["tls.crt", "tls.key"] {
        let target = format!("..data/{file}");
        std::os::unix::fs::symlink(target, folder.path().join(file))?;
    }
    let path = folder.path().to_str().context("a path")?.to_owned();
    scenario
        .given_operator_with(|program| {
            program
                .flag("metrics-bind-address", "127.0.0.1:0")
                .flag("metrics-cert-path", &path)
                .flag("enable-http2", "true")
        })
        .await?;
    let process = scenario.running()?;
    let address = address(process).await?;
    process
        .wait_for_line("what is missing", SOON, |line| line.contains("tls.crt cannot be read"))
        .await?;

    let (one, files) = pair()?;
    let (other, later) = pair()?;
    let shows = async |pair: &CertifiedKey<KeyPair>| {
        let der = pair.cert.der().to_vec();
        eventually("this certificate", SOON, || async {
            // It is trusted and no other is, so that an answer says that it was shown.
            let answer =
                Scraper::secure(&address, Some(der.clone()), None)?.get("/metrics").await?;
            ensure!(answer.status == 401, "{}", answer.status);
            Ok(())
        })
        .await
    };
    mount("..2001", &files)?;
    shows(&one).await?;
    // One that cannot be used changes nothing.
    mount("..2002", &[files[0].clone(), later[1].clone()])?;
    process
        .wait_for_line("a complaint", SOON, |line| line.contains("do not belong together"))
        .await?;
    shows(&one).await?;
    mount("..2003", &later)?;
    shows(&other).await?;
    let der = one.cert.der().to_vec();
    let before = Scraper::secure(&address, Some(der), None)?.get("/metrics").await;
    assert!(before.is_err(), "the one before is shown no more: {before:?}");
    Ok(())
}

#[tokio::test]
async fn without_security_everybody_sees_them_by_http() -> TestResult {
    let mut scenario = Scenario::begin("insecure").await?;
    scenario
        .given_operator_with(|program| {
            program.flag("metrics-bind-address", "127.0.0.1:0").flag("metrics-secure", "false")
        })
        .await?;
    let address = address(scenario.running()?).await?;
    let shown = Scraper::plain(&address)?.get("/metrics").await?;
    assert_eq!(shown.status, 200);
    assert!(shown.body.contains("mcpgateway_build_info"), "{}", shown.body);
    Ok(())
}

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
