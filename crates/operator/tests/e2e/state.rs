//! What the operator shows of its state to a person who may see it.

use std::time::Duration;

use anyhow::ensure;
use serde_json::Value;
use testkit::scenario::GATEWAY;
use testkit::wait::eventually;
use testkit::{Scenario, TestResult};

use crate::metrics::{given_account, given_it_may_ask};
use crate::scrape::{Scraper, address};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_state_says_what_everything_waits_for() -> TestResult {
    let mut scenario = Scenario::begin("state").await?;
    given_it_may_ask(&scenario).await?;
    let may = given_account(&scenario, "engineer", &["/debug/state"]).await?;
    let may_not = given_account(&scenario, "prometheus", &["/metrics"]).await?;
    scenario
        .given_operator_with(|program| {
            program.flag("metrics-bind-address", "127.0.0.1:0").flag("sync-interval", "1s")
        })
        .await?;
    let address = address(scenario.running()?).await?;
    scenario.when_created("weather", |spec| spec.description = Some("a-secret".into())).await?;
    scenario.when_created("wrong", |spec| spec.oauth_provider_arn = None).await?;
    scenario.then_ready("weather").await?;
    scenario.then_not_ready("wrong", "ValidationError").await?;
    let weather = scenario.target(GATEWAY, "weather")?;
    let mut by_hand = weather.spec.clone();
    by_hand.name = "by-hand".to_owned();
    let orphan = scenario.aws.plant_target(GATEWAY, by_hand)?;

    let (text, state) = eventually("the state", SOON, || async {
        let shown = Scraper::secure(&address, None, Some(&may))?.get("/debug/state").await?;
        ensure!(shown.status == 200, "{} {}", shown.status, shown.body);
        let state: Value = serde_json::from_str(&shown.body)?;
        ensure!(state["orphans"][0]["target"] == *orphan, "{}", shown.body);
        Ok((shown.body, state))
    })
    .await?;
    assert_eq!(state["works"], true, "{text}");
    assert_eq!(state["synced"], true, "{text}");
    assert_eq!(state["orphans"].as_array().map(Vec::len), Some(1), "{text}");
    assert_eq!(state["orphans"][0]["name"], "by-hand", "{text}");
    let mirror = &state["mirrors"][0];
    assert_eq!(mirror["gateway"], GATEWAY, "{text}");
    assert_eq!(mirror["targets"], 2, "{text}");
    assert_eq!(mirror["lastFailure"], Value::Null, "{text}");
    assert!(mirror["ageSeconds"].as_f64().is_some_and(|age| age < 30.0), "{text}");
    assert!(state["tokens"]["create"].as_f64().is_some_and(|tokens| tokens > 0.0), "{text}");
    assert_eq!(state["line"], Value::Array(Vec::new()), "{text}");
    let [ready, wrong] = [&state["resources"][0], &state["resources"][1]];
    assert_eq!((&ready["name"], &ready["ready"]), (&"weather".into(), &"True".into()), "{text}");
    assert_eq!(ready["target"], *weather.target_id, "{text}");
    assert_eq!(ready["appliedGeneration"], 1, "{text}");
    assert_eq!(wrong["reason"], "ValidationError", "{text}");
    for secret in ["a-secret", "weather.example.com", "token-vault", "https://"] {
        assert!(!text.contains(secret), "{secret}:\n{text}");
    }

    let other = Scraper::secure(&address, None, Some(&may_not))?;
    assert_eq!(other.get("/debug/state").await?.status, 403, "metrics are not the state");
    assert_eq!(other.get("/metrics").await?.status, 200);
    Ok(())
}
