use api::{MCPServerSpec, MCPServerStatus, ToolSync, WorkloadRef};
use futures::FutureExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::api::ObjectMeta;

use super::*;
use crate::workloads::Kind;

fn policy() -> Policy {
    Policy {
        default_gateway: Some(GatewayId::from("gw")),
        consistency_window: std::time::Duration::ZERO,
        stale_after: std::time::Duration::ZERO,
        account: None,
        region: "us-east-1".to_owned(),
        allow_adoption: false,
        tool_sync_settle: std::time::Duration::ZERO,
    }
}

fn server(namespace: &str, name: &str, version: u64) -> MCPServer {
    MCPServer {
        metadata: ObjectMeta {
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            uid: Some(format!("uid-{namespace}-{name}")),
            generation: Some(1),
            resource_version: Some(version.to_string()),
            ..ObjectMeta::default()
        },
        spec: MCPServerSpec {
            endpoint: "https://example.com".to_owned(),
            capabilities: vec!["tools".to_owned()],
            target_name: Some("weather".to_owned()),
            oauth_provider_arn: Some("arn:aws:bedrock-agentcore:::x".to_owned()),
            ..MCPServerSpec::default()
        },
        status: None,
    }
}

fn key(namespace: &str, name: &str) -> Key {
    Key::new(namespace, name)
}

fn fleet() -> Fleet {
    Fleet::new(policy(), [Scope(None)])
}

#[test]
fn our_own_status_writes_wake_nobody() {
    let fleet = fleet();
    assert_eq!(fleet.seen(server("a", "x", 1)), HashSet::from([key("a", "x")]));
    let mut written = server("a", "x", 2);
    written.status =
        Some(MCPServerStatus { observed_generation: Some(1), ..MCPServerStatus::default() });
    assert_eq!(fleet.refreshed(written.clone()), HashSet::new());
    assert_eq!(fleet.seen(written), HashSet::new(), "the watch repeats what we wrote");
    let mut edited = server("a", "x", 3);
    edited.metadata.generation = Some(2);
    assert_eq!(fleet.seen(edited), HashSet::from([key("a", "x")]));
}

#[test]
fn who_loses_its_status_is_woken() {
    let fleet = fleet();
    fleet.seen(server("a", "x", 1));
    let mut written = server("a", "x", 2);
    let ready = Condition {
        type_: "Ready".to_owned(),
        status: "True".to_owned(),
        reason: "GatewayTargetReady".to_owned(),
        message: String::new(),
        observed_generation: Some(1),
        last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
    };
    written.status = Some(MCPServerStatus { conditions: vec![ready], ..Default::default() });
    fleet.refreshed(written);
    assert_eq!(fleet.seen(server("a", "x", 3)), HashSet::from([key("a", "x")]));
}

#[test]
fn it_never_goes_back() {
    let fleet = fleet();
    fleet.seen(server("a", "x", 1));
    fleet.refreshed(server("a", "x", 5));
    assert_eq!(fleet.seen(server("a", "x", 3)), HashSet::new());
    let held = fleet.get(&key("a", "x")).unwrap();
    assert_eq!(held.metadata.resource_version.as_deref(), Some("5"));
}

/// After a CRD was replaced: the same version, without the fields that the older one does not know.
#[test]
fn an_answer_goes_before_a_watch_of_an_older_crd() {
    let fleet = fleet();
    fleet.seen(server("a", "x", 1));
    let mut written = server("a", "x", 2);
    let status = MCPServerStatus { target_id: Some("T".to_owned()), ..Default::default() };
    written.status = Some(status.clone());
    for _ in 0..2 {
        fleet.seen(server("a", "x", 2));
        fleet.refreshed(written.clone());
        assert_eq!(fleet.get(&key("a", "x")).unwrap().status.as_ref(), Some(&status));
    }
}

#[test]
fn a_late_answer_does_not_bring_back_who_is_gone() {
    let fleet = fleet();
    fleet.seen(server("a", "x", 1));
    fleet.left(&server("a", "x", 1));
    fleet.refreshed(server("a", "x", 2));
    assert!(fleet.get(&key("a", "x")).is_none());
    let mut heard = None;
    fleet.tell_needed(|| true, |needed| heard = Some(needed.gateways.clone()));
    assert_eq!(heard, Some(HashSet::new()));
}

/// The watch can show the next one before our last write to the one before it has been answered.
#[test]
fn who_comes_again_under_the_same_name_does_not_leave_with_the_one_before() {
    let fleet = fleet();
    let first = server("a", "x", 1);
    fleet.seen(first.clone());
    fleet.left(&server("a", "x", 1));
    let mut second = server("a", "x", 2);
    second.metadata.uid = Some("another".to_owned());
    fleet.seen(second);
    assert_eq!(fleet.left(&first), HashSet::new());
    assert!(fleet.get(&key("a", "x")).is_some());
}

#[test]
fn rivals_hear_of_each_other() {
    let fleet = fleet();
    fleet.seen(server("a", "x", 1));
    let woken = fleet.seen(server("b", "y", 2));
    assert_eq!(woken, HashSet::from([key("a", "x"), key("b", "y")]));
    let rivals =
        |key: &Key| fleet.rivals(key, &Claim::of(&fleet.get(key).unwrap(), &fleet.policy()));
    let of_x = rivals(&key("a", "x"));
    assert_eq!(of_x.len(), 1);
    assert_eq!(of_x[0].owner.name, "b/y");
    assert_eq!(fleet.left(&server("a", "x", 1)), HashSet::from([key("b", "y")]));
    assert!(rivals(&key("b", "y")).is_empty());
}

#[test]
fn an_observation_concerns_those_who_claim_the_target_or_its_name() {
    let fleet = fleet();
    fleet.seen(server("a", "x", 1));
    let observation = |gateway: &str, name: &str| Observation {
        gateway: GatewayId::from(gateway),
        changed: vec![(TargetId::from("T"), name.to_owned())],
        outlook_changed: false,
    };
    assert_eq!(fleet.concerned(&observation("gw", "weather")), HashSet::from([key("a", "x")]));
    assert_eq!(fleet.concerned(&observation("gw", "other")), HashSet::new());
    assert_eq!(fleet.concerned(&observation("gw-2", "weather")), HashSet::new());
}

#[test]
fn a_new_list_tells_who_is_gone_in_its_scope() {
    let scopes = ["a", "b"].map(|namespace| Scope(Some(namespace.to_owned())));
    let fleet = Fleet::new(policy(), scopes.clone());
    fleet.listing_begins(&scopes[0]);
    fleet.seen(server("a", "x", 1));
    fleet.listing_ends(&scopes[0]);
    assert!(!fleet.is_synced());
    assert_eq!(fleet.synced().now_or_never(), None, "who is not known yet may go before others");
    fleet.listing_begins(&scopes[1]);
    fleet.seen(server("b", "y", 2));
    fleet.listing_ends(&scopes[1]);
    assert!(fleet.is_synced());
    assert_eq!(fleet.synced().now_or_never(), Some(()));
    fleet.listing_begins(&scopes[0]);
    let woken = fleet.listing_ends(&scopes[0]);
    assert_eq!(woken, HashSet::from([key("a", "x"), key("b", "y")]));
    assert_eq!(fleet.keys(), [key("b", "y")]);
}

fn naming(namespace: &str, name: &str, version: u64, kind: &str, workload: &str) -> MCPServer {
    let mut server = server(namespace, name, version);
    let workload_ref = WorkloadRef { kind: kind.to_owned(), name: workload.to_owned() };
    let sync = ToolSync { workload_ref: Some(workload_ref), interval: None };
    server.spec.tool_sync = Some(Box::new(sync));
    server.spec.target_name = Some(name.to_owned());
    server
}

#[test]
fn news_of_a_workload_concern_those_who_name_it() {
    let fleet = fleet();
    fleet.seen(naming("a", "x", 1, "Deployment", " web "));
    fleet.seen(naming("a", "y", 2, "Deployment", "other"));
    fleet.seen(naming("a", "z", 3, "StatefulSet", "web"));
    fleet.seen(naming("b", "x", 4, "Deployment", "web"));
    let place = Place { namespace: "a".to_owned(), kind: Kind::Deployment };
    let of = |name: &str| News::Of(vec![name.to_owned()]);
    assert_eq!(fleet.naming(&place, &of("web")), HashSet::from([key("a", "x")]));
    assert_eq!(fleet.naming(&place, &of("new")), HashSet::new());
    let all = HashSet::from([key("a", "x"), key("a", "y")]);
    assert_eq!(fleet.naming(&place, &News::All), all);
}

#[test]
fn workloads_are_needed_where_one_is_named() {
    let fleet = fleet();
    let mut heard = HashSet::new();
    let mut places = || {
        fleet.tell_needed(|| true, |needed| heard.clone_from(&needed.places));
        heard.clone()
    };
    let place = |namespace: &str, kind| Place { namespace: namespace.to_owned(), kind };
    fleet.seen(server("a", "plain", 1));
    assert_eq!(places(), HashSet::new());
    fleet.seen(naming("a", "x", 1, "Deployment", "web"));
    fleet.seen(naming("a", "y", 1, "Deployment", "web"));
    assert_eq!(places(), HashSet::from([place("a", Kind::Deployment)]));
    fleet.left(&server("a", "y", 1));
    fleet.seen(naming("a", "x", 2, "StatefulSet", "web"));
    assert_eq!(places(), HashSet::from([place("a", Kind::StatefulSet)]));
    let mut invalid = naming("a", "x", 3, "StatefulSet", "web");
    invalid.spec.capabilities.clear();
    fleet.seen(invalid);
    assert_eq!(places(), HashSet::new(), "of what is not valid nothing is done");
    let mut leaving = naming("a", "x", 4, "StatefulSet", "web");
    leaving.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
    fleet.seen(leaving);
    assert_eq!(places(), HashSet::new(), "who goes asks for no tools");
    assert_eq!(fleet.workload_of(&key("a", "x")), None);
}

#[test]
fn no_gateway_is_looked_at_for_what_belongs_to_another_account() {
    let fleet = fleet();
    let mut bound = server("a", "x", 1);
    bound.status = Some(MCPServerStatus {
        gateway_id: Some("gw".to_owned()),
        gateway_arn: Some("arn:aws:bedrock-agentcore:us-east-1:210987654321:gateway/gw".to_owned()),
        target_id: Some("T".to_owned()),
        target_name: Some("weather".to_owned()),
        ..MCPServerStatus::default()
    });
    fleet.seen(bound);
    let looked_at = || {
        let mut heard = None;
        fleet.tell_needed(|| true, |needed| heard = Some(needed.gateways.clone()));
        heard
    };
    assert_eq!(looked_at(), Some(HashSet::from([GatewayId::from("gw")])), "it may be ours");
    fleet.works_in("123456789012".to_owned());
    assert_eq!(looked_at(), Some(HashSet::new()));
    let rival = server("b", "y", 2);
    let claims = Claim::of(&rival, &fleet.policy());
    assert_eq!(fleet.rivals(&Key::of(&rival), &claims).len(), 2, "its claims are respected");
}

#[test]
fn what_is_needed_is_told_when_it_changes() {
    let fleet = fleet();
    let told = |works| {
        let mut heard = None;
        fleet.tell_needed(|| works, |needed| heard = Some(needed.gateways.len()));
        heard
    };
    assert_eq!(told(true), Some(0));
    fleet.seen(server("a", "x", 1));
    assert_eq!(told(true), Some(1));
    fleet.refreshed(server("a", "x", 2));
    assert_eq!(told(true), None, "it claims what it claimed");
    assert_eq!(told(false), Some(0), "who stands by looks at no gateway");
    assert_eq!(told(true), Some(1));
    // Were it asked before, who has just taken up the work could be told of as standing by.
    let is_held = || fleet.state.try_lock().is_err();
    fleet.tell_needed(|| !is_held(), |needed| assert!(needed.gateways.is_empty()));
    assert_eq!(told(true), Some(1));
}

#[test]
fn a_request_for_the_tools_wakes_the_resource() {
    let fleet = fleet();
    fleet.seen(server("a", "x", 1));
    let mut asking = server("a", "x", 2);
    let annotation = (api::SYNC_REQUEST_ANNOTATION.to_owned(), "now".to_owned());
    asking.metadata.annotations = Some([annotation].into());
    assert_eq!(fleet.seen(asking), HashSet::from([key("a", "x")]));
}

#[test]
fn a_glance_shows_everybody_once() {
    let fleet = fleet();
    for number in 0..250 {
        fleet.seen(server("a", &format!("x{number}"), 1));
    }
    let mut seen = HashSet::new();
    fleet.glance(|key, server| {
        assert_eq!(Key::of(server), *key);
        assert!(seen.insert(key.clone()), "{key} is shown twice");
    });
    assert_eq!(seen.len(), 250);
}

#[test]
fn what_cannot_be_read_counts_as_that_until_it_can_be_or_goes() {
    let fleet = fleet();
    let pending = ["Ready", "Unknown", "Pending"];
    let unreadable = ["Ready", "False", "Unreadable"];
    fleet.seen(server("a", "x", 1));
    fleet.unreadable(&key("a", "x"));
    fleet.unreadable(&key("a", "x"));
    fleet.unreadable(&key("a", "y"));
    assert_eq!(fleet.tally(), HashMap::from([(unreadable, 2)]));
    assert!(fleet.get(&key("a", "x")).is_some(), "what was known of it is all that is");
    fleet.seen(server("a", "x", 2));
    assert_eq!(fleet.tally(), HashMap::from([(unreadable, 1), (pending, 1)]));
    assert_eq!(fleet.unreadables(), [(key("a", "y"), Obstacle::Form)]);
    fleet.left(&server("a", "y", 1));
    fleet.unreadable(&key("a", "z"));
    fleet.listing_begins(&Scope(None));
    fleet.seen(server("a", "x", 2));
    fleet.listing_ends(&Scope(None));
    assert_eq!(fleet.tally(), HashMap::from([(pending, 1)]));
    assert!(fleet.unreadables().is_empty());
    fleet.unreadable(&key("a", "x"));
    fleet.left(&server("a", "x", 1));
    assert!(fleet.tally().is_empty() && fleet.unreadables().is_empty());
}
