//! What AWS refuses to change in place, and what is made instead.

use api::{FailureClass, Intent, MCPServerStatus, Reason};

use super::aws::Fault;
use super::story::{Story, intent};

fn given_refusals() -> Story {
    let mut story = Story::given_ready_server();
    (0..10).for_each(|_| {
        story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
    });
    story
}

fn edit(story: &mut Story) -> &mut Story {
    story.when_edited(|spec| spec.description = Some("edited".to_owned()))
}

fn allow(story: &mut Story) -> &mut Story {
    story.when_edited(|spec| spec.replacement_policy = Some("Allow".to_owned()))
}

#[test]
fn a_target_that_serves_is_not_replaced_unless_that_is_allowed() {
    let mut story = given_refusals();
    let target = story.bound();
    edit(&mut story).when_time_passes(600);
    story.then_waits_with(Reason::TargetFailed).then_message_says("replacementPolicy Allow");
    story.then_message_says("serves on").then_condition("Stalled", Some("True"));
    assert!(!story.steps.contains(&"Delete"));
    story.then_target_is(&target);

    // What cannot be had is taken back.
    story.aws.faults.clear();
    story.when_edited(|spec| spec.description = None).when_settled();
    story.then_target_is(&target).then_ready();
}

#[test]
fn what_is_allowed_is_replaced_with_one_delete_and_one_create() {
    let mut story = given_refusals();
    let target = story.bound();
    allow(&mut story).when_settled().then_ready();
    story.steps.clear();
    edit(&mut story).when_taken("Delete").then_waits_with(Reason::Creating);
    story.then_message_says("another is made instead");
    story.when_settled().then_ready();
    assert_ne!(story.bound(), target);
    let count = |name| story.steps.iter().filter(|step| **step == name).count();
    assert_eq!((count("Delete"), count("Create")), (1, 1));
    story.aws.faults.clear();
    story.then_ends_as_written();
}

#[test]
fn where_the_name_permits_the_old_target_serves_until_the_new_one_does() {
    let mut story = given_refusals();
    let target = story.bound();
    allow(&mut story).when_settled();
    story.steps.clear();
    story.when_edited(|spec| spec.target_name = Some("climate".to_owned())).when_taken("Bind");
    assert!(!story.steps.contains(&"Delete"));
    assert!(story.aws.now(&target, story.now).is_some(), "it still serves");
    story.when_settled().then_ready();
    assert_ne!(story.bound(), target);
    story.aws.faults.clear();
    story.then_ends_as_written();
}

#[test]
fn a_replacement_that_is_taken_back_ends_well() {
    let mut story = given_refusals();
    allow(&mut story).when_settled();
    story.when_edited(|spec| spec.target_name = Some("climate".to_owned()));
    story.when_taken("RecordIntent");
    story.aws.faults.clear();
    story.when_edited(|spec| spec.target_name = None).then_ends_as_written();
}

#[test]
fn what_aws_refuses_for_another_reason_is_not_replaced() {
    for class in [FailureClass::Denied, FailureClass::WrongState, FailureClass::Throttled] {
        let mut story = Story::given_ready_server();
        let target = story.bound();
        allow(&mut story).when_settled();
        (0..4).for_each(|_| {
            story.given_fault("Update", Fault::Refused(class));
        });
        edit(&mut story).when_settled().then_target_is(&target).then_ready();
    }
}

/// The status can remember eight targets that it has left: the schema refuses one more, and what cannot
/// be bound is leaked.
#[test]
fn another_is_made_only_while_what_it_leaves_can_be_remembered() {
    let mut story = Story::given_ready_server();
    (0..2_000).for_each(|_| {
        story.given_fault("Delete", Fault::Refused(FailureClass::Denied));
        story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
    });
    allow(&mut story);
    for number in 2..10 {
        story.when_edited(|spec| spec.gateway_id = Some(format!("gateway-{number}")));
        story.when_time_passes(30);
    }
    assert_eq!(story.server().status.as_ref().unwrap().retired.len(), 8);
    story.when_edited(|spec| spec.target_name = Some("climate".to_owned())).when_time_passes(300);
    story.then_waits_with(Reason::AccessDenied);
    story.aws.faults.clear();
    story.then_ends_as_written();
}

/// What is seen to serve for the first time has been ready, from this very decision on.
#[test]
fn a_target_that_comes_to_serve_while_an_update_is_refused_has_been_ready() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::FailsBehind).when_time_passes(10);
    story.given_fault("Update", Fault::LostAfter);
    story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
    story.when_edited(|spec| spec.description = Some("changed".to_owned())).when_time_passes(60);
    story.then_ends_as_written();
}

/// A target of ours under the name that another has an intent for would be taken for the other's.
#[test]
fn a_successor_waits_for_a_name_that_another_resource_claims() {
    for vanishes in [false, true] {
        let mut story = given_refusals();
        let mut rival = story.server().clone();
        rival.metadata.namespace = Some("elsewhere".to_owned());
        rival.metadata.uid = Some("uid-0".to_owned());
        rival.spec.target_name = Some("climate".to_owned());
        let intent = Intent { name: "climate".to_owned(), ..intent() };
        rival.status = Some(MCPServerStatus { intent: Some(intent), ..MCPServerStatus::default() });
        story.others.push(rival);
        if vanishes {
            story.when_target_vanishes();
        }
        story.when_edited(|spec| {
            spec.replacement_policy = Some("Allow".to_owned());
            spec.target_name = Some("climate".to_owned());
        });
        story.when_time_passes(120);
        story.assert(!story.steps.contains(&"RecordIntent"), "it intends what another intends");
        story
            .then_waits_with(Reason::NameConflict)
            .then_message_says("MCPServer elsewhere/weather");
    }
}
