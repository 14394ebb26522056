//! Rest: what is as it should be costs nothing.

use std::time::Duration;

use testkit::{Scenario, TestResult};

/// What the project promises, in full length.
const QUIET: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_quiet_minute_after_ready_writes_nothing_to_either_side() -> TestResult {
    let mut scenario = Scenario::begin("quiet").await?;
    // It looks more often than it does by default, and still writes nothing.
    scenario.given_operator_with(|program| program.flag("sync-interval", "5s")).await?;
    for name in ["weather", "orders"] {
        scenario.when_created(name, |_| {}).await?;
    }
    let mut before = Vec::new();
    for name in ["weather", "orders"] {
        before.push(scenario.then_ready(name).await?);
    }
    let calls = scenario.aws.last_call();

    // Nothing tells that nothing happens.
    tokio::time::sleep(QUIET).await;

    let calls = scenario.aws.calls_since(calls);
    let lists = calls.iter().filter(|call| call.kind == emulator::CallKind::ListGatewayTargets);
    assert!(lists.count() >= 10, "the gateway is still observed");
    let writes: Vec<_> = calls.iter().filter(|call| call.is_write()).collect();
    assert!(writes.is_empty(), "{writes:?}");
    for server in before {
        let name = server.metadata.name.unwrap();
        let after = scenario.servers()?.get(&name).await?;
        assert_eq!(after.metadata.resource_version, server.metadata.resource_version, "{name}");
    }
    Ok(())
}
