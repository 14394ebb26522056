//! Table tests of the state machine: no network, no clock, time by hand.

use serde_json::Map;

use super::*;
use crate::call::Page;
use crate::error::Reason;
use crate::settings::{TokenAfterDelete, TokenMismatch, TokenPolicy};
use crate::target::TargetSpec;

const TOKEN: &str = "0123456789abcdef0123456789abcdef0";

/// A state, the caller and the time: what every step of a test needs.
struct World {
    state: State,
    now: Timestamp,
    caller: Caller,
}

impl World {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let settings = Settings { gateways: vec!["gw".into()], ..settings };
        let now = Timestamp::UNIX_EPOCH;
        let caller = Caller { account: settings.account.clone(), region: "us-east-1".into() };
        Self { state: State::new(settings, now), now, caller }
    }

    fn pass(&mut self, milliseconds: i64) {
        self.now += jiff::SignedDuration::from_millis(milliseconds);
    }

    fn call(&mut self, call: Call) -> Result<Answer, ApiError> {
        self.state.handle(self.now, &self.caller, call)
    }

    fn create_with(&mut self, token: Option<&str>, spec: TargetSpec) -> Result<String, ApiError> {
        let token = token.map(str::to_owned);
        match self.call(Call::CreateTarget { gateway: "gw".into(), token, spec })? {
            Answer::Target(view) => Ok(view.target_id),
            other => panic!("{other:?}"),
        }
    }

    fn create(&mut self, name: &str) -> Result<String, ApiError> {
        self.create_with(None, spec(name))
    }

    fn ready(&mut self, name: &str) -> String {
        let id = self.create(name).unwrap();
        self.pass(2000);
        id
    }

    fn get(&mut self, id: &str) -> Result<TargetView, ApiError> {
        match self.call(Call::GetTarget { gateway: "gw".into(), target: id.into() })? {
            Answer::Target(view) => Ok(*view),
            other => panic!("{other:?}"),
        }
    }

    fn update(&mut self, id: &str, spec: TargetSpec) -> Result<Answer, ApiError> {
        self.call(Call::UpdateTarget { gateway: "gw".into(), target: id.into(), spec })
    }

    fn delete(&mut self, id: &str) -> Result<Answer, ApiError> {
        self.call(Call::DeleteTarget { gateway: "gw".into(), target: id.into() })
    }

    fn synchronize(&mut self, id: &str) -> Result<Answer, ApiError> {
        self.call(Call::Synchronize { gateway: "gw".into(), targets: vec![id.into()] })
    }

    fn status(&mut self, id: &str) -> String {
        match self.get(id) {
            Ok(view) => view.status.as_str().to_owned(),
            Err(error) => error.kind.code().to_owned(),
        }
    }

    fn set_status(&mut self, id: &str, status: &str) {
        let status = Some(TargetStatus::from(status.to_owned()));
        let patch = TargetPatch { status, ..TargetPatch::default() };
        self.state.patch(self.now, "gw", id, patch).unwrap();
    }

    fn list(&mut self, page: Page) -> Items<TargetSummary> {
        match self.call(Call::ListTargets { gateway: "gw".into(), page }).unwrap() {
            Answer::Targets(items) => items,
            other => panic!("{other:?}"),
        }
    }
}

fn spec(name: &str) -> TargetSpec {
    TargetSpec::mcp_server(name, "https://tools.example/mcp")
}

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

#[test]
fn a_token_stands_for_one_target() {
    let mut world = World::new();
    let first = world.create_with(Some(TOKEN), spec("a")).unwrap();
    world.pass(2000);
    assert_eq!(world.create_with(Some(TOKEN), spec("a")).unwrap(), first);
    assert_eq!(world.create_with(Some(TOKEN), spec("other")).unwrap(), first);
    assert_eq!(world.list(Page::default()).items.len(), 1);
    // A repeat does not start anything: the target is where it was.
    assert_eq!(world.status(&first), "READY");
}

#[test]
fn the_variants_of_tokens() {
    let policy = TokenPolicy::default();
    let with = |tokens| World::with(Settings { tokens, ..Settings::default() });

    let mut ignored = with(TokenPolicy { ttl: std::time::Duration::ZERO, ..policy });
    ignored.create_with(Some(TOKEN), spec("a")).unwrap();
    let error = ignored.create_with(Some(TOKEN), spec("a")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);

    let mut strict = with(TokenPolicy { mismatch: TokenMismatch::Refuse, ..policy });
    strict.create_with(Some(TOKEN), spec("a")).unwrap();
    let error = strict.create_with(Some(TOKEN), spec("b")).unwrap_err();
    assert_eq!(error.reason, Some(Reason::IdempotentParameterMismatchException));
    strict.create_with(Some(TOKEN), spec("a")).unwrap();

    for (after_delete, same) in
        [(TokenAfterDelete::Create, false), (TokenAfterDelete::AnswerDead, true)]
    {
        let mut world = with(TokenPolicy { after_delete, ..policy });
        let first = world.create_with(Some(TOKEN), spec("a")).unwrap();
        world.pass(2000);
        world.delete(&first).unwrap();
        world.pass(1500);
        let second = world.create_with(Some(TOKEN), spec("a")).unwrap();
        assert_eq!(second == first, same);
        assert_eq!(world.list(Page::default()).items.is_empty(), same);
    }

    let mut short = with(TokenPolicy { ttl: std::time::Duration::from_secs(5), ..policy });
    short.create_with(Some(TOKEN), spec("a")).unwrap();
    short.pass(5000);
    assert!(short.create_with(Some(TOKEN), spec("b")).is_ok());
}

#[test]
fn pages_hide_nothing_even_while_targets_go() {
    let mut world = World::new();
    let ids: Vec<String> = (0..5).map(|n| world.ready(&format!("t{n}"))).collect();
    let mut page = Page { max_results: Some(2), next_token: None };
    let first = world.list(page.clone());
    assert_eq!(first.items.len(), 2);
    world.state.erase("gw", &ids[1]).unwrap();
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
    let create = Call::CreateGateway { name: "Mine".into(), members: Map::new() };
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
        world.call(Call::CreateGateway { name: name.into(), members }).unwrap();
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

    world.state.erase("gw", &id).unwrap();
    assert_eq!(world.status(&id), "ResourceNotFoundException");
    let planted = world.state.plant(world.now, "gw", spec("a"), TargetStatus::Failed).unwrap();
    assert_eq!(world.status(&planted), "FAILED");
}
