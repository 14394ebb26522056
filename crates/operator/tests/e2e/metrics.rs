//! Metrics are shown to those who may see them, and to nobody else.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use rcgen::{CertifiedKey, KeyPair};
use testkit::wait::eventually;
use testkit::{Manifests, Scenario, TestResult};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

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
    given_it_may_ask(&scenario).await?;
    let may = given_account(&scenario, "prometheus", &["/metrics"]).await?;
    let may_not = given_account(&scenario, "somebody", &[]).await?;
    scenario.given_operator_with(|it| it.flag("metrics-bind-address", "127.0.0.1:0")).await?;
    let process = scenario.running()?;
    let address = address(process).await?;

    let scraper = |token: Option<&str>| Scraper::secure(&address, None, token);
    let nobody = scraper(None)?.get("/metrics").await?;
    assert_eq!(nobody.status, 401, "who shows no token");
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

/// An operator that may do all of its work, and not ask.
#[tokio::test]
async fn nobody_is_let_in_while_it_cannot_be_found_out_who_may() -> TestResult {
    let scenario = Scenario::begin("unasked").await?;
    let may = given_account(&scenario, "prometheus", &["/metrics"]).await?;
    drop(given_account(&scenario, "operator", &[]).await?);
    let namespace = scenario.namespace();
    let access = scenario.cluster().service_account(namespace, "operator").await?;
    let program = scenario.operator_through(&access, scenario.aws.url())?;
    let process = program.flag("metrics-bind-address", "127.0.0.1:0").spawn()?;
    let address = address(&process).await?;
    let asked = Scraper::secure(&address, None, Some(&may))?.get("/metrics").await?;
    assert_eq!(asked.status, 500, "{}", asked.body);
    process.wait_for_line("the hint", SOON, |line| line.contains("metrics_auth_role.yaml")).await?;
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
    let state = Scraper::plain(&address)?.get("/debug/state").await?;
    assert_eq!(
        state.status, 404,
        "the state is shown to nobody who has not been asked who they are"
    );

    // HTTP/2 is not spoken: whoever begins with it is hung up on.
    let mut stream = TcpStream::connect(&address).await?;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    assert_eq!(answer, b"");
    Ok(())
}
