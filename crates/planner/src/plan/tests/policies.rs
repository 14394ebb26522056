//! What a person asks of the operator itself: suspend, retain, leave drift alone.

use api::{FailureClass, Reason, TargetStatus};

use super::aws::Fault;
use super::story::{OTHER_GATEWAY, Story};

fn suspended(story: &mut Story, suspended: bool) -> &mut Story {
    story.when_edited(|spec| spec.suspend = Some(suspended))
}

#[test]
fn a_suspended_resource_gets_no_target_until_it_goes_on() {
    let mut story = Story::given_server();
    suspended(&mut story, true)
        .when_time_passes(900)
        .then_steps(&["AddFinalizer"])
        .then_waits_with(Reason::Suspended)
        .then_message_says("created")
        .then_condition("Accepted", Some("True"));
    suspended(&mut story, false).when_settled().then_ready();
}

#[test]
fn a_suspended_resource_is_ready_for_as_long_as_nothing_differs() {
    let mut story = Story::given_ready_server();
    suspended(&mut story, true).when_settled().then_steps(&[]).then_ready();
    story
        .when_edited(|spec| spec.description = Some("changed".to_owned()))
        .when_time_passes(900)
        .then_steps(&[])
        .then_waits_with(Reason::Suspended)
        .then_message_says("updated");
    suspended(&mut story, false).when_settled().then_ready();
}

#[test]
fn a_suspended_resource_is_not_healed_moved_or_put_right() {
    let mut story = Story::given_ready_server();
    suspended(&mut story, true).when_target_is_changed(|target| {
        target.definition.as_mut().unwrap().endpoint.push_str("/drifted");
    });
    story.when_time_passes(900).then_steps(&["Read"]).then_waits_with(Reason::Suspended);

    let mut story = Story::given_ready_server();
    suspended(&mut story, true)
        .when_edited(|spec| spec.gateway_id = Some(OTHER_GATEWAY.to_owned()))
        .when_time_passes(900)
        .then_steps(&[])
        .then_waits_with(Reason::Suspended);

    let mut story = Story::given_ready_server();
    suspended(&mut story, true).when_target_vanishes().when_time_passes(900);
    story.then_steps(&["Read"]).then_waits_with(Reason::Suspended);
}

#[test]
fn a_suspended_resource_does_not_promise_to_heal_its_target() {
    let mut story = Story::given_ready_server();
    suspended(&mut story, true).when_settled().when_target_is_changed(|target| {
        target.summary.status = TargetStatus::UpdateUnsuccessful;
    });
    story.when_time_passes(90).then_waits_with(Reason::Suspended);
    story.writes = 0;
    story.when_restarted().when_time_passes(60).then_waits_with(Reason::Suspended);
    story.then_writes_at_most(0);
}

#[test]
fn a_create_under_way_is_looked_after_while_suspended() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::LostAfter).when_taken("Create");
    suspended(&mut story, true).when_settled().then_ready();
}

#[test]
fn a_suspended_resource_can_be_deleted() {
    let mut story = Story::given_ready_server();
    suspended(&mut story, true).when_deleted().when_settled().then_gone();
}

#[test]
fn a_retained_target_stays_when_its_resource_goes() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story
        .when_edited(|spec| spec.deletion_policy = Some("Retain".to_owned()))
        .when_settled()
        .then_ready()
        .then_steps(&[])
        .when_deleted()
        .when_settled()
        .then_steps(&["ReleaseFinalizer"]);
    assert!(story.server.is_none() && story.aws.now(&target, story.now).is_some());
}

#[test]
fn retain_is_the_way_out_of_a_delete_that_is_refused() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    for _ in 0..100 {
        story.given_fault("Delete", Fault::Refused(FailureClass::Denied));
    }
    story
        .when_deleted()
        .when_time_passes(600)
        .then_waits_with(Reason::AccessDenied)
        .when_edited(|spec| spec.deletion_policy = Some("Retain".to_owned()))
        .when_settled();
    assert!(story.server.is_none() && story.aws.now(&target, story.now).is_some());
}

/// A typing error must not cost a target.
#[test]
fn a_deletion_policy_that_nobody_knows_deletes_nothing() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story
        .when_edited(|spec| spec.deletion_policy = Some("Keep".to_owned()))
        .when_deleted()
        .when_time_passes(600)
        .then_waits_with(Reason::ValidationError)
        .then_message_says("spec.deletionPolicy");
    assert_eq!(story.ours_alive(), [target]);
    story.when_edited(|spec| spec.deletion_policy = None).when_settled().then_gone();
}

/// What else is wrong with a resource does not keep it from being deleted.
#[test]
fn an_invalid_resource_can_be_deleted() {
    let mut story = Story::given_ready_server();
    story
        .when_edited(|spec| spec.drift_policy = Some("Perhaps".to_owned()))
        .when_settled()
        .then_waits_with(Reason::ValidationError)
        .when_deleted()
        .when_settled()
        .then_gone();
}

fn given_drift(policy: &str) -> Story {
    let mut story = Story::given_ready_server();
    story
        .when_edited(|spec| spec.drift_policy = Some(policy.to_owned()))
        .when_settled()
        .then_ready()
        .then_steps(&[])
        .when_target_is_changed(|target| {
            target.definition.as_mut().unwrap().endpoint.push_str("/drifted");
        })
        .when_time_passes(300);
    story
}

#[test]
fn drift_is_told_and_left_alone() {
    let mut story = given_drift("Warn");
    story
        .then_steps(&["Read"])
        .then_waits_with(Reason::Drifted)
        .then_condition("Drifted", Some("True"))
        .then_message_says("endpoint")
        .when_time_passes(900)
        .then_steps(&[]);
    // A person's edit is no drift, and takes everything along.
    story
        .when_edited(|spec| spec.description = Some("changed".to_owned()))
        .when_settled()
        .then_ready()
        .then_condition("Drifted", None);
}

#[test]
fn drift_that_is_told_is_put_right_once_that_is_wanted() {
    let mut story = given_drift("Warn");
    story
        .when_edited(|spec| spec.drift_policy = None)
        .when_settled()
        .then_ready()
        .then_condition("Drifted", None);
}

#[test]
fn drift_that_goes_away_by_itself_is_no_drift() {
    let mut story = given_drift("Warn");
    let wanted = story.desired();
    story
        .when_target_is_changed(|target| target.definition = Some(wanted))
        .when_time_passes(120)
        .then_ready()
        .then_condition("Drifted", None);
}

#[test]
fn drift_that_nobody_wants_to_know_of_is_not_looked_at() {
    let mut story = given_drift("Ignore");
    story.then_steps(&[]).then_waits_with(Reason::GatewayTargetReady).then_message_says("ignored");
    story.when_restarted().when_settled().then_steps(&[]);
    story.when_edited(|spec| spec.drift_policy = Some("Enforce".to_owned())).when_settled();
    story.then_ready();
}

#[test]
fn a_target_that_is_gone_is_made_again_whatever_the_policy() {
    for policy in ["Enforce", "Warn", "Ignore"] {
        let mut story = Story::given_ready_server();
        story
            .when_edited(|spec| spec.drift_policy = Some(policy.to_owned()))
            .when_settled()
            .when_target_vanishes()
            .when_time_passes(90)
            .when_settled()
            .then_ready();
    }
}

/// Two who contend for one target do not do so at full speed.
#[test]
fn drift_that_comes_back_is_put_right_ever_more_slowly() {
    let mut story = Story::given_ready_server();
    for _ in 0..60 {
        story.when_time_passes(60);
        let target = story.bound();
        let status = story.aws.now(&target, story.now).unwrap().summary.status.clone();
        if status == TargetStatus::Ready {
            story.when_target_is_changed(|target| {
                target.definition.as_mut().unwrap().endpoint.push_str("/drifted");
            });
        }
    }
    let updates = story.steps.iter().filter(|step| **step == "Update").count();
    assert!((4..10).contains(&updates), "{updates} Updates in an hour");
}

/// What it has left behind elsewhere would be deleted, and is not; it serves all the same.
#[test]
fn a_suspended_resource_that_has_moved_is_ready_and_leaves_the_old_target_alone() {
    let mut story = Story::given_ready_server();
    for _ in 0..3 {
        story.given_fault("Delete", Fault::Refused(FailureClass::Denied));
    }
    story.when_edited(|spec| spec.gateway_id = Some(OTHER_GATEWAY.to_owned())).when_taken("Delete");
    story.when_edited(|spec| spec.suspend = Some(true)).when_time_passes(900);
    story.then_waits_with(Reason::GatewayTargetReady);
    assert_eq!(story.ours_alive().len(), 2);
    assert!(story.awaits.is_empty() && story.wake_at.is_none(), "nothing is awaited");
    story.aws.faults.clear();
    story.when_edited(|spec| spec.suspend = None).when_settled().then_ready();
}

/// No ID comes back: the Get that does not find it is the last, however often Lists are read again.
#[test]
fn of_a_target_that_is_gone_aws_is_asked_once() {
    let mut story = Story::given_ready_server();
    suspended(&mut story, true).when_target_vanishes().when_time_passes(90).then_steps(&["Read"]);
    for number in 0..3 {
        story.when_time_passes(90);
        story.when_edited(|spec| spec.description = Some(format!("changed {number}")));
    }
    story.when_settled().then_steps(&[]).then_waits_with(Reason::Suspended);
}

/// Another version has another scheme of fingerprints: whoever asked to leave drift alone has not edited
/// anything by upgrading the operator.
#[test]
fn drift_that_is_left_alone_is_no_edit_to_another_version() {
    for (policy, reason) in [("Warn", Reason::Drifted), ("Ignore", Reason::GatewayTargetReady)] {
        let mut story = given_drift(policy);
        story.steps.clear();
        let status = story.server.as_mut().unwrap().status.as_mut().unwrap();
        status.applied.as_mut().unwrap().fingerprint = "v0:whatever".to_owned();
        story.when_restarted().when_time_passes(300).then_waits_with(reason);
        assert!(story.steps.iter().all(|step| *step == "Read"), "{:?}", story.steps);
        if policy == "Ignore" {
            // What it stands for is said in this version's terms from now on.
            let applied = story.server().status.as_ref().unwrap().applied.clone().unwrap();
            assert_eq!(applied.fingerprint, crate::fingerprint(&story.desired()));
        }
        // It is known all the same: whoever has it put right gets that.
        story.when_edited(|spec| spec.drift_policy = None).when_settled().then_ready();
    }
}

/// What was edited meanwhile is written, whatever else differs.
#[test]
fn an_edit_beside_an_upgrade_is_no_drift() {
    let mut story = Story::given_ready_server();
    story.when_edited(|spec| spec.drift_policy = Some("Warn".to_owned())).when_settled();
    let status = story.server.as_mut().unwrap().status.as_mut().unwrap();
    status.applied.as_mut().unwrap().fingerprint = "v0:whatever".to_owned();
    story.when_edited(|spec| spec.description = Some("changed".to_owned()));
    story.when_restarted().when_settled().then_ready();
}

/// To leave alone what others have changed does not make it work.
#[test]
fn a_target_that_is_left_alone_and_fails_is_not_ready() {
    let mut story = given_drift("Ignore");
    story.when_target_is_changed(|target| target.summary.status = TargetStatus::Failed);
    story.when_time_passes(300).then_condition("Ready", Some("False"));
}
