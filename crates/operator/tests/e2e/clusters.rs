//! More than one world: a second cluster with the same manifests, and a CRD that goes back and
//! forth between versions.

use std::time::Duration;

use api::MCPServer;
use emulator::{AccessKey, Account, Durations};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;
use testkit::scenario::{GATEWAY, condition, is_ready, valid_spec};
use testkit::{ControlPlane, Manifests, Scenario, TestResult, binary, install, wait};

const SOON: Duration = Duration::from_secs(30);

/// Each operator sees the resources of its own namespace only, as if it were a cluster of its own.
/// Whoever comes second must not take the target for its own, although it is what it asks for to
/// the letter; not even when it dies and looks for what it may have made.
#[tokio::test]
async fn a_second_cluster_with_the_same_manifest_does_not_share_the_target() -> TestResult {
    let mut first = Scenario::begin("cluster-a").await?;
    first.given_operator().await?;
    first.when_created("weather", |_| {}).await?;
    first.then_ready("weather").await?;
    let target = first.target(GATEWAY, "weather")?;

    let client = first.cluster().client()?;
    let namespace = first.cluster().namespace("cluster-b").await?;
    let servers: Api<MCPServer> = Api::namespaced(client, &namespace);
    for round in 0..3 {
        let second = first.operator()?.flag("watch-namespaces", &namespace).spawn()?;
        install::operator_works(&second, SOON).await?;
        if round == 0 {
            let server = MCPServer::new("weather", valid_spec("weather"));
            servers.create(&PostParams::default(), &server).await?;
        }
        wait::on(&servers, "weather")
            .until("in conflict", |server| {
                condition(server, "Ready").is_some_and(|ready| ready.1 == "NameConflict")
            })
            .await?;
        second.kill().await?;
    }
    let now = first.target(GATEWAY, "weather")?;
    assert_eq!(now.target_id, target.target_id);
    assert_eq!(now.updated_at, target.updated_at, "untouched");

    // The first gives it up, and the second gets one of its own.
    let _second = first.operator()?.flag("watch-namespaces", &namespace).spawn()?;
    first.when_deleted("weather").await?;
    first.wait("weather")?.until_gone().await?;
    wait::on(&servers, "weather").within(Duration::from_secs(90)).until("Ready", is_ready).await?;
    assert_ne!(first.target(GATEWAY, "weather")?.target_id, target.target_id);
    Ok(())
}

/// A CRD as the Go operator had it keeps none of our records. Nothing is made without them, what
/// is there is left alone, and with the CRD of this version all goes on.
#[tokio::test]
async fn a_crd_that_is_rolled_back_and_forward_costs_nothing() -> TestResult {
    let cluster = ControlPlane::builder().start().await?;
    let client = cluster.client()?;
    install::crd(&client).await?;
    let aws = emulator::Emulator::start(emulator::Settings::with_gateways([GATEWAY])).await?;
    let access = install::rights(&cluster).await?;
    let kubeconfig = cluster.kubeconfig_file(&access)?;
    let operator = || {
        let path = binary("mcp-gateway-operator")?;
        install::operator(path, &kubeconfig, aws.url())
            .flag("gateway-id", GATEWAY)
            .flag("consistency-window", "500ms")
            .flag("log-format", "text")
            .flag("log-level", "debug")
            .spawn()
    };
    let running = operator()?;
    let servers: Api<MCPServer> = Api::namespaced(client.clone(), "default");
    let create = async |name: &str| {
        let server = MCPServer::new(name, valid_spec(name));
        servers.create(&PostParams::default(), &server).await
    };
    create("before").await?;
    wait::on(&servers, "before").until("Ready", is_ready).await?;
    let target = aws.targets(GATEWAY).remove(0);
    running.kill().await?;

    super::schema::OLD_CRD.parse::<Manifests>()?.apply(&client).await?;
    let running = operator()?;
    create("meanwhile").await?;
    let complaint = |line: &str| line.contains("older than this operator");
    running.wait_for_line("word that the CRD is too old", SOON, complaint).await?;
    let edit = Patch::Merge(json!({ "spec": { "description": "edited meanwhile" } }));
    servers.patch("before", &PatchParams::default(), &edit).await?;
    let intent = |line: &str| line.contains("RecordIntent");
    running.wait_for_line("an intent that is not kept", SOON, intent).await?;
    assert_eq!(aws.targets(GATEWAY).len(), 1, "nothing is made without a record");

    install::crd(&client).await?;
    for name in ["before", "meanwhile"] {
        wait::on(&servers, name).within(Duration::from_secs(90)).until("Ready", is_ready).await?;
    }
    let targets = aws.targets(GATEWAY);
    assert_eq!(targets.len(), 2);
    let kept = targets.iter().find(|now| now.target_id == target.target_id);
    let kept = kept.expect("the target is still there");
    assert_eq!(kept.spec.description.as_deref(), Some("edited meanwhile"));
    Ok(())
}

/// A CRD that was laxer than ours has let something in that no MCPServer is: the others do not wait
/// for whoever mends it.
#[tokio::test]
async fn a_resource_that_cannot_be_read_holds_up_no_other() -> TestResult {
    let cluster = ControlPlane::builder().start().await?;
    let client = cluster.client()?;
    let lax = "capabilities: { x-kubernetes-preserve-unknown-fields: true }";
    let strict = "capabilities: { type: array, minItems: 1, items: { type: string } }";
    assert!(super::schema::OLD_CRD.contains(strict));
    super::schema::OLD_CRD.replace(strict, lax).parse::<Manifests>()?.apply(&client).await?;
    let spec = json!({ "endpoint": "https://odd.example.com", "capabilities": "tools" });
    let odd = super::schema::object("odd", &spec)?;
    let untyped = super::schema::untyped(client.clone(), "default");
    untyped.create(&PostParams::default(), &odd).await?;
    install::crd(&client).await?;

    let aws = emulator::Emulator::start(emulator::Settings::with_gateways([GATEWAY])).await?;
    let access = install::rights(&cluster).await?;
    let kubeconfig = cluster.kubeconfig_file(&access)?;
    let path = binary("mcp-gateway-operator")?;
    let running = install::operator(path, &kubeconfig, aws.url())
        .flag("gateway-id", GATEWAY)
        .flag("log-format", "text")
        .spawn()?;
    let named = |line: &str| line.contains("cannot be read") && line.contains("name=\"odd\"");
    running.wait_for_line("word of what cannot be read", SOON, named).await?;
    let servers: Api<MCPServer> = Api::namespaced(client, "default");
    let server = MCPServer::new("fine", valid_spec("fine"));
    servers.create(&PostParams::default(), &server).await?;
    wait::on(&servers, "fine").until("Ready", is_ready).await?;

    // Once it is mended it is one like the others.
    let mended = Patch::Merge(json!({ "spec": valid_spec("odd") }));
    untyped.patch("odd", &PatchParams::default(), &mended).await?;
    wait::on(&servers, "odd").until("Ready", is_ready).await?;
    Ok(())
}

/// One operator for each account, in one cluster and one namespace: labels say whose a resource is.
/// One that is given to the other operator waits there, untouched, until it is given back.
#[tokio::test]
async fn two_operators_for_two_accounts_do_not_touch_what_is_the_others() -> TestResult {
    const OTHER_ACCOUNT: &str = "210987654321";
    const OTHER_KEY: &str = "AKIDOTHER";
    const THEIRS: &str = "theirs-a1b2c3d4e5";
    let accounts = vec![Account {
        id: OTHER_ACCOUNT.to_owned(),
        gateways: vec![THEIRS.to_owned()],
        access_keys: vec![AccessKey { id: OTHER_KEY.to_owned(), secret: None }],
    }];
    let durations = Durations::all(Duration::from_millis(300));
    let settings = emulator::Settings { accounts, durations, ..emulator::Settings::default() };
    let scenario = Scenario::begin_with("accounts", settings).await?;
    let operator = |account: &str| -> anyhow::Result<_> {
        Ok(scenario.operator()?.flag("watch-label-selector", format!("account={account}")))
    };
    let _ours = operator("ours")?.spawn()?;
    let theirs = operator("theirs")?.env("AWS_ACCESS_KEY_ID", OTHER_KEY);
    let _theirs = theirs.flag("gateway-id", THEIRS).spawn()?;
    let servers = scenario.servers()?;
    for (name, account) in [("weather", "ours"), ("trade", "theirs")] {
        let spec = api::MCPServerSpec {
            auth_type: Some("NoAuth".to_owned()),
            oauth_provider_arn: None,
            oauth_scopes: None,
            ..valid_spec(name)
        };
        let mut server = MCPServer::new(name, spec);
        server.metadata.labels = Some([("account".to_owned(), account.to_owned())].into());
        servers.create(&PostParams::default(), &server).await?;
    }
    scenario.then_ready("weather").await?;
    scenario.then_ready("trade").await?;
    let target = scenario.target(GATEWAY, "weather")?;
    assert_eq!(scenario.aws.targets(THEIRS).len(), 1);

    let given_to = async |account: &str| {
        let patch = Patch::Merge(json!({"metadata": {"labels": {"account": account}}}));
        servers.patch("weather", &PatchParams::default(), &patch).await
    };
    // Until the first has let it go, it may look at its gateway once more.
    given_to("theirs").await?;
    let message = scenario.then_not_ready("weather", "WrongAccountOrRegion").await?;
    assert!(message.contains(OTHER_ACCOUNT), "{message}");
    let calls = || {
        let calls = scenario.aws.calls().into_iter();
        calls.filter(|call| call.gateway.as_deref() == Some(GATEWAY)).count()
    };
    let before = calls();
    scenario.when_edited("weather", json!({"description": "edited"})).await?;
    scenario.then_not_ready("weather", "WrongAccountOrRegion").await?;
    scenario.when_deleted("weather").await?;
    scenario
        .wait("weather")?
        .until("kept, and said why", |server| {
            server.metadata.deletion_timestamp.is_some()
                && condition(server, "Ready").is_some_and(|c| c.1 == "WrongAccountOrRegion")
        })
        .await?;
    assert_eq!(calls(), before, "AWS was asked about it");
    assert_eq!(scenario.target(GATEWAY, "weather")?.updated_at, target.updated_at);

    given_to("ours").await?;
    scenario.wait("weather")?.until_gone().await?;
    assert_eq!(scenario.aws.targets(GATEWAY).len(), 0);
    assert_eq!(scenario.aws.targets(THEIRS).len(), 1);
    scenario.when_deleted("trade").await?;
    scenario.wait("trade")?.until_gone().await?;
    assert_eq!(scenario.aws.targets(THEIRS).len(), 0);
    Ok(())
}
