//! The operator is asked to end, as a rollout does, at a bad moment.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::MCPServer;
use emulator::{CallKind, CallRecord, Emulator, Fault, FaultRule, Spread};
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;
use testkit::scenario::{GATEWAY, is_ready, valid_spec};
use testkit::{ControlPlane, Program, Scenario, Signal, TestResult, binary, install, wait};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const SOON: Duration = Duration::from_mins(1);
/// The grace period of a pod.
const GRACE: Duration = Duration::from_secs(30);

fn creates(aws: &Emulator) -> Vec<CallRecord> {
    let mut calls = aws.calls();
    calls.retain(|call| call.kind == CallKind::CreateGatewayTarget);
    calls
}

async fn called(aws: &Emulator, kind: CallKind) -> anyhow::Result<()> {
    let call = aws.wait_for(|aws| aws.calls().into_iter().find(|call| call.kind == kind));
    tokio::time::timeout(SOON, call).await.context("no such call").map(drop)
}

/// Hands on what comes, until it falls silent: as a network does that drops packets.
async fn hand_on(listener: TcpListener, server: String, silent: watch::Receiver<bool>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let (server, mut silent) = (server.clone(), silent.clone());
        tokio::spawn(async move {
            let both = async {
                let mut server = TcpStream::connect(server).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            };
            let silence = async { silent.wait_for(|silent| *silent).await.is_ok() };
            tokio::select! {
                _ = silence => {}
                _ = both => return,
            }
            std::future::pending::<()>().await;
        });
    }
}

/// The API server takes connections and says nothing more, while an Update is under way.
#[tokio::test]
async fn an_api_server_that_falls_silent_holds_up_no_end() -> TestResult {
    let mut scenario = Scenario::begin("stop-silent").await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let way = format!("https://{}", listener.local_addr()?);
    let server = scenario.access().server().trim_start_matches("https://");
    let server = server.trim_end_matches('/').to_owned();
    let (fall_silent, silent) = watch::channel(false);
    tokio::spawn(hand_on(listener, server, silent));
    let access = scenario.access().by_way_of(&way);
    let process = scenario.operator_through(&access, scenario.aws.url())?.spawn()?;
    install::operator_works(&process, SOON).await?;
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_ready("weather").await?;
    let slow = Fault::Slow(Spread::Fixed(Duration::from_secs(3)));
    scenario.aws.fault(FaultRule::next(CallKind::UpdateGatewayTarget, slow));
    scenario.when_edited("weather", json!({ "endpoint": "https://new.example.com" })).await?;
    called(&scenario.aws, CallKind::UpdateGatewayTarget).await?;
    fall_silent.send_replace(true);
    let asked = Instant::now();
    let status = process.terminate(GRACE).await?;
    println!("silent: ended after {:?}", asked.elapsed());
    assert!(status.success(), "{status}");
    let status = scenario.servers()?.get("weather").await?.status.unwrap_or_default();
    assert!(status.applying.is_some(), "its record stands: {status:?}");
    scenario.given_operator().await?;
    scenario.then_ready("weather").await?;
    Ok(())
}

/// Twenty targets are to be made, and each Create takes a while.
#[tokio::test]
async fn under_load_what_is_under_way_is_written_down_and_nothing_else_begins() -> TestResult {
    let mut scenario = Scenario::begin("stop-load").await?;
    let slow = Fault::Slow(Spread::Fixed(Duration::from_secs(1)));
    scenario.aws.fault(FaultRule::next(CallKind::CreateGatewayTarget, slow).times(1_000));
    let process = scenario.operator()?.spawn()?;
    install::operator_works(&process, SOON).await?;
    let names: Vec<String> = (0..20).map(|number| format!("server-{number}")).collect();
    for name in &names {
        scenario.when_created(name, |_| {}).await?;
    }
    // As many as may be begun at once.
    let several = scenario.aws.wait_for(|aws| (creates(aws).len() >= 4).then_some(()));
    tokio::time::timeout(SOON, several).await?;
    let asked = Instant::now();
    process.signal(Signal::TERM)?;
    process
        .wait_for_line("word that it ends", SOON, |line| line.contains("no new step is begun"))
        .await?;
    let begun = creates(&scenario.aws).len();
    let status = process.wait_within(GRACE).await?;
    assert!(status.success(), "{status}");
    println!("ended after {:?}, with {begun} Creates begun", asked.elapsed());
    // One that was handed to HTTP before that line may be carried out just after it.
    let made = creates(&scenario.aws).len();
    assert!(made <= begun + 1, "{begun} were begun, and {made} made");

    let all = scenario.servers()?.list(&ListParams::default()).await?;
    let status = |server: &MCPServer| server.status.clone().unwrap_or_default();
    let bound: BTreeSet<String> =
        all.items.iter().filter_map(|server| status(server).target_id).collect();
    let targets = scenario.aws.targets(GATEWAY);
    let there: BTreeSet<String> = targets.into_iter().map(|target| target.target_id).collect();
    assert_eq!(bound, there, "every answer is written down");
    for server in &all.items {
        assert!(
            server.metadata.finalizers.is_some() || status(server).intent.is_none(),
            "{:?} has a record without a finalizer",
            server.metadata.name
        );
    }

    scenario.aws.clear_faults();
    scenario.given_operator().await?;
    for name in &names {
        scenario.then_ready(name).await?;
    }
    assert_eq!(scenario.aws.targets(GATEWAY).len(), names.len(), "none twice");
    Ok(())
}

/// AWS carries out a Create and does not answer: its record stands for the next process.
#[tokio::test]
async fn aws_that_does_not_answer_holds_up_no_end() -> TestResult {
    let mut scenario = Scenario::begin("stop-hang").await?;
    let hang = Fault::HangAfterCommit;
    scenario.aws.fault(FaultRule::next(CallKind::CreateGatewayTarget, hang));
    scenario.given_operator().await?;
    scenario.when_created("weather", |_| {}).await?;
    called(&scenario.aws, CallKind::CreateGatewayTarget).await?;
    let asked = Instant::now();
    scenario.when_operator_is_stopped().await?;
    println!("ended after {:?}", asked.elapsed());
    let status = scenario.servers()?.get("weather").await?.status.unwrap_or_default();
    assert!(status.intent.is_some() && status.target_id.is_none(), "{status:?}");
    scenario.given_operator().await?;
    scenario.then_ready("weather").await?;
    assert_eq!(creates(&scenario.aws).iter().filter(|call| call.was_accepted()).count(), 1);
    Ok(())
}

/// The answer to an Update comes when the API server is away: its record stands for the next process.
#[tokio::test]
async fn an_api_server_that_is_away_holds_up_no_end() -> TestResult {
    let mut cluster = ControlPlane::builder().start().await?;
    let client = cluster.client()?;
    install::crd(&client).await?;
    let access = install::rights(&cluster).await?;
    install::leadership_rights(&client, "default").await?;
    let aws = Emulator::start(emulator::Settings::with_gateways([GATEWAY])).await?;
    let kubeconfig = cluster.kubeconfig_file(&access)?;
    let operator = || -> anyhow::Result<Program> {
        let path = binary("mcp-gateway-operator")?;
        Ok(install::operator(path, &kubeconfig, aws.url())
            .flag("gateway-id", GATEWAY)
            .flag("consistency-window", "500ms")
            .flag("leader-elect", "true")
            .flag("leader-elect-resource-namespace", "default")
            .flag("log-format", "text"))
    };
    let process = operator()?.spawn()?;
    install::operator_works(&process, SOON).await?;
    let servers: Api<MCPServer> = Api::namespaced(client, "default");
    let server = MCPServer::new("weather", valid_spec("weather"));
    servers.create(&PostParams::default(), &server).await?;
    wait::on(&servers, "weather").within(SOON).until("Ready", is_ready).await?;

    let slow = Fault::Slow(Spread::Fixed(Duration::from_secs(3)));
    aws.fault(FaultRule::next(CallKind::UpdateGatewayTarget, slow));
    let edit =
        kube::api::Patch::Merge(json!({ "spec": { "endpoint": "https://new.example.com" } }));
    servers.patch("weather", &kube::api::PatchParams::default(), &edit).await?;
    wait::on(&servers, "weather")
        .within(SOON)
        .until("the record", |server| {
            server.status.as_ref().is_some_and(|status| status.applying.is_some())
        })
        .await?;
    called(&aws, CallKind::UpdateGatewayTarget).await?;
    cluster.stop_api_server().await?;
    let asked = Instant::now();
    let status = process.terminate(GRACE).await?;
    println!("ended after {:?}", asked.elapsed());
    assert!(status.success(), "{status}");

    cluster.restart_api_server().await?;
    let process = operator()?.spawn()?;
    install::operator_works(&process, SOON).await?;
    wait::on(&servers, "weather").within(SOON).until("Ready with the edit", is_ready).await?;
    let targets = aws.targets(GATEWAY);
    assert_eq!(targets.len(), 1);
    let endpoint = &targets[0].spec.target_configuration["mcp"]["mcpServer"]["endpoint"];
    assert_eq!(endpoint, "https://new.example.com");
    Ok(())
}
