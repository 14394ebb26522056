//! Faults as a client meets them on a real connection.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

mod client;

use std::time::Duration;

use aws_sdk_bedrockagentcorecontrol::Client;
use aws_sdk_bedrockagentcorecontrol::config::Credentials;
use aws_sdk_bedrockagentcorecontrol::error::{ProvideErrorMetadata, SdkError};
use emulator::{
    CallKind, ClockSkew, Emulator, Fault, FaultRule, Outcome, Settings, Spread, TargetSpec,
    TargetStatus,
};
use jiff::SignedDuration;

const GET: CallKind = CallKind::GetGateway;

async fn client(emulator: &Emulator) -> Client {
    Client::new(&client::config(emulator, "eu-central-1", Credentials::for_tests()).await)
}

async fn start() -> (Emulator, Client) {
    let emulator = Emulator::start(Settings::with_gateways(["gw"])).await.unwrap();
    let client = client(&emulator).await;
    (emulator, client)
}

#[tokio::test]
async fn a_call_that_hangs_is_let_go_at_the_end() {
    let (emulator, client) = start().await;
    emulator.fault(FaultRule::next(GET, Fault::HangBeforeCommit));
    let call = tokio::spawn(client.get_gateway().gateway_identifier("gw").send());
    let seen = emulator.wait_for(|emulator| emulator.calls().into_iter().next()).await;
    assert_eq!(seen.outcome, Outcome::HungBeforeCommit);
    assert!(!call.is_finished());
    emulator.stop().await.unwrap();
    let error = call.await.unwrap().unwrap_err();
    assert!(error.as_service_error().is_none(), "{error:?}");
}

#[tokio::test]
async fn half_an_answer_is_no_answer() {
    let (emulator, client) = start().await;
    emulator.fault(FaultRule::next(GET, Fault::HalfAnswer));
    let get = || client.get_gateway().gateway_identifier("gw").send();
    let error = get().await.unwrap_err();
    // The head came, with a status of success; the body did not.
    assert!(matches!(error, SdkError::ResponseError(_)), "{error:?}");
    assert!(get().await.is_ok());
    let outcome = Outcome::HalfAnswered { status: 200, error: None };
    assert_eq!(emulator.calls()[0].outcome, outcome);
}

#[tokio::test]
async fn answers_take_their_time() {
    let (emulator, client) = start().await;
    let slow = Duration::from_millis(50);
    emulator.fault(FaultRule::next(GET, Fault::Slow(Spread::Fixed(slow))));
    let start = std::time::Instant::now();
    client.get_gateway().gateway_identifier("gw").send().await.unwrap();
    assert!(start.elapsed() >= slow);
}

#[tokio::test]
async fn answers_can_show_what_is_not() {
    let (emulator, client) = start().await;
    let spec = TargetSpec::mcp_server("a", "https://a.example");
    let id = emulator.plant_target("gw", spec).unwrap();
    let odd = TargetStatus::Other("HIBERNATING".to_owned());
    emulator.fault(FaultRule::always(Fault::ShowStatus(odd)).times(2));
    let get = || client.get_gateway_target().gateway_identifier("gw").target_id(&id).send();
    assert_eq!(get().await.unwrap().status.as_str(), "HIBERNATING");
    let list = client.list_gateway_targets().gateway_identifier("gw").send().await.unwrap();
    assert_eq!(list.items()[0].status.as_str(), "HIBERNATING");
    assert_eq!(get().await.unwrap().status.as_str(), "READY");

    emulator.fault(FaultRule::next(GET, Fault::CredentialsRefused));
    let refused = client.get_gateway().gateway_identifier("gw").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("UnrecognizedClientException"));
}

#[tokio::test]
async fn clocks_can_differ() {
    let clock = ClockSkew {
        offset: SignedDuration::from_hours(-2),
        date_header: SignedDuration::from_mins(5),
    };
    let settings = Settings { clock, ..Settings::with_gateways(["gw"]) };
    let emulator = Emulator::start(settings).await.unwrap();
    let client = client(&emulator).await;
    emulator.freeze();
    let behind = jiff::Timestamp::now().duration_since(emulator.now());
    assert_eq!(behind.as_mins(), 120);
    let spec = TargetSpec::mcp_server("a", "https://a.example");
    let id = emulator.plant_target("gw", spec).unwrap();
    let target = client.get_gateway_target().gateway_identifier("gw").target_id(&id).send();
    assert_eq!(target.await.unwrap().created_at.secs(), emulator.now().as_second());
}
