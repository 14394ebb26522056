//! Transitions that end other than well, take their own time, or wait for a person; and reads
//! that lag behind all that.

use std::time::Duration;

use super::*;
use crate::settings::{Consent, ConsentLapse, Consistency, DurationRule, Transition};
use crate::spread::Spread;

fn rule(text: &str) -> OutcomeRule {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_first_tries_fail_and_then_it_works() {
    let mut world = World::set(|settings| {
        settings.outcomes = vec![
            rule(r#"{"transition": "CREATING", "name": "a", "times": 1, "reasons": ["cold"]}"#),
            rule(r#"{"transition": "UPDATING", "times": 1}"#),
            rule(r#"{"transition": "SYNCHRONIZING", "times": 1}"#),
            rule(r#"{"transition": "DELETING", "times": 1}"#),
        ];
    });
    let other = world.ready("b");
    assert_eq!(world.status(&other), "READY");
    let id = world.ready("a");
    let failed = world.get(&id).unwrap();
    assert_eq!(failed.status, TargetStatus::Failed);
    assert_eq!(failed.status_reasons, ["cold"]);
    assert_eq!(failed.last_synchronized_at, None);

    let then = |world: &mut World, expected: &[&str], act: fn(&mut World, &str)| {
        for status in expected {
            act(world, &id);
            world.pass(2000);
            assert_eq!(world.status(&id), *status);
        }
    };
    then(&mut world, &["UPDATE_UNSUCCESSFUL", "READY"], |world, id| {
        world.update(id, spec("a")).unwrap();
    });
    then(&mut world, &["SYNCHRONIZE_UNSUCCESSFUL", "READY"], |world, id| {
        world.synchronize(id).unwrap();
    });
    then(&mut world, &["FAILED", "ResourceNotFoundException"], |world, id| {
        world.delete(id).unwrap();
    });
}

#[test]
fn a_transition_can_end_in_a_status_that_no_client_knows() {
    let outcome = OutcomeRule::failing(Transition::Creating)
        .status(TargetStatus::Other("HIBERNATING".into()))
        .reasons(["winter"]);
    let mut world = World::set(|settings| settings.outcomes = vec![outcome]);
    let id = world.ready("a");
    assert_eq!(world.status(&id), "HIBERNATING");
}

#[test]
fn durations_go_by_rule() {
    let takes = Spread::Between { from: Duration::from_secs(3), to: Duration::from_secs(5) };
    let rule = DurationRule { transition: None, gateway: None, name: Some("slow".into()), takes };
    let mut world = World::set(|settings| settings.duration_rules = vec![rule]);
    let (slow, plain) = (world.create("slow").unwrap(), world.create("plain").unwrap());
    world.pass(2999);
    assert_eq!(
        (world.status(&slow).as_str(), world.status(&plain).as_str()),
        ("CREATING", "READY")
    );
    world.pass(2001);
    assert_eq!(world.status(&slow), "READY");
}

#[test]
fn get_and_list_lag_each_by_their_own() {
    let seconds = |seconds| Spread::Fixed(Duration::from_secs(seconds));
    let consistency = Consistency { get: seconds(1), list: seconds(5) };
    let mut world = World::set(|settings| settings.consistency = consistency);
    let names = |world: &mut World| {
        let items = world.list(Page::default()).items;
        items.into_iter().map(|item| format!("{} {}", item.name, item.status.as_str())).collect()
    };
    let none: Vec<String> = Vec::new();
    let id = world.create("a").unwrap();
    assert_eq!(world.status(&id), "ResourceNotFoundException");
    world.pass(1000);
    assert_eq!(world.status(&id), "CREATING");
    world.pass(3999);
    assert_eq!((world.status(&id).as_str(), names(&mut world)), ("READY", none.clone()));
    world.pass(1);
    assert_eq!(names(&mut world), ["a CREATING"]);
    world.pass(10_000);

    // READY with the old name, although the answer said otherwise.
    world.update(&id, spec("b")).unwrap();
    assert_eq!(world.get(&id).unwrap().spec.name, "a");
    assert_eq!(world.status(&id), "READY");
    world.pass(1000);
    assert_eq!(world.get(&id).unwrap().spec.name, "b");
    assert_eq!(names(&mut world), ["a READY"]);
    world.pass(10_000);
    assert_eq!(names(&mut world), ["b READY"]);

    world.delete(&id).unwrap();
    assert_eq!(world.status(&id), "READY");
    world.pass(2499);
    assert_eq!(world.status(&id), "DELETING");
    world.pass(1);
    assert_eq!(world.status(&id), "ResourceNotFoundException");
    assert_eq!(names(&mut world), ["b READY"]);
    world.pass(2500);
    assert_eq!(names(&mut world), ["b DELETING"]);
    world.pass(1500);
    assert_eq!(names(&mut world), none);
}

fn by_consent() -> TargetSpec {
    let mut spec = spec("a");
    spec.credential_provider_configurations = Some(serde_json::json!([{
        "credentialProviderType": "OAUTH",
        "credentialProvider": {"oauthCredentialProvider": {
            "providerArn": "arn:aws:x:us-east-1:123456789012:y", "scopes": [],
            "grantType": "AUTHORIZATION_CODE",
        }},
    }]));
    spec
}

fn url(world: &mut World, id: &str) -> String {
    let view = serde_json::to_value(world.get(id).unwrap()).unwrap();
    view["authorizationData"]["oauth2"]["authorizationUrl"].as_str().unwrap().to_owned()
}

fn open(world: &mut World, url: &str, granted: bool) -> Consented {
    world.state.consent(world.now, url.rsplit('/').next().unwrap(), granted)
}

#[test]
fn a_person_consents_at_every_turn() {
    let mut world = World::new();
    let id = world.create_with(None, by_consent()).unwrap();
    world.pass(2000);
    assert_eq!(world.status(&id), "CREATE_PENDING_AUTH");
    let refused = world.delete(&id).unwrap_err();
    assert!(refused.message.contains("CreatePendingAuth"), "{refused}");
    let first = url(&mut world, &id);
    assert_eq!(open(&mut world, &first, true), Consented::Granted);
    assert_eq!(world.status(&id), "READY");
    assert_eq!(open(&mut world, &first, true), Consented::Unknown);

    world.update(&id, by_consent()).unwrap();
    world.pass(1000);
    assert_eq!(world.status(&id), "UPDATE_PENDING_AUTH");
    let second = url(&mut world, &id);
    assert_eq!(open(&mut world, &second, false), Consented::Denied);
    assert_eq!(world.status(&id), "UPDATE_UNSUCCESSFUL");

    world.synchronize(&id).unwrap();
    world.pass(1000);
    assert_eq!(world.status(&id), "SYNCHRONIZE_PENDING_AUTH");
}

#[test]
fn consent_lapses() {
    for (lapse, status) in [
        (ConsentLapse::Fails, "FAILED"),
        (ConsentLapse::Renews, "CREATE_PENDING_AUTH"),
        (ConsentLapse::Lingers, "CREATE_PENDING_AUTH"),
    ] {
        let mut world = World::set(|settings| settings.consent.lapse = lapse);
        let id = world.create_with(None, by_consent()).unwrap();
        world.pass(2000);
        let first = url(&mut world, &id);
        world.pass(600_000);
        assert_eq!(world.status(&id), status);
        assert_eq!(open(&mut world, &first, true), Consented::Unknown);
        if lapse == ConsentLapse::Renews {
            let second = url(&mut world, &id);
            assert_eq!(open(&mut world, &second, true), Consented::Granted);
        }
    }
}

#[test]
fn consent_needs_a_gateway_that_knows_its_users_and_a_fixed_list_of_tools() {
    let mut dynamic = by_consent();
    dynamic.target_configuration["mcp"]["mcpServer"]["listingMode"] = "DYNAMIC".into();
    assert_eq!(World::new().create_with(None, dynamic).unwrap_err().kind, ErrorKind::Validation);
    for authorizer in ["AWS_IAM", "NONE"] {
        let mut world = World::set(|settings| settings.authorizer_type = authorizer.into());
        let error = world.create_with(None, by_consent()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Validation, "{authorizer}");
    }
}

#[test]
fn a_planted_consent_can_be_given_and_lapses_too() {
    let mut world = World::new();
    let pending = TargetStatus::UpdatePendingAuth;
    let id = world.state.plant(world.now, "gw", spec("a"), pending).unwrap();
    assert!(world.get(&id).unwrap().authorization_data.is_some());
    world.pass(599_999);
    assert_eq!(world.status(&id), "UPDATE_PENDING_AUTH");
    world.pass(1);
    assert_eq!(world.status(&id), "UPDATE_UNSUCCESSFUL");
    world.set_status(&id, "SYNCHRONIZE_PENDING_AUTH");
    world.pass(600_000);
    assert_eq!(world.status(&id), "SYNCHRONIZE_UNSUCCESSFUL");
}

#[test]
fn a_rule_can_end_a_transition_in_a_pending_status() {
    let rule = OutcomeRule::failing(Transition::Updating).status(TargetStatus::UpdatePendingAuth);
    let mut world = World::set(|settings| settings.outcomes = vec![rule]);
    let id = world.ready("a");
    world.update(&id, spec("a")).unwrap();
    world.pass(1000);
    let asked = url(&mut world, &id);
    assert!(world.get(&id).unwrap().status_reasons.is_empty(), "nothing has failed");
    assert_eq!(open(&mut world, &asked, true), Consented::Granted);
    assert_eq!(world.status(&id), "READY");
    world.update(&id, spec("a")).unwrap();
    world.pass(601_000);
    assert_eq!(world.status(&id), "UPDATE_UNSUCCESSFUL");
}

#[test]
fn a_consent_that_renews_for_ever_does_not_take_for_ever() {
    let minute = Duration::from_mins(1);
    for (expiry, alive) in
        [(minute, true), (Duration::from_nanos(1), false), (Duration::ZERO, false)]
    {
        let mut world = World::set(|settings| {
            settings.consent = Consent { expiry, lapse: ConsentLapse::Renews };
        });
        let id = world.create_with(None, by_consent()).unwrap();
        world.pass(2000);
        let first = url(&mut world, &id);
        world.pass(365 * 24 * 3_600_000 + 59_999);
        let last = url(&mut world, &id);
        assert_eq!(first != last, alive, "{expiry:?}");
        world.now = Timestamp::MAX;
        assert_eq!(world.status(&id), "CREATE_PENDING_AUTH");
        world.state.advance(world.now);
    }
}

#[test]
fn a_lag_that_grows_does_not_show_what_is_to_come() {
    let seconds = |seconds| Spread::Fixed(Duration::from_secs(seconds));
    let lag = |get| Consistency { get: seconds(get), list: seconds(0) };
    let mut world = World::set(|settings| settings.consistency = lag(1));
    let id = world.ready("a");
    world.pass(3000);
    world.update(&id, spec("b")).unwrap();
    let mut settings = Settings::clone(world.state.settings());
    settings.consistency = lag(10);
    world.state.set_settings(settings);
    assert_eq!(world.get(&id).unwrap().spec.name, "a");
    world.pass(10_000);
    assert_eq!(world.get(&id).unwrap().spec.name, "b");
}
