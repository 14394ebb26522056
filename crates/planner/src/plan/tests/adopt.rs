//! Targets that a resource asks to take over, and those of which only an annotation tells.

use api::{ADOPT_ANNOTATION, FailureClass, Reason, TARGET_ANNOTATION};

use super::aws::{Fault, Identity};
use super::story::{GATEWAY, NAME, OTHER_GATEWAY, Story};

/// A resource that asks for a stranger's target.
fn given_request(name: &str, allowed: bool) -> (Story, Identity) {
    let mut story = Story::given_server();
    story.policy.allow_adoption = allowed;
    let stranger = story.given_stranger(name);
    story.when_annotated(ADOPT_ANNOTATION, stranger.1.as_str());
    (story, stranger)
}

#[test]
fn a_target_is_taken_over_on_request_and_brought_into_line() {
    for name in [NAME, "another"] {
        let (mut story, target) = given_request(name, true);
        story.adopted.push(target.clone());
        story.when_settled().then_target_is(&target).then_ready();
        assert!(!story.steps.contains(&"Create"), "{:?}", story.steps);
        story.steps.clear();
        story.when_time_passes(600).then_steps(&[]);
    }
}

#[test]
fn without_permission_nothing_is_touched_and_nothing_is_made() {
    for name in [NAME, "another"] {
        let (mut story, target) = given_request(name, false);
        story.when_time_passes(900).then_waits_with(Reason::NotPermitted);
        story.then_message_says(target.1.as_str()).then_message_says("--allow-adoption");
        story.then_condition("Accepted", Some("False")).then_condition("Stalled", Some("True"));
        assert_eq!(story.aws.all(story.now).count(), 1);
        story.when_deleted().when_settled();
        assert!(story.server.is_none() && story.aws.now(&target, story.now).is_some());
    }
}

#[test]
fn a_target_that_another_resource_has_is_not_taken_over() {
    let (mut story, target) = given_request("another", true);
    let mut other = story.server().clone();
    other.metadata.uid = Some("uid-2".to_owned());
    other.metadata.name = Some("other".to_owned());
    other.status = Some(api::MCPServerStatus {
        gateway_id: Some(GATEWAY.to_owned()),
        target_id: Some(target.1.0.clone()),
        ..Default::default()
    });
    story.others.push(other);
    story
        .when_time_passes(90)
        .then_waits_with(Reason::NameConflict)
        .then_message_says("MCPServer default/other");
}

#[test]
fn a_target_that_does_not_exist_is_said_to_be_unknown() {
    let mut story = Story::given_server();
    story.policy.allow_adoption = true;
    story
        .when_annotated(ADOPT_ANNOTATION, "NOSUCH0001")
        .when_time_passes(90)
        .then_waits_with(Reason::ValidationError)
        .then_message_says(ADOPT_ANNOTATION);
    story.server.as_mut().unwrap().metadata.annotations = None;
    story.due = true;
    story.when_settled().then_ready();
}

#[test]
fn a_bound_resource_asks_for_nothing() {
    let mut story = Story::given_ready_server();
    let (target, stranger) = (story.bound(), story.given_stranger("another"));
    story.policy.allow_adoption = true;
    story.when_annotated(ADOPT_ANNOTATION, stranger.1.as_str());
    story.when_settled().then_steps(&[]).then_target_is(&target).then_ready();
}

#[test]
fn a_crash_at_any_point_of_a_takeover_does_no_harm() {
    for steps in 0..7 {
        let (mut story, target) = given_request("another", true);
        story.adopted.push(target.clone());
        story.when_process_dies_after(steps).when_settled().then_target_is(&target).then_ready();
    }
}

#[test]
fn a_restored_resource_gets_its_target_back_where_that_is_allowed() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story.policy.allow_adoption = true;
    story
        .when_restored()
        .when_settled()
        .then_steps(&["Read", "Bind"])
        .then_target_is(&target)
        .then_ready();
}

#[test]
fn a_restored_resource_makes_no_second_target() {
    // Not even when it would go by another name.
    for name in [NAME, "another"] {
        let mut story = Story::given_ready_server();
        let target = story.bound();
        story
            .when_restored()
            .when_edited(|spec| spec.target_name = Some(name.to_owned()))
            .when_time_passes(900)
            .then_steps(&[])
            .then_waits_with(Reason::NameConflict)
            .then_message_says(target.1.as_str())
            .then_message_says("--allow-adoption")
            .then_message_says(TARGET_ANNOTATION);
        assert_eq!(story.ours_alive(), std::slice::from_ref(&target));
        // An administrator allows it, and starts the operator anew.
        story.policy.allow_adoption = true;
        story.when_restarted().when_settled().then_target_is(&target).then_ready();
    }
}

#[test]
fn a_restored_resource_whose_target_is_gone_gets_another() {
    for allowed in [false, true] {
        let mut story = Story::given_ready_server();
        let target = story.bound();
        story.policy.allow_adoption = allowed;
        story.when_target_vanishes().when_restored().when_settled().then_ready();
        assert_ne!(story.bound(), target);
    }
}

/// Whoever copies a manifest copies the annotation, too.
#[test]
fn an_annotation_that_names_the_target_of_another_resource_asks_for_nothing() {
    for allowed in [false, true] {
        let mut story = Story::given_ready_server();
        let (target, original) = (story.bound(), story.server().clone());
        story.policy.allow_adoption = allowed;
        story.adopted.push(target.clone());
        story.others.push(original);
        story
            .when_restored()
            .when_edited(|spec| spec.gateway_id = Some(OTHER_GATEWAY.to_owned()))
            .when_settled();
        story.then_waits_with(Reason::GatewayTargetReady);
        assert_ne!(story.bound(), target);
    }
}

#[test]
fn a_resource_without_records_is_not_let_go_while_its_target_may_live() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story.when_restored().when_deleted().when_time_passes(900);
    story.then_waits_with(Reason::NameConflict);
    assert_eq!(story.ours_alive(), [target]);
    // An administrator allows it, and starts the operator anew.
    story.policy.allow_adoption = true;
    story.when_restarted().when_settled().then_gone();
}

#[test]
fn a_resource_without_records_can_be_let_go_with_its_target() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story.when_restored().when_deleted().when_time_passes(60);
    story.when_edited(|spec| spec.deletion_policy = Some("Retain".to_owned())).when_settled();
    assert!(story.server.is_none() && story.aws.now(&target, story.now).is_some());
}

/// Whether it lives cannot be told, so nothing is let go and nothing is made.
#[test]
fn a_resource_without_records_waits_for_a_gateway_that_cannot_be_seen() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story.aws.blind = Some(FailureClass::Denied);
    story.when_restored().when_deleted().when_time_passes(600);
    story.then_waits_with(Reason::AccessDenied);
    assert_eq!(story.ours_alive(), [target]);
}

#[test]
fn a_resource_without_records_is_let_go_when_its_gateway_is_gone() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story.when_restored().when_deleted();
    story.aws.vanish(&target, story.now);
    story.aws.missing.push(GATEWAY.into());
    story.when_settled().then_gone();
}

/// A List can lag for long: what a Get finds is there.
#[test]
fn a_target_that_only_a_get_shows_is_waited_for() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story.given_quirks(|quirks| quirks.list_lag = std::time::Duration::from_hours(1));
    story.policy.allow_adoption = true;
    story.when_restored().when_time_passes(120).then_waits_with(Reason::Creating);
    assert_eq!(story.ours_alive(), std::slice::from_ref(&target));
    story.given_quirks(|quirks| quirks.list_lag = std::time::Duration::ZERO);
    story.when_settled().then_target_is(&target).then_ready();
}

/// What a bound resource once asked for is nothing that it claims.
#[test]
fn an_old_request_of_another_resource_stands_in_nobodys_way() {
    let (mut story, target) = given_request("another", true);
    story.adopted.push(target.clone());
    let mut other = story.server().clone();
    other.metadata.uid = Some("uid-2".to_owned());
    other.metadata.creation_timestamp = None;
    other.status = Some(api::MCPServerStatus {
        gateway_id: Some(GATEWAY.to_owned()),
        target_id: Some("TARGET9999".to_owned()),
        ..Default::default()
    });
    other.spec.target_name = Some("yet-another".to_owned());
    story.others.push(other);
    story.when_settled().then_target_is(&target).then_ready();
}

/// People, backups and other tools leave empty strings.
#[test]
fn an_empty_record_is_no_target() {
    let (mut story, target) = given_request("another", true);
    story.adopted.push(target.clone());
    story.server.as_mut().unwrap().status =
        Some(api::MCPServerStatus { target_id: Some(String::new()), ..Default::default() });
    story.when_settled().then_target_is(&target).then_ready();
}

#[test]
fn half_an_annotation_asks_for_nothing() {
    for half in ["gateway-1/", "/TARGET0001", "TARGET0001"] {
        let mut story = Story::given_server();
        story.when_annotated(TARGET_ANNOTATION, half).when_settled().then_ready();
        story.then_steps(&["AddFinalizer", "RecordIntent", "Create", "Bind", "Annotate"]);
    }
}

/// What it once left behind, and takes back: it must not be deleted as what was left.
#[test]
fn a_target_that_it_had_left_is_kept_once_it_is_taken_over() {
    let mut story = Story::given_ready_server();
    let left = story.bound();
    story.policy.allow_adoption = true;
    (0..1_000).for_each(|_| {
        story.given_fault("Delete", Fault::Refused(FailureClass::Denied));
    });
    story.when_edited(|spec| spec.gateway_id = Some(OTHER_GATEWAY.to_owned())).when_taken("Delete");
    // What it has now is lost, and its name is another's.
    let (gateway, lost) = story.bound();
    story.aws.vanish(&(gateway.clone(), lost), story.now);
    let definition = story.desired();
    story.aws.put(&gateway, &definition, story.now, true).unwrap();
    story.when_time_passes(120).then_waits_with(Reason::NameConflict);
    story.when_annotated(ADOPT_ANNOTATION, left.1.as_str());
    story.adopted.push(left.clone());
    story.when_edited(|spec| spec.gateway_id = Some(GATEWAY.to_owned())).when_time_passes(60);
    story.aws.faults.clear();
    story.when_time_passes(60).when_settled().then_target_is(&left).then_ready();
}

/// It asked for nothing while there was a target, and what is remembered goes before it.
#[test]
fn an_old_request_does_not_cost_a_restored_resource_its_target() {
    for allowed in [false, true] {
        let mut story = Story::given_ready_server();
        story.policy.allow_adoption = allowed;
        let own = story.bound();
        let stranger = story.given_stranger("another");
        story.when_annotated(ADOPT_ANNOTATION, stranger.1.as_str()).when_time_passes(60);
        story.when_restored().when_time_passes(300);
        if allowed {
            story.then_ready().then_target_is(&own);
        } else {
            story.then_waits_with(Reason::NameConflict).then_message_says(own.1.as_str());
        }
    }
}
