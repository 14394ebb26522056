//! The adapter as a process finds it: Region, endpoints and credentials from variables and files.
//!
//! Variables belong to a whole process, so each test starts this test program again with variables
//! of its own, and has it run `in_a_process_of_its_own` alone.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use agentcore::AgentCore;
use agentcore::aws::Aws;
use emulator::{CallKind, Fault, FaultRule};
use tokio::process::Command;

use crate::stage::{Canned, start};

/// What stands before the one line that the other process has to say.
const SAYS: &str = "it says: ";

/// An instance would have credentials; what is tested here must not depend on where it runs.
const NO_INSTANCE: (&str, &str) = ("AWS_EC2_METADATA_DISABLED", "true");

#[tokio::test]
#[ignore = "run by the other tests, in a process of its own"]
async fn in_a_process_of_its_own() {
    let said = match Aws::new(std::env::var("REGION_FLAG").ok()).await {
        Err(no_region) => no_region.to_string(),
        Ok(aws) => match aws.account().await {
            Ok(account) => format!("{account} in {}", aws.region()),
            Err(failure) => failure.to_string(),
        },
    };
    println!("{SAYS}{said}");
}

/// What a process with these variables, and no others, says.
async fn says(variables: &[(&str, &str)]) -> String {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "environment::in_a_process_of_its_own", "--ignored", "--nocapture"])
        .env_clear()
        .env("HOME", home.path())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let said = output.split_once(SAYS).expect("it says something").1;
    said.lines().next().unwrap().to_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn variables_and_profile_say_where_and_who() {
    let (emulator, _) = start().await;
    let files = tempfile::tempdir().unwrap();
    let config = files.path().join("config");
    std::fs::write(&config, "[default]\nregion = eu-west-3\n").unwrap();
    let variables = [
        NO_INSTANCE,
        ("AWS_ENDPOINT_URL", emulator.url()),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_CONFIG_FILE", path(&config)),
    ];
    assert_eq!(says(&variables).await, "123456789012 in eu-west-3");
    let told = [&variables[..], &[("REGION_FLAG", "eu-north-1")]].concat();
    assert_eq!(says(&told).await, "123456789012 in eu-north-1");
}

#[tokio::test]
async fn no_region_is_said_at_once() {
    let said = says(&[NO_INSTANCE]).await;
    assert!(said.starts_with("no AWS Region: set --aws-region"), "{said}");
}

#[tokio::test]
async fn no_credentials_anywhere() {
    let said = says(&[NO_INSTANCE, ("REGION_FLAG", "eu-north-1")]).await;
    assert!(said.starts_with("credentials: no AWS credentials: neither"), "{said}");
}

#[tokio::test]
async fn an_instance_that_does_not_answer_has_no_credentials() {
    // One that nobody listens at, and one that keeps silent.
    let silent = Canned::answering(None).await;
    for endpoint in ["http://127.0.0.1:1", &silent.url] {
        let began = Instant::now();
        let said =
            says(&[("REGION_FLAG", "eu-north-1"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint)])
                .await;
        assert!(said.starts_with("credentials: no AWS credentials"), "{said}");
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_service_account_without_its_token() {
    let said = says(&[
        NO_INSTANCE,
        ("REGION_FLAG", "eu-north-1"),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/operator"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token"),
    ])
    .await;
    assert!(said.starts_with("credentials: no AWS credentials: "), "{said}");
}

#[tokio::test]
async fn a_service_account_that_is_refused() {
    let (emulator, _) = start().await;
    let refusal = Fault::Error {
        code: "AccessDenied".to_owned(),
        message: Some("Not yours".to_owned()),
        status: Some(403),
    };
    emulator.fault(FaultRule::on(CallKind::AssumeRoleWithWebIdentity, refusal));
    let files = tempfile::tempdir().unwrap();
    let token = files.path().join("token");
    std::fs::write(&token, "not one that anybody trusts").unwrap();
    let said = says(&[
        NO_INSTANCE,
        ("REGION_FLAG", "eu-north-1"),
        ("AWS_ENDPOINT_URL", emulator.url()),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/operator"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", path(&token)),
    ])
    .await;
    // Like every answer, this one had a request ID.
    assert_eq!(said, "credentials: no AWS credentials: AccessDenied: Not yours");
}

#[tokio::test]
async fn a_sign_in_that_has_expired() {
    let files = tempfile::tempdir().unwrap();
    let config = files.path().join("config");
    std::fs::write(
        &config,
        "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n\
         [sso-session s]\nsso_region = eu-north-1\nsso_start_url = https://sso.example/start\n",
    )
    .unwrap();
    let said =
        says(&[NO_INSTANCE, ("REGION_FLAG", "eu-north-1"), ("AWS_CONFIG_FILE", path(&config))])
            .await;
    assert!(said.starts_with("credentials: no AWS credentials: "), "{said}");
}
