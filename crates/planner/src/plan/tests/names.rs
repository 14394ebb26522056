//! A name that others hold or want.

use api::{FailureClass, MCPServer, Reason};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::aws::Fault;
use super::story::{GATEWAY, NAME, Story, intent};
use crate::fingerprint;
use crate::memory::later;

/// Another resource that asks for the same, from another namespace.
fn rival(story: &Story, younger_by: i64) -> MCPServer {
    let mut rival = story.server().clone();
    rival.status = None;
    rival.metadata.namespace = Some("elsewhere".to_owned());
    rival.metadata.uid = Some("uid-2".to_owned());
    let created = story.server().metadata.creation_timestamp.as_ref().unwrap().0;
    let created = created + jiff::SignedDuration::from_secs(younger_by);
    rival.metadata.creation_timestamp = Some(Time(created));
    rival
}

#[test]
fn a_strangers_target_is_never_touched() {
    let mut story = Story::given_server();
    let stranger = story.given_stranger(NAME);
    story
        .when_time_passes(900)
        .then_steps(&["AddFinalizer"])
        .then_waits_with(Reason::NameConflict)
        .then_message_says(stranger.1.as_str())
        .then_condition("Accepted", Some("False"))
        .then_writes_at_most(2);
    story.aws.vanish(&stranger, story.now);
    story.when_time_passes(60).when_settled().then_ready();
}

#[test]
fn a_conflict_does_not_keep_the_resource() {
    let mut story = Story::given_server();
    let stranger = story.given_stranger(NAME);
    story.when_time_passes(90).when_deleted().when_settled().then_gone();
    assert!(story.aws.now(&stranger, story.now).is_some());
}

#[test]
fn a_stranger_who_was_quicker_is_found_out_by_the_refusal() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::Refused(FailureClass::Conflict));
    story.when_due_is_done().then_waits_with(Reason::Queued);
    let stranger = story.given_stranger(NAME);
    story
        .when_time_passes(90)
        .then_waits_with(Reason::NameConflict)
        .then_message_says(stranger.1.as_str());
    story.aws.vanish(&stranger, story.now);
    story.when_time_passes(90).when_settled().then_ready();
}

/// A second cluster with the same manifest was quicker, and that was the answer: a process after this
/// one, which did not hear it, must not wonder whether its own attempt made that target.
#[test]
fn a_refusal_is_settled_before_the_process_ends() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::Refused(FailureClass::Conflict));
    story.when_due_is_done();
    let definition = story.desired();
    let theirs = story.aws.put(&GATEWAY.into(), &definition, story.now, true).unwrap();
    story.when_time_passes(30).then_waits_with(Reason::NameConflict);
    story.when_restarted().when_time_passes(90).then_waits_with(Reason::NameConflict);
    story.when_deleted().when_settled().then_gone();
    assert!(story.aws.now(&theirs, story.now).is_some());
}

/// Nothing was made before, and that was seen: what came meanwhile is not ours.
#[test]
fn a_late_attempt_begins_anew() {
    let mut story = Story::given_server();
    for _ in 0..20 {
        story.given_fault("Create", Fault::Refused(FailureClass::Throttled));
    }
    story.when_time_passes(400).then_waits_with(Reason::Queued);
    let definition = story.desired();
    let before = story.now - jiff::SignedDuration::from_mins(6);
    let theirs = story.aws.put(&GATEWAY.into(), &definition, before, true).unwrap();
    story.aws.faults.clear();
    story.when_restarted().when_time_passes(90).then_waits_with(Reason::NameConflict);
    story.when_deleted().when_settled().then_gone();
    assert!(story.aws.now(&theirs, story.now).is_some());
}

/// What was there before our attempt cannot have come from it.
#[test]
fn an_older_target_with_the_very_configuration_is_not_ours() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::LostBefore).when_taken("Create");
    let definition = story.desired();
    let begun = story.now - jiff::SignedDuration::from_mins(5);
    let stranger = story.aws.put(&GATEWAY.into(), &definition, begun, true).unwrap();
    story.when_time_passes(90).then_waits_with(Reason::NameConflict);
    story.when_deleted().when_settled().then_gone();
    assert!(story.aws.now(&stranger, story.now).is_some());
}

/// The operator was away for an hour, in which another cluster made the very same.
#[test]
fn a_target_with_the_very_configuration_that_came_long_after_the_attempt_is_not_ours() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::LostBefore).when_taken("Create");
    story.sights.clear();
    story.now = later(story.now, std::time::Duration::from_hours(1));
    let definition = story.desired();
    let stranger = story.aws.put(&GATEWAY.into(), &definition, story.now, true).unwrap();
    story.when_restarted().when_time_passes(90).then_waits_with(Reason::NameConflict);
    story.when_deleted().when_settled().then_gone();
    assert!(story.aws.now(&stranger, story.now).is_some());
}

/// An attempt that begins late says so first, and so what it made can still be proven.
#[test]
fn what_a_late_attempt_has_made_is_ours() {
    let mut story = Story::given_server();
    for _ in 0..8 {
        story.given_fault("Create", Fault::Refused(FailureClass::Throttled));
    }
    story.when_time_passes(120).then_waits_with(Reason::Queued);
    story.given_fault("Create", Fault::LostAfter).when_taken("Create");
    story.aws.faults.clear();
    story.when_restarted().when_settled().then_ready();
}

#[test]
fn a_younger_target_with_another_configuration_is_not_ours() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::LostBefore).when_taken("Create");
    let stranger = story.given_stranger(NAME);
    story.when_time_passes(90).then_waits_with(Reason::NameConflict);
    story.when_deleted().when_settled().then_gone();
    assert!(story.aws.now(&stranger, story.now).is_some());
}

#[test]
fn a_target_that_another_resource_has_is_not_ours() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::LostBefore).when_taken("Create");
    let definition = story.desired();
    let theirs = story.aws.put(&GATEWAY.into(), &definition, story.now, true).unwrap();
    let mut other = rival(&story, 60);
    other.status = Some(api::MCPServerStatus {
        gateway_id: Some(GATEWAY.to_owned()),
        target_id: Some(theirs.1.0.clone()),
        ..Default::default()
    });
    story.others.push(other);
    story
        .when_time_passes(90)
        .then_waits_with(Reason::NameConflict)
        .then_message_says("MCPServer elsewhere/weather");
}

#[test]
fn the_older_of_two_resources_gets_the_name() {
    let mut story = Story::given_server();
    story.others.push(rival(&story, 60));
    story.when_settled().then_ready();

    let mut story = Story::given_server();
    story.others.push(rival(&story, -60));
    story
        .when_settled()
        .then_steps(&["AddFinalizer"])
        .then_waits_with(Reason::NameConflict)
        .then_message_says("MCPServer elsewhere/weather");
    // The other goes: the operator wakes who wants the same.
    story.others.clear();
    story.due = true;
    story.when_settled().then_ready();
}

/// Whoever has it, or is about to, goes before whoever only wants it, of whatever age.
#[test]
fn an_intent_goes_before_an_older_wish() {
    let mut story = Story::given_server();
    let mut other = rival(&story, 60);
    other.status = Some(api::MCPServerStatus { intent: Some(intent()), ..Default::default() });
    story.others.push(other);
    story.when_settled().then_steps(&["AddFinalizer"]).then_waits_with(Reason::NameConflict);
}

#[test]
fn a_name_that_is_being_given_up_is_waited_for() {
    let mut story = Story::given_server();
    let stranger = story.given_stranger(NAME);
    let gone_at = later(story.now, std::time::Duration::from_secs(45));
    story.aws.meddle(&stranger, story.now, |target| {
        target.summary.status = api::TargetStatus::Deleting;
    });
    story.aws.vanish(&stranger, gone_at);
    story.when_time_passes(30).then_waits_with(Reason::Creating).when_settled().then_ready();
}

/// Some backups bring the status back: the copy must not touch the target of the original.
#[test]
fn a_copy_with_the_status_of_the_original_leaves_the_target_alone() {
    let mut story = Story::given_server();
    let definition = story.desired();
    let theirs = story.aws.put(&GATEWAY.into(), &definition, story.now, true).unwrap();
    let server = story.server.as_mut().unwrap();
    server.metadata.finalizers = Some(vec![api::FINALIZER.to_owned()]);
    server.status = Some(api::MCPServerStatus {
        gateway_id: Some(GATEWAY.to_owned()),
        target_id: Some(theirs.1.0.clone()),
        ..Default::default()
    });
    let mut original = rival(&story, -60);
    original.status.clone_from(&story.server().status);
    story.others.push(original);
    story
        .when_edited(|spec| spec.description = Some("changed".to_owned()))
        .when_time_passes(90)
        .then_waits_with(Reason::NameConflict)
        .then_message_says("MCPServer elsewhere/weather")
        .when_deleted()
        .when_settled()
        .then_steps(&["ReleaseFinalizer"]);
    assert!(story.server.is_none() && story.aws.now(&theirs, story.now).is_some());
}

/// It began 30 s after its record at the latest, and AWS took its time to carry it out.
#[test]
fn what_came_of_an_attempt_within_its_time_is_ours() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::LostBefore).when_taken("Create");
    story.sights.clear();
    story.now = later(story.now, std::time::Duration::from_mins(1));
    let definition = story.desired();
    let made = story.aws.put(&GATEWAY.into(), &definition, story.now, true).unwrap();
    story.adopted.push(made.clone());
    story.when_restarted().when_settled().then_target_is(&made).then_ready();
}

#[test]
fn the_same_name_elsewhere_and_another_name_here_stand_in_nobodys_way() {
    let mut story = Story::given_server();
    let (mut elsewhere, mut here) = (rival(&story, -60), rival(&story, -60));
    elsewhere.spec.gateway_id = Some("gateway-2".to_owned());
    here.spec.target_name = Some("climate".to_owned());
    story.others.extend([elsewhere, here]);
    story.when_settled().then_ready();
}

#[test]
fn a_name_that_is_refused_for_another_reason_is_still_tried_for() {
    let mut story = Story::given_server();
    for _ in 0..4 {
        story.given_fault("Create", Fault::Refused(FailureClass::Throttled));
    }
    story.when_due_is_done().then_waits_with(Reason::Queued);
    let stranger = story.given_stranger(NAME);
    story.when_time_passes(60).then_waits_with(Reason::NameConflict);
    story.aws.vanish(&stranger, story.now);
    story.when_time_passes(90).when_settled().then_ready();
}

/// What has no target any more has nothing that could get the name in place: to make another again and
/// again would be to write without end.
#[test]
fn a_target_that_is_lost_while_its_new_name_is_taken_is_a_conflict() {
    let mut story = Story::given_ready_server();
    let stranger = story.given_stranger("climate");
    story.when_time_passes(90);
    story.when_edited(|spec| spec.target_name = Some("climate".to_owned())).when_time_passes(60);
    story.then_waits_with(Reason::NameConflict).when_target_vanishes().when_time_passes(120);
    story.then_waits_with(Reason::NameConflict).then_message_says(stranger.1.as_str());
    story.then_condition("Programmed", Some("False"));
    story.steps.clear();
    story.writes = 0;
    story.when_time_passes(600).then_steps(&[]).then_writes_at_most(0);
    story.aws.vanish(&stranger, story.now);
    story.when_time_passes(60).when_settled().then_ready();
}

/// The same while the other is DELETING for ever: the mirror tells when the name is free.
#[test]
fn a_target_that_is_lost_while_its_new_name_is_being_given_up_waits_for_that() {
    let mut story = Story::given_ready_server();
    let stranger = story.given_stranger("climate");
    story.when_time_passes(90);
    let deleting = |target: &mut api::Target| target.summary.status = api::TargetStatus::Deleting;
    story.aws.meddle(&stranger, story.now, deleting);
    story.when_edited(|spec| spec.target_name = Some("climate".to_owned())).when_time_passes(60);
    story.when_target_vanishes().when_time_passes(120).then_waits_with(Reason::Creating);
    story.steps.clear();
    story.writes = 0;
    story.when_time_passes(1_800).then_steps(&[]).then_writes_at_most(0);
    story.aws.vanish(&stranger, story.now);
    story.when_settled().then_ready();
}

/// Two resources of one name, made in the same second, and AWS answers neither in time: what was made
/// shows whose it is. Nobody else would ever care for it.
#[test]
fn of_two_that_were_making_one_at_once_each_knows_its_own() {
    let of_story = |story: &Story| fingerprint(&story.desired());
    let of_another_endpoint = |story: &Story| {
        let mut theirs = story.desired();
        theirs.endpoint.push_str("/v2");
        fingerprint(&theirs)
    };
    // Recorded by another version, it tells nothing: the older one may have made it.
    let of_another_scheme = |_: &Story| "v0:abc".to_owned();
    for (theirs, ours) in [
        (of_another_endpoint as fn(&Story) -> String, true),
        (of_story, false),
        (of_another_scheme, false),
    ] {
        let mut story = Story::given_server();
        story.given_fault("Create", Fault::LostAfter).when_taken("Create");
        let mut other = rival(&story, -60);
        let intent = api::Intent { fingerprint: theirs(&story), ..intent() };
        other.status = Some(api::MCPServerStatus { intent: Some(intent), ..Default::default() });
        story.others.push(other);
        story.when_time_passes(60);
        if ours {
            story.then_ready().when_deleted().when_settled().then_gone();
        } else {
            // The older one can prove it, too, or may, and has it.
            story.then_waits_with(Reason::NameConflict);
        }
    }
}

/// Its target was lost and it is called otherwise: nothing of the old one is left in the records.
#[test]
fn a_target_that_is_lost_while_it_is_renamed_is_made_under_the_new_name() {
    let mut story = Story::given_ready_server();
    story.when_target_vanishes();
    story.when_edited(|spec| spec.target_name = Some("climate".to_owned()));
    story.when_time_passes(90).when_settled().then_ready();
    assert!(!story.steps.contains(&"ForgetRetired"), "{:?}", story.steps);
}
