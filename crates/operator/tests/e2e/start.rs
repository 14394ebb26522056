//! The operator is started before what it needs is there, and waits for it.

use std::time::Duration;

use crate::health::prober;
use emulator::{Emulator, Settings};
use testkit::scenario::{GATEWAY, condition, is_ready, valid_spec};
use testkit::{ControlPlane, Program, Scenario, TestResult, binary, install, wait};

const SOON: Duration = Duration::from_mins(1);

async fn operator(cluster: &ControlPlane, aws: &Emulator) -> anyhow::Result<Program> {
    let access = install::rights(cluster).await?;
    let kubeconfig = cluster.kubeconfig_file(&access)?;
    let path = binary("mcp-gateway-operator")?;
    Ok(install::operator(path, &kubeconfig, aws.url())
        .flag("gateway-id", GATEWAY)
        .flag("log-format", "text"))
}

#[tokio::test]
async fn without_the_crd_it_says_what_to_run_and_waits() -> TestResult {
    let cluster = ControlPlane::builder().start().await?;
    let aws = Emulator::start(Settings::with_gateways([GATEWAY])).await?;
    let process = operator(&cluster, &aws).await?.spawn()?;
    process
        .wait_for_line("the hint", SOON, |line| line.contains("is not installed: run make install"))
        .await?;

    let prober = prober(&process).await?;
    let ready = prober.get("/readyz").await?;
    assert_eq!(ready.status, 503, "{}", ready.body);
    assert!(ready.body.contains("the MCPServers have not been read yet"), "{}", ready.body);
    assert_eq!(prober.get("/livez").await?.status, 200, "it waits, and lives");

    let client = cluster.client()?;
    install::crd(&client).await?;
    let servers: kube::Api<api::MCPServer> = kube::Api::namespaced(client, "default");
    let server = api::MCPServer::new("weather", valid_spec("weather"));
    servers.create(&kube::api::PostParams::default(), &server).await?;
    wait::on(&servers, "weather")
        .within(SOON)
        .until("Ready", |server| condition(server, "Ready").is_some_and(|c| c.0 == "True"))
        .await?;
    assert!(process.status().is_none(), "it is the same process");
    assert_eq!(prober.get("/readyz").await?.body, "ok");
    Ok(())
}

#[tokio::test]
async fn without_the_api_server_it_says_so_and_waits() -> TestResult {
    let mut cluster = ControlPlane::builder().start().await?;
    let aws = Emulator::start(Settings::with_gateways([GATEWAY])).await?;
    install::crd(&cluster.client()?).await?;
    let program = operator(&cluster, &aws).await?;
    cluster.stop_api_server().await?;

    let process = program.spawn()?;
    process
        .wait_for_line("the complaint", SOON, |line| {
            line.contains("the API server cannot be reached")
        })
        .await?;
    cluster.restart_api_server().await?;
    process
        .wait_for_line("that it goes on", SOON, |line| {
            line.contains("the MCPServers have been read")
        })
        .await?;
    Ok(())
}

/// Nobody touches anything but AWS: a gateway that is not there is asked for again with growing pauses.
#[tokio::test]
async fn without_the_gateway_it_says_so_and_waits() -> TestResult {
    const LATE: &str = "later-a1b2c3d4e5";
    let mut scenario = Scenario::begin("gateway-later").await?;
    scenario.given_operator_with(|program| program.flag("gateway-id", LATE)).await?;
    scenario.when_created("weather", |_| {}).await?;
    let message = scenario.then_not_ready("weather", "GatewayNotFound").await?;
    assert!(message.contains(LATE) && message.contains("create the gateway"), "{message}");
    let process = scenario.running()?;
    process
        .wait_for_line("the complaint", SOON, |line| {
            line.contains("the gateway cannot be listed") && line.contains(LATE)
        })
        .await?;
    let prober = prober(process).await?;
    assert_eq!(
        prober.get("/readyz").await?.body,
        "ok",
        "what is wrong with AWS is no matter of it"
    );
    scenario.aws.add_gateway(LATE)?;
    scenario.wait("weather")?.within(SOON).until("Ready", is_ready).await?;
    Ok(())
}
