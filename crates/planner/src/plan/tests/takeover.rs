//! Resources that carry another operator's finalizer and status, or another version's records.

use api::{FailureClass, MCPServerStatus, Reason};

use super::aws::{self, Fault, Identity};
use super::story::{GATEWAY, NAME, Story, WINDOW};

/// As the Go operator leaves a resource: its finalizer and the target, none of our records.
pub(super) fn given_left_by_the_go_operator() -> (Story, Identity) {
    let mut story = Story::given_server();
    let definition = story.desired();
    let made = story.now - jiff::SignedDuration::from_hours(1);
    let target = story.aws.put(&GATEWAY.into(), &definition, made, true).unwrap();
    story.adopted.push(target.clone());
    let server = story.server.as_mut().unwrap();
    server.metadata.finalizers = Some(vec![api::FINALIZER.to_owned()]);
    server.status = Some(MCPServerStatus {
        observed_generation: Some(1),
        target_id: Some(target.1.0.clone()),
        gateway_arn: Some(aws::arn(&GATEWAY.into())),
        target_status: Some("READY".to_owned()),
        ..MCPServerStatus::default()
    });
    (story, target)
}

#[test]
fn it_is_taken_over_without_a_write_to_aws() {
    let (mut story, target) = given_left_by_the_go_operator();
    // Its gateway is where the target is, whatever the default says now.
    story.policy.default_gateway = Some("another".into());
    story.when_settled().then_steps(&["Annotate", "Read"]).then_target_is(&target);
    story.then_waits_with(Reason::GatewayTargetReady).then_writes_at_most(2);
    let status = story.server().status.as_ref().unwrap();
    assert_eq!(status.gateway_id.as_deref(), Some(GATEWAY), "it was told by the ARN alone");
    story.when_time_passes(600).then_steps(&[]);
}

#[test]
fn what_differs_is_repaired_once_that_is_certain() {
    let (mut story, target) = given_left_by_the_go_operator();
    let begun = story.now;
    story
        .when_edited(|spec| spec.description = Some("changed".to_owned()))
        .when_taken("Update")
        .then_target_is(&target);
    assert!(story.now.duration_since(begun) >= jiff::SignedDuration::try_from(WINDOW).unwrap());
    story.when_settled().then_waits_with(Reason::GatewayTargetReady);
}

#[test]
fn its_target_goes_with_its_resource() {
    let (mut story, target) = given_left_by_the_go_operator();
    story.when_deleted().when_settled().then_gone();
    assert!(story.aws.now(&target, story.now).is_none());
}

/// A fingerprint of another scheme says nothing: the target is read and compared, not updated.
#[test]
fn the_records_of_another_version_are_no_difference() {
    let mut story = Story::given_ready_server();
    let status = story.server.as_mut().unwrap().status.as_mut().unwrap();
    status.applied.as_mut().unwrap().fingerprint = "v0:whatever".to_owned();
    story.when_restarted().when_settled().then_steps(&["Read"]).then_ready();
}

/// People, backups and other tools leave empty strings.
/// It is sought where it would have been made, and not let go of on a guess.
#[test]
fn a_target_without_its_gateway_is_sought_where_it_would_have_been_made() {
    for deleted in [false, true] {
        let (mut story, target) = given_left_by_the_go_operator();
        story.server.as_mut().unwrap().status.as_mut().unwrap().gateway_arn = None;
        if deleted {
            story.when_deleted().when_settled().then_gone();
            continue;
        }
        story.when_settled().then_target_is(&target).then_waits_with(Reason::GatewayTargetReady);
        story.then_steps(&["Annotate", "Read"]);
        story.when_deleted().when_settled().then_gone();
    }
}

#[test]
fn empty_records_are_none() {
    let mut story = Story::given_server();
    story.server.as_mut().unwrap().status = Some(MCPServerStatus {
        target_id: Some(String::new()),
        gateway_id: Some(String::new()),
        gateway_arn: Some(String::new()),
        ..MCPServerStatus::default()
    });
    story.when_settled().then_ready();
}

#[test]
fn a_target_without_its_gateway_is_sought_where_the_resource_says() {
    for (named, default) in [(GATEWAY, "another"), (" ", GATEWAY)] {
        let (mut story, target) = given_left_by_the_go_operator();
        story.server.as_mut().unwrap().status.as_mut().unwrap().gateway_arn = None;
        story.policy.default_gateway = Some(default.into());
        story.when_edited(|spec| spec.gateway_id = Some(named.to_owned()));
        story.when_deleted().when_settled().then_gone();
        assert!(story.aws.now(&target, story.now).is_none(), "{named}");
    }
}

/// Kubernetes counts a deletion as a generation, which is no edit.
#[test]
fn what_an_intent_of_another_version_made_goes_with_its_resource() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::LostAfter).when_taken("Create");
    let status = story.server.as_mut().unwrap().status.as_mut().unwrap();
    status.intent.as_mut().unwrap().fingerprint = "v0:whatever".to_owned();
    story.when_restarted().when_deleted().when_settled().then_gone();
    // Nobody has edited it, so what is there is known for ours without another question.
    assert_eq!(story.steps.iter().filter(|step| **step == "Create").count(), 1);
}

/// It says nothing of what it was meant to make, so only what is written now can prove a target ours.
#[test]
fn an_intent_of_another_version_takes_no_stranger_for_ours() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::LostBefore).when_taken("Create");
    let status = story.server.as_mut().unwrap().status.as_mut().unwrap();
    status.intent.as_mut().unwrap().fingerprint = "v0:whatever".to_owned();
    story.given_stranger(NAME);
    story.when_restarted().when_settled().then_waits_with(Reason::NameConflict);
}

/// No gateway has an empty name: to look for one would keep the resource for ever.
#[test]
fn an_arn_that_names_no_gateway_is_none() {
    let (mut story, target) = given_left_by_the_go_operator();
    let arn = aws::arn(&"".into());
    story.server.as_mut().unwrap().status.as_mut().unwrap().gateway_arn = Some(arn);
    story.when_settled().then_target_is(&target).then_waits_with(Reason::GatewayTargetReady);
    story.when_deleted().when_settled().then_gone();
}

/// A status that tells the target alone: the annotation, which is written first, says where it is.
#[test]
fn a_target_without_the_arn_of_its_gateway_is_not_left_behind_by_its_successor() {
    let (mut story, _) = given_left_by_the_go_operator();
    story.server.as_mut().unwrap().status.as_mut().unwrap().gateway_arn = None;
    for _ in 0..10 {
        story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
    }
    story.when_edited(|spec| {
        spec.target_name = Some("climate".to_owned());
        spec.replacement_policy = Some("Allow".to_owned());
    });
    story.then_ends_as_written();
}
