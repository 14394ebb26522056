//! The table of specs that the planner's own tests judge, put to a real API server.

use anyhow::Context as _;
use kube::api::{Patch, PatchParams};
use serde_json::Value;
use testkit::{Scenario, TestResult};

use crate::schema::{object, untyped};

/// One table of good and bad specs, put to the API server and to the operator: what the schema
/// refuses the operator would refuse too, and what it accepts the operator judges as the table
/// says.
#[tokio::test]
async fn the_api_server_and_the_operator_agree_on_every_spec() -> TestResult {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../planner/tests/specs.json"))?;
    assert!(cases.len() >= 20, "a table of {} specs", cases.len());
    let scenario = Scenario::begin("table").await?;
    let api = untyped(scenario.cluster().client()?, scenario.namespace());
    for case in &cases {
        let name = case["name"].as_str().context("a case without a name")?;
        let object = object("case", &case["spec"])?;
        let params = PatchParams::apply("table").force().dry_run();
        let answer = api.patch("case", &params, &Patch::Apply(&object)).await;
        let accepted = match &answer {
            Ok(_) => true,
            Err(kube::Error::Api(status)) if status.code == 422 => false,
            Err(error) => panic!("{name}: {error}"),
        };
        assert!(Some(accepted) == case["schemaAccepts"].as_bool(), "{name}: {answer:?}");
        let violations = case["violations"].as_array().context("a case without violations")?;
        assert!(accepted || !violations.is_empty(), "{name}: refused by the schema alone");
    }
    Ok(())
}
