//! Where the operator's AWS credentials come from, and what becomes of it when they do not.
//!
//! The emulator stands in for STS and for the Pod Identity agent of EKS; it takes only keys that it
//! knows or has handed out, and until they expire.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use emulator::{AccessKey, Account, CallKind, Durations, Fault, FaultRule, Settings};
use serde_json::json;
use tempfile::TempDir;
use testkit::scenario::GATEWAY;
use testkit::{Program, Scenario, TestResult};

const ROLE: &str = "arn:aws:iam::123456789012:role/operator";
/// How long credentials work: the SDK renews them up to 10 s before their end.
const LIFETIME: Duration = Duration::from_secs(15);
const A_MINUTE: Duration = Duration::from_mins(1);

/// Who hands out credentials for a token.
#[derive(Clone, Copy, PartialEq)]
enum Source {
    /// STS, as IRSA has it.
    WebIdentity,
    /// The agent of EKS Pod Identity.
    PodIdentity,
}

impl Source {
    fn call(self) -> CallKind {
        match self {
            Self::WebIdentity => CallKind::AssumeRoleWithWebIdentity,
            Self::PodIdentity => CallKind::GetContainerCredentials,
        }
    }
}

/// A pod whose token is in a file.
struct Pod {
    scenario: Scenario,
    source: Source,
    folder: TempDir,
}

impl Pod {
    async fn begin(name: &str, source: Source) -> Result<Self> {
        let mut settings = Settings {
            durations: Durations::all(Duration::from_millis(300)),
            ..Settings::default()
        };
        settings.signatures.known_keys_only = true;
        settings.issuing.lifetime = LIFETIME;
        settings.issuing.role_arn = Some(ROLE.to_owned());
        let scenario = Scenario::begin_with(name, settings).await?;
        let pod = Self { scenario, source, folder: tempfile::tempdir()? };
        pod.token("the first token")?;
        Ok(pod)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// The kubelet writes another token, and from now on only that is taken.
    fn token(&self, token: &str) -> Result<()> {
        let next = self.folder.path().join("next");
        fs::write(&next, token)?;
        fs::rename(next, self.file())?;
        let token = Some(token.to_owned());
        self.scenario.aws.change_settings(|settings| match self.source {
            Source::WebIdentity => settings.issuing.web_identity_token = token,
            Source::PodIdentity => settings.issuing.container_token = token,
        });
        Ok(())
    }

    async fn given_operator(&mut self) -> Result<()> {
        let (file, url) = (self.file(), self.scenario.aws.url().to_owned());
        let source = self.source;
        self.scenario
            .given_operator_with(|program| {
                let program = without_keys(program).flag("sync-interval", "1s");
                match source {
                    Source::WebIdentity => {
                        program.env("AWS_ROLE_ARN", ROLE).env("AWS_WEB_IDENTITY_TOKEN_FILE", &file)
                    }
                    Source::PodIdentity => program
                        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{url}/v1/credentials"))
                        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file),
                }
            })
            .await
    }

    /// Waits until credentials have been asked for once more, with this end.
    async fn asked_again(&self, accepted: bool) -> Result<()> {
        let since = self.scenario.aws.last_call();
        let kind = self.source.call();
        let asked = self.scenario.aws.wait_for(|aws| {
            let calls = aws.calls_since(since);
            calls.iter().find(|c| c.kind == kind && c.was_accepted() == accepted).map(drop)
        });
        let asked = tokio::time::timeout(A_MINUTE, asked).await;
        asked.context("nobody asks for credentials any more")
    }
}

/// The operator without the keys that it has in other tests.
fn without_keys(program: Program) -> Program {
    program
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "")
        .env("HOME", "/nonexistent")
}

async fn tokens_are_rotated(name: &str, source: Source) -> TestResult {
    let mut pod = Pod::begin(name, source).await?;
    pod.given_operator().await?;
    pod.scenario.when_created("weather", |_| {}).await?;
    pod.scenario.then_ready("weather").await?;
    pod.token("the second token")?;
    pod.asked_again(true).await?;
    pod.scenario.when_edited("weather", json!({ "description": "after that" })).await?;
    pod.scenario.then_ready("weather").await?;
    pod.scenario.when_deleted("weather").await?;
    pod.scenario.then_gone("weather").await?;
    Ok(())
}

#[tokio::test]
async fn a_web_identity_is_renewed_with_the_token_of_the_day() -> TestResult {
    tokens_are_rotated("irsa", Source::WebIdentity).await
}

#[tokio::test]
async fn a_pod_identity_is_renewed_with_the_token_of_the_day() -> TestResult {
    tokens_are_rotated("pod-identity", Source::PodIdentity).await
}

/// Who hands out credentials is away, or answers nonsense, for longer than those that there are work.
async fn outlives_an_outage(name: &str, source: Source) -> TestResult {
    let mut pod = Pod::begin(name, source).await?;
    pod.given_operator().await?;
    for name in ["leaves", "stays"] {
        pod.scenario.when_created(name, |_| {}).await?;
        pod.scenario.then_ready(name).await?;
    }
    let scenario = &pod.scenario;
    let outage = |code: &str, status| Fault::Error {
        code: code.to_owned(),
        message: None,
        status: Some(status),
    };
    scenario.aws.fault(FaultRule::on(source.call(), outage("ServiceUnavailable", 503)));
    pod.asked_again(false).await?;
    // What there is works for 10 s yet at the most: then the edits meet nothing that does.
    tokio::time::sleep(LIFETIME).await;
    scenario.when_deleted("leaves").await?;
    scenario.when_edited("stays", json!({ "description": "edited meanwhile" })).await?;
    let said = scenario.then_not_ready("stays", "ObservationStale").await?;
    assert!(said.contains("no usable AWS credentials"), "{said}");
    // Not even this says anything of targets.
    scenario.aws.clear_faults();
    scenario.aws.fault(FaultRule::on(source.call(), outage("ResourceNotFoundException", 404)));
    for _ in 0..3 {
        pod.asked_again(false).await?;
    }
    let leaves = scenario.servers()?.get("leaves").await?;
    assert!(leaves.metadata.finalizers.is_some_and(|list| !list.is_empty()), "it was let go");
    assert_eq!(scenario.aws.targets(GATEWAY).len(), 2, "nothing has been done");

    scenario.aws.clear_faults();
    let ended = Instant::now();
    scenario.wait("leaves")?.within(A_MINUTE).until_gone().await?;
    let stays = scenario.wait("stays")?.within(A_MINUTE.saturating_sub(ended.elapsed()));
    stays.until("Ready as edited", testkit::scenario::is_ready).await?;
    println!("{name}: all is well {:?} after the outage", ended.elapsed());
    let target = scenario.target(GATEWAY, "stays")?;
    assert_eq!(target.spec.description.as_deref(), Some("edited meanwhile"));
    assert_eq!(scenario.aws.targets(GATEWAY).len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_sts_that_is_away_past_expiry_costs_no_finalizer_and_is_forgotten_in_a_minute()
-> TestResult {
    outlives_an_outage("sts-outage", Source::WebIdentity).await
}

#[tokio::test]
async fn an_agent_that_is_away_past_expiry_costs_no_finalizer_and_is_forgotten_in_a_minute()
-> TestResult {
    outlives_an_outage("agent-outage", Source::PodIdentity).await
}

/// What is missing is named, and when it comes nobody has to restart anything.
#[tokio::test]
async fn a_token_that_is_not_there_yet_is_named_and_waited_for() -> TestResult {
    let mut pod = Pod::begin("no-token", Source::WebIdentity).await?;
    fs::remove_file(pod.file())?;
    pod.given_operator().await?;
    pod.scenario.when_created("weather", |_| {}).await?;
    let said = pod.scenario.then_not_ready("weather", "AccessDenied").await?;
    let file = pod.file().display().to_string();
    assert!(said.contains("no usable AWS credentials") && said.contains(&file), "{said}");
    pod.token("a token at last")?;
    is_ready_within_a_minute(&pod.scenario, "weather").await
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_told_in_the_words_of_sts() -> TestResult {
    let mut pod = Pod::begin("no-role", Source::WebIdentity).await?;
    pod.scenario.aws.change_settings(|settings| {
        settings.issuing.role_arn = Some("arn:aws:iam::123456789012:role/another".to_owned());
    });
    pod.given_operator().await?;
    pod.scenario.when_created("weather", |_| {}).await?;
    let said = pod.scenario.then_not_ready("weather", "AccessDenied").await?;
    assert!(said.contains("Not authorized to perform sts:AssumeRoleWithWebIdentity"), "{said}");
    pod.scenario.aws.change_settings(|settings| {
        settings.issuing.role_arn = Some(ROLE.to_owned());
    });
    is_ready_within_a_minute(&pod.scenario, "weather").await
}

/// The profile is a file too, and may be mounted late.
#[tokio::test]
async fn a_profile_that_is_not_there_yet_is_waited_for() -> TestResult {
    let mut scenario = with_one_key("profile").await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("credentials");
    scenario
        .given_operator_with(|program| {
            without_keys(program)
                .flag("sync-interval", "1s")
                .env("AWS_SHARED_CREDENTIALS_FILE", &file)
                .env("AWS_PROFILE", "operator")
        })
        .await?;
    scenario.when_created("weather", |_| {}).await?;
    let said = scenario.then_not_ready("weather", "AccessDenied").await?;
    assert!(said.contains("no usable AWS credentials"), "{said}");
    fs::write(&file, "[operator]\naws_access_key_id = AKIDKNOWN\naws_secret_access_key = right\n")?;
    is_ready_within_a_minute(&scenario, "weather").await
}

#[tokio::test]
async fn keys_of_the_environment_that_are_wrong_are_told_from_none() -> TestResult {
    let mut scenario = with_one_key("static").await?;
    let keys = |secret: &'static str| {
        move |program: Program| {
            program
                .env("AWS_ACCESS_KEY_ID", "AKIDKNOWN")
                .env("AWS_SECRET_ACCESS_KEY", secret)
                .env("HOME", "/nonexistent")
        }
    };
    scenario.given_operator_with(keys("wrong")).await?;
    scenario.when_created("weather", |_| {}).await?;
    let said = scenario.then_not_ready("weather", "AccessDenied").await?;
    assert!(said.contains("no usable AWS credentials"), "{said}");
    assert!(!said.contains("neither in the environment"), "{said}");
    assert!(scenario.aws.targets(GATEWAY).is_empty());
    // The environment of a process is its own: another one gets the right key.
    scenario.when_operator_is_stopped().await?;
    scenario.given_operator_with(keys("right")).await?;
    scenario.then_ready("weather").await?;
    Ok(())
}

/// A world in which one key is known, by its secret.
async fn with_one_key(name: &str) -> Result<Scenario> {
    let key = AccessKey { id: "AKIDKNOWN".to_owned(), secret: Some("right".to_owned()) };
    let mut settings =
        Settings { durations: Durations::all(Duration::from_millis(300)), ..Settings::default() };
    settings.accounts = vec![Account {
        id: settings.account.clone(),
        gateways: Vec::new(),
        access_keys: vec![key],
    }];
    settings.signatures.known_keys_only = true;
    Scenario::begin_with(name, settings).await
}

async fn is_ready_within_a_minute(scenario: &Scenario, name: &str) -> TestResult {
    let begun = Instant::now();
    let wait = scenario.wait(name)?.within(A_MINUTE);
    wait.until("Ready", testkit::scenario::is_ready).await?;
    println!("{name} is Ready {:?} after all is there", begun.elapsed());
    Ok(())
}
