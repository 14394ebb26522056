//! Whatever comes from a resource or from AWS is shown on one line, bounded and without characters that are
//! orders to a terminal; and what is secret is shown nowhere.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use api::MCPServer;
use api::text::is_unfit;
use emulator::{CallKind, Fault, FaultRule, OutcomeRule, Transition};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use testkit::scenario::{GATEWAY, condition};
use testkit::wait::eventually;
use testkit::{Program, Scenario, TestResult, binary};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::metrics::{given_account, given_it_may_ask};
use crate::scrape::{Scraper, address};

const SOON: Duration = Duration::from_secs(30);

/// Ends a line, begins a false one, clears the screen, and turns the rest around.
const HOSTILE: &str =
    "a\r\n2026-01-01T00:00:00.000000Z ERROR forged\u{1b}[2J\u{9b}31m\u{202e}\u{2028}z";
/// The longest message that is ever shown, in characters, and around it what a line of the log has else.
const MESSAGE: usize = 4096;
const LINE: usize = 3 * MESSAGE;

/// Everything that anybody can see of the scenario: log, resources, events, metrics and state.
struct Seen {
    log: String,
    servers: Vec<Value>,
    events: Vec<String>,
    pages: Vec<String>,
}

/// An operator that tells all that it can.
fn talkative(program: Program) -> Program {
    program.flag("log-level", "trace").flag("metrics-bind-address", "127.0.0.1:0")
}

impl Seen {
    async fn of(scenario: &Scenario, reader: &str) -> Result<Self> {
        let servers = scenario.servers()?.list(&ListParams::default()).await?.items;
        // What a person has written themselves is theirs.
        let statuses = servers.iter().map(|server| json!([server.metadata.name, server.status]));
        let client = scenario.cluster().client()?;
        let events: Api<Event> = Api::namespaced(client, scenario.namespace());
        let events = events.list(&ListParams::default()).await?.items;
        let address = address(scenario.running()?).await?;
        let mut pages = Vec::new();
        for path in ["/metrics", "/debug/state"] {
            let page = eventually(path, SOON, || async {
                let shown = Scraper::secure(&address, None, Some(reader))?.get(path).await?;
                ensure!(shown.status == 200, "{} {}", shown.status, shown.body);
                Ok(shown.body)
            });
            pages.push(page.await?);
        }
        Ok(Self {
            log: scenario.running()?.logs(),
            servers: statuses.collect(),
            events: events.into_iter().filter_map(|event| event.note).collect(),
            pages,
        })
    }

    /// Nothing of it is more than one line or more than a person reads, and nobody has forged a line.
    fn is_fit(&self) {
        assert!(self.log.lines().count() > 5, "it says hardly anything:\n{}", self.log);
        for line in self.log.lines() {
            let (time, _) = line.split_once(' ').unwrap_or_default();
            assert!(time.parse::<jiff::Timestamp>().is_ok(), "a line without a time: {line:?}");
            assert!(!time.starts_with("2026-01-01T00:00:00.0"), "a forged line: {line:?}");
            fit(line, LINE);
        }
        let mut texts = Vec::new();
        self.servers.iter().for_each(|server| strings(server, &mut texts));
        assert!(!texts.is_empty());
        for text in texts.iter().chain(&self.events) {
            fit(text, MESSAGE);
        }
        for page in &self.pages {
            page.lines().for_each(|line| fit(line, 1024));
        }
    }

    fn shows(&self, text: &str) -> bool {
        let servers = self.servers.iter().map(Value::to_string);
        let others = self.events.iter().chain(&self.pages).cloned();
        self.log.contains(text) || servers.chain(others).any(|place| place.contains(text))
    }

    fn hides(&self, secrets: &[&str]) {
        for secret in secrets {
            assert!(!self.shows(secret), "{secret} is shown");
        }
    }
}

fn fit(text: &str, most: usize) {
    let beginning: String = text.chars().take(300).collect();
    assert!(!text.contains(is_unfit), "not to be shown: {beginning:?}");
    assert!(text.chars().count() <= most, "{} characters: {beginning}", text.chars().count());
}

fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(entries) => entries.iter().for_each(|entry| strings(entry, found)),
        Value::Object(members) => members.values().for_each(|member| strings(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A token with which metrics and state can be read.
async fn given_reader(scenario: &Scenario) -> Result<String> {
    given_it_may_ask(scenario).await?;
    given_account(scenario, "engineer", &["/metrics", "/debug/state"]).await
}

/// An ID of a gateway may have any form: AWS judges it, and nobody is harmed by it.
#[tokio::test]
async fn a_hostile_gateway_is_asked_for_and_not_found() -> TestResult {
    let mut scenario = Scenario::begin("hostile-gateway").await?;
    let reader = given_reader(&scenario).await?;
    scenario.given_operator_with(talkative).await?;
    let long = "x".repeat(200_000);
    let path = format!("{GATEWAY}/../{GATEWAY}/targets?maxResults=1#%00");
    let cases = [
        ("lines", HOSTILE),
        ("path", path.as_str()),
        ("above", ".."),
        ("long", long.as_str()),
        ("quotes", "\"}]{[\"\\\u{0}\u{7f}ä€😀"),
    ];
    for (name, gateway) in cases {
        scenario.when_created(name, |spec| spec.gateway_id = Some(gateway.to_owned())).await?;
        let message = scenario.then_not_ready(name, "GatewayNotFound").await?;
        fit(&message, 1024);
        assert!(message.contains("spec.gatewayId"), "{message}");
    }
    // Whoever is asked, is asked for this and nothing else.
    for (_, gateway) in &cases[..2] {
        let calls = scenario.aws.calls();
        assert!(calls.iter().any(|call| call.gateway.as_deref() == Some(*gateway)), "{gateway:?}");
    }
    assert!(scenario.writes().is_empty());
    Seen::of(&scenario, &reader).await?.is_fit();
    for (name, _) in cases {
        scenario.when_deleted(name).await?;
        scenario.then_gone(name).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_resource_says_is_shown_on_one_line() -> TestResult {
    let mut scenario = Scenario::begin("hostile-spec").await?;
    let reader = given_reader(&scenario).await?;
    scenario.given_operator_with(talkative).await?;
    let hostile = || Some(HOSTILE.repeat(200));
    scenario
        .when_created("spec", |spec| {
            spec.target_name = hostile();
            spec.description = hostile();
            spec.endpoint = format!("https://{HOSTILE}");
            spec.capabilities.push(HOSTILE.to_owned());
            spec.oauth_provider_arn = hostile();
            spec.oauth_scopes = Some(vec![HOSTILE.repeat(10)]);
            spec.oauth_custom_parameters = Some([(HOSTILE.to_owned(), HOSTILE.to_owned())].into());
            spec.allowed_request_headers = Some(vec![HOSTILE.to_owned()]);
            spec.allowed_query_parameters = Some(vec![HOSTILE.repeat(10)]);
            spec.allowed_response_headers = Some(vec![HOSTILE.to_owned()]);
        })
        .await?;
    scenario.then_not_ready("spec", "ValidationError").await?;

    // Requests are of any form, and are repeated when they have been answered.
    scenario.when_created("asks", |_| {}).await?;
    scenario.then_ready("asks").await?;
    let asked = json!({ api::REQUEST_ANNOTATION: HOSTILE, api::SYNC_REQUEST_ANNOTATION: HOSTILE });
    let patch = Patch::Merge(json!({ "metadata": { "annotations": asked } }));
    scenario.servers()?.patch("asks", &PatchParams::default(), &patch).await?;
    scenario
        .wait("asks")?
        .until("answered", |server| {
            let status = server.status.as_ref();
            let answers =
                status.map(|it| [&it.last_handled_reconcile_at, &it.last_handled_sync_at]);
            answers.is_some_and(|answers| answers.iter().all(|answer| answer.is_some()))
        })
        .await?;

    for (name, target) in [("adopts", HOSTILE.to_owned()), ("adopts-long", HOSTILE.repeat(1000))] {
        scenario.when_created(name, |spec| spec.suspend = Some(true)).await?;
        let adopted = json!({ api::ADOPT_ANNOTATION: target });
        let patch = Patch::Merge(json!({ "metadata": { "annotations": adopted } }));
        scenario.servers()?.patch(name, &PatchParams::default(), &patch).await?;
        let stalled = |server: &MCPServer| condition(server, "Stalled").is_some();
        scenario.wait(name)?.until("told that it is wrong", stalled).await?;
    }
    Seen::of(&scenario, &reader).await?.is_fit();
    Ok(())
}

#[tokio::test]
async fn what_aws_says_is_shown_on_one_line() -> TestResult {
    let mut scenario = Scenario::begin("hostile-aws").await?;
    let reader = given_reader(&scenario).await?;
    let huge = format!("{HOSTILE} {}", "x".repeat(1 << 20));
    let says = |name: &str, code: &str, status| {
        let fault = Fault::Error { code: code.to_owned(), message: Some(huge.clone()), status };
        FaultRule::on(CallKind::CreateGatewayTarget, fault).name(name)
    };
    scenario.aws.fault(says("invalid", "ValidationException", None));
    scenario.aws.fault(says("denied", "AccessDeniedException", None));
    scenario.aws.fault(says("unknown", "NobodyKnowsThisException", Some(418)));
    let reasons = vec![huge.clone(); 3];
    let fails = OutcomeRule::failing(Transition::Creating).name("fails").reasons(reasons);
    scenario.aws.outcome(fails);
    scenario.given_operator_with(talkative).await?;
    for (name, reason) in [
        ("invalid", "TargetFailed"),
        ("denied", "AccessDenied"),
        ("unknown", "TargetFailed"),
        ("fails", "TargetFailed"),
    ] {
        scenario.when_created(name, |_| {}).await?;
        let message = scenario.then_not_ready(name, reason).await?;
        assert!(message.contains("forged [2J"), "it is told all the same: {message}");
    }
    let seen = Seen::of(&scenario, &reader).await?;
    seen.is_fit();
    assert!(seen.events.iter().any(|note| note.contains("forged")), "{:?}", seen.events);
    Ok(())
}

/// A server in AWS's place. It refuses every request, in words of a megabyte that are no JSON, or in those in
/// which AWS repeats what should have been signed.
async fn refusing(repeats: bool) -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 64 * 1024];
                let read = stream.read(&mut request).await.unwrap_or_default();
                let head = String::from_utf8_lossy(&request[..read]).into_owned();
                let said = "The request signature we calculated does not match.\n\nThe Canonical \
                            String for this request should have been\n";
                let (code, body) = if repeats {
                    let message = json!({ "message": format!("{said}'{head}'"), "Message": head });
                    ("InvalidSignatureException", message.to_string())
                } else {
                    ("", format!("{HOSTILE}{}", "\u{1b}[31m<".repeat(1 << 17)))
                };
                // In headers nothing is lost that has no line ends.
                let repeated = head.replace(['\r', '\n'], " ");
                let answer = format!(
                    "HTTP/1.1 403 Forbidden\r\nx-amzn-errortype: {code}\r\nx-amzn-requestid: r-1\r\n\
                     x-repeated: {repeated}\r\nset-cookie: {repeated}\r\nconnection: close\r\n\
                     content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    Ok(url)
}

#[tokio::test]
async fn who_answers_like_nobody_is_shown_on_one_line() -> TestResult {
    let mut scenario = Scenario::begin("hostile-server").await?;
    let reader = given_reader(&scenario).await?;
    let url = refusing(false).await?;
    scenario.given_operator_with(|program| talkative(program).env("AWS_ENDPOINT_URL", url)).await?;
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_not_ready("weather", "AccessDenied").await?;
    Seen::of(&scenario, &reader).await?.is_fit();
    Ok(())
}

const KEY_ID: &str = "AKIACANARYKEYID";
const SECRET: &str = "canary-secret-key";
const SESSION: &str = "canary-session-token";
/// What is in the resource, and of interest to nobody who reads of it.
const WRITTEN: &str = "canary-written";

fn with_canaries(program: Program) -> Program {
    talkative(program)
        .env("AWS_ACCESS_KEY_ID", KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_SESSION_TOKEN", SESSION)
}

#[tokio::test]
async fn secrets_are_shown_nowhere() -> TestResult {
    let mut scenario = Scenario::begin("canaries").await?;
    let reader = given_reader(&scenario).await?;
    scenario.given_operator_with(with_canaries).await?;
    scenario
        .when_created("weather", |spec| {
            spec.description = Some(WRITTEN.to_owned());
            spec.endpoint = format!("https://weather.example.com/{WRITTEN}?key={WRITTEN}");
            spec.oauth_scopes = Some(vec![WRITTEN.to_owned()]);
            spec.oauth_custom_parameters = Some([("key".to_owned(), WRITTEN.to_owned())].into());
            spec.allowed_query_parameters = Some(vec![WRITTEN.to_owned()]);
        })
        .await?;
    scenario.then_ready("weather").await?;
    // Who calls is known to AWS's stand-in by this key, so it was used.
    scenario.when_edited("weather", json!({ "description": format!("{WRITTEN} again") })).await?;
    scenario.then_ready("weather").await?;
    // A URL with a password is refused, and not repeated.
    scenario
        .when_created("password", |spec| {
            spec.endpoint = format!("https://user:{WRITTEN}@weather.example.com/");
        })
        .await?;
    scenario.then_not_ready("password", "ValidationError").await?;
    // AWS does not know the credentials any more.
    scenario.aws.fault(FaultRule::always(Fault::CredentialsRefused));
    scenario.when_edited("weather", json!({ "description": WRITTEN })).await?;
    scenario
        .wait("weather")?
        .until("told of the credentials", |server| {
            condition(server, "Ready").is_some_and(|ready| ready.1 == "AccessDenied")
        })
        .await?;
    let seen = Seen::of(&scenario, &reader).await?;
    seen.is_fit();
    let kubernetes = scenario.access().token().to_owned();
    seen.hides(&[KEY_ID, SECRET, SESSION, WRITTEN, &kubernetes, &reader]);
    assert!(seen.shows(GATEWAY), "it is seen where to look");
    Ok(())
}

/// What AWS repeats of a request has the session token in it.
#[tokio::test]
async fn secrets_that_aws_repeats_are_shown_nowhere() -> TestResult {
    let mut scenario = Scenario::begin("repeated").await?;
    let reader = given_reader(&scenario).await?;
    let url = refusing(true).await?;
    scenario
        .given_operator_with(|program| with_canaries(program).env("AWS_ENDPOINT_URL", url))
        .await?;
    scenario.when_created("weather", |_| {}).await?;
    let message = scenario.then_not_ready("weather", "AccessDenied").await?;
    assert!(message.contains("signature we calculated does not match"), "{message}");
    scenario
        .running()?
        .wait_for_line("word of a refused call", SOON, |line| line.contains("the call failed"))
        .await
        .context("the details are in the log")?;
    let seen = Seen::of(&scenario, &reader).await?;
    seen.is_fit();
    seen.hides(&[KEY_ID, SECRET, SESSION]);
    Ok(())
}

/// Flags and variables are what the environment says.
#[tokio::test]
async fn what_the_environment_says_is_shown_on_one_line() -> TestResult {
    let long = HOSTILE.repeat(500);
    let program = || anyhow::Ok(Program::new("operator", binary("mcp-gateway-operator")?));
    for variable in ["GATEWAY_ID", "LOG_LEVEL", "AWS_REGION", "WATCH_NAMESPACES", "DRY_RUN"] {
        let process = program()?.env(variable, &long).spawn()?;
        let status = process.wait_within(SOON).await?;
        assert!(!status.success(), "{variable} is taken");
        let said = process.logs();
        assert!(said.contains(variable), "{said}");
        said.lines().for_each(|line| fit(line, 512));
    }
    let process = program()?.arg(format!("--{long}")).spawn()?;
    assert!(!process.wait_within(SOON).await?.success(), "the flag is taken");
    process.logs().lines().for_each(|line| fit(line, 512));
    Ok(())
}
