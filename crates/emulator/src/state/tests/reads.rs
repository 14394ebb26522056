//! Lists, gateways, seeds, and what others do behind the client's back.

use super::*;

#[test]
fn pages_hide_nothing_even_while_targets_go() {
    let mut world = World::new();
    let ids: Vec<String> = (0..5).map(|n| world.ready(&format!("t{n}"))).collect();
    let mut page = Page { max_results: Some(2), next_token: None };
    let first = world.list(page.clone());
    assert_eq!(first.items.len(), 2);
    world.state.erase(world.now, "gw", &ids[1]).unwrap();
    let mut seen: Vec<String> = first.items.into_iter().map(|item| item.name).collect();
    page.next_token = first.next_token;
    while page.next_token.is_some() {
        let next = world.list(page.clone());
        seen.extend(next.items.into_iter().map(|item| item.name));
        page.next_token = next.next_token;
    }
    assert_eq!(seen, ["t0", "t1", "t2", "t3", "t4"]);
}

#[test]
fn a_list_shows_no_configuration_and_no_reasons() {
    let mut world = World::new();
    let id = world.ready("a");
    let reasons = Some(vec!["why".to_owned()]);
    let patch = TargetPatch { status_reasons: reasons, ..TargetPatch::default() };
    world.state.patch(world.now, "gw", &id, patch).unwrap();
    assert_eq!(world.get(&id).unwrap().status_reasons, ["why"]);
    let item = serde_json::to_value(&world.list(Page::default()).items[0]).unwrap();
    let members: Vec<&str> = item.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members,
        [
            "createdAt",
            "lastSynchronizedAt",
            "name",
            "status",
            "targetId",
            "targetType",
            "updatedAt"
        ]
    );
}

#[test]
fn gateways_belong_to_an_account_and_a_region() {
    let mut world = World::new();
    let create = Call::CreateGateway { token: None, name: "Mine".into(), members: Map::new() };
    let Answer::Gateway(mine) = world.call(create).unwrap() else { panic!() };
    assert!(mine.gateway_id.starts_with("mine-"));
    let get = || Call::GetGateway { gateway: mine.gateway_id.clone() };
    assert!(world.call(get()).is_ok());

    world.caller.region = "eu-west-1".into();
    assert_eq!(world.call(get()).unwrap_err().kind, ErrorKind::ResourceNotFound);
    // A gateway that was there from the start answers in any Region.
    assert!(world.call(Call::GetGateway { gateway: "gw".into() }).is_ok());

    world.caller = Caller { account: "210987654321".into(), region: "us-east-1".into() };
    assert_eq!(world.call(get()).unwrap_err().kind, ErrorKind::ResourceNotFound);
    let arn = Call::GetGateway { gateway: mine.gateway_arn.clone() };
    assert_eq!(world.call(arn).unwrap_err().kind, ErrorKind::AccessDenied);
}

#[test]
fn gateways_are_listed_and_go_only_when_empty() {
    let mut world = World::new();
    for name in ["b", "a"] {
        let members = Map::new();
        world.call(Call::CreateGateway { token: None, name: name.into(), members }).unwrap();
    }
    let mut names = Vec::new();
    let mut page = Page { max_results: Some(2), next_token: None };
    loop {
        let Answer::Gateways(items) = world.call(Call::ListGateways(page.clone())).unwrap() else {
            panic!()
        };
        names.extend(
            items.items.into_iter().map(|item| {
                serde_json::to_value(item).unwrap()["name"].as_str().unwrap().to_owned()
            }),
        );
        page.next_token = items.next_token;
        if page.next_token.is_none() {
            break;
        }
    }
    assert_eq!(names, ["gw", "b", "a"]);

    let delete = || Call::DeleteGateway { gateway: "gw".into() };
    let id = world.ready("a");
    assert_eq!(world.call(delete()).unwrap_err().kind, ErrorKind::Conflict);
    world.delete(&id).unwrap();
    world.pass(1500);
    assert!(world.call(delete()).is_ok());
    assert_eq!(world.create("a").unwrap_err().kind, ErrorKind::ResourceNotFound);
}

#[test]
fn the_same_seed_gives_the_same_ids() {
    let ids = |seed| {
        let mut world = World::with(Settings { seed, ..Settings::default() });
        (world.create("a").unwrap(), world.create("b").unwrap())
    };
    assert_eq!(ids(1), ids(1));
    assert_ne!(ids(1), ids(2));
}

#[test]
fn changes_behind_the_clients_back() {
    let mut world = World::new();
    let id = world.ready("a");
    world.pass(1);
    let patch: TargetPatch = serde_json::from_str(
        r#"{"spec": {"description": "theirs", "targetConfiguration":
            {"mcp": {"mcpServer": {"resourcePriority": 1}}}}}"#,
    )
    .unwrap();
    world.state.patch(world.now, "gw", &id, patch).unwrap();
    let view = world.get(&id).unwrap();
    assert_eq!(view.spec.description.as_deref(), Some("theirs"));
    assert_eq!(view.spec.resource_priority(), Some(1));
    assert_eq!(
        view.spec.target_configuration["mcp"]["mcpServer"]["endpoint"],
        "https://tools.example/mcp"
    );
    assert_eq!(view.updated_at, world.now);

    let taken = world.state.plant(world.now, "gw", spec("a"), TargetStatus::Ready);
    assert_eq!(taken, Err(BackdoorError::NameTaken("a".into())));
    let broken = serde_json::from_str(r#"{"spec": {"name": null}}"#).unwrap();
    let refused = world.state.patch(world.now, "gw", &id, broken).unwrap_err();
    assert!(refused.to_string().contains("name"), "{refused}");

    world.state.erase(world.now, "gw", &id).unwrap();
    assert_eq!(world.status(&id), "ResourceNotFoundException");
    let planted = world.state.plant(world.now, "gw", spec("a"), TargetStatus::Failed).unwrap();
    assert_eq!(world.status(&planted), "FAILED");
}

#[test]
fn a_gateway_is_made_once_for_a_token() {
    let mut world = World::new();
    let mut create = |name: &str| {
        let (token, members) = (Some(TOKEN.to_owned()), Map::new());
        match world.call(Call::CreateGateway { token, name: name.into(), members }).unwrap() {
            Answer::Gateway(gateway) => gateway.gateway_id,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(create("a"), create("a"));
}

#[test]
fn pages_hide_no_gateway_even_while_others_go() {
    let settings = Settings { gateways: vec![], ..Settings::default() };
    let mut world = World::with(settings);
    for id in ["a", "b", "c", "d"] {
        let new = NewGateway { id: id.into(), ..NewGateway::default() };
        world.state.add_gateway(world.now, new).unwrap();
    }
    let list = |world: &mut World, next_token| {
        let page = Page { max_results: Some(2), next_token };
        match world.call(Call::ListGateways(page)).unwrap() {
            Answer::Gateways(items) => {
                (serde_json::to_value(&items.items).unwrap(), items.next_token)
            }
            other => panic!("{other:?}"),
        }
    };
    let (first, token) = list(&mut world, None);
    assert_eq!((&first[0]["name"], &first[1]["name"]), (&"gw".into(), &"a".into()));
    world.state.remove_gateway("a").unwrap();
    let (second, token) = list(&mut world, token);
    assert_eq!((&second[0]["name"], &second[1]["name"]), (&"b".into(), &"c".into()));
    let (third, token) = list(&mut world, token);
    assert_eq!((&third[0]["name"], token), (&"d".into(), None));
}
