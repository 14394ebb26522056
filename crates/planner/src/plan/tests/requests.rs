//! A person asks for a check (`reconcile-requested-at`).

use api::{FailureClass, REQUEST_ANNOTATION, Reason, SYNC_REQUEST_ANNOTATION, TargetStatus};

use super::aws::Fault;
use super::story::{NAME, Story};
use crate::is_asked;

/// The request that was answered last.
fn answered(story: &Story) -> Option<String> {
    story.server().status.as_ref()?.last_handled_reconcile_at.clone()
}

#[test]
fn a_check_that_is_asked_for_is_made_at_once_and_said() {
    let mut story = Story::given_ready_server();
    let begun = story.now;
    story
        .when_annotated(REQUEST_ANNOTATION, "noon")
        .when_settled()
        .then_steps(&["Read"])
        .then_writes_at_most(1)
        .then_ready();
    assert!(story.now.duration_since(begun) < jiff::SignedDuration::from_secs(3));
    assert_eq!(answered(&story).as_deref(), Some("noon"));
    story.when_restarted().when_settled().then_steps(&[]);
    story.when_annotated(REQUEST_ANNOTATION, "one").when_settled().then_steps(&["Read"]);
    assert_eq!(answered(&story).as_deref(), Some("one"));
}

/// They are remembered by the thousands.
#[test]
fn of_a_target_that_is_ready_no_reading_is_kept() {
    let mut story = Story::given_ready_server();
    let (gateway, target) = story.bound();
    story.when_annotated(REQUEST_ANNOTATION, "noon").when_settled().then_steps(&["Read"]);
    story.when_edited(|spec| spec.description = Some("changed".to_owned())).when_settled();
    assert!(story.memory.reading(&gateway, &target).is_none());
}

#[test]
fn what_a_person_asks_for_is_asked_until_it_is_done() {
    for annotation in [REQUEST_ANNOTATION, SYNC_REQUEST_ANNOTATION] {
        let mut story = Story::given_ready_server();
        assert!(!is_asked(story.server()));
        story.when_annotated(annotation, "noon");
        assert!(is_asked(story.server()), "{annotation}");
        story.when_settled();
        assert!(!is_asked(story.server()), "{annotation}");
    }
}

#[test]
fn a_check_that_is_asked_for_ends_a_pause() {
    let mut story = Story::given_server();
    for _ in 0..5 {
        story.given_fault("Create", Fault::Refused(FailureClass::Denied));
    }
    story.when_time_passes(30).then_waits_with(Reason::AccessDenied);
    story.aws.faults.clear();
    let begun = story.now;
    story.when_annotated(REQUEST_ANNOTATION, "noon").when_settled().then_ready();
    assert!(story.now.duration_since(begun) < jiff::SignedDuration::from_secs(10));
}

#[test]
fn a_check_of_what_cannot_work_is_answered_as_well() {
    let mut story = Story::given_server();
    story.when_edited(|spec| spec.capabilities.clear()).when_settled();
    story.when_annotated(REQUEST_ANNOTATION, "noon").when_settled();
    assert_eq!(answered(&story).as_deref(), Some("noon"));
}

/// What lists do not show, because `updatedAt` has not moved, a check that is asked for finds.
#[test]
fn a_check_that_is_asked_for_compares_the_configuration() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    let updated_at = story.aws.now(&target, story.now).unwrap().summary.updated_at;
    story.when_target_is_changed(|target| {
        target.definition.as_mut().unwrap().endpoint.push_str("/drifted");
    });
    story.aws.meddle_dated(&target, story.now, updated_at);
    story.when_time_passes(600).then_steps(&[]);
    story.when_annotated(REQUEST_ANNOTATION, "noon").when_settled().then_ready();
}

/// What was read before somebody asked does not answer it, be its date the same.
#[test]
fn a_check_that_is_asked_for_does_not_rely_on_what_was_read_before() {
    let mut story = Story::given_ready_server();
    story.when_target_is_changed(|_| {}).when_time_passes(90).then_steps(&["Read"]);
    let target = story.bound();
    let updated_at = story.aws.now(&target, story.now).unwrap().summary.updated_at;
    story.when_target_is_changed(|target| {
        target.definition.as_mut().unwrap().endpoint.push_str("/drifted");
    });
    story.aws.meddle_dated(&target, story.now, updated_at);
    story.when_time_passes(600).then_steps(&[]);
    story.when_annotated(REQUEST_ANNOTATION, "noon").when_settled().then_ready();
}

#[test]
fn a_check_is_answered_only_when_the_gateway_has_been_looked_at() {
    let mut story = Story::given_server();
    story.given_stranger(NAME);
    story.when_time_passes(90).then_waits_with(Reason::NameConflict);
    story.when_annotated(REQUEST_ANNOTATION, "noon").when_due_is_done();
    assert_eq!(answered(&story), None, "what is known is from before");
    story.when_time_passes(90).then_waits_with(Reason::NameConflict);
    assert_eq!(answered(&story).as_deref(), Some("noon"));
}

#[test]
fn a_check_is_answered_only_when_the_target_has_been_read() {
    let mut story = Story::given_ready_server();
    for _ in 0..3 {
        story.given_fault("Read", Fault::Refused(FailureClass::Denied));
    }
    story.when_annotated(REQUEST_ANNOTATION, "noon").when_time_passes(5);
    story.then_waits_with(Reason::AccessDenied);
    assert_eq!(answered(&story), None);
    story.when_settled().then_ready();
    assert_eq!(answered(&story).as_deref(), Some("noon"));
}

/// It may have changed since it was seen last.
#[test]
fn a_check_looks_before_anything_is_done() {
    let mut story = Story::given_ready_server();
    story.given_fault("Update", Fault::FailsBehind);
    story.when_edited(|spec| spec.description = Some("changed".to_owned())).when_time_passes(15);
    story.then_waits_with(Reason::TargetFailed);
    story.steps.clear();
    story.when_target_is_changed(|target| target.summary.status = TargetStatus::Ready);
    story.when_annotated(REQUEST_ANNOTATION, "noon").when_settled().then_steps(&["Read"]);
    story.then_ready();
}
