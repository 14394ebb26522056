//! Transitions, names and refusals.

use super::*;

#[test]
fn each_transition_takes_its_time_and_not_a_moment_less() {
    let mut world = World::new();
    let id = world.create("a").unwrap();
    world.pass(1999);
    assert_eq!(world.status(&id), "CREATING");
    world.pass(1);
    assert_eq!(world.status(&id), "READY");

    world.update(&id, spec("a")).unwrap();
    world.pass(999);
    assert_eq!(world.status(&id), "UPDATING");
    world.pass(1);
    assert_eq!(world.status(&id), "READY");

    let before = world.get(&id).unwrap();
    world.synchronize(&id).unwrap();
    assert_eq!(world.status(&id), "SYNCHRONIZING");
    world.pass(1000);
    let after = world.get(&id).unwrap();
    assert_eq!(after.status, TargetStatus::Ready);
    assert!(after.last_synchronized_at > before.last_synchronized_at);
    assert_eq!(after.updated_at, before.updated_at);

    world.delete(&id).unwrap();
    world.pass(1499);
    assert_eq!(world.status(&id), "DELETING");
    world.pass(1);
    assert_eq!(world.status(&id), "ResourceNotFoundException");
}

#[test]
fn what_is_due_happens_at_its_own_time_however_late_somebody_looks() {
    let mut world = World::new();
    let id = world.create("a").unwrap();
    world.pass(60_000);
    let synchronized = world.get(&id).unwrap().last_synchronized_at.unwrap();
    assert_eq!(synchronized.as_second(), 2);
}

#[test]
fn a_name_is_taken_until_the_deletion_is_over() {
    let mut world = World::new();
    let id = world.ready("a");
    assert_eq!(world.create("a").unwrap_err().kind, ErrorKind::Conflict);
    world.delete(&id).unwrap();
    world.pass(1499);
    assert_eq!(world.create("a").unwrap_err().kind, ErrorKind::Conflict);
    world.pass(1);
    assert_ne!(world.create("a").unwrap(), id);
}

#[test]
fn a_rename_frees_one_name_and_takes_another() {
    let mut world = World::new();
    let (a, b) = (world.ready("a"), world.ready("b"));
    assert_eq!(world.update(&a, spec("b")).unwrap_err().kind, ErrorKind::Conflict);
    world.update(&a, spec("c")).unwrap();
    world.pass(1000);
    world.create("a").unwrap();
    world.update(&b, spec("c")).unwrap_err();
    assert_eq!(world.get(&a).unwrap().spec.name, "c");
}

#[test]
fn update_replaces_everything() {
    let mut world = World::new();
    let mut full = spec("a");
    full.description = Some("words".into());
    full.metadata_configuration = Some(serde_json::json!({"allowedRequestHeaders": ["x"]}));
    full.credential_provider_configurations = Some(serde_json::json!([{}]));
    let id = world.create_with(None, full).unwrap();
    world.pass(2000);
    world.update(&id, spec("a")).unwrap();
    assert_eq!(world.get(&id).unwrap().spec, spec("a"));
}

#[test]
fn the_type_of_a_target_stays() {
    let mut world = World::new();
    let id = world.ready("a");
    let mut other = spec("a");
    other.target_configuration = serde_json::json!({"mcp": {"lambda": {}}});
    assert_eq!(world.update(&id, other).unwrap_err().fields[0].name, "targetConfiguration");
}

#[test]
fn the_statuses_say_what_may_be_done() {
    type Act = fn(&mut World, &str) -> Result<Answer, ApiError>;
    // update, delete, synchronize
    let table = [
        ("CREATING", [false, false, false]),
        ("UPDATING", [false, false, false]),
        ("UPDATE_UNSUCCESSFUL", [true, true, true]),
        ("DELETING", [false, false, false]),
        ("READY", [true, true, true]),
        ("FAILED", [true, true, false]),
        ("SYNCHRONIZING", [false, false, false]),
        ("SYNCHRONIZE_UNSUCCESSFUL", [true, true, true]),
        ("CREATE_PENDING_AUTH", [false, false, false]),
        ("UPDATE_PENDING_AUTH", [false, false, false]),
        ("SYNCHRONIZE_PENDING_AUTH", [false, false, false]),
        ("HIBERNATING", [false, false, false]),
    ];
    for (status, allowed) in table {
        let mut calls = allowed.into_iter();
        let acts: [Act; 3] =
            [|world, id| world.update(id, spec("a")), World::delete, World::synchronize];
        for act in acts {
            let mut world = World::new();
            let id = world.ready("a");
            world.set_status(&id, status);
            let result = act(&mut world, &id);
            assert_eq!(result.is_ok(), calls.next().unwrap(), "{status} {result:?}");
            if let Err(error) = result {
                assert_eq!(error.kind, ErrorKind::Validation);
                assert!(error.message.contains("can't be performed on target when it is in "));
            }
        }
    }
}

#[test]
fn a_refusal_is_worded_as_aws_words_it() {
    let mut world = World::new();
    let id = world.ready("a");
    world.delete(&id).unwrap();
    assert_eq!(
        world.update(&id, spec("a")).unwrap_err().message,
        "UpdateGatewayTarget operation can't be performed on target when it is in Deleting state"
    );
}

#[test]
fn static_tools_cannot_be_synchronized() {
    let mut world = World::new();
    let mut fixed = spec("a");
    fixed.target_configuration["mcp"]["mcpServer"]["mcpToolSchema"] =
        serde_json::json!({"inlinePayload": "[]"});
    let id = world.create_with(None, fixed).unwrap();
    world.pass(2000);
    assert_eq!(world.synchronize(&id).unwrap_err().kind, ErrorKind::Validation);
    assert_eq!(world.get(&id).unwrap().last_synchronized_at, None);
}
